import { requireDuty } from '@postroad/kernel/http'
import type { Node } from '@postroad/kernel/node'
import type { Server } from '@postroad/kernel/plugin'
import { acknowledge, alarmsOf, conditionOf } from '@postroad/watch/service'
import { bundleRoutes } from './bundles/http.ts'
import { memberRoutes } from './members/http.ts'
import { alarmParams, conditionAnswer, seenRequest } from './model.ts'

const CLEARED_SHOWN = 20

/** Routes under /api/console. */
export function consoleRoutes(server: Server, node: Node): void {
  bundleRoutes(server, node)
  memberRoutes(server, node)
  server.get('/condition', { schema: { response: { 200: conditionAnswer } } }, async (request) => {
    requireDuty(request, 'console.watch')
    const condition = await conditionOf(node)
    return { condition, ...(await alarmsOf(node, condition, CLEARED_SHOWN)) }
  })
  server.post('/alarms/:id/seen', { schema: { params: alarmParams, body: seenRequest } }, async (request, reply) => {
    await acknowledge(node, requireDuty(request, 'console.watch'), request.params.id, request.body.note)
    return reply.status(204).send()
  })
}
