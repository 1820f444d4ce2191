import { putChunks, readChunk, removeChunks, takeUpload } from '@postroad/files/service'
import { concat, fromBase64url } from '@postroad/gm'
import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import type { Traced } from '@postroad/kernel/trace'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { type SignedReceipt, frame, headHash } from '@postroad/waybill'
import { clockFault } from './engine/clock.ts'
import { signIntakes, writeJournal } from './engine/commit.ts'
import { type Intake, type Outcome, newJournal, noAftermath } from './engine/effects.ts'
import { applyIntakes } from './engine/intake.ts'
import { type Road, directoryOf, roadSlot } from './engine/road.ts'
import { within, writeTraced } from './engine/spans.ts'
import { laneOf } from './model.ts'
import { asRoad } from './store/acting.ts'
import { deliveriesOf } from './store/deliveries.ts'
import { findSubmissions, messageFacts } from './store/messages.ts'
import { receiptsById } from './store/receipts.ts'
import { type Submission, refusalOfSubmission, submission } from './submission.ts'
import { refusalOf, roadFaults } from './words.ts'

export type Submitted = { readonly message: string; readonly receipt: SignedReceipt }

/**
 * Takes a sealed message from an organ's terminal: the fast way, in a transaction of its own shared with whatever else is being written.
 * The same client id with the same message gets the same answer. Durable when it answers.
 * @throws road.* as in words.ts; files.* for the upload
 */
export async function dispatch(node: Node, principal: PersonPrincipal, given: Submission): Promise<Submitted> {
  const road = node.slots.get(roadSlot)
  return within(node, 'road.submit', { attributes: { 'postroad.message': given.head.id } }, (span) => dispatchNow(road, principal, given, span))
}

async function dispatchNow(road: Road, principal: PersonPrincipal, given: Submission, span: Traced): Promise<Submitted> {
  const intake = await prepare(road, principal, given)
  const weight = (intake.message.framed?.length ?? 0) + 4096 + intake.recipients.length * 1200
  const keys = [intake.message.head.id, `${intake.message.head.sender.organ} ${given.clientId}`]
  return submittedOf(await writeTraced(road, span, { kind: 'intake', intake, keys, weight, lazy: false }))
}

function submittedOf(outcome: Outcome): Submitted {
  if (outcome.kind === 'refused') throw outcome.refusal
  const receipt = outcome.kind === 'taken' ? outcome.receipts.find((signed) => signed.receipt.kind === 'submitted') : undefined
  if (outcome.kind !== 'taken' || receipt === undefined) throw new Error('a submission without its receipt')
  return { message: outcome.message, receipt }
}

/** The same within the caller's transaction, for rooms that write something of their own with it. On the road once the caller has committed. */
export async function submit(tx: Tx, node: Node, principal: PersonPrincipal, given: Submission): Promise<Submitted> {
  const road = node.slots.get(roadSlot)
  const intake = await prepare(road, principal, given)
  const now = node.now()
  const wrong = clockFault(road, now)
  if (wrong !== null) throw wrong
  const [signed] = await signIntakes(road, [intake], now)
  if (signed === undefined) throw new Error('an intake without its line')
  const journal = newJournal()
  const submitted = await asRoad(tx, async () => {
    const [result] = await applyIntakes(tx, road, [signed], now, journal, noAftermath(), false)
    if (result === undefined || result.kind === 'refused') return submittedOf(result ?? { kind: 'done' })
    const { signed: receipts } = await receiptsById(tx, result.receipts)
    return submittedOf({ kind: 'taken', receipts, mark: 0, message: result.message })
  })
  await writeJournal(tx, road, journal)
  await node.emit(tx, 'road.queued', {})
  return submitted
}

/** Checks a submission and brings its body to where it is kept. */
async function prepare(road: Road, principal: PersonPrincipal, given: Submission): Promise<Intake> {
  const read = submission.safeParse(given)
  if (!read.success) throw refusalOf({ code: 'malformed', detail: `${read.error.issues[0]?.path.join('.') ?? ''}: ${read.error.issues[0]?.message ?? ''}` })
  const { head, recipients, manifest, ownWrap, chunkHashes, clientId } = read.data
  const refusal = refusalOfSubmission(read.data, principal, { suites: road.suites, directory: directoryOf(road), node: road.self, now: road.node.now() })
  if (refusal !== null) throw refusal
  if (head.regarding !== null && head.kind !== 'document') await requireOriginal(road, read.data)
  const framed = await keepBody(road, principal, read.data)
  return {
    message: { head, headHash: headHash(road.suites[head.suite], head), cameFrom: null, manifest: fromBase64url(manifest), chunkHashes, hops: [], ownWrap, bodyBytes: head.body.bytes, framed },
    recipients, forwarded: [], from: { kind: 'person', principal, clientId },
  }
}

/** A recall, correction or voiding speaks of what the same organ sent, to those it was sent to. */
async function requireOriginal(road: Road, { head, recipients }: Submission): Promise<void> {
  if (head.kind === 'recallAnswer') return
  const original = head.regarding ?? ''
  const [facts, sentTo] = await road.node.transaction(service('road'), async (tx) =>
    [(await messageFacts(tx, [original])).get(original), new Set((await deliveriesOf(tx, 'sent', original)).map(({ organ }) => organ))] as const)
  if (facts === undefined || facts.cameFrom !== null || facts.head.sender.organ !== head.sender.organ) throw roadFaults.regardingUnknown({ message: original })
  const stray = recipients.find(({ leaf }) => !sentTo.has(leaf.organ))
  if (stray !== undefined) throw roadFaults.regardingUnknown({ message: original, organ: stray.leaf.organ })
}

/** Small bodies go with the message's row; large ones lie in the chunk store before the submission is accepted. Answers the framed small body. */
async function keepBody(road: Road, principal: PersonPrincipal, { head, inlineBody, uploadId, chunkHashes, clientId }: Submission): Promise<Uint8Array | null> {
  const { node } = road
  const small = laneOf(head.body.bytes) === 'small'
  if (chunkHashes.length === 0) return new Uint8Array(0)
  if (inlineBody !== null) {
    if (small) return concat(...inlineBody.map(frame))
    await putChunks(node, inlineBody.map((bytes, index) => ({ hash: chunkHashes[index] ?? '', bytes })), head.suite)
    return null
  }
  if (uploadId === null) throw roadFaults.bodyMissing()
  // a repeated submission may come when its upload is long gone
  const key = { organ: head.sender.organ, clientId }
  if ((await node.transaction(service('road'), (tx) => findSubmissions(tx, [key]))).size > 0) return null
  await takeUpload(node, principal, uploadId, chunkHashes, head.suite)
  if (!small) return null
  const chunks = await Promise.all(chunkHashes.map((hash) => readChunk(node, hash, head.suite)))
  await removeChunks(node, chunkHashes)
  return concat(...chunks.map(frame))
}
