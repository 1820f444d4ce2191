import { type Result, FINE, fail } from './fault.ts'
import type { Receipt, ReceiptKind } from './model.ts'

/** Where the delivery to one recipient stands. It only moves forward; the last five of the list end it. */
export const DELIVERY_STATES = ['accepted', 'queued', 'inCustody', 'arrived', 'delivered', 'undeliverable', 'closed', 'recalled', 'signedFor', 'registered', 'returned'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/** What moves a delivery: receipts, and two facts that only the sender's own node knows. */
export type DeliveryFact = { readonly kind: ReceiptKind | 'queued' | 'recallRequested'; readonly id: string; readonly node: string; readonly at: string } & Partial<Pick<Receipt, 'actor' | 'reason'>>

/**
 * A delivery as the set of its facts allows to see it: for every kind the earliest fact, for custody the earliest of each centre.
 * A set has no order and no doubles, so any order and repetition of the same receipts leads to the same delivery (a test proves it).
 */
export type Delivery = { readonly facts: Readonly<Partial<Record<DeliveryFact['kind'], DeliveryFact>>>; readonly custody: readonly DeliveryFact[] }

export const NO_FACTS: Delivery = { facts: {}, custody: [] }

const isEarlier = (a: DeliveryFact, b: DeliveryFact): boolean => a.at < b.at || (a.at === b.at && a.id < b.id)

/** Where a delivery stands after one more fact. An earlier, repeated or weaker fact changes nothing that is seen. */
export function advance(delivery: Delivery, fact: DeliveryFact): Delivery {
  const before = delivery.facts[fact.kind]
  const facts = before === undefined || isEarlier(fact, before) ? { ...delivery.facts, [fact.kind]: keep(fact) } : delivery.facts
  if (fact.kind !== 'custody') return facts === delivery.facts ? delivery : { ...delivery, facts }
  const same = delivery.custody.find(({ node }) => node === fact.node)
  if (same !== undefined && !isEarlier(fact, same)) return facts === delivery.facts ? delivery : { ...delivery, facts }
  const custody = [...delivery.custody.filter(({ node }) => node !== fact.node), keep(fact)].sort((a, b) => (isEarlier(a, b) ? -1 : 1))
  return { facts, custody }
}

const keep = ({ kind, id, node, at, actor, reason }: DeliveryFact): DeliveryFact => ({ kind, id, node, at, actor: actor ?? null, reason: reason ?? null })

// Strongest first. What the recipient's own people did outweighs what others believed: a late 签收 wins over `closed` and `undeliverable`,
// 退文 follows 签收 (初审), and a recall only stands where nobody had signed.
const STATE_OF: readonly (readonly [DeliveryFact['kind'], DeliveryState])[] = [
  ['returned', 'returned'],
  ['registered', 'registered'],
  ['signedFor', 'signedFor'],
  ['recalled', 'recalled'],
  ['closed', 'closed'],
  ['undeliverable', 'undeliverable'],
  ['delivered', 'delivered'],
  ['arrived', 'arrived'],
  ['custody', 'inCustody'],
  ['queued', 'queued'],
]

/** The state that the facts amount to. */
export const stateOf = (delivery: Delivery): DeliveryState => STATE_OF.find(([kind]) => delivery.facts[kind] !== undefined)?.[1] ?? 'accepted'

/** The fact that decided the state: who, when, why. Null before anything is known. */
export function decidedBy(delivery: Delivery): DeliveryFact | null {
  const kind = STATE_OF.find(([name]) => delivery.facts[name] !== undefined)?.[0] ?? 'submitted'
  return delivery.facts[kind] ?? null
}

const ENDS: readonly DeliveryState[] = ['signedFor', 'registered', 'returned', 'undeliverable', 'recalled', 'closed']
/** Whether nothing more is owed for this delivery. 签收 and 登记 end it well; 退文 may still follow them. */
export const hasEnded = (delivery: Delivery): boolean => ENDS.includes(stateOf(delivery))

/** A limit passed and no end came yet: an alarm, not a state. */
export const isLate = (delivery: Delivery): boolean => delivery.facts.late !== undefined && !hasEnded(delivery)

/** 撤回: `requested` until the destination has answered; an answer counts even if the request was never seen. */
export function recallOf(delivery: Delivery): 'none' | 'requested' | 'refused' | 'done' {
  const state = stateOf(delivery)
  if (state === 'recalled') return 'done'
  if (delivery.facts.recallRefused !== undefined || (delivery.facts.recallRequested !== undefined && (state === 'signedFor' || state === 'registered'))) return 'refused'
  return delivery.facts.recallRequested === undefined ? 'none' : 'requested'
}

/** The destination recalled *and* somebody signed: its row lock failed or was restored from a backup. An operator must look. */
export const isContradictory = (delivery: Delivery): boolean => delivery.facts.recalled !== undefined && (delivery.facts.signedFor !== undefined || delivery.facts.registered !== undefined)

/** The organ that a forwarding node named as heir; null if it was not forwarded, or only to another node of the same organ. */
export const forwardedTo = (delivery: Delivery): string | null => (delivery.facts.forwarded?.reason?.code === 'forwarded' ? delivery.facts.forwarded.reason.text : null)

/** Whether the destination (under its row lock) may now issue this receipt, or why not. Observers use `advance`, which accepts any order. */
export function mayIssue(delivery: Delivery, kind: ReceiptKind): Result<null> {
  const state = stateOf(delivery)
  const { facts } = delivery
  if (state === 'returned') return fail('alreadyReturned')
  if (state === 'recalled') return kind === 'recalled' ? FINE : fail('alreadyRecalled')
  if (kind === 'delivered' || kind === 'signedFor' || kind === 'returned') {
    if (facts.arrived === undefined) return fail('notArrived')
    if (kind === 'signedFor' && (state === 'signedFor' || state === 'registered')) return fail('alreadySignedFor')
    return FINE
  }
  if (kind === 'registered') return state === 'registered' ? fail('alreadyRegistered') : facts.signedFor === undefined ? fail('notSignedFor') : FINE
  if (kind === 'recalled' || kind === 'undeliverable' || kind === 'closed') {
    if (state === 'signedFor' || state === 'registered') return fail('alreadySignedFor')
    return kind !== 'recalled' && hasEnded(delivery) ? fail('alreadyEnded') : FINE
  }
  return FINE
}
