/** Evidence of a delivery: one ZIP that verifies offline from a pinned root. */
export {
  buildEvidence,
  directoryPath,
  EVIDENCE_PATHS,
  type EvidenceFiles,
  type EvidenceParts,
  type EvidenceWay,
  evidenceLogs,
  MAX_EVIDENCE_BYTES,
  partPath,
  unzipEvidence,
  zipEvidence,
} from './evidence/files.ts'
export type { EvidenceEvent, EvidenceRecipient, EvidenceSummary } from './evidence/summary.ts'
export { EVIDENCE_STEPS, type EvidenceStep, type StepReason, type StepResult, type Verdict } from './evidence/steps.ts'
export { type EvidenceResult, verifyEvidence } from './evidence/verify.ts'
