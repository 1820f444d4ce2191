import type { ActAnswer, SurroundingsAnswer } from '@postroad/reorganisation/wire'
import { api, Empty, ErrorPanel, fullDate, useSession, Waiting } from '@postroad/desk/kit'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Button } from 'antd'
import { useState } from 'react'
import { TakeBequest } from './take-bequest.tsx'
import { dayOf } from './draft.ts'
import { PlanForm } from './plan-form.tsx'
import { WaitingAct } from './waiting-act.tsx'
import { reorganisationWords as words } from './words.ts'

const REFRESH_MS = 10_000
const KEY = ['console', 'reorganisation'] as const

/** 机构改革: a plan is drawn, a second person approves it, the node carries it out, and what became of it stays listed. */
export function ReorganisationPage() {
  const session = useSession()
  const queries = useQueryClient()
  const [drawing, setDrawing] = useState(false)
  const around = useQuery({ queryKey: [...KEY, 'organs'], queryFn: ({ signal }) => api<SurroundingsAnswer>('/reorganisation/organs', { signal }) })
  const acts = useQuery({ queryKey: [...KEY, 'acts'], queryFn: ({ signal }) => api<{ acts: ActAnswer[] }>('/reorganisation/acts', { signal }), refetchInterval: REFRESH_MS })
  const again = () => queries.invalidateQueries({ queryKey: KEY })
  const mayPrepare = session.acting.duties.includes('directory.reorganise')
  const rows = acts.data?.acts
  const waiting = rows?.filter(({ state }) => state === 'prepared') ?? []
  return (
    <div className="workbench">
      <header className="members-head">
        <div><h1>{words.title}</h1><p className="quiet">{words.help}</p></div>
        {mayPrepare && !drawing && <span className="applicant-buttons"><TakeBequest /><Button type={waiting.length === 0 ? 'primary' : 'default'} onClick={() => setDrawing(true)}>{words.draft}</Button></span>}
      </header>
      <ErrorPanel thrown={around.error ?? acts.error} onRetry={() => void again()} />
      {drawing && (around.data === undefined ? <Waiting rows={4} /> : <PlanForm around={around.data} onCancel={() => setDrawing(false)} onPrepared={() => { setDrawing(false); void again() }} />)}
      {waiting.length > 0 && (
        <section className="section" aria-label={words.waiting}>
          <h2>{words.waiting}</h2>
          {waiting.map((act) => <WaitingAct key={act.id} act={act} isOwn={act.steps[0]?.person === session.person.id} onDecided={again} />)}
        </section>
      )}
      {rows === undefined ? acts.isPending && <Waiting rows={6} /> : <Records rows={rows.filter(({ state }) => state !== 'prepared')} />}
    </div>
  )
}

function Records({ rows }: { readonly rows: readonly ActAnswer[] }) {
  return (
    <section className="section" aria-label={words.records}>
      <h2>{words.records}</h2>
      {rows.length === 0 ? <Empty title={words.noRecords}>{words.noRecordsHelp}</Empty> : (
        <table className="table plan-records">
          <thead><tr><th>{words.kind}</th><th>{words.organ}</th><th>{words.basis}</th><th>{words.day}</th><th>{words.who}</th><th>{words.state}</th><th>{words.result}</th></tr></thead>
          <tbody>{rows.map((act) => <Record key={act.id} act={act} />)}</tbody>
        </table>
      )}
    </section>
  )
}

function Record({ act: { title, organTitle, order, state, stateWords, steps } }: { readonly act: ActAnswer }) {
  const last = steps.at(-1)
  const who = steps.filter(({ step }) => step === 'prepared' || step === 'approved').map(({ name }) => name)
  return (
    <tr>
      <td>{title}</td><td>{organTitle}</td><td>{order.basis}</td><td>{dayOf(order.on)}</td><td>{who.join(' / ')}</td>
      <td>{stateWords}{last !== undefined && <><br /><span className="quiet">{fullDate(last.at)}</span></>}</td>
      <td>{resultOf(state, last?.detail ?? {})}</td>
    </tr>
  )
}

function resultOf(state: ActAnswer['state'], detail: Readonly<Record<string, unknown>>): string {
  const count = (name: string): number => Number(detail[name] ?? 0)
  if (state === 'stopped') return words.stopped
  return state === 'done' && 'inbox' in detail ? words.moved(count('inbox'), count('cases'), count('archive'), count('sent'), count('posts')) : ''
}
