import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { Refusal } from './errors.ts'
import type { Node } from './node.ts'
import { recordRefusal } from './seams.ts'
import { kernelFaults } from './words.ts'

/** Answers every error in the catalogue's form, after the audit record of the refusal. What is not a refusal is logged under an incident number. */
export async function answerError(node: Node, error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const refusal = refusalOf(error) ?? incident(node, error, request)
  try {
    await node.slots.find(recordRefusal)?.(request.principal, refusal, request)
  } catch (failure) {
    return send(reply, incident(node, failure, request)) // no audit, no answer
  }
  return send(reply, refusal)
}

function send(reply: FastifyReply, { code, message, advice, detail, status }: Refusal): FastifyReply {
  // the body may be half read: the rest of it must not be taken for the next request
  if (status === 413 || status === 503) reply.header('connection', 'close')
  return reply.status(status).type('application/json; charset=utf-8').serializer(JSON.stringify).send({ error: { code, message, advice, detail } })
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
  if (statusCode === 404) return kernelFaults.notFound()
  return statusCode === 503 ? kernelFaults.stopping() : null
}

function ofStatus(status: number | undefined): Refusal {
  if (status === 413) return kernelFaults.tooLarge()
  return status === 415 ? kernelFaults.wrongType() : kernelFaults.malformed()
}
