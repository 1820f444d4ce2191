import { api, ErrorPanel, fullDate, LabelMark, UrgencyMark, useAct, useSession } from '@postroad/desk/kit'
import { Button } from 'antd'
import { useState } from 'react'
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
  const mayEnd = session.acting.duties.includes('road.release')
  return (
    <article className="applicant" aria-label={words.held(held.length + heldAbove)}>
      <h3>{words.held(held.length + heldAbove)}</h3>
      <p className="notice">{words.heldHelp}</p>
      <ErrorPanel thrown={end.thrown} onClose={end.forget} />
      <table className="table">
        <thead><tr><th>{words.columns.sender}</th><th>{words.columns.marks}</th><th>{words.columns.created}</th><th /></tr></thead>
        <tbody>
          {held.map(({ shipment, sender, urgency, label, created }) => (
            <tr key={shipment}>
              <td>{sender}</td><td><UrgencyMark urgency={urgency} /> <LabelMark label={label} /></td><td>{fullDate(created)}</td>
              <td>
                {!mayEnd ? null : chosen !== shipment ? <button type="button" className="text-link" onClick={() => setChosen(shipment)}>{words.end}</button> : (
                  <>
                    <p className="quiet">{words.endHelp}</p>
                    <div className="reason-acts"><Button type="text" onClick={() => setChosen(null)}>{words.cancel}</Button><Button type="primary" loading={end.busy} onClick={() => end.start(shipment)}>{words.endConfirm}</Button></div>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {heldAbove > 0 && <p className="notice">{words.aboveClearance(heldAbove)}</p>}
    </article>
  )
}
