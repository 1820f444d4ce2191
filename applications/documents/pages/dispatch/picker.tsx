import { ErrorPanel, Waiting } from '@postroad/desk/kit'
import { Input } from 'antd'
import { type KeyboardEvent, useMemo, useState } from 'react'
import type { Addressee } from '../../terminal/types.ts'
import { placedTitle, useOrgans } from '../directory/organs.ts'
import { type Branch, directoryTree, searchEntries } from '../directory/tree.ts'
import type { DirectoryEntry } from '../terminal/port.ts'
import { directoryWords, dispatchWords } from '../words.ts'
import { ROLES } from '../../words.ts'
import { Chosen } from './chosen.tsx'
import { addressee } from './draft.ts'
import { Ranges } from './ranges.tsx'

/** So many of one level stand open at first. */
const A_FEW = 12

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
  const roles = new Map(recipients.map(({ organ, role }) => [organ, role]))
  const roleOf = (organ: string) => roles.get(organ) ?? null
  return (
    <>
      <Search entries={organs.data} roleOf={roleOf} onAdd={add} />
      <Ranges entries={organs.data} recipients={recipients} onChange={onChange} />
      <Chosen entries={organs.data} recipients={recipients} onChange={onChange} />
      <details className="tree" open={recipients.length === 0}>
        <summary>{dispatchWords.byTree}</summary>
        <Tree entries={organs.data} roleOf={roleOf} onAdd={add} />
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
        <button key={each} type="button" className="pick" aria-pressed={role === each} disabled={entry.names.length === 0 || entry.leaving} aria-label={`${ROLES[each]} ${placedTitle(entry)}`} onClick={() => onAdd(entry, each)}>{ROLES[each]}</button>
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
                {entry.leaving && <span className="quiet"> {dispatchWords.leaving}</span>}
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

function Tree({ entries, roleOf, onAdd }: PickProps & { readonly entries: readonly DirectoryEntry[] }) {
  const branches = useMemo(() => directoryTree(entries), [entries])
  return <Branches branches={branches} depth={0} roleOf={roleOf} onAdd={onAdd} />
}

function Branches({ branches, depth, roleOf, onAdd }: PickProps & { readonly branches: readonly Branch[]; readonly depth: number }) {
  return (
    <ul className={depth === 0 ? 'branches' : 'branches branches-inner'}>
      {branches.map((branch) => (
        <li key={branch.key}>
          {branch.organ === null
            ? <Fold branch={branch} depth={depth} opened={depth === 0 || (depth === 1 && branches.length <= A_FEW)} roleOf={roleOf} onAdd={onAdd} />
            : <div className="pick-row"><span className="pick-name">{branch.title}{branch.organ.leaving && <span className="quiet"> {dispatchWords.leaving}</span>}</span><PickButtons entry={branch.organ} roleOf={roleOf} onAdd={onAdd} /></div>}
        </li>
      ))}
    </ul>
  )
}

/** A node or region; what stands under it is made when it is opened: a province has ten thousand organs. */
function Fold({ branch, depth, opened, roleOf, onAdd }: PickProps & { readonly branch: Branch; readonly depth: number; readonly opened: boolean }) {
  const [open, setOpen] = useState(opened)
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{branch.title}</summary>
      {open && <Branches branches={branch.children} depth={depth + 1} roleOf={roleOf} onAdd={onAdd} />}
    </details>
  )
}
