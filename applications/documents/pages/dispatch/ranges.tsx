import { api, ErrorPanel, useAct, useSession, Waiting } from '@postroad/desk/kit'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Button, Checkbox, Input } from 'antd'
import { useMemo, useState } from 'react'
import type { ListChange, RecipientList } from '../../lists/model.ts'
import type { Addressee } from '../../terminal/types.ts'
import { LEVELS, ROLES, SYSTEMS } from '../../words.ts'
import { expand, type Expanded, inScope, joined, regionsOf, type Scope } from '../directory/ranges.ts'
import type { DirectoryEntry } from '../terminal/port.ts'
import { useTerminal } from '../terminal/provider.tsx'
import { dispatchWords, rangeWords } from '../words.ts'

type Props = { readonly entries: readonly DirectoryEntry[]; readonly recipients: readonly Addressee[]; onChange(recipients: readonly Addressee[]): void }

/** Many recipients at once: lists that were kept, and ranges computed from the directory. What was left out, and why, stays until the next choice. */
export function Ranges({ entries, recipients, onChange }: Props) {
  const { acting } = useSession()
  const byOrgan = useMemo(() => new Map(entries.map((entry) => [entry.organ, entry])), [entries])
  const [left, setLeft] = useState<Expanded['leftOut']>([])
  const add = (members: Parameters<typeof expand>[1]) => {
    const { addressees, leftOut } = expand(byOrgan, members)
    setLeft(leftOut)
    onChange(joined(recipients, addressees, acting.organ))
  }
  return (
    <>
      <details className="tree">
        <summary>{rangeWords.lists}</summary>
        <Lists recipients={recipients} onAdd={add} />
      </details>
      <details className="tree">
        <summary>{rangeWords.byRange}</summary>
        <ByRange entries={entries} onAdd={add} />
      </details>
      {left.length > 0 && (
        <details className="notice left-out">
          <summary>{rangeWords.leftOut(left.length)}</summary>
          <ul>{left.slice(0, 200).map(({ organ, title, reason }) => <li key={organ}>{title}，{rangeWords.reasons[reason]}</li>)}</ul>
        </details>
      )}
    </>
  )
}

type AddProps = { onAdd(members: readonly { readonly organ: string; readonly name?: string; readonly role: 'to' | 'cc' }[]): void }

/** 「本省全部县级党委系统」: region with all below it × system × level. */
function ByRange({ entries, onAdd }: AddProps & { readonly entries: readonly DirectoryEntry[] }) {
  const [scope, setScope] = useState<Scope>({ region: '', system: '', level: '' })
  const regions = useMemo(() => regionsOf(entries), [entries])
  const found = useMemo(() => inScope(entries, scope), [entries, scope])
  const choice = (name: keyof Scope, options: readonly (readonly [string, string])[]) => (
    <select className="plain-select" aria-label={rangeWords[name]} value={scope[name]} onChange={(event) => setScope({ ...scope, [name]: event.target.value })}>
      <option value="">{rangeWords.any[name]}</option>
      {options.map(([value, title]) => <option key={value} value={value}>{title}</option>)}
    </select>
  )
  return (
    <div className="range">
      {choice('region', regions.map(({ region, title }) => [region, title] as const))}
      {choice('system', Object.entries(SYSTEMS))}
      {choice('level', Object.entries(LEVELS))}
      <p role="status">{rangeWords.found(found.length)}</p>
      <RoleButtons disabled={found.length === 0} of={rangeWords.thisRange} onRole={(role) => onAdd(found.map(({ organ }) => ({ organ, role })))} />
    </div>
  )
}

function RoleButtons({ disabled, of, onRole }: { readonly disabled: boolean; readonly of: string; onRole(role: 'to' | 'cc'): void }) {
  return (
    <span className="pick-buttons">
      {(['to', 'cc'] as const).map((role) => <button key={role} type="button" className="pick" disabled={disabled} aria-label={`${ROLES[role]} ${of}`} onClick={() => onRole(role)}>{ROLES[role]}</button>)}
    </span>
  )
}

/** Lists of one's own organ and those shared on the node; the recipients chosen now can be kept as one. */
function Lists({ recipients, onAdd }: AddProps & { readonly recipients: readonly Addressee[] }) {
  const { actor } = useTerminal()
  const queries = useQueryClient()
  const lists = useQuery({ queryKey: ['documents', actor, 'lists'], queryFn: () => api<{ lists: RecipientList[] }>('/documents/lists') })
  const change = useAct(async (next: ListChange) => {
    await api('/documents/lists', { method: 'POST', body: next })
    await queries.invalidateQueries({ queryKey: ['documents', actor, 'lists'] })
  })
  if (lists.isPending) return <Waiting rows={2} />
  const end = ({ list, version, shared, title }: RecipientList) => change.start({ list, version: version + 1, shared, title, members: [], ended: true })
  const replace = ({ list, version, shared, title }: RecipientList) => change.start({ list, version: version + 1, shared, title, members: [...recipients], ended: false })
  return (
    <>
      <ErrorPanel thrown={lists.error ?? change.thrown} onRetry={() => void lists.refetch()} onClose={change.forget} />
      {lists.data?.lists.length === 0 && <p className="quiet">{rangeWords.noLists}</p>}
      <ul>
        {lists.data?.lists.map((list) => (
          <li key={`${list.organ} ${list.list}`} className="pick-row">
            <span className="pick-name">{list.title} <span className="quiet">{rangeWords.members(list.members.length)}{list.shared && `，${rangeWords.shared}`}</span></span>
            <button type="button" className="pick" aria-label={`${rangeWords.addList} ${list.title}`} onClick={() => onAdd(list.members)}>{rangeWords.addList}</button>
            {list.own && <button type="button" className="text-link" disabled={recipients.length === 0 || change.busy} onClick={() => replace(list)}>{rangeWords.replace}</button>}
            {list.own && <button type="button" className="text-link" disabled={change.busy} onClick={() => end(list)}>{rangeWords.end}</button>}
          </li>
        ))}
      </ul>
      {recipients.length > 0 && <Keep busy={change.busy} onKeep={(title, shared) => change.start({ list: crypto.randomUUID(), version: 1, shared, title, members: [...recipients], ended: false })} />}
    </>
  )
}

function Keep({ busy, onKeep }: { readonly busy: boolean; onKeep(title: string, shared: boolean): void }) {
  const { acting } = useSession()
  const [title, setTitle] = useState('')
  const [shared, setShared] = useState(false)
  const keep = () => {
    onKeep(title.trim(), shared)
    setTitle('')
  }
  return (
    <div className="range">
      <Input aria-label={rangeWords.keepAs} placeholder={rangeWords.keepAs} maxLength={60} value={title} onChange={(event) => setTitle(event.target.value)} />
      {acting.duties.includes('documents.share') && <Checkbox checked={shared} onChange={(event) => setShared(event.target.checked)}>{rangeWords.share}</Checkbox>}
      <Button loading={busy} disabled={title.trim() === ''} onClick={keep}>{dispatchWords.keepList}</Button>
    </div>
  )
}
