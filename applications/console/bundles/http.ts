import { requireDuty } from '@postroad/kernel/http'
import type { Node } from '@postroad/kernel/node'
import type { Server } from '@postroad/kernel/plugin'
import { LAST_BUNDLE } from '@postroad/road/service'
import { directoryId } from '@postroad/waybill'
import { z } from 'zod'
import { bundleLinks, contents } from './model.ts'
import { bundleLinksOf, contentsOf } from './service.ts'

const byNumber = z.strictObject({ link: directoryId, number: z.coerce.number().int().min(1).max(LAST_BUNDLE) })

/** What the page 摆渡 shows, under /api/console; its acts are the road's own routes. */
export function bundleRoutes(server: Server, node: Node): void {
  server.get('/bundles', { schema: { response: { 200: bundleLinks } } }, (request) => {
    const { clearance } = requireDuty(request, 'road.watch')
    return bundleLinksOf(node, clearance)
  })
  server.get('/bundles/:link/:number', { schema: { params: byNumber, response: { 200: contents } } }, (request) => {
    const { clearance } = requireDuty(request, 'road.watch')
    return contentsOf(node, request.params.link, request.params.number, clearance)
  })
}
