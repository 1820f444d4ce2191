import { api, Empty, ErrorPanel, fullDate, useAct, useSession, Waiting } from '@postroad/desk/kit'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Button } from 'antd'
import { useState } from 'react'
import type { Invited, Members as MembersAnswer, InvitationRow } from '../../members/model.ts'
import { Applicant } from './applicant.tsx'
import { CodeSheet } from './code-sheet.tsx'
import { InviteForm } from './invite-form.tsx'
import { MemberList } from './member-list.tsx'
import { OwnLeavingPanel } from './own-leaving.tsx'
import { ReasonForm } from './reason-form.tsx'
import { memberWords } from './words.ts'

const REFRESH_MS = 5000
const KEY = ['console', 'members'] as const

/** 成员节点: who is under this centre, who was invited, and who waits to be let in. */
export function MembersPage() {
  const query = useQuery({ queryKey: KEY, queryFn: ({ signal }) => api<MembersAnswer>('/console/members', { signal }), refetchInterval: REFRESH_MS })
  const queries = useQueryClient()
  const session = useSession()
  const [inviting, setInviting] = useState(false)
  const [code, setCode] = useState<(Invited & { readonly title: string }) | null>(null)
  const again = () => queries.invalidateQueries({ queryKey: KEY })
  if (query.data === undefined) return <div className="workbench"><h1>{memberWords.title}</h1><ErrorPanel thrown={query.error} onRetry={() => void query.refetch()} />{query.isPending && <Waiting rows={6} />}</div>
  const { self, invitations, members, twoPersons, leaving } = query.data
  const waiting = invitations.filter(({ state }) => state === 'asked')
  const mayInvite = !inviting && code === null && leaving === null
  return (
    <div className="workbench">
      <header className="members-head">
        <div><h1>{memberWords.title}</h1><p className="quiet">{memberWords.help}</p></div>
        {mayInvite && <Button type={waiting.length === 0 ? 'primary' : 'default'} onClick={() => setInviting(true)}>{memberWords.invite}</Button>}
      </header>
      <ErrorPanel thrown={query.error} onRetry={() => void query.refetch()} />
      {leaving !== null && <OwnLeavingPanel leaving={leaving} onChanged={again} />}
      {inviting && <InviteForm self={self} onCancel={() => setInviting(false)} onInvited={(made) => { setInviting(false); setCode(made); void again() }} />}
      {code !== null && <CodeSheet invited={code} onDone={() => setCode(null)} />}
      {waiting.length > 0 && (
        <section className="section" aria-label={memberWords.waiting}>
          <h2>{memberWords.waiting}</h2>
          {waiting.map((row) => <Applicant key={row.id} row={row} needsAnother={twoPersons && row.by?.id === session.person.id} onDecided={again} />)}
        </section>
      )}
      {leaving?.phase !== 'gone' && <><MemberList members={members} onChanged={again} /><Invitations rows={invitations.filter(({ state }) => state !== 'asked')} onDecided={again} /></>}
    </div>
  )
}

function Invitations({ rows, onDecided }: { readonly rows: readonly InvitationRow[]; onDecided(): Promise<void> }) {
  return (
    <section className="section" aria-label={memberWords.invitations}>
      <h2>{memberWords.invitations}</h2>
      {rows.length === 0 ? <Empty title={memberWords.noInvitations}>{memberWords.noInvitationsHelp}</Empty> : (
        <table className="table">
          <thead><tr><th>{memberWords.name}</th><th>{memberWords.state}</th><th>{memberWords.invitedBy}</th><th>{memberWords.validUntil}</th><th /></tr></thead>
          <tbody>{rows.map((row) => <InvitationLine key={row.id} row={row} onDecided={onDecided} />)}</tbody>
        </table>
      )}
    </section>
  )
}

function InvitationLine({ row, onDecided }: { readonly row: InvitationRow; onDecided(): Promise<void> }) {
  const [open, setOpen] = useState(false)
  const withdraw = useAct(async (reason: string) => {
    await api(`/console/invitations/${row.id}/withdraw`, { method: 'POST', body: { reason } })
    await onDecided()
  })
  const mayWithdraw = row.state === 'invited' || row.state === 'approved'
  return (
    <>
      <tr>
        <td>{row.place?.title ?? row.asked?.title ?? row.node}<br /><span className="quiet">{row.node}</span></td>
        <td>{memberWords.states[row.state]}{row.decided !== null && row.decided.reason !== '' && <><br /><span className="quiet">{row.decided.by.name}：{row.decided.reason}</span></>}</td>
        <td>{row.by?.name ?? memberWords.bootstrap}</td>
        <td>{fullDate(row.expires)}</td>
        <td>{mayWithdraw && !open && <button type="button" className="text-link" onClick={() => setOpen(true)}>{memberWords.withdraw}</button>}</td>
      </tr>
      {open && mayWithdraw && (
        <tr><td colSpan={5}><ErrorPanel thrown={withdraw.thrown} onClose={withdraw.forget} /><ReasonForm title={memberWords.withdrawTitle} help={memberWords.withdrawHelp} submit={memberWords.withdraw} busy={withdraw.busy} onSubmit={(reason) => withdraw.start(reason)} onCancel={() => setOpen(false)} /></td></tr>
      )}
    </>
  )
}
