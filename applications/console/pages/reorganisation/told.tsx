import type { PlanAnswer } from '@postroad/reorganisation/wire'
import { reorganisationWords as words } from './words.ts'

const PARTS = ['directory', 'documents', 'people', 'keys'] as const

/** A plan in words: what is stated, what becomes of documents, people and keys; above it what stands in its way. */
export function Told({ plan: { told, problems } }: { readonly plan: PlanAnswer }) {
  return (
    <div className="told">
      {problems.length > 0 && (
        <div className="notice" role="alert">
          <b>{words.problems}</b>
          <ul className="told-list">{problems.map(({ code, about, words: said }) => <li key={`${code} ${about}`}>{said}</li>)}</ul>
          {problems.some(({ code }) => code === 'keysNotHandedOver') && <p className="quiet">{words.handOverHelp}</p>}
        </div>
      )}
      <dl className="facts">
        {PARTS.map((part) => (
          <div key={part} className="facts-line">
            <dt>{words.parts[part]}</dt>
            <dd>{told[part].length === 0 ? <span className="quiet">{words.unchanged}</span> : <ul className="told-list">{told[part].map((line) => <li key={line}>{line}</li>)}</ul>}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
