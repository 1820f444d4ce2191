import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { Refusal } from './errors.ts'
import type { Node } from './node.ts'
import { recordRefusal, sourceOf } from './seams.ts'
import { kernelFaults } from './words.ts'

/** Answers every error in the catalogue's form, after the audit record of the refusal. What is not a refusal is logged under an incident number. */
export async function answerError(node: Node, error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const refusal = await recorded(node, error, request).catch((failure: unknown) => incident(node, failure, request)) // no audit, no answer
  return send(reply, refusal)
}

async function recorded(node: Node, error: unknown, request: FastifyRequest): Promise<Refusal> {
  const refusal = refusalOf(error) ?? incident(node, error, request)
  await node.slots.find(recordRefusal)?.(request.principal ?? null, refusal, sourceOf(request))
  return refusal
}

/** The same for one part of a request whose other parts may stand: the audit record, and what to answer in that part's place. */
export async function refuse(node: Node, error: unknown, request: FastifyRequest): Promise<{ status: number; error: ReturnType<typeof bodyOf>['error'] }> {
  const refusal = await recorded(node, error, request)
  return { status: refusal.status, ...bodyOf(refusal) }
}

/** Headers of an answer that no hook has seen: nothing in it is to be run, framed, guessed at or kept. */
const BARE: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/** Answers what the router itself refuses (an address that cannot be decoded, a name of endless length), before any hook. */
export function answerUnrouted(node: Node, error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  return answerError(node, error, request, reply.headers(BARE))
}

/** Answers bytes that are no request, on the socket itself, and closes it. */
export async function answerUnreadable(node: Node, { code }: NodeJS.ErrnoException, socket: Socket): Promise<void> {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const refusal = code === 'HPE_HEADER_OVERFLOW' ? kernelFaults.headersTooLarge() : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? kernelFaults.tooSlow() : kernelFaults.malformed()
  try {
    await node.slots.find(recordRefusal)?.(null, refusal, { network: socket.remoteAddress ?? '-', method: '-', route: '-' })
  } catch (failure) {
    node.log.error({ err: failure }, 'a refusal was not recorded')
    return void socket.destroy() // no audit, no answer
  }
  if (!socket.writable) return void socket.destroy()
  const body = JSON.stringify(bodyOf(refusal))
  const headers = { ...BARE, 'content-type': JSON_TYPE, 'content-length': String(Buffer.byteLength(body)), connection: 'close' }
  socket.end(`HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`)
}

const JSON_TYPE = 'application/json; charset=utf-8'
const bodyOf = ({ code, message, advice, detail }: Refusal) => ({ error: { code, message, advice, detail } })

function send(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status } = refusal
  // the body may be half read: the rest of it must not be taken for the next request
  if (status === 413 || status === 503) reply.header('connection', 'close')
  return reply.status(status).header('cache-control', 'no-store').type(JSON_TYPE).serializer(JSON.stringify).send(bodyOf(refusal))
}

function incident(node: Node, error: unknown, request: FastifyRequest): Refusal {
  const id = randomUUID().slice(0, 8)
  node.log.error({ err: error, incident: id, method: request.method, route: request.routeOptions.url }, 'unexpected error')
  return kernelFaults.unexpected({ incident: id })
}

/** What the framework found wrong, in our words; null for what nobody foresaw. */
function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const [first] = error.validation
    return kernelFaults.invalid({ part: error.validationContext ?? 'body', path: (first?.instancePath ?? '').slice(0, 200), problem: (first?.message ?? '').slice(0, 200) })
  }
  const { code, statusCode } = error as { code?: string; statusCode?: number }
  if (code?.startsWith('FST_ERR_CTP_') || statusCode === 413 || statusCode === 415 || statusCode === 400) return ofStatus(statusCode)
  if (statusCode === 404 || code === 'FST_STATIC_FORBIDDEN_PATH' || code === 'FST_ERR_MAX_PARAM_LENGTH') return kernelFaults.notFound()
  return statusCode === 503 ? kernelFaults.stopping() : null
}

function ofStatus(status: number | undefined): Refusal {
  if (status === 413) return kernelFaults.tooLarge()
  return status === 415 ? kernelFaults.wrongType() : kernelFaults.malformed()
}
