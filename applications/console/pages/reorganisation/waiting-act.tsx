import type { ActAnswer, PlanAnswer } from '@postroad/reorganisation/wire'
import { api, ErrorPanel, fullDate, useAct, Waiting } from '@postroad/desk/kit'
import { useQuery } from '@tanstack/react-query'
import { Button, Checkbox } from 'antd'
import { useState } from 'react'
import { dayOf } from './draft.ts'
import { Told } from './told.tsx'
import { reorganisationWords as words } from './words.ts'

/** An act that waits for the second person, who sees what it would do as things stand now. */
export function WaitingAct({ act, isOwn, onDecided }: { readonly act: ActAnswer; /** Whoever looks prepared it. */ readonly isOwn: boolean; onDecided(): Promise<void> }) {
  const [compared, setCompared] = useState(false)
  const [prepared] = act.steps
  const plan = useQuery({ queryKey: ['console', 'reorganisation', 'plan', act.id], queryFn: () => api<PlanAnswer>('/reorganisation/plan', { method: 'POST', body: { order: act.order } }), gcTime: 0 })
  const decide = useAct(async (step: 'approve' | 'withdraw') => {
    await api(`/reorganisation/acts/${act.id}/${step}`, { method: 'POST', body: {} }).finally(() => plan.refetch())
    await onDecided()
  })
  const isSound = plan.data !== undefined && plan.data.problems.length === 0
  return (
    <article className="applicant" aria-label={`${act.title} ${act.organTitle}`}>
      <h3>{act.title}　{act.organTitle}　<span className="quiet">{act.order.basis}　{words.day} {dayOf(act.order.on)}</span></h3>
      {prepared !== undefined && <p className="quiet">{words.prepared(prepared.name, fullDate(prepared.at))}</p>}
      {plan.data === undefined ? <><ErrorPanel thrown={plan.error} onRetry={() => void plan.refetch()} />{plan.isPending && <Waiting rows={4} />}</> : <Told plan={plan.data} />}
      <ErrorPanel thrown={decide.thrown} onClose={decide.forget} />
      <div className="applicant-acts">
        {isOwn ? <p className="notice">{words.secondPerson}</p> : <Checkbox checked={compared} onChange={(event) => setCompared(event.target.checked)}>{words.compared}</Checkbox>}
        <span className="applicant-buttons">
          <Button type="text" loading={decide.busy} onClick={() => decide.start('withdraw')}>{words.withdraw}</Button>
          {!isOwn && <Button type="primary" disabled={!compared || !isSound} loading={decide.busy} onClick={() => decide.start('approve')}>{words.approve}</Button>}
        </span>
      </div>
    </article>
  )
}
