import { kitWords } from './words.ts'

/** 特急 and 加急 in a word and a shape; nothing for 无. */
export function UrgencyMark({ urgency }: { readonly urgency: string }) {
  if (urgency === 'normal') return null
  return <span className={`mark mark-${urgency}`}>{kitWords.urgencies[urgency] ?? urgency}</span>
}

/** 内部 and 工作秘密; nothing for 无. */
export function LabelMark({ label }: { readonly label: number }) {
  if (label === 0) return null
  return <span className="mark mark-label">{kitWords.labels[label] ?? String(label)}</span>
}

export type Verdict = 'valid' | 'invalid' | 'indeterminate' | 'skipped'
const SHAPES: Readonly<Record<Verdict, string>> = { valid: '✓', invalid: '×', indeterminate: '?', skipped: '–' }

/** ✓ green, × red, ? amber, always with its word for those who cannot see the colour. */
export function VerdictMark({ verdict, word }: { readonly verdict: Verdict; readonly word: string }) {
  return <span className={`verdict verdict-${verdict}`}><span aria-hidden="true" className="verdict-shape">{SHAPES[verdict]}</span>{word}</span>
}
