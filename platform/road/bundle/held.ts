import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import { roadSlot } from '../engine/road.ts'
import { queuedShipment } from '../store/bundles-taken.ts'
import { findMessage } from '../store/messages.ts'
import { roadFaults } from '../words.ts'
import { requireBundleLink } from './prepare.ts'

/**
 * A person ends a shipment whose label the link may not carry: its recipients become undeliverable from here, with the reason in the receipt.
 * @throws road.notByBundle, road.notHeld
 */
export async function endHeld(node: Node, principal: PersonPrincipal, link: string, shipment: string): Promise<void> {
  const road = node.slots.get(roadSlot)
  const { maxLabel } = requireBundleLink(road, link)
  const found = await node.transaction(service('road'), async (tx) => {
    const row = await queuedShipment(tx, link, shipment)
    const message = row === null ? null : await findMessage(tx, row.message, { bodies: false })
    if (row === null || message === null || message.head.label <= maxLabel.out) throw roadFaults.notHeld()
    await record(tx, node, { act: 'road.heldEnded', actor: actorOf(principal), object: message.head.id, outcome: 'done', detail: { link, shipment, label: message.head.label } })
    return { row, message }
  })
  const { row, message } = found
  await road.writer.write({ kind: 'refused', lease: { shipment, fence: row.fence }, message, peer: link, reason: { code: 'road.heldByPerson', text: link }, keys: [shipment], weight: 2048, lazy: false })
}
