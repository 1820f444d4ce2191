import { fromBase64url } from '@postroad/gm'
import { directoryId, instant, signedReceipt, tlsCertificates } from '@postroad/waybill'
import { z } from 'zod'
import { LinkFailure, type PeerAddress, type WireReply } from '../transport/port.ts'
import { type Road, directoryOf } from './road.ts'

/** Content types of the road; anything else is refused. */
export const SHIPMENT_TYPE = 'application/vnd.postroad.shipment'
export const CHUNK_TYPE = 'application/vnd.postroad.chunk'
export const JSON_TYPE = 'application/json'
/** The caller's own id, which its certificate must confirm, and the epoch of the callee that it greeted. */
export const NODE_HEADER = 'postroad-node'
export const EPOCH_HEADER = 'postroad-epoch'
/** What the caller's clock showed when it offered. */
export const CLOCK_HEADER = 'postroad-at'
/** W3C Trace Context, sent only while this node traces: a number made for this request, which tells nothing. */
export const TRACE_HEADER = 'traceparent'

export const paths = {
  hello: '/road/v1/hello',
  alive: '/road/v1/alive',
  receipts: '/road/v1/receipts',
  shipment: (id: string): string => `/road/v1/shipments/${id}`,
  chunk: (id: string, index: number): string => `/road/v1/shipments/${id}/chunks/${index}`,
} as const

const count = z.number().int().min(0)
/** What each side of a link tells of itself: its epoch, what it took over from the other, ever (`marks`), and what it was last told in turn (`given`). */
export const marks = z.strictObject({ taken: count, receipts: count })
export const greeting = z.strictObject({ v: z.literal(1), node: directoryId, epoch: z.string().min(1).max(100), marks, given: marks, at: instant })
export type Greeting = z.infer<typeof greeting>

/** Answer 200 to a call that only asks whether somebody is there, and what time it is there. */
export const aliveAnswer = z.strictObject({ v: z.literal(1), node: directoryId, at: instant })
/** Answer 200 to a shipment. */
export const custodyAnswer = z.strictObject({ v: z.literal(1), epoch: z.string(), mark: count, receipts: z.array(signedReceipt).max(200_100) })
/** Answer 200 to a chunk: kept; or, to the last one that was missing, custody itself. */
export const chunkAnswer = z.looseObject({ v: z.literal(1), receipts: z.array(z.unknown()).optional() }).transform(({ receipts }) => ({ custody: receipts !== undefined }))
/** Answer 202: these chunks are not here yet. */
export const missingAnswer = z.strictObject({ v: z.literal(1), missing: z.array(count).max(1_000_000) })
/** Answer 200 to receipts. `later`: not now, for instance because the directory is behind. */
export const receiptsAnswer = z.strictObject({ v: z.literal(1), epoch: z.string(), mark: count, refused: z.array(z.strictObject({ id: z.uuid(), code: z.string().max(80), later: z.boolean() })) })
/** Any other answer. `later` tells a shipment that is not refused for good from one that is. */
export const faultAnswer = z.object({ error: z.object({ code: z.string().max(80), later: z.boolean().optional() }) })

/** Whom a link calls; its endpoint and certificate are the directory's. @throws LinkFailure without an endpoint */
export function addressOf(road: Road, peer: string): PeerAddress {
  const body = directoryOf(road).node(peer)
  if (body === null || body.endpoint === null) throw new LinkFailure('unreachable', `${peer} has no endpoint in the directory`)
  return { node: peer, endpoint: body.endpoint, certificates: tlsCertificates(body).map(fromBase64url) }
}

/** A reply's JSON by its schema. @throws LinkFailure: a peer that does not speak the protocol is as good as absent */
export function readReply<T>(reply: WireReply, schema: z.ZodType<T>): T {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(reply.body).toString('utf8'))
  } catch {
    throw new LinkFailure('cut', `status ${reply.status} without JSON`)
  }
  const read = schema.safeParse(value)
  if (!read.success) throw new LinkFailure('cut', `status ${reply.status}: ${read.error.issues[0]?.path.join('.') ?? ''}`)
  return read.data
}

export const faultOf = (reply: WireReply): { code: string; later: boolean } => {
  try {
    const { error } = readReply(reply, faultAnswer)
    return { code: error.code, later: error.later ?? reply.status >= 500 }
  } catch {
    return { code: `http.${reply.status}`, later: true }
  }
}

