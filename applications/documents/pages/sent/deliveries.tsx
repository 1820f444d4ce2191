import { nearDate } from '@postroad/desk/kit'
import { useState } from 'react'
import type { TrackedDelivery, Tracking } from '../../model.ts'
import { ROLES, SENT_STATES } from '../../words.ts'
import { useOrgans, useOrganTitles } from '../directory/organs.ts'
import { sentWords } from '../words.ts'
import { boardCounts, latest, storyOf } from './board.ts'
import { Timeline } from './timeline.tsx'

const COUNTS = ['expected', 'delivered', 'signed', 'unsigned', 'returned'] as const

/** The board: counts above, one line per recipient below, each opening onto its story. */
export function Deliveries({ tracking, senderOrgan }: { readonly tracking: Tracking; readonly senderOrgan: string }) {
  const counts = boardCounts(tracking.deliveries)
  return (
    <section className="section" aria-label={sentWords.board}>
      <h2>{sentWords.board}</h2>
      <ul className="counts counts-small">
        {COUNTS.map((name) => <li key={name} className="count"><span className={`count-number${counts[name] === 0 ? ' count-none' : ''}`}>{counts[name]}</span><span>{sentWords.counts[name]}</span></li>)}
      </ul>
      <ul className="deliveries">{inPrintedOrder(tracking.deliveries).map((delivery) => <Delivery key={delivery.organ} tracking={tracking} delivery={delivery} senderOrgan={senderOrgan} />)}</ul>
    </section>
  )
}

/** 主送 before 抄送, each in the order of the list. */
const inPrintedOrder = (deliveries: readonly TrackedDelivery[]): TrackedDelivery[] => [...deliveries].sort((one, other) => Number(one.role === 'cc') - Number(other.role === 'cc'))

function Delivery({ tracking, delivery, senderOrgan }: { readonly tracking: Tracking; readonly delivery: TrackedDelivery; readonly senderOrgan: string }) {
  const [open, setOpen] = useState(false)
  const titles = useOrganTitles()
  const organs = useOrgans()
  const last = latest(delivery)
  const wayOf = (organ: string) => organs.data?.find((entry) => entry.organ === organ)?.path.map(({ id }) => id) ?? []
  const reason = last?.receipt.reason?.text ?? ''
  const name = organs.data?.find((entry) => entry.organ === delivery.organ)?.names.find(({ id }) => id === delivery.name)?.title
  return (
    <li className="delivery">
      <button type="button" className="delivery-line" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className="delivery-role quiet">{ROLES[delivery.role]}</span>
        <span className="delivery-who">{name ?? titles(delivery.organ)}<span className="quiet delivery-place">{titles(delivery.organ)}</span></span>
        <span className={`state state-${delivery.state}`}>{delivery.recall === 'none' ? stateWords(delivery, titles) : sentWords.recallStates[delivery.recall]}{delivery.late && delivery.recall === 'none' && `，${sentWords.late}`}</span>
        <time className="quiet delivery-at" dateTime={last?.receipt.at}>{last === null ? '' : nearDate(last.receipt.at)}</time>
        <span className={`chevron${open ? ' chevron-up' : ''}`} aria-hidden="true" />
        {reason !== '' && <span className="delivery-reason">{reason}</span>}
      </button>
      {open && <Timeline story={storyOf(tracking, delivery, new Set([...wayOf(delivery.organ), ...wayOf(senderOrgan)]))} heir={delivery.heir} titleOf={titles} />}
    </li>
  )
}

/** 「已转由××（承接单位）签收」: who signed, where the organ had ended. */
function stateWords({ state, heir }: TrackedDelivery, titleOf: (id: string) => string): string {
  if (heir === null) return SENT_STATES[state]
  return state === 'signedFor' || state === 'registered' ? sentWords.heirSigned(titleOf(heir)) : `${SENT_STATES[state]}，${sentWords.forwardedTo(titleOf(heir))}`
}
