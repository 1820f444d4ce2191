import { api, Empty, ErrorPanel, fullDate, useAct } from '@postroad/desk/kit'
import { Checkbox } from 'antd'
import { useState } from 'react'
import type { Member } from '../../members/model.ts'
import { ReasonForm } from './reason-form.tsx'
import { memberWords } from './words.ts'

/** The nodes under this centre, each with the acts that are possible now. */
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

type Act = { readonly path: 'block' | 'unblock' | 'close' | 'keep' | 'dismiss'; readonly label: string; readonly title: string; readonly help: string; readonly submit: string; readonly body?: { readonly forced: boolean } }

/** What can be done with a member as it stands, the likeliest first. */
function actsOn({ title, blocked, leaving }: Member): readonly Act[] {
  if (leaving?.phase === 'gone') return []
  const unblock: Act = { path: 'unblock', label: memberWords.unblock, title: memberWords.unblockTitle(title), help: memberWords.unblockHelp, submit: memberWords.unblock }
  const block: Act = { path: 'block', label: memberWords.block, title: memberWords.blockTitle(title), help: memberWords.blockHelp, submit: memberWords.block }
  const blocking = blocked === null ? [block] : blocked.own ? [unblock] : []
  if (leaving === null) return [...blocking, { path: 'close', label: memberWords.leave, title: memberWords.leaveTitle(title), help: memberWords.leaveHelp, submit: memberWords.leaveBegin }]
  if (!leaving.own) return blocking
  const { shipments, receipts, since } = leaving.waiting
  const isDrained = leaving.ready && shipments + receipts + since === 0
  const keep: Act = { path: 'keep', label: memberWords.keep, title: memberWords.keepTitle(title), help: memberWords.keepHelp, submit: memberWords.keep }
  const dismiss: Act = { path: 'dismiss', label: memberWords.dismiss, title: memberWords.dismissTitle(title), help: memberWords.dismissHelp, submit: memberWords.dismiss, body: { forced: false } }
  const force: Act = { path: 'dismiss', label: memberWords.force, title: memberWords.forceTitle(title), help: memberWords.forceHelp, submit: memberWords.force, body: { forced: true } }
  return isDrained ? [dismiss, keep, ...blocking] : [keep, ...blocking, force]
}

function MemberLine({ member, onChanged }: { readonly member: Member; onChanged(): Promise<void> }) {
  const [open, setOpen] = useState<Act | null>(null)
  const [compromised, setCompromised] = useState(false)
  const { node } = member
  const send = useAct(async (reason: string) => {
    if (open === null) return
    const more = open.path === 'block' ? { compromisedSince: compromised ? new Date().toISOString() : null } : open.body
    await api(`/console/members/${node}/${open.path}`, { method: 'POST', body: { reason, ...more } })
    setOpen(null)
    await onChanged()
  })
  return (
    <>
      <tr>
        <td>{member.title}<br /><span className="quiet">{node}</span></td>
        <td>{memberWords.levels[member.level]}</td>
        <td><Standing member={member} /></td>
        <td>{member.organs}</td><td>{member.endpoint ?? '—'}</td><td>{fullDate(member.certificateUntil)}</td>
        <td className="member-acts">{open === null && actsOn(member).map((act) => <button key={act.label} type="button" className="text-link" onClick={() => setOpen(act)}>{act.label}</button>)}</td>
      </tr>
      {open !== null && (
        <tr>
          <td colSpan={7}>
            <ErrorPanel thrown={send.thrown} onClose={send.forget} />
            <ReasonForm title={open.title} help={open.help} submit={open.submit} busy={send.busy} onSubmit={(reason) => send.start(reason)} onCancel={() => setOpen(null)}>
              {open.path === 'block' && <Checkbox checked={compromised} onChange={(event) => setCompromised(event.target.checked)}>{memberWords.compromised}</Checkbox>}
            </ReasonForm>
          </td>
        </tr>
      )}
    </>
  )
}

function Standing({ member: { blocked, leaving } }: { readonly member: Member }) {
  if (leaving?.phase === 'gone') return <><b>{memberWords.gone}</b><br /><span className="quiet">{fullDate(leaving.since)}　{leaving.reason}</span></>
  if (blocked !== null) return <><b className="member-blocked">{memberWords.blocked}</b><br /><span className="quiet">{fullDate(blocked.since)}　{blocked.reason}</span></>
  if (leaving === null) return memberWords.normal
  const { shipments, receipts, since } = leaving.waiting
  return (
    <>
      <b>{memberWords.leaving}</b><br />
      <span className="quiet">{fullDate(leaving.since)}<br />{leaving.reason}</span><br />
      {!leaving.ready ? memberWords.notReady : since > 0 ? memberWords.farewellPassed(since) : memberWords.ready}
      {shipments + receipts > 0 && <><br />{memberWords.waitingFor(shipments, receipts)}</>}
    </>
  )
}
