import { exactDate, fullDate, VerdictMark } from '@postroad/desk/kit'
import type { EvidenceEvent, EvidenceSummary } from '@postroad/waybill'
import { RECEIPTS, ROLES, SENT_STATES } from '../../words.ts'
import { verifyWords } from '../words.ts'
import type { Outcome as Checked } from './worker.ts'

/** Verdict first, then what the file says of itself, then every question with its answer. */
export function Outcome({ outcome: { verdict, steps, summary } }: { readonly outcome: Checked }) {
  return (
    <>
      <section role="status">
        <p className="verify-verdict"><VerdictMark verdict={verdict} word={verifyWords.verdicts[verdict]} /></p>
        <p>{verifyWords.verdictHelp[verdict]}</p>
      </section>
      <section className="section" aria-label={verifyWords.steps}>
        <h2>{verifyWords.steps}</h2>
        <ul className="steps">
          {steps.map((step) => (
            <li key={step.step} className="step">
              <VerdictMark verdict={step.verdict === 'notIncluded' ? 'skipped' : step.verdict} word={step.title} />
              <span>{step.text}{step.detail !== '' && <span className="quiet">（{readable(step.detail)}）</span>}</span>
            </li>
          ))}
        </ul>
      </section>
      {verdict !== 'invalid' && <Said summary={summary} />}
    </>
  )
}

const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/
const readable = (detail: string): string => (INSTANT.test(detail) ? exactDate(detail) : detail)

/** What the evidence says; shown only when nothing in it was refuted. */
function Said({ summary }: { readonly summary: EvidenceSummary }) {
  return (
    <>
      <section className="section" aria-label={verifyWords.about}>
        <h2>{summary.title || verifyWords.about}</h2>
        <dl className="facts">
          {summary.number !== '' && <><dt>{verifyWords.number}</dt><dd>{summary.number}</dd></>}
          <dt>{verifyWords.sender}</dt><dd>{summary.sender.nameTitle || summary.issuingName}（{summary.sender.title || summary.sender.organ}）</dd>
          <dt>{verifyWords.created}</dt><dd>{summary.created === '' ? '' : fullDate(summary.created)}</dd>
        </dl>
        <ul className="deliveries">
          {summary.recipients.map((each) => (
            <li key={each.organ} className="delivery">
              <div className="delivery-line">
                <span className="quiet">{ROLES[each.role]}</span><span className="delivery-who">{each.nameTitle || each.organ}</span>
                <span className={`state state-${each.state}`}>{SENT_STATES[each.state]}</span><span className="quiet delivery-when">{each.at === null ? '' : fullDate(each.at)}</span>
              </div>
            </li>
          ))}
        </ul>
      </section>
      <section className="section" aria-label={verifyWords.timeline}>
        <h2>{verifyWords.timeline}</h2>
        <ol className="timeline">{summary.timeline.map((event, index) => <Event key={String(index)} event={event} />)}</ol>
      </section>
    </>
  )
}

function Event({ event }: { readonly event: EvidenceEvent }) {
  return (
    <li>
      <time dateTime={event.at}>{exactDate(event.at)}</time>
      <span>
        <b>{RECEIPTS[event.kind]}</b>　{event.recipientTitle || event.nodeTitle}
        {event.actor !== null && <span>　{event.actor.name}{event.actor.onBehalfOf !== null && verifyWords.onBehalf(event.actorTitle || event.actor.organ)}</span>}
        {event.reason !== null && event.reason.text !== '' && <span className="quiet">　{event.reason.text}</span>}
      </span>
    </li>
  )
}
