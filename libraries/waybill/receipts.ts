import type { Suite, Suites } from '@postroad/gm'
import { base64url } from '@postroad/gm'
import { z } from 'zod'
import { verifyBatch } from './batch.ts'
import { hashOf, headHash, readCanonical } from './canonical.ts'
import { FINE, fail, ok, type Result } from './fault.ts'
import { type BatchSignature, type Head, type Receipt, type ReceiptKind, receipt as receiptSchema, type SignedReceipt, signedReceipt, VERSION } from './model.ts'
import type { Random } from './slices.ts'
import { uuidv7 } from './uuid.ts'

/** Kinds that only the recipient organ's own people (or its deputy) make; the others are sealed by a node. */
export const ORGAN_KINDS: readonly ReceiptKind[] = ['delivered', 'signedFor', 'registered', 'returned']
const WHOLE_MESSAGE_KINDS: readonly ReceiptKind[] = ['submitted', 'custody']
const ACTOR_KINDS: readonly ReceiptKind[] = ['signedFor', 'registered', 'returned', 'closed']
const REASON_KINDS: readonly ReceiptKind[] = ['returned', 'undeliverable', 'recallRefused', 'closed', 'late', 'forwarded']

/** Who sealed a receipt: a node, or the organ whose key it is. `signer` is the organ's id for organ kinds, the node's otherwise. */
export type ReceiptKeyOf = (receipt: Receipt, seal: BatchSignature) => Result<Uint8Array>

export const isOrganKind = (kind: ReceiptKind): boolean => ORGAN_KINDS.includes(kind)

/** Hash of a receipt, for stores and ledgers. */
export const receiptHash = (suite: Suite, receipt: Receipt): string => hashOf(suite, 'receipt', receipt)

/** A receipt ready to be sealed with `signBatch(…, 'receipt', receipts)`; incomplete ones are refused. */
export function makeReceipt(
  suite: Suite,
  fact: Pick<Receipt, 'kind' | 'recipient' | 'node' | 'at' | 'directory'> & Partial<Pick<Receipt, 'actor' | 'reason'>> & { readonly head: Head; readonly random: Random },
): Result<Receipt> {
  const { head, random, kind, recipient, node, at, directory } = fact
  const receipt: Receipt = {
    v: VERSION,
    id: uuidv7(at, random),
    kind,
    message: head.id,
    headHash: headHash(suite, head),
    recipient,
    node,
    at,
    directory,
    actor: fact.actor ?? null,
    reason: fact.reason ?? null,
    salt: base64url(random(16)),
  }
  const complete = checkReceipt(receipt)
  return complete.ok ? ok(receiptSchema.parse(receipt)) : complete
}

/** What the schema cannot say: which kinds need a recipient, a person, a reason; and that 代收 names whom it stands for. */
export function checkReceipt(receipt: Receipt): Result<null> {
  const { kind, recipient, actor, reason } = receipt
  if (WHOLE_MESSAGE_KINDS.includes(kind) !== (recipient === null)) return fail('receiptIncomplete', `${kind}: recipient`)
  if (ACTOR_KINDS.includes(kind) && actor === null) return fail('receiptIncomplete', `${kind}: actor`)
  if (REASON_KINDS.includes(kind) && reason === null) return fail('receiptIncomplete', `${kind}: reason`)
  if (actor !== null && isOrganKind(kind) && actor.organ !== recipient && actor.onBehalfOf !== recipient) return fail('receiptIncomplete', `${kind}: onBehalfOf`)
  return FINE
}

/** Verifies one receipt: complete, about this head, sealed in the head's suite by whom `keyOf` allows. */
export function verifyReceipt(suites: Suites, claim: { readonly signed: SignedReceipt; readonly head: Head; readonly keyOf: ReceiptKeyOf; readonly verify?: typeof verifyBatch }): Result<null> {
  const { head, keyOf } = claim
  const { receipt, seal } = claim.signed
  const complete = checkReceipt(receipt)
  if (!complete.ok) return complete
  if (receipt.message !== head.id || receipt.headHash !== headHash(suites[head.suite], head)) return fail('wrongMessage', receipt.id)
  if (seal.suite !== head.suite) return fail('wrongSuite', receipt.id)
  const key = keyOf(receipt, seal)
  if (!key.ok) return key
  return (claim.verify ?? verifyBatch)(suites, key.value, 'receipt', receipt, seal) ? FINE : fail('badSeal', receipt.id)
}

/** Most receipts in one message on a link. */
export const MAX_RECEIPTS = 1000
const receiptList = z.array(signedReceipt).max(MAX_RECEIPTS)
/** Reads a canonical JSON array of signed receipts from hostile bytes. */
export const readReceipts = (bytes: Uint8Array): Result<SignedReceipt[]> => readCanonical(bytes, receiptList, { maxBytes: 4 * 1024 * 1024 })
