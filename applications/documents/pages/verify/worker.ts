import '@postroad/desk/floor'
import { suites } from '@postroad/gm/portable'
import { type EvidenceSummary, STEP_WORDS, stepSentence, type StepResult, unzipEvidence, type Verdict, verifyEvidence } from '@postroad/waybill'
import { z } from 'zod'
import { verifyWords } from '../words.ts'

/** Verifies away from the page, so that a large file does not make it stutter. Calls nobody. */

z.config({ jitless: true }) // the page's content security policy allows no code made from text

export type ToVerify = { readonly bytes: ArrayBuffer; readonly fingerprint: string }
/** The outcome in words, so that the page need not load the protocol. */
export type Outcome = {
  readonly verdict: Verdict
  readonly steps: readonly { readonly step: string; readonly verdict: Verdict | 'notIncluded'; readonly title: string; readonly text: string; readonly detail: string }[]
  readonly summary: EvidenceSummary
}
/** `unreadable`: not a ZIP of evidence at all. */
export type Verified = { readonly outcome: Outcome } | { readonly unreadable: string }

const scope = globalThis as unknown as { postMessage(message: Verified): void; onmessage: ((event: MessageEvent<ToVerify>) => void) | null }

scope.onmessage = ({ data }) => {
  const files = unzipEvidence(new Uint8Array(data.bytes))
  if (!files.ok) return scope.postMessage({ unreadable: files.fault.code })
  const { verdict, steps, summary } = verifyEvidence(suites, files.value, data.fingerprint)
  const trusted = steps.some((step) => step.step === 'directory' && step.verdict === 'valid')
  // Without a directory there is nothing to check signers against: that is the answer, not a missing file.
  const textOf = (step: StepResult) => (!trusted && step.step !== 'directory' && step.reason === 'fileMissing' ? verifyWords.notChecked : stepSentence(step))
  scope.postMessage({ outcome: { verdict, summary, steps: steps.map((step) => ({ step: step.step, verdict: step.verdict, title: STEP_WORDS[step.step], text: textOf(step), detail: step.detail })) } })
}
