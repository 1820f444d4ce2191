import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { URGENCIES } from './model.ts'
import { addressOf, aliveAnswer, JSON_TYPE, NODE_HEADER, paths, readReply } from './engine/wire.ts'
import { directoryOf, roadSlot } from './engine/road.ts'
import { type LinkState, readLinks } from './store/links.ts'
import { type OpenDeliveries, openDeliveries, type WaitingReceipts, waitingReceipts, waitingShipments } from './store/watch.ts'
import { LinkFailure } from './transport/port.ts'

export type WaitingShipments = { readonly link: string; readonly urgency: (typeof URGENCIES)[number]; readonly lane: 'small' | 'large'; readonly waiting: number; readonly held: number; readonly late: number; readonly bytes: number; readonly oldest: Date; readonly mostAttempts: number }
export type RoadCondition = { readonly links: readonly LinkState[]; readonly shipments: readonly WaitingShipments[]; readonly receipts: readonly WaitingReceipts[]; readonly deliveries: OpenDeliveries }

/** What the database knows of links and queues, whichever process serves them: counts, times and ids of nodes. */
export async function roadCondition(node: Node): Promise<RoadCondition> {
  return node.transaction(service('road'), async (tx) => {
    const shipments = await waitingShipments(tx, node.now())
    return {
      links: await readLinks(tx),
      shipments: shipments.map(({ urgency, large, ...row }) => ({ ...row, urgency: URGENCIES[urgency] ?? 'normal', lane: large ? 'large' : 'small' })),
      receipts: await waitingReceipts(tx),
      deliveries: await openDeliveries(tx),
    }
  })
}

export type Call = { readonly outcome: 'good' | 'unreachable' | 'wrongCertificate' | 'noEndpoint' | 'byBundle'; readonly milliseconds: number; readonly clockSeconds: number | null }

/** Calls a neighbour over the link as a shipment would travel: whether it answers, shows the directory's certificate, and how its clock stands. Both sides take it as a sign of life. Null where the road runs in other processes. */
export async function callPeer(node: Node, peer: string): Promise<Call | null> {
  const road = node.slots.find(roadSlot)
  if (road === undefined) return null
  // what goes by courier is never called: how it stands is told by bundleStatus
  if (road.settingOf(peer).carrier === 'bundle') return { outcome: 'byBundle', milliseconds: 0, clockSeconds: null }
  if (directoryOf(road).node(peer)?.endpoint == null) return { outcome: 'noEndpoint', milliseconds: 0, clockSeconds: null }
  const started = performance.now()
  const spent = (): number => Math.round(performance.now() - started)
  try {
    const address = addressOf(road, peer)
    const reply = await road.transport.request(address, { method: 'POST', path: paths.alive, type: JSON_TYPE, headers: { [NODE_HEADER]: road.self }, length: 2, body: Buffer.from('{}') })
    road.hands.heard(peer)
    // a node of another version may not know the question: that it answered is a sign of life all the same
    const told = reply.status === 200 ? readReply(reply, aliveAnswer) : null
    return { outcome: 'good', milliseconds: spent(), clockSeconds: told === null ? null : Math.round((Date.parse(told.at) - node.now().getTime()) / 1000) }
  } catch (error) {
    if (!(error instanceof LinkFailure)) throw error
    return { outcome: error.reason === 'wrongCertificate' ? 'wrongCertificate' : 'unreachable', milliseconds: spent(), clockSeconds: null }
  }
}
