import type { Condition } from '@postroad/watch/model'
import { useState } from 'react'
import { conditionWords } from '../words.ts'

const SHOWN = 6
const DAY_MS = 86_400_000

/** The certificates that end first, with the days that are left. */
export function Certificates({ condition: { certificates, at } }: { readonly condition: Condition }) {
  const [all, setAll] = useState(false)
  const ordered = [...certificates].sort((one, other) => one.until.localeCompare(other.until))
  const shown = all ? ordered : ordered.slice(0, SHOWN)
  return (
    <section className="section" aria-label={conditionWords.certificates}>
      <h2>{conditionWords.certificates}</h2>
      <table className="table table-cards">
        <thead><tr>{[conditionWords.holder, conditionWords.kind, conditionWords.left, conditionWords.ends].map((word) => <th key={word} scope="col">{word}</th>)}</tr></thead>
        <tbody>
          {shown.map(({ kind, id, title, until }) => {
            const days = Math.floor((Date.parse(until) - Date.parse(at)) / DAY_MS)
            return (
              <tr key={`${kind}.${id}`}>
                <th scope="row">{title}</th>
                <td data-label={conditionWords.kind}>{conditionWords.certificateKinds[kind]}</td>
                <td data-label={conditionWords.left} className={days < 30 ? 'link-failing' : ''}>{conditionWords.days(days)}</td>
                <td data-label={conditionWords.ends}>{until.slice(0, 10)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
      {ordered.length > SHOWN && <button type="button" className="text-link" aria-expanded={all} onClick={() => setAll(!all)}>{conditionWords.shownFirst(shown.length, ordered.length)}</button>}
    </section>
  )
}
