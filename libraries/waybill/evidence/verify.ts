import type { Suites } from '@postroad/gm'
import { base64url } from '@postroad/gm'
import { z } from 'zod'
import { checkSigner, nodeKeyOf, receiptKeyOf } from '../authority.ts'
import { batchVerifier } from '../batch.ts'
import { readCanonical, readHead } from '../canonical.ts'
import { manifestHash } from '../chunks.ts'
import { anchorFingerprint, type DirectoryView, MAX_LOG_BYTES, readLog, readLogs, type SignedStatement } from '../directory.ts'
import { fail, type FaultCode, ok, type Result, type WaybillFault } from '../fault.ts'
import { verifyHops } from '../hops.ts'
import { type Head, type SignedReceipt, type SlicedRecipient, signedReceipt, slicedRecipient } from '../model.ts'
import { verifyReceipt } from '../receipts.ts'
import { verifySlice } from '../slices.ts'
import { readManifest, type SignedManifest } from '../unpack.ts'
import { EVIDENCE_PATHS, type EvidenceFiles, evidenceNote, type EvidenceWay, evidenceWay, isKnownPath, partPath } from './files.ts'
import { EVIDENCE_STEPS, type EvidenceStep, type StepReason, type StepResult, type Verdict } from './steps.ts'
import { type EvidenceSummary, summarise } from './summary.ts'

export type EvidenceResult = { readonly verdict: Verdict; readonly steps: readonly StepResult[]; readonly summary: EvidenceSummary }

// What leaves the question open instead of answering it with no.
const OPEN: readonly FaultCode[] = ['compromisedKey', 'fileMissing', 'timeUnknown', 'unknownNode', 'unknownKey', 'unknownOrgan']
const CLOCKS_APART_MS = 10 * 60 * 1000

/**
 * Verifies evidence offline from one pinned value: the fingerprint (64 hex digits) of the root of the tree. Nothing inside the file is trusted for it.
 * Works after certificates expired and without the body. Validity of keys is judged at the time of submission.
 */
export function verifyEvidence(suites: Suites, files: EvidenceFiles, pinnedRootFingerprint: string): EvidenceResult {
  const steps: StepResult[] = []
  const note = <T>(step: EvidenceStep, result: Result<T>): T | null => {
    steps.push(result.ok ? found(step, 'valid', 'sound') : refused(step, result.fault))
    return result.ok ? result.value : null
  }
  const head = readHeadFile(files)
  note('structure', checkStructure(files, head))
  note('head', head)
  if (!head.ok) return conclude(steps, summarise(null, null, [], [], null))
  const slice = note('recipients', readRecipients(suites, files, head.value))
  const view = note('directory', readDirectory(suites, files, pinnedRootFingerprint))
  const manifest = note('manifest', readManifestFile(suites, files, head.value, slice))
  const receipts = readList(files, EVIDENCE_PATHS.receipts, z.array(signedReceipt).max(500_000))
  const ways = readList(files, EVIDENCE_PATHS.hops, z.array(evidenceWay).max(10_000))
  const judgedAt = submissionOf(head.value, view, receipts.ok ? receipts.value : [], ways.ok ? ways.value : [])?.at ?? head.value.created
  note('signer', view === null || manifest === null ? fail('fileMissing') : checkSigner(view, head.value, manifest.signer, judgedAt))
  const goodHops = note('hops', view === null ? fail('fileMissing') : checkWays(suites, view, head.value, slice ?? [], ways, receipts.ok ? receipts.value : []))
  const goodReceipts = note('receipts', view === null ? fail('fileMissing') : checkReceipts(suites, view, head.value, slice ?? [], receipts))
  steps.push(judgeTime(head.value, view, goodReceipts, goodHops ?? []))
  steps.push(checkBody(suites, files, head.value, manifest))
  return conclude(steps, summarise(head.value, manifest, slice ?? [], goodReceipts ?? [], view))
}

function conclude(done: readonly StepResult[], summary: EvidenceSummary): EvidenceResult {
  const steps = EVIDENCE_STEPS.map((step) => done.find((result) => result.step === step) ?? refused(step, { code: 'fileMissing', detail: '' }))
  const some = (verdict: Verdict): boolean => steps.some((result) => result.verdict === verdict)
  return { verdict: some('invalid') ? 'invalid' : some('indeterminate') ? 'indeterminate' : 'valid', steps, summary }
}

const found = (step: EvidenceStep, verdict: StepResult['verdict'], reason: StepReason, detail = ''): StepResult => ({ step, verdict, reason, detail })
const refused = (step: EvidenceStep, { code, detail }: WaybillFault): StepResult => found(step, OPEN.includes(code) ? 'indeterminate' : 'invalid', code, detail)

function checkStructure(files: EvidenceFiles, head: Result<Head>): Result<null> {
  const unknown = Object.keys(files).find((path) => !isKnownPath(path))
  if (unknown !== undefined) return fail('fileUnknown', unknown.slice(0, 100))
  const missing = [EVIDENCE_PATHS.evidence, EVIDENCE_PATHS.head, EVIDENCE_PATHS.recipients, EVIDENCE_PATHS.manifest, EVIDENCE_PATHS.hops, EVIDENCE_PATHS.receipts].find((path) => !has(files, path))
  if (missing !== undefined) return fail('fileMissing', missing)
  const about = readCanonical(files[EVIDENCE_PATHS.evidence] as Uint8Array, evidenceNote, { maxBytes: 4096 })
  if (!about.ok) return about
  if (head.ok && (about.value.message !== head.value.id || about.value.suite !== head.value.suite)) return fail('wrongMessage', EVIDENCE_PATHS.evidence)
  return ok(null)
}

const has = (files: EvidenceFiles, path: string): boolean => Object.prototype.hasOwnProperty.call(files, path)
function readHeadFile(files: EvidenceFiles): Result<Head> {
  return has(files, EVIDENCE_PATHS.head) ? readHead(files[EVIDENCE_PATHS.head] as Uint8Array) : fail('fileMissing', EVIDENCE_PATHS.head)
}
function readList<T>(files: EvidenceFiles, path: string, schema: z.ZodType<T>): Result<T> {
  return has(files, path) ? readCanonical(files[path] as Uint8Array, schema, { maxBytes: MAX_LOG_BYTES * 4 }) : fail('fileMissing', path)
}

function readRecipients(suites: Suites, files: EvidenceFiles, head: Head): Result<SlicedRecipient[]> {
  const read = readList(files, EVIDENCE_PATHS.recipients, z.array(slicedRecipient).max(100_000))
  if (!read.ok) return read
  const verified = verifySlice(suites[head.suite], head, read.value)
  return verified.ok ? read : verified
}

function readDirectory(suites: Suites, files: EvidenceFiles, fingerprint: string): Result<DirectoryView> {
  const logs: Record<string, SignedStatement[]> = {}
  for (const [path, bytes] of Object.entries(files)) {
    if (!path.startsWith('directory/')) continue
    const log = readLog(bytes)
    if (!log.ok) return log
    logs[path.slice('directory/'.length, -'.json'.length)] = log.value
  }
  // The root is found by what is pinned, never by what the file says about itself.
  const root = Object.entries(logs).find(([node, [first]]) => first?.statement.body.kind === 'node' && anchorFingerprint(suites, node, first.statement.body.keys) === fingerprint.toLowerCase())
  if (root === undefined) return fail(Object.keys(logs).length === 0 ? 'fileMissing' : 'unknownRoot')
  const { view, faults } = readLogs(suites, { node: root[0], fingerprint: fingerprint.toLowerCase() }, logs)
  const [first] = faults
  return first === undefined ? ok(view) : fail(first.fault.code, `${first.log} ${first.seq}: ${first.fault.detail}`)
}

function readManifestFile(suites: Suites, files: EvidenceFiles, head: Head, slice: readonly SlicedRecipient[] | null): Result<SignedManifest> {
  const cms = files[EVIDENCE_PATHS.manifest]
  if (cms === undefined) return fail('fileMissing', EVIDENCE_PATHS.manifest)
  const sealed = files[EVIDENCE_PATHS.sealedManifest]
  if (sealed !== undefined && manifestHash(suites[head.suite], sealed) !== head.manifest) return fail('manifestHashMismatch')
  const read = readManifest(suites, { head, cms, own: null })
  if (!read.ok) return read
  const listed = new Set(read.value.manifest.recipients.map(({ organ, name, role }) => `${organ} ${name} ${role}`))
  const stranger = (slice ?? []).find(({ leaf }) => !listed.has(`${leaf.organ} ${leaf.name} ${leaf.role}`))
  return stranger === undefined ? read : fail('recipientsMismatch', stranger.leaf.organ)
}

function checkWays(
  suites: Suites,
  view: DirectoryView,
  head: Head,
  slice: readonly SlicedRecipient[],
  ways: Result<EvidenceWay[]>,
  receipts: readonly SignedReceipt[],
): Result<EvidenceWay[]> {
  if (!ways.ok) return ways
  const verify = batchVerifier(suites)
  const forwards = receipts.filter(({ receipt }) => receipt.kind === 'forwarded').length
  const organs = new Set(slice.map(({ leaf }) => leaf.organ))
  for (const { recipients, hops } of ways.value) {
    const stranger = recipients.find((organ) => !organs.has(organ))
    if (stranger !== undefined) return fail('recipientMissing', stranger)
    const chain = verifyHops(suites, { head, hops, keyOf: nodeKeyOf(view), forwards, verify })
    if (!chain.ok) return chain
  }
  return ways
}

function checkReceipts(suites: Suites, view: DirectoryView, head: Head, slice: readonly SlicedRecipient[], receipts: Result<SignedReceipt[]>): Result<SignedReceipt[]> {
  if (!receipts.ok) return receipts
  const verify = batchVerifier(suites)
  const keyOf = receiptKeyOf(view)
  const organs = new Set(slice.map(({ leaf }) => leaf.organ))
  for (const signed of receipts.value) {
    const { recipient, id } = signed.receipt
    if (recipient !== null && !organs.has(recipient)) return fail('recipientMissing', `receipt ${id}`)
    const good = verifyReceipt(suites, { signed, head, keyOf, verify })
    if (!good.ok) return fail(good.fault.code, `receipt ${id}: ${good.fault.detail}`)
  }
  return receipts
}

/**
 * When the sender's own node took the message: its submission receipt, or its hop line of the same transaction (a recipient holds no receipt of it).
 * No other node can date it, nor the sender itself: a stolen key could be used before its theft. Own is the node that hosts the organ or stated its key.
 */
function submissionOf(
  head: Head,
  view: DirectoryView | null,
  receipts: readonly SignedReceipt[],
  ways: readonly EvidenceWay[],
): { readonly at: string; readonly node: string } | undefined {
  const own = [view?.organ(head.sender.organ)?.node, view?.key(head.sender.key)?.node]
  const submitted = receipts.map(({ receipt }) => receipt).filter(({ kind }) => kind === 'submitted')
  return [...submitted, ...ways.flatMap(({ hops }) => hops[0]?.line ?? [])].find(({ node }) => own.includes(node))
}

/** The submission receipt fixes the time; the next centre's custody line stands beside it as a second clock. */
function judgeTime(head: Head, view: DirectoryView | null, receipts: readonly SignedReceipt[] | null, ways: readonly EvidenceWay[]): StepResult {
  const step = 'time'
  const submission = submissionOf(head, view, receipts ?? [], ways)
  if (submission === undefined || receipts === null) return refused(step, { code: 'timeUnknown', detail: '' })
  const { at, node } = submission
  const submitted = Date.parse(at)
  const others = [...ways.flatMap(({ hops }) => hops.map(({ line }) => line)), ...receipts.map(({ receipt }) => receipt).filter(({ kind }) => kind === 'custody')]
    .filter((witness) => witness.node !== node)
    .map((witness) => Date.parse(witness.at))
  const isEarly = Date.parse(head.created) - submitted > CLOCKS_APART_MS || others.some((instant) => submitted - instant > CLOCKS_APART_MS)
  if (isEarly) return found(step, 'indeterminate', 'timeContradicts', at)
  return found(step, 'valid', others.length > 0 ? 'timeByNextCentre' : 'timeByOwnNode', at)
}

function checkBody(suites: Suites, files: EvidenceFiles, head: Head, manifest: SignedManifest | null): StepResult {
  const step = 'body'
  const included = Object.keys(files).filter((path) => path.startsWith('body/'))
  if (included.length === 0) return found(step, 'notIncluded', 'notIncluded')
  if (manifest === null) return refused(step, { code: 'fileMissing', detail: EVIDENCE_PATHS.manifest })
  const known = new Set(manifest.manifest.parts.map((_, i) => partPath(i)))
  const stranger = included.find((path) => !known.has(path))
  if (stranger !== undefined) return refused(step, { code: 'fileUnknown', detail: stranger })
  for (const [index, part] of manifest.manifest.parts.entries()) {
    const bytes = files[partPath(index)]
    if (bytes === undefined) return refused(step, { code: 'fileMissing', detail: partPath(index) })
    if (bytes.length !== part.bytes || base64url(suites[head.suite].hash(bytes)) !== part.hash) return refused(step, { code: 'plaintextHashMismatch', detail: partPath(index) })
  }
  return found(step, 'valid', 'sound')
}
