import type { Tx } from '@postroad/kernel/database'
import type { Refusal } from '@postroad/kernel/errors'
import { actorOf } from '@postroad/ledger/service'
import { type Delivery, type DirectoryView, type Head, MAX_FORWARDS, NO_FACTS, type SignedReceipt, type SlicedRecipient, advance, shipmentId, splitSlice } from '@postroad/waybill'
import { type Split, laneOf, rankOf, splitByWay, wayTo } from '../model.ts'
import { type DeliveryRow, findTombstones, insertDeliveries } from '../store/deliveries.ts'
import { countTaken } from '../store/links.ts'
import { type Arrival, findSubmissions, insertArrivals, insertMessages, insertSubmissions, messageFacts } from '../store/messages.ts'
import { type DueReceipt, insertDue, insertReceipts, ownReceiptIds } from '../store/receipts.ts'
import { type NewShipment, type TakenRow, findTaken, insertShipments, insertTaken } from '../store/shipments.ts'
import { roadFaults } from '../words.ts'
import type { Aftermath, Intake, Journal } from './effects.ts'
import { answerRecalls, factOf, markRecallRequests } from './recall.ts'
import { type Road, directoryOf, ownReceipt } from './road.ts'

/** What became of one intake. `receipts` are ids: signed ones are found in the store, due ones are signed after the commit. */
export type IntakeResult = { readonly kind: 'refused'; readonly refusal: Refusal } | { readonly kind: 'taken'; readonly receipts: readonly string[]; readonly mark: number; readonly message: string }

/**
 * An intake with what was signed for it beforehand: our hop line, receipts of forwarding, and at the origin the receipt of submission. `directory` is the one they
 * were signed by: news in between would send somebody another way without a word.
 */
export type SignedIntake = Intake & { readonly directory: DirectoryView; readonly submitted: SignedReceipt | null; readonly ownForwards: readonly SignedReceipt[] }

/** What was taken over, and where it goes from here. */
export type Taken = { readonly intake: Omit<SignedIntake, 'from' | 'directory'> & { readonly from: SignedIntake['from'] | { readonly kind: 'rerouted' } }; readonly split: Split; readonly due: DueReceipt[]; readonly old: readonly string[] }

/**
 * Takes messages over, all of them in one transaction: what was taken before is answered as before, a recipient seen before gets nothing a second time,
 * and rows, shipments and receipts-to-be become durable together. `links`: whose rows this transaction is going to need besides.
 */
export async function applyIntakes(tx: Tx, road: Road, intakes: readonly SignedIntake[], now: Date, journal: Journal, aftermath: Aftermath, leased: boolean, links: readonly string[] = []): Promise<readonly IntakeResult[]> {
  if (intakes.length === 0) return []
  const results = new Map<SignedIntake, IntakeResult>()
  const fresh = refuseStray(road, await keepNew(tx, intakes, results), now, results)
  const known = await insertMessages(tx, fresh.map(({ message }) => message))
  // a message that is here already may have been taken by another process since we looked: that one has committed now, and its answer stands
  const repeated = await keepNew(tx, fresh.filter(({ message }) => !known.has(message.head.id)), results)
  const same = await refuseOtherContent(tx, [...fresh.filter(({ message }) => known.has(message.head.id)), ...repeated], known, results)
  const taken = await splitNew(tx, road, same, now)
  await answerRecalls(tx, road, taken.map(({ intake, split }) => ({ head: intake.message.head, organs: split.here.map(({ entry }) => entry.leaf.organ) })), now, journal, aftermath)
  await markRecallRequests(tx, road, taken.filter(({ intake }) => intake.from.kind === 'person').map(({ intake }) => ({ head: intake.message.head, organs: intake.recipients.map(({ leaf }) => leaf.organ) })), now)
  await writeDeliveries(tx, road, taken, now, journal)
  await writeShipments(tx, road, taken, now, aftermath, leased)
  await writeReceipts(tx, taken, aftermath)
  await writeTaken(tx, taken, now, aftermath, results, links)
  for (const { intake } of taken) journal.ledger.push(auditOf(intake))
  return intakes.map((intake) => results.get(intake) as IntakeResult)
}

/** Repeats are answered from what stands; the same client id with another message is refused. */
async function keepNew(tx: Tx, intakes: readonly SignedIntake[], results: Map<SignedIntake, IntakeResult>): Promise<readonly SignedIntake[]> {
  const before = await findTaken(tx, intakes.flatMap(({ from }) => (from.kind === 'peer' ? [from.shipment] : [])))
  const submitted = await findSubmissions(tx, intakes.flatMap(({ from, message }) => (from.kind === 'person' ? [{ organ: message.head.sender.organ, clientId: from.clientId }] : [])))
  return intakes.filter((intake) => {
    const { from, message } = intake
    if (from.kind === 'peer') {
      const row = before.get(from.shipment)
      if (row !== undefined) results.set(intake, { kind: 'taken', receipts: row.receipts, mark: row.mark, message: row.message })
      return row === undefined
    }
    const row = submitted.get(`${message.head.sender.organ} ${from.clientId}`)
    if (row === undefined) return true
    const repeated = row.hash === message.headHash
    results.set(intake, repeated ? { kind: 'taken', receipts: [row.receipt], mark: 0, message: row.message } : { kind: 'refused', refusal: roadFaults.clientIdReused({ message: row.message }) })
    return false
  })
}

/** The organ went elsewhere between the check at the door and this moment: the peer asks again, and is told what it may tell others. */
function refuseStray(road: Road, intakes: readonly SignedIntake[], now: Date, results: Map<SignedIntake, IntakeResult>): readonly SignedIntake[] {
  return intakes.filter((intake) => {
    const stray = splitOf(road, intake, intake.recipients, now).nowhere.find(({ reason }) => reason.code === 'wrongRecipient')
    if (stray !== undefined) results.set(intake, { kind: 'refused', refusal: roadFaults.wrongRecipient({ message: intake.message.head.id, organ: stray.entry.leaf.organ }) })
    return stray === undefined
  })
}

const splitOf = (road: Road, { directory, from, forwarded }: SignedIntake, recipients: readonly SlicedRecipient[], now: Date): Split =>
  splitByWay(recipients, (organ) => wayTo(directory, road.self, organ, now.toISOString()), from.kind === 'peer' ? from.peer : null, forwarded)

async function refuseOtherContent(tx: Tx, intakes: readonly SignedIntake[], inserted: ReadonlySet<string>, results: Map<SignedIntake, IntakeResult>): Promise<readonly SignedIntake[]> {
  const repeated = await messageFacts(tx, intakes.filter(({ message }) => !inserted.has(message.head.id)).map(({ message }) => message.head.id))
  return intakes.filter((intake) => {
    const { message, from } = intake
    const facts = repeated.get(message.head.id)
    // a message comes a second time with other recipients, never with another head; and nobody submits what is here already
    const same = facts === undefined ? inserted.has(message.head.id) : facts.headHash === message.headHash && from.kind === 'peer'
    if (!same) results.set(intake, { kind: 'refused', refusal: roadFaults.sameIdOtherContent({ message: message.head.id }) })
    return same
  })
}

type TakenOver = Taken & { readonly intake: SignedIntake }

/** How often the message passed here before: a forwarded one may come back once. */
const visitOf = (road: Road, { message }: Pick<Intake, 'message'>): number => message.hops.filter(({ line }) => line.node === road.self).length

async function splitNew(tx: Tx, road: Road, intakes: readonly SignedIntake[], now: Date): Promise<TakenOver[]> {
  const arrivals = intakes.flatMap((intake): Arrival[] => (intake.from.kind === 'peer' ? intake.recipients.map(({ leaf }) => ({
    message: intake.message.head.id, recipient: leaf.organ, visit: visitOf(road, intake), shipment: intake.from.kind === 'peer' ? intake.from.shipment : '',
  })) : []))
  const first = await insertArrivals(tx, arrivals)
  const isNew = (intake: Intake, { leaf }: SlicedRecipient): boolean => intake.from.kind === 'person' || first.has(`${intake.message.head.id} ${leaf.organ} ${visitOf(road, intake)}`)
  const again = intakes.flatMap((intake) => intake.recipients.filter((entry) => !isNew(intake, entry)).map(({ leaf }) => ({ message: intake.message.head.id, recipient: leaf.organ })))
  const old = await ownReceiptIds(tx, road.self, again)
  return intakes.map((intake) => {
    const split = splitOf(road, intake, intake.recipients.filter((entry) => isNew(intake, entry)), now)
    const mine = new Set(intake.recipients.map(({ leaf }) => leaf.organ))
    return { intake, split, due: dueOf(road, intake, split, now), old: old.filter(({ message, recipient }) => message === intake.message.head.id && mine.has(recipient)).map(({ id }) => id) }
  })
}

/**
 * The receipts that taking over makes true. They travel in the answer to the shipment, or at the origin straight to its own deliveries. Where the message had been
 * before, what became of it goes the way it came at first: the node that brings it back may be reached by courier, or be gone tomorrow.
 */
function dueOf(road: Road, { message, from }: Intake, split: Split, now: Date): DueReceipt[] {
  const { head } = message
  const due = (fact: Parameters<typeof ownReceipt>[2], route: DueReceipt['route']): DueReceipt => ({ receipt: ownReceipt(road, head, fact, now), suite: head.suite, route })
  const route = from.kind === 'peer' && visitOf(road, { message }) === 1 ? 'answer' : 'home'
  return [
    ...(from.kind === 'peer' ? [due({ kind: 'custody', recipient: null }, 'answer')] : []),
    ...split.here.map(({ entry }) => due({ kind: 'arrived', recipient: entry.leaf.organ }, route)),
    ...split.nowhere.map(({ entry, reason }) => due({ kind: 'undeliverable', recipient: entry.leaf.organ, reason }, route)),
  ]
}

/** Who may sign for a recipient (代收): whom it, or who stands for it, had authorised. */
export const deputiesFor = (directory: DirectoryView, organ: string, keeper: string, at: string): string[] => [...new Set([...directory.deputiesOf(organ, at), ...directory.deputiesOf(keeper, at)])]

export async function writeDeliveries(tx: Tx, road: Road, taken: readonly Taken[], now: Date, journal: Journal): Promise<void> {
  const directory = directoryOf(road)
  const at = now.toISOString()
  const tombstones = await findTombstones(tx, taken.filter(({ split }) => split.here.length > 0).map(({ intake }) => intake.message.head.id))
  const rows: DeliveryRow[] = []
  for (const { intake, split, due } of taken) {
    const { head } = intake.message
    const arrivals = new Map(due.flatMap((one) => (one.receipt.kind === 'arrived' ? [[one.receipt.recipient, one]] : [])))
    for (const { entry, keeper } of split.here) {
      const organ = entry.leaf.organ
      const arrived = arrivals.get(organ)
      let facts: Delivery = arrived === undefined ? NO_FACTS : advance(NO_FACTS, factOf(arrived.receipt))
      if (tombstones.some((tombstone) => tombstone.message === head.id && tombstone.organ === organ && [head.sender.organ, ...directory.heirsOf(head.sender.organ, at)].includes(tombstone.sender))) {
        const recalled: DueReceipt = { receipt: ownReceipt(road, head, { kind: 'recalled', recipient: organ }, now), suite: head.suite, route: arrived?.route ?? 'home' }
        due.push(recalled)
        facts = advance(facts, factOf(recalled.receipt))
      }
      rows.push({ message: head.id, side: 'inbox', organ, keeper, deputies: deputiesFor(directory, organ, keeper, at), label: head.label, entry, facts, hops: visitOf(road, intake) > 1 ? intake.message.hops : null })
      journal.arrived.push({ message: head.id, organ, keeper })
    }
    if (intake.from.kind === 'person') rows.push(...sentRows(intake, head, now))
  }
  await insertDeliveries(tx, rows, now)
}

function sentRows({ message, recipients, submitted, ownForwards }: Omit<SignedIntake, 'from' | 'directory'>, head: Head, now: Date): DeliveryRow[] {
  const accepted = submitted === null ? NO_FACTS : advance(NO_FACTS, factOf(submitted.receipt))
  const queued = advance(accepted, { kind: 'queued', id: message.head.id, node: submitted?.receipt.node ?? '', at: now.toISOString() })
  return recipients.map((entry) => {
    const forward = ownForwards.find(({ receipt }) => receipt.recipient === entry.leaf.organ)
    const facts = forward === undefined ? queued : advance(queued, factOf(forward.receipt))
    return { message: head.id, side: 'sent', organ: entry.leaf.organ, keeper: head.sender.organ, deputies: [], label: head.label, entry, facts, hops: null }
  })
}

export async function writeShipments(tx: Tx, road: Road, taken: readonly Taken[], now: Date, aftermath: Aftermath, leased: boolean): Promise<void> {
  const shipments: { shipment: NewShipment; message: Intake['message'] }[] = []
  for (const { intake, split } of taken) {
    const { head, bodyBytes, hops } = intake.message
    const lane = laneOf(bodyBytes)
    for (const [link, all] of split.links) for (const slice of splitSlice(all)) {
      // a later message of a thread is claimed from the database, where its predecessor can be seen
      const owner = leased && (head.ordinal === 0 || head.kind === 'recallRequest') && road.hands.hasRoom(link, lane) ? road.process : null
      const rank = rankOf({ urgency: head.urgency, bodyBytes, at: now })
      const forwarded = [...intake.forwarded, ...intake.ownForwards.filter(({ receipt }) => slice.some(({ leaf }) => leaf.organ === receipt.recipient))].slice(0, MAX_FORWARDS)
      shipments.push({ shipment: { id: shipmentId(road.suites[head.suite], head, { from: road.self, to: link }, slice, forwarded.length), head, link, slice, hops, forwarded, lane, rank, owner }, message: intake.message })
    }
  }
  const inserted = await insertShipments(tx, shipments.map(({ shipment }) => shipment), now)
  for (const { shipment, message } of shipments) {
    if (inserted.has(shipment.id)) aftermath.shipments.push({ shipment, message, fence: shipment.owner === null ? 0 : 1, attempts: 0 })
  }
}

async function writeReceipts(tx: Tx, taken: readonly TakenOver[], aftermath: Aftermath): Promise<void> {
  const due = taken.flatMap((one) => one.due)
  await insertDue(tx, due)
  aftermath.due.push(...due)
  const submitted = taken.flatMap(({ intake }) => (intake.submitted === null ? [] : [intake.submitted]))
  const forwards = taken.flatMap(({ intake, split }) => intake.ownForwards.filter(({ receipt }) => split.forwarded.some(({ entry }) => entry.leaf.organ === receipt.recipient)))
  // a recipient proves with them why its way led twice through one centre
  const carried = taken.flatMap(({ intake, split }) => (split.here.length > 0 ? intake.forwarded : []))
  await insertReceipts(tx, [...submitted, ...forwards, ...carried])
  await insertSubmissions(tx, taken.flatMap(({ intake: { from, message, submitted: receipt } }) =>
    from.kind === 'person' && receipt !== null ? [{ organ: message.head.sender.organ, clientId: from.clientId, hash: message.headHash, message: message.head.id, receipt: receipt.receipt.id }] : []))
}

/** Gives each shipment its mark: the count of what was taken over from that peer, ever. */
async function writeTaken(tx: Tx, taken: readonly TakenOver[], now: Date, aftermath: Aftermath, results: Map<SignedIntake, IntakeResult>, links: readonly string[]): Promise<void> {
  const counts = new Map(taken.some(({ intake: { from } }) => from.kind === 'peer') ? links.map((peer) => [peer, { shipments: 0, receipts: 0 }]) : [])
  for (const { intake: { from } } of taken) if (from.kind === 'peer') counts.set(from.peer, { shipments: (counts.get(from.peer)?.shipments ?? 0) + 1, receipts: 0 })
  const { before, epoch } = await countTaken(tx, counts, now)
  aftermath.epoch ??= epoch
  const next = new Map([...before].map(([peer, { taken: count }]) => [peer, count]))
  const rows: TakenRow[] = []
  for (const { intake, due, old } of taken) {
    const receipts = [...due.map(({ receipt }) => receipt.id), ...intake.ownForwards.map(({ receipt }) => receipt.id), ...old]
    const { from, message, submitted } = intake
    let mark = 0
    if (from.kind === 'peer') {
      mark = (next.get(from.peer) ?? 0) + 1
      next.set(from.peer, mark)
      rows.push({ shipment: from.shipment, message: message.head.id, link: from.peer, mark, receipts })
    }
    results.set(intake, { kind: 'taken', receipts: submitted === null ? receipts : [submitted.receipt.id], mark, message: message.head.id })
  }
  await insertTaken(tx, rows)
}

function auditOf({ from, message: { head }, recipients }: Intake): Journal['ledger'][number] {
  const detail = { sender: head.sender.organ, recipients: recipients.length, urgency: head.urgency, label: head.label }
  return from.kind === 'person'
    ? { act: 'road.submit', actor: actorOf(from.principal), object: head.id, outcome: 'done', detail: { ...detail, clientId: from.clientId } }
    : { act: 'road.takeCustody', actor: { kind: 'node', id: from.peer }, object: head.id, outcome: 'done', detail: { ...detail, shipment: from.shipment } }
}
