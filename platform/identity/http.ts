import { requireDuty, requirePerson } from '@postroad/kernel/http'
import type { Node } from '@postroad/kernel/node'
import type { Server } from '@postroad/kernel/plugin'
import type { PersonPrincipal } from '@postroad/kernel/principal'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { enrol, issueAccountCode, issueDeviceCode } from './enrolment.ts'
import { accountName, base64url, cookieName, networkOf, passwordText, personId } from './model.ts'
import { listKeys, registerPasskey, revokeKey, startPasskey } from './passkeys.ts'
import { colleagues } from './people.ts'
import { proof } from './proofs.ts'
import { sessionView, viewOf } from './session-view.ts'
import { actAs, csrfOf, isCsrfOf, listSessions, principalOfToken, revokeSession, signOut } from './sessions.ts'
import { proveSignIn, proveStepUp, type Source, startSignIn, startStepUp } from './sign-in.ts'

const attemptId = z.uuid()
const [clientKeyProof, passkeyProof] = proof.options
const proveBody = z.union([clientKeyProof.extend({ attempt: attemptId }), passkeyProof.extend({ attempt: attemptId })])
const attempt = z.strictObject({ attempt: attemptId, challenge: z.string(), passkey: z.unknown() })
const code = z.strictObject({ code: z.string(), expires: z.string() })
const nothing = z.null()

/** The cookie's token, or null. */
export const tokenOf = (node: Node, request: FastifyRequest): string | null => request.cookies[cookieName(node.config.desk.origin)] ?? null
/** The kernel's `authenticate` seam. */
export async function personOfRequest(node: Node, request: FastifyRequest): Promise<PersonPrincipal | null> {
  const token = tokenOf(node, request)
  return token === null ? null : principalOfToken(node, token)
}
/** The kernel's `checkCsrf` seam. */
export function hasCsrf(node: Node, request: FastifyRequest, given: string): boolean {
  const token = tokenOf(node, request)
  return token !== null && isCsrfOf(token, given)
}

const cookieOptions = (node: Node) => ({ httpOnly: true, sameSite: 'strict', secure: node.config.desk.origin.startsWith('https:'), path: '/' }) as const
const giveToken = (node: Node, reply: FastifyReply, token: string) => reply.setCookie(cookieName(node.config.desk.origin), token, cookieOptions(node))
const sourceOf = (request: FastifyRequest): Source => ({ network: networkOf(request.ip), agent: request.headers['user-agent'] ?? '' })

/** Routes under /api/identity. */
export function identityRoutes(server: Server, node: Node): void {
  signInRoutes(server, node)
  sessionRoutes(server, node)
  keyRoutes(server, node)
}

function signInRoutes(server: Server, node: Node): void {
  const open = { config: { public: true } } as const
  const enrolBody = z.strictObject({ account: accountName, code: z.string().min(1).max(64), password: passwordText, publicKey: base64url(65, 65) })
  server.post('/enrol', { ...open, schema: { body: enrolBody, response: { 200: z.strictObject({ person: z.string(), name: z.string() }) } } }, async (request) =>
    enrol(node, { ...request.body, publicKey: new Uint8Array(Buffer.from(request.body.publicKey, 'base64url')) }, sourceOf(request)))

  const signInBody = z.strictObject({ account: accountName, password: passwordText })
  server.post('/sign-in', { ...open, schema: { body: signInBody, response: { 200: attempt } } }, async (request) => startSignIn(node, request.body.account, request.body.password, sourceOf(request)))

  server.post('/sign-in/prove', { ...open, schema: { body: proveBody, response: { 200: sessionView } } }, async (request, reply) => {
    const { attempt: id, ...given } = request.body
    const { token, principal } = await proveSignIn(node, id, given, sourceOf(request), await personOfRequest(node, request))
    giveToken(node, reply, token)
    return viewOf(node, principal, csrfOf(token))
  })
}

function sessionRoutes(server: Server, node: Node): void {
  const viewFor = (request: FastifyRequest, person: PersonPrincipal) => viewOf(node, person, csrfOf(tokenOf(node, request) ?? ''))
  server.get('/session', { schema: { response: { 200: sessionView } } }, async (request) => viewFor(request, requirePerson(request)))

  server.post('/sign-out', { schema: { response: { 204: nothing } } }, async (request, reply) => {
    await signOut(node, requirePerson(request))
    return reply.clearCookie(cookieName(node.config.desk.origin), cookieOptions(node)).header('clear-site-data', '"cache"').status(204).send(null)
  })

  server.post('/acting-post', { schema: { body: z.strictObject({ post: z.string().min(1).max(64) }), response: { 200: sessionView } } }, async (request) =>
    viewFor(request, await actAs(node, requirePerson(request), request.body.post)))

  server.post('/step-up', { schema: { response: { 200: attempt } } }, async (request) => startStepUp(node, requirePerson(request)))
  server.post('/step-up/prove', { schema: { body: proveBody, response: { 200: sessionView } } }, async (request, reply) => {
    const { attempt: id, ...given } = request.body
    const person = requirePerson(request)
    const token = await proveStepUp(node, person, id, given)
    giveToken(node, reply, token)
    return viewOf(node, person, csrfOf(token))
  })

  const row = z.strictObject({ id: z.string(), current: z.boolean(), network: z.string(), agent: z.string(), created: z.string(), used: z.string() })
  server.get('/sessions', { schema: { response: { 200: z.strictObject({ sessions: z.array(row) }) } } }, async (request) => {
    const person = requirePerson(request)
    const sessions = await listSessions(node, person)
    return { sessions: sessions.map(({ id, network, agent, created, used }) => ({ id, current: id === person.session, network, agent, created: created.toISOString(), used: used.toISOString() })) }
  })
  server.delete('/sessions/:id', { schema: { params: z.strictObject({ id: z.uuid() }), response: { 204: nothing } } }, async (request, reply) => {
    await revokeSession(node, requirePerson(request), request.params.id)
    return reply.status(204).send(null)
  })
}

function keyRoutes(server: Server, node: Node): void {
  server.post('/passkeys/options', async (request) => startPasskey(node, requirePerson(request)))
  server.post('/passkeys', { schema: { body: z.record(z.string(), z.unknown()), response: { 204: nothing } } }, async (request, reply) => {
    await registerPasskey(node, requirePerson(request), request.body)
    return reply.status(204).send(null)
  })

  const row = z.strictObject({ id: z.string(), kind: z.enum(['clientKey', 'passkey']), created: z.string(), used: z.string().nullable() })
  server.get('/keys', { schema: { response: { 200: z.strictObject({ keys: z.array(row) }) } } }, async (request) => {
    const keys = await listKeys(node, requirePerson(request))
    return { keys: keys.map(({ id, kind, created, used }) => ({ id, kind, created: created.toISOString(), used: used?.toISOString() ?? null })) }
  })
  server.delete('/keys/:id', { schema: { params: z.strictObject({ id: z.uuid() }), response: { 204: nothing } } }, async (request, reply) => {
    await revokeKey(node, requirePerson(request), request.params.id)
    return reply.status(204).send(null)
  })

  server.post('/codes/device', { schema: { response: { 200: code } } }, async (request) => written(await issueDeviceCode(node, requirePerson(request))))
  server.post('/people/:person/code', { schema: { params: z.strictObject({ person: personId }), response: { 200: code } } }, async (request) =>
    written(await issueAccountCode(node, requireDuty(request, 'identity.manage'), request.params.person)))

  const colleague = z.strictObject({ id: z.string(), name: z.string(), posts: z.array(z.string()) })
  server.get('/colleagues', { schema: { querystring: z.strictObject({ organ: personId }), response: { 200: z.strictObject({ people: z.array(colleague) }) } } }, async (request) => {
    const people = await colleagues(node, requirePerson(request), request.query.organ)
    return { people: people.map(({ id, name, posts }) => ({ id, name, posts: [...posts] })) }
  })
}

const written = ({ code: text, expires }: { code: string; expires: Date }) => ({ code: text, expires: expires.toISOString() })
