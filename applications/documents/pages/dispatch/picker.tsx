import { ErrorPanel, Waiting } from '@postroad/desk/kit'
import { Input } from 'antd'
import { type KeyboardEvent, useMemo, useState } from 'react'
import type { Addressee } from '../../terminal/types.ts'
import { placedTitle, useOrgans } from '../directory/organs.ts'
import { type Branch, directoryTree, searchEntries } from '../directory/tree.ts'
import type { DirectoryEntry } from '../terminal/port.ts'
import { directoryWords, dispatchWords } from '../words.ts'
import { addressee } from './draft.ts'
import { ROLES } from '../../words.ts'

type Props = { readonly recipients: readonly Addressee[]; onChange(recipients: readonly Addressee[]): void }

/** The distribution list over the network's directory: by typing, or level by level. */
export function Picker({ recipients, onChange }: Props) {
  const organs = useOrgans()
  if (organs.isPending) return <Waiting rows={4} />
  if (organs.isError) return <ErrorPanel thrown={organs.error} onRetry={() => void organs.refetch()} />
  const add = (entry: DirectoryEntry, role: 'to' | 'cc') => {
    const made = addressee(entry, role)
    if (made !== null) onChange([...recipients.filter(({ organ }) => organ !== entry.organ), made])
  }
  const roleOf = (organ: string) => recipients.find((chosen) => chosen.organ === organ)?.role ?? null
  return (
    <>
      <Search entries={organs.data} roleOf={roleOf} onAdd={add} />
      <Chosen entries={organs.data} recipients={recipients} onChange={onChange} />
      <details className="tree" open={recipients.length === 0}>
        <summary>{dispatchWords.byTree}</summary>
        <Branches branches={directoryTree(organs.data)} depth={0} roleOf={roleOf} onAdd={add} />
      </details>
    </>
  )
}

type PickProps = { readonly roleOf: (organ: string) => 'to' | 'cc' | null; readonly onAdd: (entry: DirectoryEntry, role: 'to' | 'cc') => void }

function PickButtons({ entry, roleOf, onAdd }: PickProps & { readonly entry: DirectoryEntry }) {
  const role = roleOf(entry.organ)
  return (
    <span className="pick-buttons">
      {(['to', 'cc'] as const).map((each) => (
        <button key={each} type="button" className="pick" aria-pressed={role === each} disabled={entry.names.length === 0} aria-label={`${ROLES[each]} ${placedTitle(entry)}`} onClick={() => onAdd(entry, each)}>{ROLES[each]}</button>
      ))}
    </span>
  )
}

/** Type-ahead: namesakes stand side by side with their regions before their names. Enter adds the first as 主送. */
function Search({ entries, roleOf, onAdd }: PickProps & { readonly entries: readonly DirectoryEntry[] }) {
  const [typed, setTyped] = useState('')
  const found = useMemo(() => searchEntries(entries, typed), [entries, typed])
  const onKey = (event: KeyboardEvent) => {
    const first = found[0]
    if (event.key !== 'Enter' || event.ctrlKey || event.nativeEvent.isComposing || first === undefined) return
    event.preventDefault()
    onAdd(first, 'to')
    setTyped('')
  }
  return (
    <div className="pick-search">
      <Input allowClear aria-label={dispatchWords.searchOrgan} placeholder={dispatchWords.searchOrgan} value={typed} onChange={(event) => setTyped(event.target.value)} onKeyDown={onKey} />
      {typed.trim() !== '' && (
        <ul className="pick-found" aria-label={dispatchWords.searchOrgan}>
          {found.length === 0 && <li className="quiet">{dispatchWords.noOrgan}</li>}
          {found.map((entry) => (
            <li key={entry.organ} className="pick-row">
              <span className="pick-name">
                <span className="quiet">{entry.regionTitle}</span> {entry.title}
                {entry.former.length > 0 && <span className="quiet"> {directoryWords.formerly(entry.former.map(({ title }) => title).slice(0, 3))}</span>}
              </span>
              <PickButtons entry={entry} roleOf={roleOf} onAdd={onAdd} />
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

function Branches({ branches, depth, roleOf, onAdd }: PickProps & { readonly branches: readonly Branch[]; readonly depth: number }) {
  return (
    <ul className={depth === 0 ? 'branches' : 'branches branches-inner'}>
      {branches.map((branch) => (
        <li key={branch.key}>
          {branch.organ === null
            ? <details open={depth < 2}><summary>{branch.title}</summary><Branches branches={branch.children} depth={depth + 1} roleOf={roleOf} onAdd={onAdd} /></details>
            : <div className="pick-row"><span className="pick-name">{branch.title}</span><PickButtons entry={branch.organ} roleOf={roleOf} onAdd={onAdd} /></div>}
        </li>
      ))}
    </ul>
  )
}

/** The list as it will be frozen: name addressed, role, and a way out. */
function Chosen({ entries, recipients, onChange }: Props & { readonly entries: readonly DirectoryEntry[] }) {
  if (recipients.length === 0) return <p className="quiet">{dispatchWords.noneChosen}</p>
  const count = (role: 'to' | 'cc') => recipients.filter((each) => each.role === role).length
  const change = (organ: string, part: Partial<Addressee>) => onChange(recipients.map((each) => (each.organ === organ ? { ...each, ...part } : each)))
  const ordered = [...recipients].sort((one, other) => Number(one.role === 'cc') - Number(other.role === 'cc'))
  return (
    <section aria-label={dispatchWords.range}>
      <p role="status">{dispatchWords.chosen(count('to'), count('cc'))}</p>
      <ul className="chosen">
        {ordered.map(({ organ, name, role }) => {
          const entry = entries.find((each) => each.organ === organ)
          return (
            <li key={organ} className="pick-row">
              <button type="button" className="pick" aria-pressed="true" title={role === 'to' ? ROLES.cc : ROLES.to} onClick={() => change(organ, { role: role === 'to' ? 'cc' : 'to' })}>{ROLES[role]}</button>
              <span className="pick-name">
                <span className="quiet">{entry?.regionTitle}</span> {entry?.title ?? organ}
                {(entry?.names.length ?? 0) > 1 && (
                  <select className="name-select" aria-label={dispatchWords.nameAs} value={name} onChange={(event) => change(organ, { name: event.target.value })}>
                    {entry?.names.map((each) => <option key={each.id} value={each.id}>{each.title}</option>)}
                  </select>
                )}
              </span>
              <button type="button" className="text-link" onClick={() => onChange(recipients.filter((each) => each.organ !== organ))}>{dispatchWords.remove}</button>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
