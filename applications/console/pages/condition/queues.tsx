import { type Condition, waitingOf } from '@postroad/watch/model'
import { conditionWords } from '../words.ts'

/** How much is on its way and waits for whom. */
export function Queues({ condition: { links, deliveries, unsignedReceipts } }: { readonly condition: Condition }) {
  const counts = { waiting: links.reduce((sum, { queues }) => sum + waitingOf(queues), 0), sent: deliveries.sent + deliveries.late, late: deliveries.late, atTheDoor: deliveries.atTheDoor, unsignedReceipts }
  return (
    <section className="section" aria-label={conditionWords.queues}>
      <h2>{conditionWords.queues}</h2>
      <ul className="counts counts-small">
        {(Object.keys(counts) as (keyof typeof counts)[]).map((name) => <li key={name} className="count"><span className={`count-number${counts[name] === 0 ? ' count-none' : ''}`}>{counts[name]}</span><span>{conditionWords.counts[name]}</span></li>)}
      </ul>
    </section>
  )
}
