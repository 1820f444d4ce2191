import { api, ErrorPanel, fullDate, LabelMark, UrgencyMark, useAct, useSession } from '@postroad/desk/kit'
import { Button } from 'antd'
import { Fragment, useState } from 'react'
import type { BundleLink } from '../../bundles/model.ts'
import { bundleWords as words } from './words.ts'

/** What the link may not carry: each is ended by a person once it went another way. */
export function Held({ link: { link, held, heldAbove }, onChanged }: { readonly link: BundleLink; onChanged(): Promise<void> }) {
  const session = useSession()
  const [chosen, setChosen] = useState<string | null>(null)
  const end = useAct(async (shipment: string) => {
    await api(`/road/held/${link}/${shipment}/end`, { method: 'POST', body: {} })
    setChosen(null)
    await onChanged()
  })
  const { columns } = words
  const mayEnd = session.acting.duties.includes('road.release')
  return (
    <article className="applicant" aria-label={words.held(held.length + heldAbove)}>
      <h3>{words.held(held.length + heldAbove)}</h3>
      <p className="notice">{words.heldHelp}</p>
      <ErrorPanel thrown={end.thrown} onClose={end.forget} />
      <table className="table table-cards">
        <thead><tr><th>{columns.sender}</th><th>{columns.marks}</th><th>{columns.created}</th><th /></tr></thead>
        <tbody>
          {held.map(({ shipment, sender, urgency, label, created }) => (
            <Fragment key={shipment}>
              <tr>
                <td data-label={columns.sender}>{sender}</td><td data-label={columns.marks}><span><UrgencyMark urgency={urgency} /> <LabelMark label={label} /></span></td><td data-label={columns.created}>{fullDate(created)}</td>
                <td>{mayEnd && chosen !== shipment && <button type="button" className="text-link" onClick={() => setChosen(shipment)}>{words.end}</button>}</td>
              </tr>
              {chosen === shipment && (
                <tr>
                  <td colSpan={4}>
                    <p className="quiet">{words.endHelp}</p>
                    <div className="reason-acts"><Button type="text" onClick={() => setChosen(null)}>{words.cancel}</Button><Button type="primary" loading={end.busy} onClick={() => end.start(shipment)}>{words.endConfirm}</Button></div>
                  </td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
      {heldAbove > 0 && <p className="notice">{words.aboveClearance(heldAbove)}</p>}
    </article>
  )
}
