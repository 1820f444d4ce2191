import { service } from '@postroad/kernel/principal'
import { readCanonical } from '@postroad/waybill'
import { lifeOf } from '../engine/epoch.ts'
import { readOffer } from '../engine/offer.ts'
import { isAstray } from '../engine/reroute.ts'
import { verdictsOf } from '../engine/relay.ts'
import type { Road } from '../engine/road.ts'
import { readReply, receiptsAnswer } from '../engine/wire.ts'
import { itemsOf } from '../store/bundles.ts'
import { queuedShipment } from '../store/bundles-taken.ts'
import { findMessage } from '../store/messages.ts'
import { relayIds } from '../store/receipts.ts'
import { LinkFailure, type WireReply } from '../transport/port.ts'
import { type BundleAnswer, MOST_BYTES, bundleAnswer } from './format.ts'

/**
 * Takes the peer's answer to something that an earlier bundle of ours carried: what would have happened at once over https happens now, through the same effects.
 * `life`: the peer's, as it greeted; what another life of it answered is forgotten there. Answers the code of what is wrong with it, or null.
 */
export async function takeAnswer(road: Road, peer: string, life: string, bytes: Uint8Array): Promise<string | null> {
  const read = readCanonical(bytes, bundleAnswer, { maxBytes: MOST_BYTES.answer })
  if (!read.ok) return `road.${read.fault.code}`
  const { request, status, reply } = read.value
  const wire: WireReply = { status, body: Buffer.from(JSON.stringify(reply ?? null)) }
  try {
    if (request.kind === 'shipment') await settleShipment(road, peer, life, request.id, wire)
    else await settleReceipts(road, peer, life, request, wire)
    return null
  } catch (error) {
    if (error instanceof LinkFailure) return 'road.malformed'
    throw error
  }
}

async function settleShipment(road: Road, peer: string, life: string, id: string, reply: WireReply): Promise<void> {
  const [row, message] = await road.node.transaction(service('road'), async (tx) => {
    const found = await queuedShipment(tx, peer, id)
    return [found, found === null ? null : await findMessage(tx, found.message, { bodies: false })] as const
  })
  if (row === null || message === null) return // answered before, or ended by a person
  const lease = { shipment: row.id, fence: row.fence }
  const common = { keys: [row.id], weight: 2048, lazy: false }
  const result = readOffer(road, { peer, head: message.head }, reply, (epoch) => lifeOf(epoch) === life)
  if (result.kind === 'custody') await road.writer.write({ ...common, kind: 'handedOn', lease, peer, mark: result.mark, receipts: result.receipts })
  else if (result.kind === 'refused' && !(result.code === 'road.wrongRecipient' && isAstray(road, row))) await road.writer.write({ ...common, kind: 'refused', lease, message, peer, reason: { code: result.code, text: peer } })
  else if (result.kind !== 'greet') {
    await road.writer.write({ ...common, kind: 'failed', failed: { ...lease, nextAt: road.node.now(), outcome: 'later', code: result.code, detail: '' } })
    if (isAstray(road, row)) road.hands.astray() // it has moved on: ours to bring it there
  }
}

async function settleReceipts(road: Road, peer: string, life: string, request: Extract<BundleAnswer['request'], { kind: 'receipts' }>, reply: WireReply): Promise<void> {
  const told = readReply(reply, receiptsAnswer)
  if (lifeOf(told.epoch) !== life) return
  const batch = await road.node.transaction(service('road'), async (tx) => relayIds(tx, peer, await itemsOf(tx, { link: peer, ...request })))
  const relays = verdictsOf(batch, told)
  await road.writer.write({ kind: 'relayed', relays, peer, keys: [], weight: relays.length * 64, lazy: false })
}
