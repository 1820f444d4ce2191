import { requireDuty, requirePerson } from '@postroad/kernel/http'
import type { Node } from '@postroad/kernel/node'
import type { PersonPrincipal } from '@postroad/kernel/principal'
import type { Server } from '@postroad/kernel/plugin'
import { kernelFaults } from '@postroad/kernel/words'
import { takeBequest } from '@postroad/keys/service'
import { bequest } from '@postroad/keys/model'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { order } from './model.ts'
import { acts, approve, calledIn, prepare, preview, stateOf, surroundings, withdraw } from './service.ts'
import type { Told } from './telling.ts'
import { type PlanAnswer, actAnswer, planAnswer, surroundingsAnswer } from './wire.ts'
import { KINDS, PROBLEM_WORDS, STATES } from './words.ts'

const PREPARE = 'directory.reorganise'
const SUPERVISE = 'directory.supervise'

const ofAct = z.strictObject({ id: z.uuid() })
const orderBody = z.strictObject({ order })

/** Routes under /api/reorganisation: one person prepares, another approves, the node carries it out on its day. */
export function reorganisationRoutes(server: Server, node: Node): void {
  server.post('/plan', { schema: { body: orderBody, response: { 200: planAnswer } } }, async (request) => {
    requireEither(request)
    const { problems, statements, ...rest } = await preview(node, request.body.order)
    return { title: KINDS[request.body.order.kind], problems: problems.map((problem) => ({ ...problem, words: PROBLEM_WORDS[problem.code] })), statements: statements.map((body) => ({ ...body })), ...restOf(rest) }
  })
  server.get('/organs', { schema: { response: { 200: surroundingsAnswer } } }, async (request) => {
    requireEither(request)
    const { self, here: own, near } = await surroundings(node)
    return { self, here: own.map((organ) => ({ ...organ, names: [...organ.names], posts: [...organ.posts] })), near: [...near] }
  })
  server.get('/acts', { schema: { response: { 200: z.strictObject({ acts: z.array(actAnswer) }) } } }, async (request) => {
    requireEither(request)
    const rows = await acts(node)
    const called = await calledIn(node, rows)
    return {
      acts: rows.map((row) => ({
        id: row.id, title: KINDS[row.order.kind], organTitle: called.organ(row.order.organ, row), order: row.order, state: stateOf(row), stateWords: STATES[stateOf(row)],
        steps: row.steps.map(({ at, detail, ...step }) => ({ ...step, name: called.person(step.person), detail: { ...detail }, at: at.toISOString() })),
      })),
    }
  })
  server.post('/acts', { schema: { body: orderBody, response: { 200: z.strictObject({ id: z.uuid() }) } } }, async (request) => ({ id: await prepare(node, requireDuty(request, PREPARE), request.body.order) }))
  server.post('/acts/:id/approve', { schema: { params: ofAct } }, async (request, reply) => {
    await approve(node, requireEither(request), request.params.id)
    return reply.status(204).send()
  })
  server.post('/acts/:id/withdraw', { schema: { params: ofAct } }, async (request, reply) => {
    await withdraw(node, requireEither(request), request.params.id)
    return reply.status(204).send()
  })
  // What the key process of another node made for an organ of this one (移交解密密钥).
  server.post('/bequests', { schema: { body: bequest } }, async (request, reply) => {
    await takeBequest(node, requireDuty(request, PREPARE), request.body)
    return reply.status(204).send()
  })
}

const restOf = <T extends { readonly told: Told; readonly handOver: object | null; readonly holdings: object; readonly postMoves: readonly unknown[]; readonly keyHeirs: readonly string[]; readonly elsewhere: readonly string[] }>(plan: T) =>
  ({ handOver: plan.handOver, holdings: plan.holdings, postMoves: [...plan.postMoves], keyHeirs: [...plan.keyHeirs], elsewhere: [...plan.elsewhere], told: { directory: [...plan.told.directory], documents: [...plan.told.documents], people: [...plan.told.people], keys: [...plan.told.keys] } }) as Pick<PlanAnswer, 'told' | 'handOver' | 'holdings' | 'postMoves' | 'keyHeirs' | 'elsewhere'>

/** Whoever prepares, or whoever only supervises. @throws kernel.forbidden */
function requireEither(request: FastifyRequest): PersonPrincipal {
  const person = requirePerson(request)
  const posts = request.method === 'GET' || request.method === 'HEAD' ? person.posts : [person.acting]
  if (!posts.some(({ duties }) => duties.includes(PREPARE) || duties.includes(SUPERVISE))) throw kernelFaults.forbidden({ duty: PREPARE })
  return person
}
