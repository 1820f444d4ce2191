import { requireDuty, requirePerson } from '@postroad/kernel/http'
import type { Node } from '@postroad/kernel/node'
import type { Server } from '@postroad/kernel/plugin'
import { service } from '@postroad/kernel/principal'
import { freshness } from '@postroad/waybill'
import { z } from 'zod'
import { byLog, directoryRoom, view } from './room.ts'
import { searchNames, treeOf } from './search.ts'
import { listMisbehaviour } from './store.ts'
import { anchorAnswer, nameEntry, searchQuery, treeNode } from './wire.ts'
import { directoryFaults } from './words.ts'

/** Routes for people and their terminals. The directory is open to whoever has signed in. */
export function directoryRoutes(server: Server, node: Node): void {
  server.get('/tree', { schema: { response: { 200: z.strictObject({ root: treeNode.nullable() }) } } }, (request) => {
    requirePerson(request)
    return { root: treeOf(view(node), node.now().toISOString()) }
  })
  server.get('/search', { schema: { querystring: searchQuery, response: { 200: z.strictObject({ names: z.array(nameEntry) }) } } }, (request) => {
    requirePerson(request)
    return { names: searchNames(view(node), request.query.q, request.query.at ?? node.now().toISOString()) }
  })
  // Statements, so that a terminal computes its own view from the anchor it trusts and need not believe this node.
  server.get('/logs', (request, reply) => {
    requirePerson(request)
    const current = view(node)
    const { hash } = current.checkpoint()
    reply.header('etag', `"${hash}"`).header('cache-control', 'private, no-cache')
    if (request.headers['if-none-match'] === `"${hash}"`) return reply.status(304).send()
    return reply.send({ anchor: anchorOf(node), checkpoint: hash, logs: byLog(current.statementsSince({})) })
  })
  // A fingerprint is meant to be compared by eye, before any sign-in too.
  server.get('/anchor', { config: { public: true }, schema: { response: { 200: anchorAnswer } } }, () => anchorOf(node))
  server.get('/health', (request) => {
    requirePerson(request)
    const current = view(node)
    return { checkpoint: current.checkpoint().hash, freshness: freshness(current, node.now().toISOString()), remarks: current.remarks() }
  })
  server.get('/misbehaviour', async (request) => {
    requireDuty(request, 'ledger.read')
    return { found: await node.transaction(service('directory'), listMisbehaviour) }
  })
}

function anchorOf(node: Node): z.infer<typeof anchorAnswer> {
  const { anchor } = node.slots.get(directoryRoom).secrets
  if (anchor === null) throw directoryFaults.notJoined()
  return { node: anchor.node, fingerprint: anchor.fingerprint, self: node.config.node }
}
