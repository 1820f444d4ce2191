import { api, ErrorPanel, fullDate, useAct } from '@postroad/desk/kit'
import { Button, Checkbox } from 'antd'
import { useState } from 'react'
import type { InvitationRow } from '../../members/model.ts'
import { ReasonForm } from './reason-form.tsx'
import { memberWords } from './words.ts'

type Props = { readonly row: InvitationRow; /** Two people are needed, and this one invited. */ readonly needsAnother: boolean; onDecided(): Promise<void> }

/** A machine that showed a code: who it says it is, and the fingerprint to compare before it is let in. */
export function Applicant({ row, needsAnother, onDecided }: Props) {
  const [compared, setCompared] = useState(false)
  const [refusing, setRefusing] = useState(false)
  const { asked } = row
  const approve = useAct(async () => {
    await api(`/console/invitations/${row.id}/approve`, { method: 'POST', body: { fingerprint: asked?.fingerprint ?? '' } })
    await onDecided()
  })
  const refuse = useAct(async (reason: string) => {
    await api(`/console/invitations/${row.id}/refuse`, { method: 'POST', body: { reason } })
    await onDecided()
  })
  if (asked === null) return null
  return (
    <article className="applicant" aria-label={row.place?.title ?? row.node}>
      <h3>{row.place?.title ?? row.node}　<span className="quiet">{row.node}</span></h3>
      {row.contested > 0 && <p className="notice" role="alert">{memberWords.contested(row.contested)}</p>}
      <dl className="facts">
        <dt>{memberWords.saysTitle}</dt><dd>{asked.title}</dd>
        <dt>{memberWords.address}</dt><dd>{asked.address}</dd>
        <dt>{memberWords.asked}</dt><dd>{fullDate(asked.at)}</dd>
        <dt>{memberWords.invitedBy}</dt><dd>{row.by?.name ?? memberWords.bootstrap}</dd>
        <dt>{memberWords.fingerprint}</dt><dd><span className="spoken">{asked.spoken}</span><p className="quiet">{memberWords.fingerprintHelp}</p></dd>
      </dl>
      <ErrorPanel thrown={approve.thrown ?? refuse.thrown} onClose={() => { approve.forget(); refuse.forget() }} />
      {refusing
        ? <ReasonForm title={memberWords.refuseTitle} help={memberWords.refuseHelp} submit={memberWords.refuse} busy={refuse.busy} onSubmit={(reason) => refuse.start(reason)} onCancel={() => setRefusing(false)} />
        : (
          <div className="applicant-acts">
            {needsAnother ? <p className="notice">{memberWords.secondPerson}</p> : <Checkbox checked={compared} onChange={(event) => setCompared(event.target.checked)}>{memberWords.compared}</Checkbox>}
            <span className="applicant-buttons">
              <Button type="text" onClick={() => setRefusing(true)}>{memberWords.refuse}</Button>
              <Button type="primary" disabled={!compared || needsAnother} loading={approve.busy} onClick={() => approve.start()}>{memberWords.approve}</Button>
            </span>
          </div>
        )}
    </article>
  )
}
