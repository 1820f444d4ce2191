import { api, ErrorPanel, fullDate, useAct } from '@postroad/desk/kit'
import { Button } from 'antd'
import type { OwnLeaving } from '../../members/model.ts'
import { memberWords } from './words.ts'

/** This node itself is to leave: what is still to be done, and the act that says that nothing is. */
export function OwnLeavingPanel({ leaving: { phase, since, reason, ready, undone }, onChanged }: { readonly leaving: OwnLeaving; onChanged(): Promise<void> }) {
  const farewell = useAct(async () => {
    await api('/console/members/farewell', { method: 'POST' })
    await onChanged()
  })
  const { open, ...left } = undone
  const isDone = Object.values(left).every((count) => count === 0)
  if (phase === 'gone') return <section className="section own-leaving" aria-label={memberWords.ownGone}><h2>{memberWords.ownGone}　<span className="quiet">{fullDate(since)}</span></h2><p>{memberWords.ownGoneHelp}</p></section>
  return (
    <section className="section own-leaving" aria-label={memberWords.ownTitle}>
      <h2>{memberWords.ownTitle}　<span className="quiet">{fullDate(since)}　{reason}</span></h2>
      <p>{ready && isDone ? memberWords.ownReady : memberWords.ownHelp}</p>
      <dl className="facts">
        {(['unsigned', 'shipments', 'receipts'] as const).map((each) => (
          <div key={each} className="facts-line"><dt>{memberWords.undone[each]}</dt><dd>{left[each] === 0 ? memberWords.done : memberWords.left[each](left[each])}</dd></div>
        ))}
      </dl>
      {open > 0 && <p className="notice">{memberWords.open(open)}</p>}
      <ErrorPanel thrown={farewell.thrown} onClose={farewell.forget} />
      <div className="reason-acts"><Button type="primary" disabled={!isDone} loading={farewell.busy} onClick={() => farewell.start()}>{memberWords.farewell}</Button></div>
    </section>
  )
}
