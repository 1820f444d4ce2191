import type { SuiteId } from '@postroad/gm'
import { z } from 'zod'

/** Wire format version; a reader refuses any other. */
export const VERSION = 1
/** Canonical bytes of a head may not be longer. */
export const MAX_HEAD_BYTES = 8192
/** Plaintext bytes of one chunk. */
export const CHUNK_BYTES = 1024 * 1024

// Binary values are base64url without padding inside JSON structures.
const bytes = (min: number, max: number) => z.string().regex(/^[A-Za-z0-9_-]*$/).min(Math.ceil((min * 4) / 3)).max(Math.ceil((max * 4) / 3))
export const hashText = bytes(32, 32)
export const uuid = z.uuid()
/** Names of nodes, organs, issuing names and keys in the directory: lower-case ASCII, stable for ever. */
export const directoryId = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/)
export const instant = z.iso.datetime({ precision: 3 })
export const suiteId = z.enum(['SM', 'P256']) satisfies z.ZodType<SuiteId>

/** 紧急程度. 特提 and 平急 belong to telegrams only. */
export const urgency = z.enum(['normal', 'urgent', 'extraUrgent'])
export type Urgency = z.infer<typeof urgency>
/** 标识: 0 无, 1 内部, 2 工作秘密. Higher levels never travel here. */
export const label = z.number().int().min(0).max(7)
/** Reserved for typed messages; each kind names the schema of its manifest's `content`. */
export const messageKind = z.enum(['document', 'recallRequest', 'recallAnswer', 'correctionNotice', 'voidNotice'])
export type MessageKind = z.infer<typeof messageKind>

/** What every centre on the way reads; immutable; canonical JSON of at most 8 KB. */
export const head = z.strictObject({
  v: z.literal(VERSION),
  suite: suiteId,
  id: uuid,
  kind: messageKind,
  /** Order is promised within a thread. The first message's id is the thread's id; `ordinal` counts the sender's messages in it. */
  thread: uuid,
  ordinal: z.number().int().min(0).max(1_000_000),
  /** The message this one answers, corrects, voids or recalls. */
  regarding: uuid.nullable(),
  sender: z.strictObject({ organ: directoryId, name: directoryId, key: directoryId }),
  recipients: z.strictObject({ root: hashText, count: z.number().int().min(1).max(100_000) }),
  urgency,
  label,
  created: instant,
  /** After this a custodian raises an alarm; nothing is dropped. */
  expires: instant,
  body: z.strictObject({ root: hashText, chunks: z.number().int().min(0).max(1_000_000), bytes: z.number().int().min(0) }),
  /** Hash of the sealed manifest as it travels. */
  manifest: hashText,
})
export type Head = z.infer<typeof head>

/** One leaf of the recipient tree. The salt keeps anybody from guessing the leaves a link does not carry. */
export const recipient = z.strictObject({
  organ: directoryId,
  /** The issuing name addressed (市委), held by the organ (市委办公室). */
  name: directoryId,
  role: z.enum(['to', 'cc']), // 主送, 抄送
  key: directoryId,
  wrapHash: hashText,
  salt: bytes(16, 16),
})
export type Recipient = z.infer<typeof recipient>

/** A recipient with its wrapped content key and its path to `head.recipients.root`. */
export const slicedRecipient = z.strictObject({ leaf: recipient, wrap: bytes(1, 512), index: z.number().int().min(0), path: z.array(hashText).max(20) })
export type SlicedRecipient = z.infer<typeof slicedRecipient>

/** A signature over one leaf of a batch: one private-key operation covers many structures, each carrying its path. A batch of one has an empty path. */
export const batchSignature = z.strictObject({ suite: suiteId, key: directoryId, size: z.number().int().min(1), index: z.number().int().min(0), path: z.array(hashText).max(20), signature: bytes(64, 64) })
export type BatchSignature = z.infer<typeof batchSignature>

/** Custody taken by one centre. `previous` is the hash of the line before, or of the head for line 0: an unbroken chain. */
export const hopLine = z.strictObject({ v: z.literal(VERSION), message: uuid, ordinal: z.number().int().min(0).max(63), node: directoryId, at: instant, directory: hashText, previous: hashText, salt: bytes(16, 16) })
export type HopLine = z.infer<typeof hopLine>
export const signedHopLine = z.strictObject({ line: hopLine, seal: batchSignature })
export type SignedHopLine = z.infer<typeof signedHopLine>

/** Why something was refused or ended, as travels in receipts. Words for people live in the rooms' `words.ts`. */
export const reason = z.strictObject({ code: z.string().regex(/^[a-zA-Z.]{1,64}$/), text: z.string().max(500) })

/** The act of a person that a receipt records: id, and the name that people read. `onBehalfOf` names the organ for 代收. */
export const actor = z.strictObject({ person: z.string().max(64), name: z.string().min(1).max(64), post: z.string().max(64), organ: directoryId, onBehalfOf: directoryId.nullable() })

export const receiptKind = z.enum([
  'submitted', // accepted by the sender's own node
  'custody', // a centre took custody
  'arrived', // at the recipient's node, durable
  'delivered', // opened and verified by the organ's terminal
  'signedFor', // 签收
  'registered', // 登记
  'returned', // 退文
  'undeliverable',
  'recalled', // 撤回
  'recallRefused',
  'closed', // closed by a person
  'late', // provisional: a time limit passed
  'forwarded',
])
export type ReceiptKind = z.infer<typeof receiptKind>

/** A fact about one message, or about one recipient of it. Signed by the node (`node`) or, for acts of an organ's people, by the organ. */
export const receipt = z.strictObject({
  v: z.literal(VERSION),
  id: uuid,
  kind: receiptKind,
  message: uuid,
  headHash: hashText,
  /** Recipient organ; null where the receipt speaks of the whole message (submitted) or of a link's slice (custody). */
  recipient: directoryId.nullable(),
  node: directoryId,
  at: instant,
  directory: hashText,
  actor: actor.nullable(),
  reason: reason.nullable(),
  salt: bytes(16, 16),
})
export type Receipt = z.infer<typeof receipt>
export const signedReceipt = z.strictObject({ receipt, seal: batchSignature })
export type SignedReceipt = z.infer<typeof signedReceipt>

/** One file inside the body. */
export const part = z.strictObject({
  name: z.string().min(1).max(255),
  mediaType: z.string().max(127),
  bytes: z.number().int().min(0),
  /** Hash of the plaintext. */
  hash: hashText,
  firstChunk: z.number().int().min(0),
  chunks: z.number().int().min(0),
  /** Merkle root over the *encoded* (compressed) chunks: compression comes before the signature, never after. */
  encodedRoot: hashText,
})
export type Part = z.infer<typeof part>

/** What the sending organ signs (CMS SignedData), then seals under the content key. */
export const manifest = z.strictObject({
  v: z.literal(VERSION),
  /** Hash of the head with its `manifest` field set to 43 × 'A': a manifest cannot contain the hash of its own sealed form. */
  headCore: hashText,
  recipients: z.array(z.strictObject({ organ: directoryId, name: directoryId, role: z.enum(['to', 'cc']) })),
  content: z.strictObject({
    title: z.string().min(1).max(500),
    number: z.string().max(100), // 发文字号
    issuingName: z.string().max(200), // printed name
    printedTo: z.string().max(2000), // 主送 as printed
    printedCc: z.string().max(4000), // 抄送 as printed
    note: z.string().max(4000), // reason of a recall, text of a correction
  }),
  parts: z.array(part).max(200),
})
export type Manifest = z.infer<typeof manifest>
