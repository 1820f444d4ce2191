import { type ReactNode, useEffect, useRef, useState } from 'react'
import { Link } from 'react-router'
import { useKeys } from './keyboard.tsx'
import { holdStill, type Item, type Still } from './still.ts'
import { kitWords } from './words.ts'

type Props<T extends Item> = {
  readonly name: string
  readonly items: readonly T[]
  readonly selected: string | null
  readonly pathOf: (item: T) => string
  /** `left`: the item no longer belongs to the list and is kept only because it is open. */
  readonly row: (item: T, left: boolean) => ReactNode
  readonly empty: ReactNode
  readonly edge?: (item: T) => boolean
  /** Another filter or search: what is new then is what was asked for. */
  readonly scope: string
}

/** The list as it stands; pending items wait behind a quiet line. */
function useStill<T extends Item>(items: readonly T[], selected: string | null, scope: string): { shown: readonly T[]; waiting: number; admit: () => void } {
  const [still, setStill] = useState<Still<T>>(() => holdStill(null, { items, selected, scope }))
  if (still.items !== items || still.selected !== selected || still.scope !== scope) setStill(holdStill(still, { items, selected, scope }))
  return { shown: still.shown, waiting: still.waiting, admit: () => setStill(holdStill(null, { items, selected, scope })) }
}

/** A list of links: `j` and `k` move, Enter opens, the browser's own focus is the cursor. */
export function ItemList<T extends Item>({ name, items, selected, pathOf, row, empty, edge, scope }: Props<T>) {
  const { shown, waiting, admit } = useStill(items, selected, scope)
  const present = new Set(items.map((item) => item.id))
  const list = useRef<HTMLUListElement>(null)
  const links = () => Array.from(list.current?.querySelectorAll<HTMLAnchorElement>('a.row') ?? [])
  const move = (step: number) => {
    const all = links()
    const at = all.findIndex((link) => link === document.activeElement)
    const from = at >= 0 ? at : all.findIndex((link) => link.getAttribute('aria-current') === 'true')
    all[Math.min(all.length - 1, Math.max(0, from + step))]?.focus()
  }
  useKeys({ j: () => move(1), k: () => move(-1) })
  useEffect(() => {
    if (selected !== null) list.current?.querySelector('a[aria-current="true"]')?.scrollIntoView({ block: 'nearest' })
  }, [selected])
  return (
    <nav className="list" aria-label={name}>
      {waiting > 0 && <button type="button" className="list-new" onClick={admit}>{kitWords.newItems(waiting)}</button>}
      <p className="unseen" aria-live="polite">{kitWords.count(items.length)}</p>
      {shown.length === 0 ? empty : (
        <ul ref={list}>
          {shown.map((item) => (
            <li key={item.id}>
              <Link to={pathOf(item)} className={`row${edge?.(item) === true ? ' row-edge' : ''}`} aria-current={item.id === selected}>
                {row(item, !present.has(item.id))}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </nav>
  )
}
