import type { FaultCode } from '../fault.ts'

/** The questions that verifying evidence answers, in order. */
export const EVIDENCE_STEPS = ['structure', 'head', 'recipients', 'directory', 'manifest', 'signer', 'hops', 'receipts', 'time', 'body'] as const
export type EvidenceStep = (typeof EVIDENCE_STEPS)[number]
export type Verdict = 'valid' | 'invalid' | 'indeterminate'
/** Besides faults: why a step is good, or what kind of good it is. */
export type StepReason = FaultCode | 'sound' | 'notIncluded' | 'timeByNextCentre' | 'timeByOwnNode' | 'timeContradicts'
/** `notIncluded` weighs nothing: evidence without its body proves the same. */
export type StepResult = { readonly step: EvidenceStep; readonly verdict: Verdict | 'notIncluded'; readonly reason: StepReason; readonly detail: string }
