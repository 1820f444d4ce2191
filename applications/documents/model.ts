import { isBase64url } from '@postroad/gm'
import { batchSignature, DELIVERY_STATES, type DeliveryState, directoryId, hashText, head, instant, type ReceiptKind, signedHopLine, signedReceipt, slicedRecipient, uuid } from '@postroad/waybill'
import { z } from 'zod'

// Shapes that travel between the node and the organ's terminal, and the pure decisions about them. Read by both; no I/O.

const base64url = (maxBytes: number) => z.string().max(Math.ceil((maxBytes * 4) / 3)).refine(isBase64url)
/** Plain bytes of a body that may go inside the dispatch request; larger ones are uploaded. */
export const MAX_INLINE_BYTES = 256 * 1024
/** A part above this is fetched when somebody asks for it by name, and goes straight to disk where the browser can. */
export const LARGE_PART_BYTES = 50 * 1024 * 1024
/** A dispatch request: some 20,000 recipients, or an inline body. */
export const MAX_REQUEST_BYTES = 16 * 1024 * 1024

/** The views of 「收文」, each a set of states. */
export const RECEIVED_VIEWS = {
  waiting: ['arrived', 'delivered'],
  signed: ['signedFor'],
  registered: ['registered'],
  ended: ['returned', 'recalled', 'closed'],
  all: ['arrived', 'delivered', 'signedFor', 'registered', 'returned', 'recalled', 'closed'],
} as const satisfies Record<string, readonly DeliveryState[]>
export type ReceivedView = keyof typeof RECEIVED_VIEWS

const deliveryState = z.enum(DELIVERY_STATES)
/** Where a recall of a delivery stands (撤回申请中 until the destination answers). */
const recallState = z.enum(['none', 'requested', 'refused', 'done'])
export type RecallState = z.infer<typeof recallState>

/** One delivery to an organ of the reader, as the node keeps it: ciphertext and facts. From a deputy (代收) the manifest is withheld; the wrap it could not open anyway. */
export const receivedRow = z.strictObject({
  message: uuid,
  /** Whom it was sent to; after a merger `keeper` is who now answers for that organ. */
  organ: directoryId,
  keeper: directoryId,
  deputised: z.boolean(),
  head,
  slice: slicedRecipient,
  /** Sealed, base64url; empty for a deputy. */
  manifest: z.string(),
  state: deliveryState,
  recall: recallState,
  arrivedAt: instant,
})
export type ReceivedRow = z.infer<typeof receivedRow>
export const receivedDetail = receivedRow.extend({ hops: z.array(signedHopLine), receipts: z.array(signedReceipt), chunkHashes: z.array(hashText) })
export type ReceivedDetail = z.infer<typeof receivedDetail>
/** What newly arrived, with everything its terminal needs; `body` are the sealed chunks of a small body, null where they are to be fetched. */
export const arrival = receivedDetail.extend({ body: z.array(z.string()).nullable() })
export type Arrival = z.infer<typeof arrival>
export const arrivalsPage = z.strictObject({ items: z.array(arrival), next: z.string().nullable() })

/** How many recipients stand where. */
const stateCounts = z.partialRecord(deliveryState, z.number().int())
export type StateCounts = Readonly<Partial<Record<DeliveryState, number>>>

/** One message this organ sent. `ownWrap` is the content key wrapped for the organ itself, so that it can read what it sent. */
export const sentRow = z.strictObject({
  message: uuid,
  organ: directoryId,
  head,
  manifest: z.string(),
  ownWrap: z.strictObject({ key: directoryId, wrap: z.string() }),
  states: stateCounts,
  submittedAt: instant,
})
export type SentRow = z.infer<typeof sentRow>
export const sentDetail = sentRow.extend({ recipients: z.array(slicedRecipient), chunkHashes: z.array(hashText) })
export type SentDetail = z.infer<typeof sentDetail>

/** The board 「跟踪」: each recipient with its receipts, and those of the whole message (submitted, custody). */
export const trackedDelivery = z.strictObject({ organ: directoryId, name: directoryId, role: z.enum(['to', 'cc']), state: deliveryState, recall: recallState, late: z.boolean(), /** Who took it over (承接单位), where the organ has ended. */ heir: directoryId.nullable(), receipts: z.array(signedReceipt) })
export type TrackedDelivery = z.infer<typeof trackedDelivery>
export const tracking = z.strictObject({ message: uuid, deliveries: z.array(trackedDelivery), receipts: z.array(signedReceipt) })
export type Tracking = z.infer<typeof tracking>

/** A line of the board of a document to many, without receipts. */
export const boardLine = trackedDelivery.omit({ receipts: true }).extend({ at: instant, reason: z.string() })
export type BoardLine = z.infer<typeof boardLine>
export const boardPage = z.strictObject({ items: z.array(boardLine), next: z.string().nullable() })
/** In the order of the organs' ids; `after` is the last of the page before. */
export const boardQuery = z.object({ after: directoryId.optional(), limit: z.coerce.number().int().min(1).max(10_000).default(5000) })
/** The way of one delivery: its line, its receipts and those of the whole message, oldest first. */
export const story = z.strictObject({ line: boardLine, receipts: z.array(signedReceipt) })
export type Story = z.infer<typeof story>
export const storyParams = z.object({ id: uuid, organ: directoryId })

export type Page<Row> = { readonly items: Row[]; readonly next: string | null }
export const receivedPage = z.strictObject({ items: z.array(receivedRow), next: z.string().nullable() })
export const sentPage = z.strictObject({ items: z.array(sentRow), next: z.string().nullable() })
export const todo = z.strictObject({ waiting: z.number().int(), urgent: z.number().int(), returned: z.number().int(), recalling: z.number().int() })
export type Todo = z.infer<typeof todo>

/** 封发: what the terminal hands in. The body comes inside (sealed chunks in order) or was uploaded before. */
export const dispatchRequest = z.strictObject({
  clientId: uuid,
  head,
  recipients: z.array(slicedRecipient).min(1).max(100_000),
  manifest: base64url(24 * 1024 * 1024),
  ownWrap: z.strictObject({ key: directoryId, wrap: base64url(512) }),
  chunkHashes: z.array(hashText).max(1_000_000),
  uploadId: uuid.nullable(),
  inlineBody: z.array(base64url(2 * 1024 * 1024)).max(1000).nullable(),
})
export type DispatchRequest = z.infer<typeof dispatchRequest>
export const dispatchAnswer = z.strictObject({ message: uuid, receipt: signedReceipt })

/** Several at once from one terminal; each stands or falls by itself. */
export const MAX_TOGETHER = 32
export const dispatchesRequest = z.strictObject({ dispatches: z.array(dispatchRequest).min(1).max(MAX_TOGETHER) })
const detail = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
/** A refusal in the catalogue's form. */
export const refusalAnswer = z.object({ error: z.object({ code: z.string(), message: z.string(), advice: z.string(), detail: detail.optional() }) })
export const dispatchesAnswer = z.strictObject({ answers: z.array(z.union([dispatchAnswer, refusalAnswer.extend({ status: z.number().int() })])) })

export const receiptsRequest = z.strictObject({ receipts: z.array(signedReceipt).min(1).max(100) })
export const receiptsAnswer = z.strictObject({ receipts: z.array(z.strictObject({ receipt: signedReceipt.shape.receipt, seal: batchSignature })) })

/** The place in a list after which the next page begins, as the page before told it. */
const cursor = z.string().regex(/^\d{1,14}_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
export const receivedQuery = z.object({ view: z.enum(['waiting', 'signed', 'registered', 'ended', 'all']).default('waiting'), cursor: cursor.optional(), limit: z.coerce.number().int().min(1).max(100).default(30) })
export const arrivalsQuery = z.object({ after: cursor.optional(), limit: z.coerce.number().int().min(1).max(50).default(30) })
export const sentQuery = z.object({ cursor: cursor.optional(), limit: z.coerce.number().int().min(1).max(100).default(30) })
export const messageParams = z.object({ id: uuid })
export const chunkParams = z.object({ id: uuid, n: z.coerce.number().int().min(0).max(1_000_000) })
/** A message can reach two organs of one person; without the organ the first of them is meant. */
export const organQuery = z.object({ organ: directoryId.optional() })
export const threadParams = z.object({ thread: uuid })
/** The number that an organ's next message in a thread bears. */
export const threadAnswer = z.strictObject({ nextOrdinal: z.number().int() })
export type ThreadAnswer = z.infer<typeof threadAnswer>

/** What the node knows of a message, for 「导出凭证」; the terminal adds what only it can read. */
export const evidenceAnswer = z.strictObject({ head, hops: z.array(signedHopLine), recipients: z.array(slicedRecipient), manifest: z.string(), chunkHashes: z.array(hashText), receipts: z.array(signedReceipt) })
export type EvidenceAnswer = z.infer<typeof evidenceAnswer>

/** What an organ's people may sign. Everything else is said by nodes. */
export const ORGAN_RECEIPTS = ['delivered', 'signedFor', 'registered', 'returned'] as const satisfies readonly ReceiptKind[]
export type OrganReceipt = (typeof ORGAN_RECEIPTS)[number]
export const isOrganReceipt = (kind: ReceiptKind): kind is OrganReceipt => (ORGAN_RECEIPTS as readonly string[]).includes(kind)
/** The duty that each of them takes; 代收 takes `documents.deputise` instead. */
export const DUTY_OF: Readonly<Record<OrganReceipt, string>> = { delivered: 'documents.read', signedFor: 'documents.sign', registered: 'documents.sign', returned: 'documents.sign' }

/** Which acts the page offers on a delivery in this state. 退文 is possible before and after 签收 (初审), not after 登记. */
export function actsOn(row: Pick<ReceivedRow, 'state' | 'deputised'>): readonly OrganReceipt[] {
  if (row.deputised) return row.state === 'arrived' || row.state === 'delivered' ? ['signedFor'] : []
  if (row.state === 'arrived' || row.state === 'delivered') return ['signedFor', 'returned']
  if (row.state === 'signedFor') return ['registered', 'returned']
  return []
}

/** States in which a delivery has neither been signed for nor ended. */
export const OPEN_STATES = ['accepted', 'queued', 'inCustody', 'arrived', 'delivered'] as const satisfies readonly DeliveryState[]
export const isOpen = (state: DeliveryState): boolean => (OPEN_STATES as readonly string[]).includes(state)

/** Whether a recall can still be asked for: at least one recipient has neither signed nor ended. */
export const mayRecall = (states: StateCounts): boolean => OPEN_STATES.some((state) => (states[state] ?? 0) > 0)

/** Counts of one message's deliveries for a row of the list: "已签收 4/6". */
export function progress(states: StateCounts): { readonly signed: number; readonly total: number } {
  const total = Object.values(states).reduce((sum, count) => sum + count, 0)
  return { signed: (states.signedFor ?? 0) + (states.registered ?? 0), total }
}
