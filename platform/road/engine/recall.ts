import type { Tx } from '@postroad/kernel/database'
import { type Head, type Receipt, advance, answerRecall, mayRecall } from '@postroad/waybill'
import { insertTombstones, lockPairs, updateDeliveries } from '../store/deliveries.ts'
import { messageFacts } from '../store/messages.ts'
import { type DueReceipt, insertDue } from '../store/receipts.ts'
import type { Aftermath, Journal } from './effects.ts'
import { type Road, directoryOf, ownReceipt } from './road.ts'

export type ArrivedMessage = { readonly head: Head; readonly organs: readonly string[] }

/** What moves a delivery, of a receipt. */
export const factOf = (receipt: Receipt): Parameters<typeof advance>[1] => ({ kind: receipt.kind, id: receipt.id, node: receipt.node, at: receipt.at, actor: receipt.actor, reason: receipt.reason })

/**
 * The destination answers requests of recall that just arrived, organ by organ: before 签收 the delivery is recalled, afterwards the request is refused,
 * and what has not arrived yet is awaited by a tombstone. The lock on the delivery's row decides against a 签收 in the same moment.
 */
export async function answerRecalls(tx: Tx, road: Road, arrived: readonly ArrivedMessage[], now: Date, journal: Journal, aftermath: Aftermath): Promise<void> {
  const requests = arrived.flatMap(({ head, organs }) => (head.kind === 'recallRequest' && head.regarding !== null ? organs.map((organ) => ({ head, organ, message: head.regarding as string })) : []))
  if (requests.length === 0) return
  const facts = await messageFacts(tx, requests.map(({ message }) => message))
  const locked = await lockPairs(tx, 'inbox', requests)
  const directory = directoryOf(road)
  const due: DueReceipt[] = []
  const changes: Parameters<typeof updateDeliveries>[1][number][] = []
  const tombstones: Parameters<typeof insertTombstones>[1][number][] = []
  for (const { head, organ, message } of requests) {
    const original = facts.get(message)
    const delivery = locked.find((row) => row.message === message && row.organ === organ)
    const allowed = original === undefined || mayRecall(head, original.head, (heir, ended) => directory.heirsOf(ended, now.toISOString()).includes(heir))
    journal.ledger.push({ act: 'road.recall', actor: { kind: 'node', id: road.self }, object: message, outcome: allowed ? 'done' : 'refused', detail: { request: head.id, organ, sender: head.sender.organ, state: delivery?.state ?? 'notArrived' } })
    if (!allowed) continue
    const answer = answerRecall(delivery?.facts ?? null)
    if (answer === 'tombstone' || original === undefined || delivery === undefined) {
      tombstones.push({ message, organ, recall: head.id, sender: head.sender.organ })
      continue
    }
    const reason = answer === 'recallRefused' ? { reason: { code: delivery.state, text: '' } } : {}
    const receipt = ownReceipt(road, original.head, { kind: answer, recipient: organ, ...reason }, now)
    due.push({ receipt, suite: original.head.suite, route: 'home' })
    changes.push({ message, side: 'inbox', organ, facts: advance(delivery.facts, factOf(receipt)) })
  }
  await insertTombstones(tx, tombstones)
  await updateDeliveries(tx, changes, now)
  await insertDue(tx, due)
  aftermath.due.push(...due)
}

/** At the origin: the deliveries of the recalled message now wait for the answer (撤回申请中). */
export async function markRecallRequests(tx: Tx, road: Road, submitted: readonly ArrivedMessage[], now: Date): Promise<void> {
  const pairs = submitted.flatMap(({ head, organs }) => (head.kind === 'recallRequest' && head.regarding !== null ? organs.map((organ) => ({ message: head.regarding as string, organ, request: head.id })) : []))
  const locked = await lockPairs(tx, 'sent', pairs)
  const changes = locked.map(({ message, side, organ, facts }) => {
    const request = pairs.find((pair) => pair.message === message && pair.organ === organ)?.request ?? message
    return { message, side, organ, facts: advance(facts, { kind: 'recallRequested', id: request, node: road.self, at: now.toISOString() }) }
  })
  await updateDeliveries(tx, changes, now)
}
