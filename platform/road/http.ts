import { requireDuty } from '@postroad/kernel/http'
import type { Node } from '@postroad/kernel/node'
import type { Server } from '@postroad/kernel/plugin'
import { directoryId, hashText } from '@postroad/waybill'
import { z } from 'zod'
import { endHeld } from './bundle/held.ts'
import { LAST_NUMBER } from './bundle/format.ts'
import { prepareBundle, releaseBundle } from './bundle/prepare.ts'
import { withdrawInTurn } from './bundle/turns.ts'
import type { BundleRow } from './store/bundles.ts'

const number = z.coerce.number().int().min(1).max(LAST_NUMBER)
const ofBundle = z.strictObject({ link: directoryId, number })
const ofShipment = z.strictObject({ link: directoryId, shipment: hashText })
const nothing = z.strictObject({})

const shown = ({ link, number: n, state, preparedBy, releasedBy, summary }: BundleRow) => ({ link, number: n, state, preparedBy, releasedBy, summary })

/** Routes of those who prepare and release bundles; what they look at is the console's. Files are written and read by the operator of the machine (`postroad bundle`). */
export function roadRoutes(server: Server, node: Node): void {
  server.post('/bundles', { schema: { body: z.strictObject({ link: directoryId }) } }, async (request) =>
    shown(await prepareBundle(node, request.body.link, requireDuty(request, 'road.bundle'))))
  server.post('/bundles/:link/:number/release', { schema: { params: ofBundle, body: nothing } }, async (request) =>
    shown(await releaseBundle(node, requireDuty(request, 'road.release'), request.params.link, request.params.number)))
  server.post('/bundles/:link/:number/withdraw', { schema: { params: ofBundle, body: nothing } }, async (request) =>
    shown(await withdrawInTurn(node, requireDuty(request, 'road.release'), request.params.link, request.params.number)))
  server.post('/held/:link/:shipment/end', { schema: { params: ofShipment, body: nothing } }, async (request) => {
    await endHeld(node, requireDuty(request, 'road.release'), request.params.link, request.params.shipment)
    return {}
  })
}
