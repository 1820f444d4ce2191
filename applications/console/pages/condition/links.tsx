import { Empty, nearDate } from '@postroad/desk/kit'
import { type Condition, type LinkCondition, linkState, oldestOf, waitingOf } from '@postroad/watch/model'
import { conditionWords } from '../words.ts'

/** One line for each neighbour: how it is doing, what waits by urgency, since when, and why. */
export function Links({ condition: { links, at } }: { readonly condition: Condition }) {
  return (
    <section className="section" aria-label={conditionWords.links}>
      <h2>{conditionWords.links}</h2>
      {links.length === 0 ? <Empty title={conditionWords.noLinks}>{conditionWords.noLinksHelp}</Empty> : (
        <table className="table table-cards">
          <thead>
            <tr>{[conditionWords.peer, conditionWords.state, conditionWords.extraUrgent, conditionWords.urgent, conditionWords.normal, conditionWords.receipts, conditionWords.oldest, conditionWords.heard, conditionWords.next].map((word) => <th key={word} scope="col">{word}</th>)}</tr>
          </thead>
          <tbody>{links.map((link) => <Line key={link.peer} link={link} at={at} />)}</tbody>
        </table>
      )}
    </section>
  )
}

function Line({ link, at }: { readonly link: LinkCondition; readonly at: string }) {
  const state = linkState(link, at)
  const oldest = [oldestOf(link.queues), link.oldestReceipt].flatMap((one) => one ?? []).sort()[0] ?? null
  const why = state === 'open' ? null : reasonOf(link)
  const cells: readonly (readonly [string, string])[] = [
    ...(['extraUrgent', 'urgent', 'normal'] as const).map((urgency) => [conditionWords[urgency], String(waitingOf(link.queues, urgency))] as const),
    [conditionWords.receipts, String(link.receipts)],
    [conditionWords.oldest, oldest === null ? conditionWords.none : conditionWords.minutes(Math.floor((Date.parse(at) - Date.parse(oldest)) / 60_000))],
    [conditionWords.heard, link.heardAt === null ? conditionWords.never : nearDate(link.heardAt, new Date(at))],
    [conditionWords.next, link.pausedUntil === null ? conditionWords.none : nearDate(link.pausedUntil, new Date(at))],
  ]
  return (
    <>
      <tr className={why === null ? '' : 'table-joined'}>
        <th scope="row">{link.title}<span className="quiet table-under">{conditionWords.directions[link.direction]}</span></th>
        <td data-label={conditionWords.state}><span className={`link-state link-${state}`}>{conditionWords.states[state]}</span></td>
        {cells.map(([label, value]) => <td key={label} data-label={label} className={value === '0' || value === conditionWords.none ? 'quiet' : ''}>{value}</td>)}
      </tr>
      {why !== null && <tr className="table-note"><td colSpan={9}><span className="quiet">{conditionWords.reason}：</span>{why}</td></tr>}
    </>
  )
}

/** The transport's own words are for engineers; what is not known is shown as it is. */
function reasonOf({ lastError, probe }: LinkCondition): string | null {
  const raw = lastError ?? (probe === null || probe.outcome === 'good' || probe.outcome === 'byBundle' ? null : probe.outcome)
  if (raw === null) return null
  return conditionWords.reasons.find(([pattern]) => pattern.test(raw))?.[1] ?? raw
}
