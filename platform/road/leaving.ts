import { dismissMember, refresh, sayFarewell, view } from '@postroad/directory/service'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { countUnsigned } from './store/holdings.ts'
import { lastMark, readLinks } from './store/links.ts'
import { openDeliveries, waitingReceipts, waitingShipments } from './store/watch.ts'
import { roadFaults } from './words.ts'

/** What is still to be done before a node can leave: the first three must be none. `open`: documents sent from here that others have not signed for; no receipt will reach this node any more. */
export type Undone = { readonly shipments: number; readonly receipts: number; readonly unsigned: number; readonly open: number }
/** What this node still has for a neighbour, and how much the neighbour has taken over from here, ever. */
export type WaitingFor = { readonly shipments: number; readonly receipts: number; readonly taken: number }

/** Of this node itself. */
export async function undone(node: Node): Promise<Undone> {
  return node.transaction(service('road'), async (tx) => {
    const deliveries = await openDeliveries(tx)
    return {
      shipments: total(await waitingShipments(tx, node.now())),
      receipts: total(await waitingReceipts(tx)) + deliveries.unsignedReceipts,
      unsigned: await countUnsigned(tx),
      open: deliveries.sent + deliveries.late,
    }
  })
}

/** Of this node for a neighbour. */
export async function waitingFor(node: Node, peer: string): Promise<WaitingFor> {
  return node.transaction(service('road'), async (tx) => ({
    shipments: total((await waitingShipments(tx, node.now())).filter(({ link }) => link === peer)),
    receipts: total((await waitingReceipts(tx)).filter(({ link }) => link === peer)),
    taken: await lastMark(tx, peer),
  }))
}

const total = (rows: readonly { readonly waiting: number }[]): number => rows.reduce((sum, { waiting }) => sum + waiting, 0)

/** This node, which is to leave, says that nothing waits here any more (确认交接完毕). @throws road.notDrained, directory.notLeaving */
export async function farewell(node: Node, person: PersonPrincipal): Promise<void> {
  const { shipments, receipts, unsigned } = await undone(node)
  if (shipments + receipts + unsigned > 0) throw roadFaults.notDrained({ shipments, receipts, unsigned })
  const parent = view(node).node(node.config.node)?.parent ?? ''
  const links = await node.transaction(service('road'), readLinks)
  await sayFarewell(node, person, links.find(({ peer }) => peer === parent)?.taken ?? 0)
}

/**
 * Lets a node below go for good (办结退网): nothing may wait for it here, and nothing may have been handed to it since its farewell. By force, what waits becomes
 * undeliverable, and its senders are told.
 * @throws road.notDrained, road.farewellPassed, and what `dismissMember` throws
 */
export async function dismiss(node: Node, person: PersonPrincipal, target: string, order: { readonly reason: string; readonly forced: boolean }): Promise<void> {
  await refresh(node) // perhaps another process of this node has heard the farewell
  const said = view(node).leaving(target)?.farewell ?? null
  if (!order.forced && said !== null) {
    const { shipments, receipts, taken } = await waitingFor(node, target)
    if (shipments + receipts > 0) throw roadFaults.notDrained({ shipments, receipts, unsigned: 0 })
    if (taken > said.taken) throw roadFaults.farewellPassed({ since: taken - said.taken })
  }
  await dismissMember(node, person, target, order)
}
