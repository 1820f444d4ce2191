import { requireDuty } from '@postroad/kernel/http'
import type { Node } from '@postroad/kernel/node'
import type { Server } from '@postroad/kernel/plugin'
import { condition } from './model.ts'
import { conditionOf } from './service.ts'

/** Routes under /api/console. */
export function consoleRoutes(server: Server, node: Node): void {
  server.get('/condition', { schema: { response: { 200: condition } } }, async (request) => {
    requireDuty(request, 'console.watch')
    return conditionOf(node)
  })
}
