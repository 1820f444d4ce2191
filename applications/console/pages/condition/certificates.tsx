import type { Certificate, Condition } from '@postroad/watch/model'
import { useState } from 'react'
import { conditionWords } from '../words.ts'

const SHOWN = 6
const DAY_MS = 86_400_000

/** The certificates that end first, one line for each holder and kind, with the days that are left. */
export function Certificates({ condition: { certificates, at } }: { readonly condition: Condition }) {
  const [all, setAll] = useState(false)
  const held = byHolder(certificates)
  const shown = all ? held : held.slice(0, SHOWN)
  return (
    <section className="section" aria-label={conditionWords.certificates}>
      <h2>{conditionWords.certificates}</h2>
      <table className="table table-cards">
        <thead><tr>{[conditionWords.holder, conditionWords.kind, conditionWords.left, conditionWords.ends].map((word) => <th key={word} scope="col">{word}</th>)}</tr></thead>
        <tbody>
          {shown.map(({ kind, title, until, count }) => {
            const days = Math.floor((Date.parse(until) - Date.parse(at)) / DAY_MS)
            return (
              <tr key={`${kind}.${title}`}>
                <th scope="row">{title}</th>
                <td data-label={conditionWords.kind}>{conditionWords.certificateKind(kind, count)}</td>
                <td data-label={conditionWords.left} className={days < 30 ? 'link-failing' : ''}>{conditionWords.days(days)}</td>
                <td data-label={conditionWords.ends}>{until.slice(0, 10)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
      {held.length > SHOWN && <button type="button" className="text-link" aria-expanded={all} onClick={() => setAll(!all)}>{all ? conditionWords.fewer : conditionWords.shownFirst(SHOWN, held.length)}</button>}
    </section>
  )
}

type Held = Pick<Certificate, 'kind' | 'title' | 'until'> & { readonly count: number }

function byHolder(certificates: readonly Certificate[]): readonly Held[] {
  const held = new Map<string, Held>()
  for (const { kind, title, until } of [...certificates].sort((one, other) => one.until.localeCompare(other.until))) {
    const first = held.get(`${kind} ${title}`)
    held.set(`${kind} ${title}`, { kind, title, until: first?.until ?? until, count: (first?.count ?? 0) + 1 })
  }
  return [...held.values()]
}
