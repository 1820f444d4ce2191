import type { Suites } from '@postroad/gm'
import { batchVerifier, checkChunkHashes, checkSigner, type DirectoryView, type Head, nodeKeyOf, receiptKeyOf, type Result, type SignedHopLine, type SignedManifest, type SignedReceipt, type SlicedRecipient, unpackManifest, verifyHops, verifyReceipt, verifySlice } from '@postroad/waybill'
import { finding, ROLES } from '../words.ts'
import type { Step, StepName, Verdict } from './types.ts'

/** Everything that is known of a message before its parts are opened. `slice` is null for what the organ itself sent. */
export type Claim = {
  readonly head: Head
  readonly manifest: Uint8Array
  readonly contentKey: Uint8Array | null
  readonly slice: SlicedRecipient | null
  readonly hops: readonly SignedHopLine[]
  /** What is known about it: receipts of forwarding explain a way that the directory alone does not. */
  readonly receipts?: readonly SignedReceipt[]
  readonly chunkHashes: readonly string[]
  readonly organ: string
}
export type Verified = { readonly steps: readonly Step[]; readonly verdict: Verdict; readonly signed: SignedManifest | null }

/** Facts that prove nothing either way: what was found can neither be relied on nor held against the sender. */
const UNDECIDED = ['compromisedKey', 'unknownKey', 'unknownNode', 'unknownOrgan', 'manifestUnavailable', 'routeUnexpected', 'routeMissing']
/** Faults of the manifest that belong to other questions than its signature. */
const OF_RECIPIENTS = ['recipientsMismatch', 'recipientRootMismatch', 'wrapSwapped', 'recipientMissing', 'duplicateRecipient']
const OF_INTEGRITY = ['partOutOfOrder', 'bodyRootMismatch', 'manifestHashMismatch']

/** Answers the five questions a clerk asks before opening: who signed it, may they, is it for us, which way did it come, is it whole. */
export function verifyMessage(suites: Suites, view: DirectoryView, claim: Claim): Verified {
  const { head, slice } = claim
  const unpacked = claim.contentKey === null ? null : unpackManifest(suites, { head, manifest: claim.manifest, contentKey: claim.contentKey, own: slice?.leaf ?? null })
  const code = unpacked === null ? 'manifestUnavailable' : unpacked.ok ? null : unpacked.fault.code
  const signed = unpacked?.ok === true ? unpacked.value : null
  const elsewhere = code !== null && (OF_RECIPIENTS.includes(code) || OF_INTEGRITY.includes(code))
  const at = claim.hops[0]?.line.at ?? head.created // the sender's own node took it then: keys are judged at that moment
  const steps = [
    signatureStep(view, head, code, elsewhere),
    issuerStep(view, head, signed, at, code),
    recipientsStep(suites, claim, signed, code),
    ...(slice === null ? [] : [routeStep(suites, view, claim)]),
    integrityStep(suites, claim, signed, code),
  ]
  return { steps, verdict: overall(steps), signed }
}

/** One invalid answer spoils all; one open question leaves all open. */
export const overall = (steps: readonly Step[]): Verdict => {
  const verdicts = steps.map(({ verdict }) => verdict)
  return verdicts.includes('invalid') ? 'invalid' : verdicts.includes('indeterminate') ? 'indeterminate' : 'valid'
}

const made = (step: StepName, code: string, good: boolean, detail: Step['detail'] = {}): Step => ({
  step,
  verdict: good ? 'valid' : UNDECIDED.includes(code) ? 'indeterminate' : 'invalid',
  finding: code,
  detail,
  text: finding(code, detail),
})

function signatureStep(view: DirectoryView, head: Head, code: string | null, elsewhere: boolean): Step {
  if (code !== null && !elsewhere) return made('signature', code, false)
  return made('signature', 'signatureGood', true, { title: titleOf(view, head.sender.organ) })
}

function issuerStep(view: DirectoryView, head: Head, signed: SignedManifest | null, at: string, code: string | null): Step {
  if (signed === null) return made('issuer', code === 'manifestUnavailable' ? code : 'issuerUnchecked', false)
  const entitled = checkSigner(view, head, signed.signer, at)
  if (!entitled.ok) return made('issuer', entitled.fault.code, false, { title: titleOf(view, head.sender.organ) })
  return made('issuer', 'issuerGood', true, { title: titleOf(view, head.sender.organ), name: view.name(head.sender.name)?.title ?? head.sender.name })
}

function recipientsStep(suites: Suites, { head, slice, organ }: Claim, signed: SignedManifest | null, code: string | null): Step {
  if (code !== null && OF_RECIPIENTS.includes(code)) return made('recipients', code, false)
  if (slice !== null) {
    const proved: Result<null> = verifySlice(suites[head.suite], head, [slice])
    if (!proved.ok) return made('recipients', proved.fault.code, false)
    if (slice.leaf.organ !== organ) return made('recipients', 'recipientMissing', false)
  }
  if (signed === null) return made('recipients', code === 'manifestUnavailable' ? code : 'recipientsUnchecked', false)
  if (slice === null) return made('recipients', 'recipientsSent', true, { count: head.recipients.count })
  return made('recipients', 'recipientsGood', true, { count: head.recipients.count, role: ROLES[slice.leaf.role] })
}

const verifiers = new WeakMap<Suites, ReturnType<typeof batchVerifier>>()
/** Nodes seal many lines with one signature: messages that came the same way share its verification. */
function rememberingVerifier(suites: Suites): ReturnType<typeof batchVerifier> {
  const known = verifiers.get(suites) ?? batchVerifier(suites)
  verifiers.set(suites, known)
  return known
}

function routeStep(suites: Suites, view: DirectoryView, { head, hops, organ, receipts = [] }: Claim): Step {
  if (hops.length === 0) return made('route', 'routeMissing', false)
  const verify = rememberingVerifier(suites)
  const forwards = receipts.filter((signed) => signed.receipt.kind === 'forwarded' && verifyReceipt(suites, { signed, head, keyOf: receiptKeyOf(view), verify }).ok)
  const chain = verifyHops(suites, { head, hops, keyOf: nodeKeyOf(view), forwards: forwards.length, verify })
  if (!chain.ok) return made('route', chain.fault.code, false, { detail: chain.fault.detail })
  const nodes = hops.map(({ line }) => line.node)
  const [first, last] = [hops[0]?.line, hops.at(-1)?.line]
  const from = view.organ(head.sender.organ)?.node
  const to = (view.organ(organ, last?.at) ?? view.organ(organ))?.node
  if (from !== undefined && first !== undefined && !view.mayHost(head.sender.organ, first.node, first.at)) return made('route', 'routeNotFromSender', false, { node: titleOfNode(view, nodes[0] ?? '') })
  const expected = first === undefined || to === undefined ? null : view.path(first.node, to)
  const path = nodes.map((node) => titleOfNode(view, node)).join(' → ')
  const heir = view.standsFor(organ, last?.at ?? head.created)
  if (forwards.length > 0 && last !== undefined && view.mayHost(organ, last.node, last.at)) return made('route', 'routeForwarded', true, { path, count: nodes.length, heir: titleOf(view, heir ?? organ) })
  if (expected === null || expected.join() !== nodes.join()) return made('route', 'routeUnexpected', false, { path })
  return made('route', 'routeGood', true, { path, count: nodes.length })
}

function integrityStep(suites: Suites, { head, chunkHashes }: Claim, signed: SignedManifest | null, code: string | null): Step {
  if (code !== null && OF_INTEGRITY.includes(code)) return made('integrity', code, false)
  const listed = checkChunkHashes(suites, head, chunkHashes)
  if (!listed.ok) return made('integrity', listed.fault.code, false)
  if (signed === null) return made('integrity', code === 'manifestUnavailable' ? code : 'integrityUnchecked', false)
  return made('integrity', 'integrityGood', true, { parts: signed.manifest.parts.length, chunks: chunkHashes.length })
}

const titleOf = (view: DirectoryView, organ: string): string => view.organ(organ)?.title ?? organ
const titleOfNode = (view: DirectoryView, node: string): string => view.node(node)?.title ?? node
