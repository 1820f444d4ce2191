import { type Delivery, mayIssue } from './delivery.ts'
import type { Head, MessageKind, Urgency } from './model.ts'

/**
 * Decisions of one end of a link, whatever carries it (https, bundle, memory): what to offer, in which order, what to offer again, what may be forgotten.
 * Marks are counted by the side that takes: each shipment or receipt it takes over from a peer gets the next number, told in the answer and in every greeting.
 */
export type Marks = { readonly taken: number; readonly receipts: number }
export const NO_MARKS: Marks = { taken: 0, receipts: 0 }

/**
 * What both sides say before anything else crosses in a session. `epoch` changes when a database was restored; nothing is taken from a peer that has not heard the present one.
 * `marks` is what the speaker has taken over from the peer, `given` the highest marks that the peer has told the speaker.
 */
export type Hello = { readonly node: string; readonly epoch: string; readonly marks: Marks; readonly given: Marks }

/** What one side remembers of the other: the epoch it last greeted, and the highest marks it was told. Null before they ever met. */
export type Known = { readonly epoch: string | null; readonly marks: Marks }
export const STRANGER: Known = { epoch: null, marks: NO_MARKS }

/** What hearing a peer's greeting leads to. Nulls mean nothing to do. */
export type Heard = {
  readonly known: Known
  /** Shipments that were handed on under a mark above this are offered again. */
  readonly offerAgainAbove: number | null
  /** Receipts that were relayed under a mark above this are relayed again. */
  readonly relayAgainAbove: number | null
  /** Receipts that we took from the peer under our mark above this are told back: it has forgotten that it made or passed them. */
  readonly tellBackAbove: number | null
}

/**
 * `known` is what we remember of the peer, `own` what we have taken from it. A peer in another epoch came back from a backup; because we may have
 * come back from one ourselves since, marks of two epochs are not compared: all that is kept is offered and told again. Whoever has it already says so;
 * offering too much costs a little time and nothing else. An answer comes with what is told back; a question does not, so it must not raise
 * the mark up to which our own receipts are said to be remembered.
 */
export function hear(known: Known, own: Marks, told: Hello, isAnswer: boolean): Heard {
  const wasRestored = known.epoch !== null && told.epoch !== known.epoch
  return {
    known: { epoch: told.epoch, marks: { taken: told.marks.taken, receipts: isAnswer ? told.marks.receipts : Math.min(known.marks.receipts, told.marks.receipts) } },
    offerAgainAbove: wasRestored ? 0 : told.marks.taken < known.marks.taken ? told.marks.taken : null,
    relayAgainAbove: wasRestored ? 0 : told.marks.receipts < known.marks.receipts ? told.marks.receipts : null,
    tellBackAbove: wasRestored ? 0 : told.given.receipts < own.receipts ? told.given.receipts : null,
  }
}

/** Whether an answer moves custody: it was given by the database that was greeted last. One from before a restore speaks of what is forgotten. */
export const answerCounts = (known: Known, epoch: string): boolean => known.epoch === epoch

/** What is known after an answer that counts: marks only grow within an epoch. */
export const remember = (known: Known, told: Partial<Marks>): Known => ({
  ...known,
  marks: { taken: Math.max(known.marks.taken, told.taken ?? 0), receipts: Math.max(known.marks.receipts, told.receipts ?? 0) },
})

/** Whether a peer's offer may be looked at: it names the epoch of ours that it has greeted. Otherwise it must greet first. */
export const hasGreeted = (ownEpoch: string, namedEpoch: string): boolean => ownEpoch === namedEpoch

/** A shipment waiting for its link. `queued` is milliseconds; `inFlight` while an answer is awaited. */
export type Offer = { readonly kind: MessageKind; readonly thread: string; readonly sender: string; readonly ordinal: number; readonly urgency: Urgency; readonly bytes: number; readonly queued: number; readonly inFlight: boolean }

// Being urgent is worth waiting time, being large costs it; because waiting time itself counts, nothing starves.
const HEAD_START_MS: Readonly<Record<Urgency, number>> = { normal: 0, urgent: 2 * 60_000, extraUrgent: 20 * 60_000 }
const BYTES_PER_MS = 1024

/** When a shipment's turn would come on an idle link, in milliseconds; the smallest goes first. */
export const turnOf = (offer: Pick<Offer, 'urgency' | 'bytes' | 'queued'>): number => offer.queued - HEAD_START_MS[offer.urgency] + offer.bytes / BYTES_PER_MS

/**
 * What may be offered now, in order. Of one sender's messages in a thread only the first goes until it is taken over, so that order survives every hop;
 * a recall request waits for nobody.
 */
export function nextOffers<T extends Offer>(waiting: readonly T[]): T[] {
  const first = new Map<string, T>()
  for (const offer of waiting) {
    const line = `${offer.thread} ${offer.sender}`
    const before = first.get(line)
    if (offer.kind !== 'recallRequest' && (before === undefined || offer.ordinal < before.ordinal)) first.set(line, offer)
  }
  return waiting.filter((offer) => !offer.inFlight && (offer.kind === 'recallRequest' || first.get(`${offer.thread} ${offer.sender}`) === offer)).sort((a, b) => turnOf(a) - turnOf(b))
}

/** Whether what was handed on may be forgotten: the next hop could not come back from a backup older than its horizon. Instants in milliseconds; null is not handed on. */
export const mayForget = (handedOn: number | null, now: number, horizon: number): boolean => handedOn !== null && now - handedOn > horizon

/** Splits an arriving slice by what this node has seen of the message, on any link: custody is taken of the fresh ones, the others are answered again. */
export function splitKnown<T>(slice: readonly T[], isKnown: (entry: T) => boolean): { readonly fresh: T[]; readonly known: T[] } {
  const fresh: T[] = []
  const known: T[] = []
  for (const entry of slice) (isKnown(entry) ? known : fresh).push(entry)
  return { fresh, known }
}

/** Custody is told only after payload and rows are on disk. */
export const mayTellCustody = (state: { readonly payloadDurable: boolean; readonly rowsDurable: boolean }): boolean => state.payloadDurable && state.rowsDurable

/** What the destination answers a recall request, under the delivery's row lock. A message that has not arrived leaves a tombstone and is recalled at the door. */
export function answerRecall(delivery: Delivery | null): 'recalled' | 'recallRefused' | 'tombstone' {
  if (delivery === null) return 'tombstone'
  return mayIssue(delivery, 'recalled').ok ? 'recalled' : 'recallRefused'
}

/** Only the sending organ, or its heir once it had ended, recalls its message, and only messages that were recallable at all. */
export const mayRecall = (request: Head, recalled: Head, isHeir: (heir: string, organ: string) => boolean = () => false): boolean =>
  request.kind === 'recallRequest' && request.regarding === recalled.id && recalled.kind !== 'recallRequest'
  && (request.sender.organ === recalled.sender.organ || isHeir(request.sender.organ, recalled.sender.organ))
