import { VerdictMark } from '@postroad/desk/kit'
import type { Step, Verdict } from '../../terminal/types.ts'
import { STEPS, VERDICTS } from '../../words.ts'

type Props = { readonly title: string; readonly verdict: Verdict; readonly summary: string; readonly steps: readonly Step[] }

/** The verification result, one line per question, shown before anything of the content. */
export function Verification({ title, verdict, summary, steps }: Props) {
  return (
    <section className="section" aria-label={title}>
      <h2>{title}</h2>
      <p className="verdict-line" role="status"><VerdictMark verdict={verdict} word={summary} /></p>
      <ul className="steps">
        {steps.map((step) => (
          <li key={step.step + step.finding} className="step">
            <VerdictMark verdict={step.verdict} word={STEPS[step.step]} />
            <span>{step.text}{step.verdict !== 'valid' && <span className="quiet">（{VERDICTS[step.verdict]}）</span>}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}
