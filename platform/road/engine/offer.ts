import { base64url } from '@postroad/gm'
import { SpanKind, type Traced, traceparentOf } from '@postroad/kernel/trace'
import { readChunk } from '@postroad/files/service'
import { type Head, type SignedReceipt, encodeShipment, receiptKeyOf, verifyReceipt } from '@postroad/waybill'
import { faultpoint } from '../faultpoints.ts'
import { LinkFailure, type WireReply } from '../transport/port.ts'
import type { HandedShipment } from './effects.ts'
import { type Road, directoryOf } from './road.ts'
import { within } from './spans.ts'
import { CHUNK_TYPE, CLOCK_HEADER, EPOCH_HEADER, NODE_HEADER, SHIPMENT_TYPE, TRACE_HEADER, addressOf, chunkAnswer, custodyAnswer, faultOf, missingAnswer, paths, readReply } from './wire.ts'

export type OfferResult =
  | { readonly kind: 'custody'; readonly mark: number; readonly receipts: readonly SignedReceipt[] }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'later'; readonly code: string }
  | { readonly kind: 'greet' }

/** A callee that asks for chunks again and again does not keep them. */
const MOST_ROUNDS = 5

/** The front of a shipment as it travels, the same on every try. */
export const frontOf = ({ hops, slice, forwarded }: Pick<HandedShipment['shipment'], 'hops' | 'slice' | 'forwarded'>, message: HandedShipment['message']): Uint8Array =>
  encodeShipment({ head: message.head, hops, slice, manifest: base64url(message.manifest), chunkHashes: message.chunkHashes, forwarded })

/**
 * Offers a shipment to the next centre: small bodies inside, of large ones only what the centre says it lacks, chunk by chunk. Byte-identical on every try.
 * @throws LinkFailure when no answer came
 */
export async function offer(road: Road, handed: HandedShipment, epoch: string): Promise<OfferResult> {
  const { shipment, attempts } = handed
  const attributes = { 'postroad.message': shipment.head.id, 'postroad.peer': shipment.link, 'postroad.urgency': shipment.head.urgency, 'postroad.attempt': attempts + 1 }
  return within(road.node, 'road.offer', { kind: SpanKind.CLIENT, attributes }, (span) => offerNow(road, handed, epoch, span), failureIn)
}

const failureIn = (result: OfferResult): string | null => (result.kind === 'custody' ? null : result.kind === 'greet' ? 'road.greetFirst' : result.code)

async function offerNow(road: Road, handed: HandedShipment, epoch: string, span: Traced): Promise<OfferResult> {
  const { shipment, message } = handed
  const address = addressOf(road, shipment.link)
  const frame = frontOf(shipment, message)
  const body = message.framed === null ? [frame] : [frame, message.framed]
  const traced = span === null ? {} : { [TRACE_HEADER]: traceparentOf(span) }
  const put = (path: string, type: string, content: readonly Uint8Array[]): Promise<WireReply> =>
    road.transport.request(address, { method: 'PUT', path, type, headers: { [NODE_HEADER]: road.self, [EPOCH_HEADER]: epoch, [CLOCK_HEADER]: road.node.now().toISOString(), ...traced }, length: content.reduce((sum, piece) => sum + piece.length, 0), body: content })
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    faultpoint('offer.beforeSend')
    const reply = await put(paths.shipment(shipment.id), SHIPMENT_TYPE, body)
    faultpoint('offer.afterAnswer')
    if (reply.status !== 202) return readOffer(road, { peer: shipment.link, head: message.head }, reply, (told) => told === epoch)
    const sent = await sendMissing(road, handed, readReply(reply, missingAnswer).missing, put, epoch)
    if (sent !== null) return sent
  }
  return { kind: 'later', code: 'chunksNotKept' }
}

/** Answers custody where the last chunk brought it, a failure, or null: the shipment is offered anew. */
async function sendMissing(road: Road, handed: HandedShipment, missing: readonly number[], put: (path: string, type: string, content: readonly Uint8Array[]) => Promise<WireReply>, epoch: string): Promise<OfferResult | null> {
  const { shipment, message } = handed
  for (const index of missing) { // one at a time: what a cut may cost is less than two
    const hash = message.chunkHashes[index]
    if (hash === undefined) throw new LinkFailure('cut', `asked for chunk ${index} of ${message.chunkHashes.length}`)
    const reply = await put(paths.chunk(shipment.id, index), CHUNK_TYPE, [await readChunk(road.node, hash, message.head.suite)])
    if (reply.status === 404) return null // not announced any more
    if (reply.status !== 200) return resultOf(reply)
    if (!readReply(reply, chunkAnswer).custody) continue
    return readOffer(road, { peer: shipment.link, head: message.head }, reply, (told) => told === epoch)
  }
  return null
}

/** What a centre answered to an offer, at once over https or days later by bundle. `isPresent` judges the epoch in which it took custody. */
export const readOffer = (road: Road, offered: { readonly peer: string; readonly head: Head }, reply: WireReply, isPresent: (epoch: string) => boolean): OfferResult =>
  reply.status === 200 ? readCustody(road, offered, reply, isPresent) : resultOf(reply)

function resultOf(reply: WireReply): OfferResult {
  const { code, later } = faultOf(reply)
  if (code === 'road.greetFirst') return { kind: 'greet' }
  return later ? { kind: 'later', code } : { kind: 'refused', code }
}

/** Custody has passed only if the next centre says so with its seal; the other receipts are kept if they hold. */
function readCustody(road: Road, { peer, head }: { readonly peer: string; readonly head: Head }, reply: WireReply, isPresent: (epoch: string) => boolean): OfferResult {
  const { mark, receipts, epoch } = readReply(reply, custodyAnswer)
  if (!isPresent(epoch)) return { kind: 'greet' } // it speaks of what a restore may have undone
  const keyOf = receiptKeyOf(directoryOf(road))
  const verdicts = receipts.map((signed) => ({ signed, verdict: verifyReceipt(road.suites, { signed, head, keyOf, verify: road.verify }) }))
  const good = verdicts.filter(({ verdict }) => verdict.ok).map(({ signed }) => signed)
  const custody = good.some(({ receipt }) => receipt.kind === 'custody' && receipt.node === peer)
  if (good.length < receipts.length) road.node.log.warn({ peer, message: head.id, refused: verdicts.flatMap(({ signed: { receipt }, verdict }) => (verdict.ok ? [] : [{ kind: receipt.kind, code: verdict.fault.code }])) }, 'receipts in an answer refused')
  return custody ? { kind: 'custody', mark, receipts: good } : { kind: 'later', code: 'road.noCustody' }
}

