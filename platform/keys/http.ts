import type { Node } from '@postroad/kernel/node'
import type { Server } from '@postroad/kernel/plugin'
import { requirePerson } from '@postroad/kernel/http'
import { z } from 'zod'
import { MAX_FRAME_BYTES } from './model.ts'
import { processKeys, relay } from './service.ts'
import { keysFaults } from './words.ts'

const processKey = z.strictObject({ publicKey: z.string(), fingerprint: z.string() })
const OCTETS = 'application/octet-stream'

/** Routes under /api/keys. */
export function routes(server: Server, node: Node): void {
  server.addContentTypeParser(OCTETS, { parseAs: 'buffer', bodyLimit: MAX_FRAME_BYTES }, (_request, body, done) => done(null, body))

  server.get('/process', { schema: { response: { 200: z.strictObject({ SM: processKey, P256: processKey }) } } }, async (request) => {
    requirePerson(request)
    return processKeys(node)
  })

  server.post('/relay', { bodyLimit: MAX_FRAME_BYTES, schema: { consumes: [OCTETS], produces: [OCTETS] } }, async (request, reply) => {
    const person = requirePerson(request)
    if (!(request.body instanceof Uint8Array)) throw keysFaults.malformed()
    const answer = await relay(node, person, new Uint8Array(request.body))
    return reply.type(OCTETS).send(Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength))
  })
}
