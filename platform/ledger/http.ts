import { requireDuty } from '@postroad/kernel/http'
import type { Node } from '@postroad/kernel/node'
import type { Server } from '@postroad/kernel/plugin'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { consistencyOf, exportFor, inclusionOf, listCheckpoints, listRecords, verifyFor } from './inspect.ts'

const recordsQuery = z.strictObject({
  object: z.string().max(256).optional(),
  actor: z.string().max(128).optional(),
  act: z.string().max(128).optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
  before: z.uuid().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
})
const index = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Routes of the auditors. Each reading is itself a record of the ledger. */
export function ledgerRoutes(server: Server, node: Node): void {
  server.get('/records', { schema: { querystring: recordsQuery } }, async (request) => {
    const { limit, ...filter } = request.query
    return { records: await listRecords(node, requireDuty(request, 'ledger.read'), filter, limit) }
  })
  server.get('/records/:index/proof', { schema: { params: z.strictObject({ index }) } }, (request) =>
    inclusionOf(node, requireDuty(request, 'ledger.read'), request.params.index))
  server.get('/checkpoints', async (request) => ({ checkpoints: await listCheckpoints(node, requireDuty(request, 'ledger.read')) }))
  server.get('/consistency', { schema: { querystring: z.strictObject({ from: index, to: index }) } }, (request) =>
    consistencyOf(node, requireDuty(request, 'ledger.read'), request.query.from, request.query.to))
  server.get('/verify', (request) => verifyFor(node, requireDuty(request, 'ledger.read')))
  server.get('/export', async (request, reply) => {
    const lines = await exportFor(node, requireDuty(request, 'ledger.read'))
    return reply.type('application/x-ndjson').header('content-disposition', 'attachment; filename="ledger.ndjson"').send(Readable.from(lines))
  })
}
