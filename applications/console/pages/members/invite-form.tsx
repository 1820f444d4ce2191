import { api, ErrorPanel, Field, useAct } from '@postroad/desk/kit'
import { Button, Input } from 'antd'
import { useState } from 'react'
import type { InvitationDraft, Invited, Members } from '../../members/model.ts'
import { memberWords } from './words.ts'

type Props = { readonly self: Members['self']; onInvited(made: Invited & { readonly title: string }): void; onCancel(): void }
type Level = InvitationDraft['level']
const LEVELS: readonly Level[] = ['city', 'county', 'department']
const NODE = /^[a-z0-9][a-z0-9.-]{0,62}$/

/** Who is to be invited; the region is this centre's own unless said otherwise. */
export function InviteForm({ self, onInvited, onCancel }: Props) {
  const [draft, setDraft] = useState<InvitationDraft>({ node: '', title: '', level: 'department', region: self.region, regionTitle: self.regionTitle, maxLabel: Math.min(self.maxLabel, 1) })
  const [tried, setTried] = useState(false)
  const change = (part: Partial<InvitationDraft>) => setDraft({ ...draft, ...part })
  const invite = useAct(async () => onInvited({ ...(await api<Invited>('/console/invitations', { method: 'POST', body: draft })), title: draft.title }))
  const missing = (value: string): string | null => (tried && value.trim() === '' ? memberWords.needed : null)
  const badNode = tried && !NODE.test(draft.node) ? memberWords.badNode : null
  const submit = () => {
    setTried(true)
    if (NODE.test(draft.node) && [draft.title, draft.region, draft.regionTitle].every((value) => value.trim() !== '')) invite.start()
  }
  return (
    <section className="section" aria-label={memberWords.invite}>
      <h2>{memberWords.invite}</h2>
      <p className="quiet">{memberWords.inviteHelp}</p>
      <div className="invite-fields">
        <Field title={memberWords.name} required fault={missing(draft.title)}>{(id, below) => <Input id={id} aria-describedby={below} maxLength={64} value={draft.title} onChange={(event) => change({ title: event.target.value })} />}</Field>
        <Field title={memberWords.node} required hint={memberWords.nodeHint} fault={badNode}>{(id, below) => <Input id={id} aria-describedby={below} maxLength={63} value={draft.node} onChange={(event) => change({ node: event.target.value.trim() })} />}</Field>
        <Field title={memberWords.level}>{(id) => <select id={id} className="plain-select" value={draft.level} onChange={(event) => change({ level: event.target.value as Level })}>{LEVELS.map((level) => <option key={level} value={level}>{memberWords.levels[level]}</option>)}</select>}</Field>
        <Field title={memberWords.maxLabel}>{(id) => <select id={id} className="plain-select" value={draft.maxLabel} onChange={(event) => change({ maxLabel: Number(event.target.value) })}>{memberWords.labels.slice(0, self.maxLabel + 1).map((label, value) => <option key={label} value={value}>{label}</option>)}</select>}</Field>
        <Field title={memberWords.regionTitle} required fault={missing(draft.regionTitle)}>{(id, below) => <Input id={id} aria-describedby={below} maxLength={100} value={draft.regionTitle} onChange={(event) => change({ regionTitle: event.target.value })} />}</Field>
        <Field title={memberWords.region} required fault={missing(draft.region)}>{(id, below) => <Input id={id} aria-describedby={below} maxLength={32} value={draft.region} onChange={(event) => change({ region: event.target.value })} />}</Field>
      </div>
      <ErrorPanel thrown={invite.thrown} onClose={invite.forget} />
      <div className="reason-acts"><Button type="text" onClick={onCancel}>{memberWords.cancel}</Button><Button type="primary" loading={invite.busy} onClick={submit}>{memberWords.make}</Button></div>
    </section>
  )
}
