import type { Suites } from '@postroad/gm'
import { fromBase64url, isBase64url } from '@postroad/gm'
import type { Refusal } from '@postroad/kernel/errors'
import type { PersonPrincipal } from '@postroad/kernel/principal'
import { type DirectoryView, type Result, checkChunkHashes, checkHead, chunkHash, directoryId, hashText, head, manifestHash, organKey, slicedRecipient, uuid, verifyAllRecipients } from '@postroad/waybill'
import { z } from 'zod'
import { CLOCK_SLACK_MS, wayTo } from './model.ts'
import { refusalOf, roadFaults } from './words.ts'

/** What an organ's terminal hands in. All of it is ciphertext, hashes and addresses. */
export const submission = z.strictObject({
  /** Names this submission within the organ: the same again gets the same answer. */
  clientId: z.string().min(1).max(100),
  head,
  /** All recipients, in the order of their tree. */
  recipients: z.array(slicedRecipient).min(1).max(100_000),
  /** Sealed, base64url. */
  manifest: z.string().max(32 * 1024 * 1024).refine(isBase64url),
  /** The content key wrapped for the sender itself. */
  ownWrap: z.strictObject({ key: directoryId, wrap: z.string().min(1).max(700).refine(isBase64url) }),
  chunkHashes: z.array(hashText).max(1_000_000),
  /** The body: uploaded before, or its sealed chunks here (small ones); none for an empty body. */
  uploadId: uuid.nullable(),
  inlineBody: z.array(z.custom<Uint8Array>((value) => value instanceof Uint8Array)).max(1000).nullable(),
})
export type Submission = z.infer<typeof submission>

/** The duty by which a post sends documents. */
export const SEND_DUTY = 'documents.send'
/** Clocks of terminals and nodes may differ by so much; older heads than this are packed anew. */
const OLDEST_MS = 24 * 3600_000
/** Bodies inside a submission. */
export const MAX_INLINE_BODY_BYTES = 1024 * 1024

/** Everything about a submission that needs neither database nor disk; answers the first thing that is wrong, or null. */
export function refusalOfSubmission(given: Submission, by: PersonPrincipal, at: { readonly suites: Suites; readonly directory: DirectoryView; readonly node: string; readonly now: Date }): Refusal | null {
  const wrongHead = fault(checkHead(given.head))
  if (wrongHead !== null) return wrongHead
  return mayNot(given, by, at) ?? sendsWrongly(given, at) ?? addressesWrongly(given, at) ?? carriesWrongly(given, at)
}
type At = Parameters<typeof refusalOfSubmission>[2]

const fault = (result: Result<unknown>): Refusal | null => (result.ok ? null : refusalOf(result.fault))

function mayNot({ head: { sender, label } }: Submission, by: PersonPrincipal, { directory, node }: At): Refusal | null {
  if (by.acting.organ !== sender.organ) return roadFaults.notYourOrgan({ organ: sender.organ })
  if (!by.acting.duties.includes(SEND_DUTY)) return roadFaults.noDuty({ duty: SEND_DUTY })
  if (label > by.clearance) return roadFaults.aboveClearance({ label })
  const maxLabel = directory.node(node)?.maxLabel ?? 0
  return label > maxLabel ? roadFaults.labelTooHigh({ label, maxLabel, node }) : null
}

function sendsWrongly({ head: { kind, sender, suite, created, expires }, ownWrap }: Submission, { directory, node, now }: At): Refusal | null {
  const at = now.toISOString()
  if (expires <= at) return roadFaults.expired({ expires })
  if (Date.parse(created) > now.getTime() + CLOCK_SLACK_MS || Date.parse(created) < now.getTime() - OLDEST_MS) return roadFaults.createdInFuture({ created })
  const organ = directory.organ(sender.organ, at)
  if (kind === 'document' && directory.leaving(node) !== null) return roadFaults.ownNodeLeaving({ node })
  if (organ === null || organ.node !== node) return refusalOf({ code: 'unknownOrgan', detail: sender.organ })
  if (!directory.namesOf(sender.organ, created).some(({ name }) => name === sender.name)) return refusalOf({ code: 'nameNotHeld', detail: sender.name })
  return fault(organKey(directory, sender.organ, sender.key, 'sign', suite, created)) ?? fault(organKey(directory, sender.organ, sender.key, 'sign', suite, at))
    ?? fault(organKey(directory, sender.organ, ownWrap.key, 'encrypt', suite, at))
}

function addressesWrongly({ head: { kind, suite, created, recipients: counted }, head: whole, recipients }: Submission, { suites, directory, node, now }: At): Refusal | null {
  const tree = fault(verifyAllRecipients(suites[suite], whole, recipients))
  if (tree !== null || recipients.length !== counted.count) return tree ?? refusalOf({ code: 'recipientMissing', detail: '' })
  const at = now.toISOString()
  for (const { leaf } of recipients) {
    const way = wayTo(directory, node, leaf.organ, at)
    if (way.kind === 'nowhere') return refusalOf({ code: 'unknownOrgan', detail: leaf.organ }, { reason: way.reason.code })
    const host = directory.organ(way.keeper, at)?.node
    if (kind === 'document' && host !== undefined && directory.leaving(host) !== null) return roadFaults.nodeLeaving({ organ: leaf.organ, title: directory.organ(leaf.organ)?.title ?? '' })
    const key = recipientKey(directory, leaf, suite, created)
    if (!key.ok) return refusalOf(key.fault, { organ: leaf.organ })
    const held = [...directory.namesOf(leaf.organ, at), ...directory.namesOf(way.keeper, at), ...(way.forwarded ? directory.names().filter(({ organ }) => organ === leaf.organ) : [])]
    if (!held.some(({ name }) => name === leaf.name)) return refusalOf({ code: 'nameNotHeld', detail: leaf.name }, { organ: leaf.organ })
  }
  return null
}

/** The recipient's own encryption key; of an organ that merged, its successor's does. */
export function recipientKey(directory: DirectoryView, leaf: { readonly organ: string; readonly key: string }, suite: Submission['head']['suite'], at: string): ReturnType<typeof organKey> {
  const own = organKey(directory, leaf.organ, leaf.key, 'encrypt', suite, at)
  const keeper = directory.standsFor(leaf.organ, at)
  return own.ok || keeper === null || keeper === leaf.organ ? own : organKey(directory, keeper, leaf.key, 'encrypt', suite, at)
}

function carriesWrongly({ head: whole, manifest, chunkHashes, inlineBody, uploadId }: Submission, { suites }: At): Refusal | null {
  const suite = suites[whole.suite]
  if (manifestHash(suite, fromBase64url(manifest)) !== whole.manifest) return refusalOf({ code: 'manifestHashMismatch', detail: '' })
  const hashes = fault(checkChunkHashes(suites, whole, chunkHashes))
  if (hashes !== null) return hashes
  if (inlineBody === null) return uploadId === null && chunkHashes.length > 0 ? roadFaults.bodyMissing() : null
  const bytes = inlineBody.reduce((sum, chunk) => sum + chunk.length, 0)
  if (bytes > MAX_INLINE_BODY_BYTES) return roadFaults.bodyTooLong({ bytes })
  if (inlineBody.length !== chunkHashes.length || bytes !== whole.body.bytes) return roadFaults.bodyMissing({ chunks: inlineBody.length, of: chunkHashes.length })
  const wrong = inlineBody.findIndex((chunk, index) => chunkHash(suite, chunk) !== chunkHashes[index])
  return wrong < 0 ? null : refusalOf({ code: 'chunkHashMismatch', detail: `chunk ${wrong}` })
}
