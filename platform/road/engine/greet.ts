import type { Tx } from '@postroad/kernel/database'
import { service } from '@postroad/kernel/principal'
import { record } from '@postroad/ledger/service'
import { canonical, hear } from '@postroad/waybill'
import { lockLink, readEpoch, setPeer } from '../store/links.ts'
import { relayAgain, tellBack } from '../store/receipts.ts'
import { offerAgain, tryAtOnce } from '../store/shipments.ts'
import { LinkFailure } from '../transport/port.ts'
import { lifeOf } from './epoch.ts'
import type { Road } from './road.ts'
import { type Greeting, JSON_TYPE, NODE_HEADER, addressOf, faultOf, greeting, paths, readReply } from './wire.ts'

/** Says who we are and what we took over from the peer, and hears the same. Answers the peer's epoch. @throws LinkFailure */
export async function greet(road: Road, peer: string): Promise<string> {
  const own = await road.node.transaction(service('road'), (tx) => ownGreeting(tx, road, peer))
  const body = canonical(own)
  const reply = await road.transport.request(addressOf(road, peer), { method: 'POST', path: paths.hello, type: JSON_TYPE, headers: { [NODE_HEADER]: road.self }, length: body.length, body })
  if (reply.status !== 200) throw new LinkFailure('unreachable', `greeting refused: ${faultOf(reply).code}`)
  const told = readReply(reply, greeting)
  await road.node.transaction(service('road'), (tx) => hearGreeting(tx, road, peer, told, 'answer'))
  return told.epoch
}

/** The peer greets: what it told is heard, what we have to tell is the answer. */
export async function answerGreeting(road: Road, peer: string, told: Greeting): Promise<Greeting> {
  return road.node.transaction(service('road'), async (tx) => {
    await hearGreeting(tx, road, peer, told, 'question')
    return ownGreeting(tx, road, peer)
  })
}

/** What this node says of itself to a peer; locks the link. */
export async function ownGreeting(tx: Tx, road: Road, peer: string): Promise<Greeting> {
  const link = await lockLink(tx, peer)
  road.epoch = (await readEpoch(tx)) ?? road.epoch
  return { v: 1, node: road.self, epoch: road.epoch, marks: { taken: link.taken, receipts: link.receiptsTaken }, given: link.peerMarks, at: road.node.now().toISOString() }
}

/**
 * A peer that tells less than it told before, or lives another life, came back from a backup: what it forgot is offered, relayed and told back again
 * (waybill `hear`). That is why what was handed on is kept. What it knows already it answers as before, so too much costs a little time and nothing else.
 * In a bundle `given` is as old as the medium: that the peer has not been told of what we took since is no sign of anything. Answers whether it came back from a backup.
 */
export async function hearGreeting(tx: Tx, road: Road, peer: string, told: Pick<Greeting, 'epoch' | 'marks' | 'given'>, how: 'question' | 'answer' | 'bundle'): Promise<boolean> {
  const link = await lockLink(tx, peer)
  const now = road.node.now()
  const isLate = how === 'bundle' && link.peerEpoch === lifeOf(told.epoch)
  const own = isLate ? told.given : { taken: link.taken, receipts: link.receiptsTaken }
  const heard = hear({ epoch: link.peerEpoch, marks: link.peerMarks }, own, { node: peer, ...told, epoch: lifeOf(told.epoch) }, how === 'answer')
  const shipments = heard.offerAgainAbove === null ? 0 : await offerAgain(tx, peer, heard.offerAgainAbove, now)
  const relayed = heard.relayAgainAbove === null ? 0 : await relayAgain(tx, peer, heard.relayAgainAbove)
  const toldBack = heard.tellBackAbove === null ? 0 : await tellBack(tx, peer, heard.tellBackAbove)
  if (shipments + relayed + toldBack > 0) {
    await record(tx, road.node, {
      act: 'road.offerAgain', actor: { kind: 'node', id: peer }, object: peer, outcome: 'done',
      detail: { before: link.peerMarks.taken, told: told.marks.taken, shipments, receiptsBefore: link.peerMarks.receipts, receiptsTold: told.marks.receipts, relayed, toldBack },
    })
  }
  await setPeer(tx, peer, lifeOf(told.epoch), heard.known.marks, now)
  await tryAtOnce(tx, peer, now)
  return heard.offerAgainAbove !== null || heard.relayAgainAbove !== null
}
