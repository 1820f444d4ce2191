import type { Tx } from '@postroad/kernel/database'
import { service } from '@postroad/kernel/principal'
import { record } from '@postroad/ledger/service'
import { canonical } from '@postroad/waybill'
import { steppedBack } from '../model.ts'
import { lockLink, readEpoch, setPeer } from '../store/links.ts'
import { relayAgain } from '../store/receipts.ts'
import { offerAgain, tryAtOnce } from '../store/shipments.ts'
import { LinkFailure } from '../transport/port.ts'
import type { Road } from './road.ts'
import { type Greeting, JSON_TYPE, NODE_HEADER, addressOf, faultOf, greeting, paths, readReply } from './wire.ts'

/** Says who we are and what we took over from the peer, and hears the same. Answers the peer's epoch. @throws LinkFailure */
export async function greet(road: Road, peer: string): Promise<string> {
  const own = await road.node.transaction(service('road'), (tx) => ownGreeting(tx, road, peer))
  const body = canonical(own)
  const reply = await road.transport.request(addressOf(road, peer), { method: 'POST', path: paths.hello, type: JSON_TYPE, headers: { [NODE_HEADER]: road.self }, length: body.length, body })
  if (reply.status !== 200) throw new LinkFailure('unreachable', `greeting refused: ${faultOf(reply).code}`)
  const told = readReply(reply, greeting)
  await road.node.transaction(service('road'), (tx) => hearGreeting(tx, road, peer, told))
  return told.epoch
}

/** The peer greets: what it told is heard, what we have to tell is the answer. */
export async function answerGreeting(road: Road, peer: string, told: Greeting): Promise<Greeting> {
  return road.node.transaction(service('road'), async (tx) => {
    await hearGreeting(tx, road, peer, told)
    return ownGreeting(tx, road, peer)
  })
}

async function ownGreeting(tx: Tx, road: Road, peer: string): Promise<Greeting> {
  const link = await lockLink(tx, peer)
  road.epoch = await readEpoch(tx)
  return { v: 1, node: road.self, epoch: road.epoch, taken: link.taken, receipts: link.receiptsTaken, at: road.node.now().toISOString() }
}

/**
 * A peer that tells less than it told before came back from an older backup: what it forgot is offered again. That is why what was handed on is kept.
 * What it knows already is answered as before, so offering too much costs a little time and nothing else.
 */
async function hearGreeting(tx: Tx, road: Road, peer: string, told: Greeting): Promise<void> {
  const link = await lockLink(tx, peer)
  const now = road.node.now()
  const marks = { taken: told.taken, receipts: told.receipts }
  if (steppedBack(link.peerMarks, marks)) {
    const shipments = await offerAgain(tx, peer, told.taken, now)
    const receipts = await relayAgain(tx, peer, told.receipts)
    await record(tx, road.node, {
      act: 'road.offerAgain', actor: { kind: 'node', id: peer }, object: peer, outcome: 'done',
      detail: { before: link.peerMarks.taken, told: told.taken, shipments, receiptsBefore: link.peerMarks.receipts, receiptsTold: told.receipts, receipts },
    })
  }
  await setPeer(tx, peer, told.epoch, marks, now)
  await tryAtOnce(tx, peer, now)
}
