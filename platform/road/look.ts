import { readChunk } from '@postroad/files/service'
import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import { type DeliveryFact, type DeliveryState, type Head, type SignedHopLine, type SignedReceipt, type SlicedRecipient, forwardedTo, isContradictory, isLate, recallOf } from '@postroad/waybill'
import { cursorOf } from './store/cursor.ts'
import { type Listed, type Page, countInbox, deliveriesOf, keepersOf, listArrived, listInbox } from './store/deliveries.ts'
import { type StoredMessage, findChunk, findMessage, findMessages } from './store/messages.ts'
import { receiptsFor, receiptsOf } from './store/receipts.ts'
import { type BoardLine, type SentPage, type SentSummary, boardLine, listBoard, listSent, nextOrdinal } from './store/sent.ts'
import { shipmentsOf } from './store/shipments.ts'

export type { BoardLine, Listed, Page, SentPage, SentSummary }
export { countInbox, keepersOf, nextOrdinal }

/** A delivery in an inbox with its message: ciphertext and facts only. `cursor` asks for what comes after it. */
export type InboxItem = Omit<Listed, 'hops'> & { readonly head: Head; readonly manifest: Uint8Array; readonly chunkHashes: readonly string[]; readonly hops: readonly SignedHopLine[]; readonly cursor: string }

/** What arrived for the organs of whoever acts in the transaction, newest first. */
export async function inbox(tx: Tx, page: Page): Promise<readonly InboxItem[]> {
  const rows = await listInbox(tx, page)
  const messages = await findMessages(tx, rows.map(({ message }) => message), { bodies: false })
  return rows.flatMap((row) => {
    const message = messages.get(row.message)
    return message === undefined ? [] : [itemOf(row, message)]
  })
}

const itemOf = (row: Listed, { head, manifest, chunkHashes, hops }: StoredMessage): InboxItem => ({ ...row, head, manifest, chunkHashes, hops: row.hops ?? hops, cursor: cursorOf(row.at, row.message) })

/** A delivery with everything its terminal needs to open it; `body` are the sealed chunks where they lie in the database, else null. */
export type ArrivedItem = InboxItem & { readonly body: readonly Uint8Array[] | null; readonly receipts: readonly SignedReceipt[] }

/** What newly arrived at these organs of whoever acts, oldest first. */
export async function arrivals(tx: Tx, page: Parameters<typeof listArrived>[1]): Promise<readonly ArrivedItem[]> {
  const rows = await listArrived(tx, page)
  const ids = rows.map(({ message }) => message)
  const messages = await findMessages(tx, ids)
  const receipts = await receiptsAbout(tx, rows)
  return rows.flatMap((row, index) => {
    const message = messages.get(row.message)
    return message === undefined ? [] : [{ ...itemOf(row, message), body: message.framed === null ? null : framesOf(message.framed), receipts: receipts[index] ?? [] }]
  })
}

/** Per delivery the receipts about it: its own, and those of the whole message. */
export async function receiptsAbout(tx: Tx, deliveries: readonly { readonly message: string; readonly organ: string }[]): Promise<readonly (readonly SignedReceipt[])[]> {
  if (deliveries.length === 0) return []
  const all = Map.groupBy(await receiptsOf(tx, [...new Set(deliveries.map(({ message }) => message))]), ({ receipt }) => receipt.message)
  return deliveries.map(({ message, organ }) => (all.get(message) ?? []).filter(({ receipt }) => receipt.recipient === null || receipt.recipient === organ))
}

/** One delivery in the inbox of an organ of whoever acts (the first of them without `organ`), or null. */
export async function inboxItem(tx: Tx, message: string, organ?: string): Promise<InboxItem | null> {
  const rows = await deliveriesOf(tx, 'inbox', message)
  const row = rows.find((one) => organ === undefined || one.organ === organ)
  const stored = row === undefined ? null : await findMessage(tx, message, { bodies: false })
  return row === undefined || stored === null ? null : itemOf(row, stored)
}

/** What the organs of whoever acts sent, newest first. */
export const sent = (tx: Tx, page: SentPage): Promise<readonly SentSummary[]> => listSent(tx, page)

/** A message that an organ of whoever acts sent, without its recipients and its body, or null. */
export async function sentMessage(tx: Tx, id: string): Promise<StoredMessage | null> {
  const message = await findMessage(tx, id, { bodies: false })
  return message === null || message.cameFrom !== null ? null : message
}

/** A message that an organ of whoever acts sent, with all its recipients, or null. */
export async function sentItem(tx: Tx, id: string): Promise<{ readonly message: StoredMessage; readonly recipients: readonly SlicedRecipient[]; readonly submittedAt: Date | null } | null> {
  const message = await sentMessage(tx, id)
  if (message === null) return null
  const rows = await deliveriesOf(tx, 'sent', id)
  if (rows.length === 0) return null
  return { message, recipients: rows.map(({ entry }) => entry), submittedAt: rows[0]?.at ?? null }
}

/** A sealed chunk of a message that whoever acts may see; null where there is none, or it was forgotten. */
export async function chunk(tx: Tx, node: Node, id: string, index: number): Promise<Uint8Array | null> {
  const place = await findChunk(tx, id, index)
  if (place === null || place.hash === null) return null
  return place.framed === null ? readChunk(node, place.hash, place.suite) : (framesOf(place.framed)[index] ?? null)
}

function framesOf(framed: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = []
  const view = new DataView(framed.buffer, framed.byteOffset, framed.byteLength)
  for (let at = 0; at + 4 <= framed.length; ) {
    const length = view.getUint32(at)
    frames.push(framed.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return frames
}

export type BoardRow = {
  readonly organ: string
  readonly name: string
  readonly role: string
  readonly state: DeliveryState
  readonly decided: DeliveryFact | null
  readonly recall: ReturnType<typeof recallOf>
  readonly late: boolean
  readonly contradictory: boolean
  readonly forwardedTo: string | null
  /** Centres that took custody, in order of time. */
  readonly custody: readonly DeliveryFact[]
}
export type Tracking = {
  readonly message: string
  readonly board: readonly BoardRow[]
  /** All receipts, oldest first: hop by hop and recipient by recipient. */
  readonly receipts: readonly SignedReceipt[]
  /** What waits here for a link. */
  readonly waiting: readonly { readonly link: string; readonly state: string; readonly attempts: number; readonly nextAt: Date; readonly handedAt: Date | null; readonly organs: readonly string[] }[]
}

/** Where each recipient's delivery of a sent message stands, and how it went. Null: not sent by an organ of whoever acts. */
export async function track(tx: Tx, message: string): Promise<Tracking | null> {
  const rows = await deliveriesOf(tx, 'sent', message)
  if (rows.length === 0) return null
  const lines = rows.map(({ organ, name, role, state, decided, facts }) => ({
    organ, name, role, state, decided, recall: recallOf(facts), late: isLate(facts), contradictory: isContradictory(facts), forwardedTo: forwardedTo(facts), custody: facts.custody,
  }))
  return { message, board: lines, receipts: await receiptsOf(tx, [message]), waiting: await shipmentsOf(tx, message) }
}

/** The board of a sent message without its receipts, a page of it. Nothing: not sent by an organ of whoever acts. */
export const board = (tx: Tx, message: string, page: { readonly after?: string | undefined; readonly limit?: number | undefined } = {}): Promise<readonly BoardLine[]> =>
  listBoard(tx, message, { after: page.after ?? '', limit: page.limit ?? MOST_LINES })
const MOST_LINES = 100_000

/** One delivery of a sent message with the receipts that tell its way, oldest first; those of the whole message among them. Null: none such of whoever acts. */
export async function story(tx: Tx, message: string, organ: string): Promise<{ readonly line: BoardLine; readonly receipts: readonly SignedReceipt[] } | null> {
  const line = await boardLine(tx, message, organ)
  return line === null ? null : { line, receipts: await receiptsFor(tx, message, organ) }
}

/** What this node can prove about a message: for `buildEvidence`. At the origin all recipients, at a destination its own. */
export type EvidenceParts = {
  readonly head: Head
  readonly hops: readonly SignedHopLine[]
  readonly recipients: readonly SlicedRecipient[]
  readonly manifest: Uint8Array
  readonly chunkHashes: readonly string[]
  readonly receipts: readonly SignedReceipt[]
}
export async function evidenceParts(tx: Tx, id: string): Promise<EvidenceParts | null> {
  const message = await findMessage(tx, id, { bodies: false })
  if (message === null) return null
  const own = message.cameFrom === null ? await deliveriesOf(tx, 'sent', id) : []
  const rows = own.length > 0 ? own : await deliveriesOf(tx, 'inbox', id) // a recipient at the sender's own node sees its inbox only
  return { head: message.head, hops: message.hops, recipients: rows.map(({ entry }) => entry), manifest: message.manifest, chunkHashes: message.chunkHashes, receipts: await receiptsOf(tx, [id]) }
}
