import { Button } from 'antd'
import { useMemo, useState } from 'react'
import type { Addressee } from '../../terminal/types.ts'
import { ROLES } from '../../words.ts'
import { expand } from '../directory/ranges.ts'
import type { DirectoryEntry } from '../terminal/port.ts'
import { dispatchWords, pageWords, rangeWords } from '../words.ts'

/** More than so many are shown by region, folded. */
const A_FEW = 30
const AT_ONCE = 100

type Props = { readonly entries: readonly DirectoryEntry[]; readonly recipients: readonly Addressee[]; onChange(recipients: readonly Addressee[]): void }

/** The list as it will be frozen: name addressed, role, and a way out; by region where they are many. */
export function Chosen({ entries, recipients, onChange }: Props) {
  const byOrgan = useMemo(() => new Map(entries.map((entry) => [entry.organ, entry])), [entries])
  const gone = useMemo(() => new Set(expand(byOrgan, recipients).leftOut.map(({ organ }) => organ)), [byOrgan, recipients])
  const ordered = useMemo(() => [...recipients].sort((one, other) => Number(one.role === 'cc') - Number(other.role === 'cc')), [recipients])
  if (recipients.length === 0) return <p className="quiet">{dispatchWords.noneChosen}</p>
  const count = (role: 'to' | 'cc') => recipients.filter((each) => each.role === role).length
  const change = (organ: string, part: Partial<Addressee>) => onChange(recipients.map((each) => (each.organ === organ ? { ...each, ...part } : each)))
  const remove = (organs: ReadonlySet<string>) => onChange(recipients.filter(({ organ }) => !organs.has(organ)))
  const rows = (shown: readonly Addressee[]) => <Rows byOrgan={byOrgan} shown={shown} onRole={(organ, role) => change(organ, { role })} onName={(organ, name) => change(organ, { name })} onRemove={(organ) => remove(new Set([organ]))} />
  return (
    <section aria-label={dispatchWords.range}>
      <p role="status">{dispatchWords.chosen(count('to'), count('cc'))}{recipients.length > 1 && <>　<button type="button" className="text-link" onClick={() => onChange([])}>{rangeWords.removeAll}</button></>}</p>
      {gone.size > 0 && <p className="notice">{rangeWords.gone(gone.size)}　<button type="button" className="text-link" onClick={() => remove(gone)}>{dispatchWords.remove}</button></p>}
      {recipients.length <= A_FEW ? rows(ordered) : regionsIn(ordered, byOrgan).map(({ title, within }) => (
        <Folded key={title} title={title} count={within.length} onRemove={() => remove(new Set(within.map(({ organ }) => organ)))}>{() => rows(within)}</Folded>
      ))}
    </section>
  )
}

function regionsIn(recipients: readonly Addressee[], byOrgan: ReadonlyMap<string, DirectoryEntry>): { readonly title: string; readonly within: readonly Addressee[] }[] {
  const regions = new Map<string, Addressee[]>()
  for (const recipient of recipients) {
    const title = byOrgan.get(recipient.organ)?.regionTitle ?? ''
    const region = regions.get(title)
    if (region === undefined) regions.set(title, [recipient])
    else region.push(recipient)
  }
  return [...regions].map(([title, within]) => ({ title, within }))
}

/** A region whose rows are made when it is opened. */
function Folded({ title, count, onRemove, children }: { readonly title: string; readonly count: number; onRemove(): void; readonly children: () => React.ReactNode }) {
  const [open, setOpen] = useState(false)
  return (
    <details className="region" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary><span>{title}</span><span className="quiet">{rangeWords.members(count)}</span></summary>
      {open && <><button type="button" className="text-link" onClick={onRemove}>{rangeWords.removeRegion}</button>{children()}</>}
    </details>
  )
}

type RowsProps = { readonly byOrgan: ReadonlyMap<string, DirectoryEntry>; readonly shown: readonly Addressee[]; onRole(organ: string, role: 'to' | 'cc'): void; onName(organ: string, name: string): void; onRemove(organ: string): void }

function Rows({ byOrgan, shown, onRole, onName, onRemove }: RowsProps) {
  const [most, setMost] = useState(AT_ONCE)
  return (
    <>
      <ul className="chosen">
        {shown.slice(0, most).map(({ organ, name, role }) => {
          const entry = byOrgan.get(organ)
          return (
            <li key={organ} className="pick-row">
              <button type="button" className="pick" aria-pressed="true" title={role === 'to' ? ROLES.cc : ROLES.to} onClick={() => onRole(organ, role === 'to' ? 'cc' : 'to')}>{ROLES[role]}</button>
              <span className="pick-name">
                <span className="quiet">{entry?.regionTitle}</span> {entry?.title ?? organ}
                {(entry?.names.length ?? 0) > 1 && (
                  <select className="name-select" aria-label={dispatchWords.nameAs} value={name} onChange={(event) => onName(organ, event.target.value)}>
                    {entry?.names.map((each) => <option key={each.id} value={each.id}>{each.title}</option>)}
                  </select>
                )}
              </span>
              <button type="button" className="text-link" onClick={() => onRemove(organ)}>{dispatchWords.remove}</button>
            </li>
          )
        })}
      </ul>
      {shown.length > most && <Button type="text" onClick={() => setMost(most + AT_ONCE)}>{pageWords.more}</Button>}
    </>
  )
}
