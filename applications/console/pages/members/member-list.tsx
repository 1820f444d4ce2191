import { api, Empty, ErrorPanel, fullDate, useAct } from '@postroad/desk/kit'
import { Checkbox } from 'antd'
import { useState } from 'react'
import type { Member } from '../../members/model.ts'
import { ReasonForm } from './reason-form.tsx'
import { memberWords } from './words.ts'

/** The nodes under this centre, each with the one act that is possible now. */
export function MemberList({ members, onChanged }: { readonly members: readonly Member[]; onChanged(): Promise<void> }) {
  return (
    <section className="section" aria-label={memberWords.members}>
      <h2>{memberWords.members}</h2>
      {members.length === 0 ? <Empty title={memberWords.noMembers}>{memberWords.noMembersHelp}</Empty> : (
        <table className="table">
          <thead><tr><th>{memberWords.name}</th><th>{memberWords.level}</th><th>{memberWords.state}</th><th>{memberWords.organs}</th><th>{memberWords.endpoint}</th><th>{memberWords.certificateUntil}</th><th /></tr></thead>
          <tbody>{members.map((member) => <MemberLine key={member.node} member={member} onChanged={onChanged} />)}</tbody>
        </table>
      )}
    </section>
  )
}

function MemberLine({ member, onChanged }: { readonly member: Member; onChanged(): Promise<void> }) {
  const [open, setOpen] = useState(false)
  const [compromised, setCompromised] = useState(false)
  const { blocked, node, title } = member
  const act = useAct(async (reason: string) => {
    if (blocked === null) await api(`/console/members/${node}/block`, { method: 'POST', body: { reason, compromisedSince: compromised ? new Date().toISOString() : null } })
    else await api(`/console/members/${node}/unblock`, { method: 'POST', body: { reason } })
    setOpen(false)
    await onChanged()
  })
  const mayAct = blocked === null || blocked.own
  const words = blocked === null ? memberWords.block : memberWords.unblock
  return (
    <>
      <tr>
        <td>{title}<br /><span className="quiet">{node}</span></td>
        <td>{memberWords.levels[member.level]}</td>
        <td>{blocked === null ? memberWords.normal : <><b className="member-blocked">{memberWords.blocked}</b><br /><span className="quiet">{fullDate(blocked.since)}　{blocked.reason}</span></>}</td>
        <td>{member.organs}</td><td>{member.endpoint ?? '—'}</td><td>{fullDate(member.certificateUntil)}</td>
        <td>{mayAct && !open && <button type="button" className="text-link" onClick={() => setOpen(true)}>{words}</button>}</td>
      </tr>
      {open && (
        <tr>
          <td colSpan={7}>
            <ErrorPanel thrown={act.thrown} onClose={act.forget} />
            <ReasonForm title={blocked === null ? memberWords.blockTitle(title) : memberWords.unblockTitle(title)} help={blocked === null ? memberWords.blockHelp : memberWords.unblockHelp} submit={words} busy={act.busy} onSubmit={(reason) => act.start(reason)} onCancel={() => setOpen(false)}>
              {blocked === null && <Checkbox checked={compromised} onChange={(event) => setCompromised(event.target.checked)}>{memberWords.compromised}</Checkbox>}
            </ReasonForm>
          </td>
        </tr>
      )}
    </>
  )
}
