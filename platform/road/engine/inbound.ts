import { missingChunks, putChunks, requireRoom } from '@postroad/files/service'
import type { Refusal } from '@postroad/kernel/errors'
import { service } from '@postroad/kernel/principal'
import { SpanKind, type Traced, readTraceparent } from '@postroad/kernel/trace'
import { type Shipment, type ShipmentEvent, type WaybillFault, canonical, frame, headHash, nodeKeyOf, organKey, readReceipts, receiptKeyOf, shipmentId, startReadingShipment, verifyHops, verifyReceipt } from '@postroad/waybill'
import { concat, fromBase64url } from '@postroad/gm'
import { faultpoint } from '../faultpoints.ts'
import { isNews, laneOf, splitByWay, wayTo } from '../model.ts'
import { findTaken } from '../store/shipments.ts'
import { BodyCut, type WireReply, jsonReply, readAll } from '../transport/port.ts'
import { recipientKey } from '../submission.ts'
import { refusalOf, roadFaults } from '../words.ts'
import type { Outcome } from './effects.ts'
import { type Road, directoryOf } from './road.ts'
import { within, writeTraced } from './spans.ts'

/** Who offers, as its certificate proved. */
export type Offerer = { readonly peer: string; readonly epoch: string; readonly traceparent?: string | undefined }

/** A refusal that the peer may ask again about: nothing is wrong with the shipment itself. */
export class Later extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.name = 'Later'
    this.refusal = refusal
  }
}

/** Large shipments whose chunks are awaited: what may be put, by shipment. Lost with the process, or to newer ones; the peer then offers anew. */
export type Announced = Map<string, { readonly peer: string; readonly shipment: Shipment; readonly missing: Set<number>; readonly bytes: number }>
const MOST_ANNOUNCED_BYTES = 32 * 1024 * 1024

/**
 * Takes a shipment in as it streams: front first, checked before a byte of the body is kept; then small bodies inside, of large ones what is missing is asked for.
 * Answers 200 with receipts once this node has custody, 202 with the numbers of missing chunks.
 * @throws Refusal for good, Later for now, BodyCut
 */
export const receiveShipment = (road: Road, announced: Announced, offerer: Offerer, id: string, body: AsyncIterable<Uint8Array>): Promise<WireReply> =>
  tracedTakeIn(road, offerer, (span) => takeIn(road, announced, offerer, id, body, span))

const tracedTakeIn = (road: Road, { peer, traceparent }: Offerer, work: (span: Traced) => Promise<WireReply>): Promise<WireReply> =>
  within(road.node, 'road.takeIn', { kind: SpanKind.SERVER, parent: readTraceparent(traceparent), attributes: { 'postroad.peer': peer } }, work)

async function takeIn(road: Road, announced: Announced, { peer }: Offerer, id: string, body: AsyncIterable<Uint8Array>, span: Traced): Promise<WireReply> {
  const read = await readBody(road, peer, id, body)
  span?.setAttribute('postroad.message', read.shipment.head.id)
  const { head, chunkHashes } = read.shipment
  if (laneOf(head.body.bytes) === 'large') {
    const missing = new Set(await missingChunks(road.node, chunkHashes))
    if (missing.size > 0) {
      const places = chunkHashes.flatMap((hash, index) => (missing.has(hash) ? [index] : []))
      remember(announced, id, { peer, shipment: read.shipment, missing: new Set(places), bytes: weightOf(read.shipment) })
      return { status: 202, body: canonical({ v: 1, missing: places }) }
    }
  } else if (read.framed === null) throw roadFaults.bodyMissing({ message: head.id })
  return takeCustody(road, announced, peer, id, read, span)
}

/** Rows and receipts of a shipment whose body is here. */
async function takeCustody(road: Road, announced: Announced, peer: string, id: string, { shipment, framed }: { readonly shipment: Shipment; readonly framed: Uint8Array | null }, span: Traced): Promise<WireReply> {
  const { head, chunkHashes, hops, slice, forwarded } = shipment
  const outcome = await writeTraced(road, span, {
    kind: 'intake', keys: [head.id, id], weight: (framed?.length ?? 0) + 4096 + slice.length * 600, lazy: false,
    intake: {
      message: { head, headHash: headHash(road.suites[head.suite], head), cameFrom: peer, manifest: fromBase64url(shipment.manifest), chunkHashes, hops, ownWrap: null, bodyBytes: head.body.bytes, framed },
      recipients: slice, forwarded, from: { kind: 'peer', peer, shipment: id },
    },
  })
  announced.delete(id)
  if (outcome.kind === 'taken') span?.setAttribute('postroad.arrived', outcome.receipts.filter(({ receipt }) => receipt.kind === 'arrived').length)
  const reply = custodyReply(road, outcome)
  faultpoint('custody.beforeAnswer')
  return reply
}

/** What an announced shipment costs in memory, about. */
const weightOf = ({ manifest, slice, chunkHashes }: Shipment): number => manifest.length + slice.length * 1200 + chunkHashes.length * 60 + 4096

function custodyReply(road: Road, outcome: Outcome): WireReply {
  if (outcome.kind === 'refused') throw outcome.refusal.code === 'road.wrongRecipient' ? new Later(outcome.refusal) : outcome.refusal
  if (outcome.kind !== 'taken') throw new Error(`outcome ${outcome.kind} of an intake`)
  return { status: 200, body: canonical({ v: 1, epoch: road.epoch, mark: outcome.mark, receipts: outcome.receipts }) }
}

function remember(announced: Announced, id: string, entry: Announced extends Map<string, infer E> ? E : never): void {
  announced.delete(id)
  announced.set(id, entry)
  let held = [...announced.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  for (const [oldest, { bytes }] of announced) {
    if (held <= MOST_ANNOUNCED_BYTES || oldest === id) break
    announced.delete(oldest)
    held -= bytes
  }
}

/** Reads the front, checks it, then the chunks that came inside. Nothing is held longer than one chunk, except a small body. */
async function readBody(road: Road, peer: string, id: string, body: AsyncIterable<Uint8Array>): Promise<{ shipment: Shipment; framed: Uint8Array | null }> {
  const reader = startReadingShipment(road.suites)
  const inline: Uint8Array[] = []
  let shipment: Shipment | null = null
  const onEvent = async (event: ShipmentEvent): Promise<void> => {
    if (event.kind === 'front') {
      shipment = event.shipment
      checkShipment(road, peer, id, shipment)
      await requireRoomFor(road, id, shipment.head.body.bytes)
    } else if (shipment !== null && laneOf(shipment.head.body.bytes) === 'small') inline.push(frame(event.sealed))
    else await putChunks(road.node, [{ hash: event.hash, bytes: event.sealed }], shipment?.head.suite)
  }
  for await (const piece of body) {
    const events = reader.push(piece)
    if (!events.ok) throw refusalOf(events.fault)
    for (const event of events.value) await onEvent(event)
  }
  const end = reader.finish()
  if (!end.ok) throw refusalOf(end.fault)
  const read = shipment as Shipment | null
  if (read === null) throw refusalOf({ code: 'truncated', detail: 'no front' })
  return { shipment: read, framed: laneOf(read.head.body.bytes) === 'small' && inline.length === read.chunkHashes.length ? concat(...inline) : null }
}

/** A hop without room answers "later"; small things are let in when large ones are not any more. What was taken before needs no room: its peer only lost the answer. */
async function requireRoomFor(road: Road, id: string, bytes: number): Promise<void> {
  try {
    await requireRoom(road.node, bytes)
  } catch (error) {
    const isFull = error instanceof Error && 'code' in error && error.code === 'files.diskFull'
    const isKnown = isFull && (await road.node.transaction(service('road'), (tx) => findTaken(tx, [id]))).has(id)
    if (!isKnown) throw isFull ? new Later(error as unknown as Refusal) : error
  }
}

/** Everything that a centre can check about a shipment. A wrong one is refused for good; one that our directory may not know about yet, for now. */
export function checkShipment(road: Road, peer: string, id: string, shipment: Shipment): void {
  const { head, hops, slice, forwarded } = shipment
  const directory = directoryOf(road)
  if (shipmentId(road.suites[head.suite], head, { from: peer, to: road.self }, slice, forwarded.length) !== id) throw roadFaults.shipmentIdMismatch({ message: head.id })
  const last = hops[hops.length - 1]
  if (last === undefined || last.line.node !== peer) throw roadFaults.hopNotPeer({ message: head.id, peer })
  // the peer knows statements that we do not: what looks unknown here may only be new. What it sends another way than before, it knew later than its line says
  const known = [last.line.directory, ...forwarded.map(({ receipt }) => receipt.directory)]
  const behind = known.some((hash) => hash !== directory.checkpoint().hash)
  const require = (result: { readonly ok: true } | { readonly ok: false; readonly fault: WaybillFault }): void => {
    if (result.ok) return
    const refusal = refusalOf(result.fault, { message: head.id })
    if (behind && isNews(result.fault.code)) throw new Later(refusal)
    throw refusal
  }
  for (const signed of forwarded) require(verifyReceipt(road.suites, { signed, head, keyOf: receiptKeyOf(directory), verify: road.verify }))
  require(verifyHops(road.suites, { head, hops, keyOf: nodeKeyOf(directory), forwards: forwarded.length, verify: road.verify }))
  if (hops.filter(({ line }) => line.node === road.self).length > forwarded.length) throw roadFaults.hopLoop({ message: head.id, node: road.self })
  const maxLabel = Math.min(directory.node(road.self)?.maxLabel ?? 0, road.settingOf(peer).maxLabel.in)
  if (head.label > maxLabel) throw roadFaults.labelTooHigh({ message: head.id, label: head.label, maxLabel, node: road.self })
  require(senderMayOf(road, shipment))
  for (const { leaf } of slice) require(recipientKey(directory, leaf, head.suite, head.created))
  const at = road.node.now().toISOString()
  const split = splitByWay(slice, (organ) => wayTo(directory, road.self, organ, at), peer, forwarded)
  const stray = split.nowhere.find(({ reason }) => reason.code === 'wrongRecipient')
  if (stray !== undefined) {
    const refusal = roadFaults.wrongRecipient({ message: head.id, organ: stray.entry.leaf.organ })
    throw behind ? new Later(refusal) : refusal
  }
}

/** The sender's key and name stood when the message was made, and its own node was the first to take custody. What the manifest says stays sealed. */
function senderMayOf(road: Road, { head, hops }: Shipment): ReturnType<typeof organKey> {
  const directory = directoryOf(road)
  const { organ, name, key } = head.sender
  if (directory.organ(organ) === null) return { ok: false, fault: { code: 'unknownOrgan', detail: organ } }
  const first = hops[0]?.line
  if (first === undefined || !directory.mayHost(organ, first.node, first.at)) return { ok: false, fault: { code: 'wrongNode', detail: `${organ} is not hosted by ${first?.node ?? ''}` } }
  if (!directory.namesOf(organ, head.created).some((held) => held.name === name)) return { ok: false, fault: { code: 'nameNotHeld', detail: name } }
  return organKey(directory, organ, key, 'sign', head.suite, head.created)
}

/**
 * One chunk of an announced shipment, verified on arrival and kept at once: a cut costs no more than the chunk under way. The last one missing is
 * answered with custody, so that the front, which names every recipient, crosses the link once.
 */
export async function receiveChunk(road: Road, announced: Announced, offerer: Offerer, id: string, index: number, body: AsyncIterable<Uint8Array>, limit: number): Promise<WireReply> {
  const { peer } = offerer
  const wanted = announced.get(id)
  const hash = wanted?.shipment.chunkHashes[index]
  if (wanted === undefined || hash === undefined || wanted.peer !== peer) throw roadFaults.notAnnounced()
  const bytes = await readAll(body, limit)
  if (bytes === null) throw roadFaults.tooLong()
  if (bytes.length === 0) throw new BodyCut('empty chunk')
  await putChunks(road.node, [{ hash, bytes }], wanted.shipment.head.suite)
  const wasMissing = wanted.missing.delete(index)
  if (!wasMissing || wanted.missing.size > 0 || (await missingChunks(road.node, wanted.shipment.chunkHashes)).length > 0) return jsonReply(200, { v: 1 })
  checkShipment(road, peer, id, wanted.shipment) // days may have passed since it was announced
  return tracedTakeIn(road, offerer, (span) => {
    span?.setAttribute('postroad.message', wanted.shipment.head.id)
    return takeCustody(road, announced, peer, id, { shipment: wanted.shipment, framed: null }, span)
  })
}

/** Receipts on their way back: each is judged by itself, a forged one does not hold up the others. */
export async function receiveReceipts(road: Road, { peer }: Offerer, bytes: Uint8Array): Promise<{ reply: WireReply; refused: readonly { readonly id: string; readonly code: string; readonly later: boolean }[] }> {
  const receipts = readReceipts(bytes)
  if (!receipts.ok) throw refusalOf(receipts.fault)
  const outcome = receipts.value.length === 0 ? null : await road.writer.write({ kind: 'receipts', peer, receipts: receipts.value, keys: [], weight: bytes.length, lazy: true })
  if (outcome !== null && outcome.kind !== 'receipts') throw new Error(`outcome ${outcome.kind} of receipts`)
  const refused = outcome?.refused ?? []
  return { refused, reply: { status: 200, body: canonical({ v: 1, epoch: road.epoch, mark: outcome?.mark ?? 0, refused }) } }
}

