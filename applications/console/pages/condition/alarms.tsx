import { api, ErrorPanel, Field, nearDate } from '@postroad/desk/kit'
import type { Alarm } from '@postroad/watch/model'
import { ALARMS, fill } from '@postroad/watch/words'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Button, Input } from 'antd'
import { useState } from 'react'
import { conditionWords } from '../words.ts'

/** What is wrong, since when, whether anything is lost, and what to do; the urgent ones first. */
export function Alarms({ open, cleared }: { readonly open: readonly Alarm[]; readonly cleared: readonly Alarm[] }) {
  const ordered = [...open].sort((one, other) => Number(other.urgent) - Number(one.urgent) || one.at.localeCompare(other.at))
  return (
    <section aria-label={conditionWords.alarms} aria-live="polite">
      {ordered.length === 0 ? <p className="notice notice-good"><b>{conditionWords.noAlarms}</b>　<span className="quiet">{conditionWords.noAlarmsHelp}</span></p> : <ul className="alarms">{ordered.map((one) => <Standing key={one.id} alarm={one} />)}</ul>}
      {cleared.length > 0 && (
        <details>
          <summary className="quiet">{conditionWords.cleared}（{cleared.length}）</summary>
          <ul>{cleared.map((one) => <li key={one.id} className="cleared"><span className="quiet">{conditionWords.until(nearDate(one.at), nearDate(one.clearedAt ?? one.at))}</span><span>{fill(ALARMS[one.code].what, one.detail)}</span></li>)}</ul>
        </details>
      )}
    </section>
  )
}

function Standing({ alarm }: { readonly alarm: Alarm }) {
  const [writing, setWriting] = useState(false)
  const words = ALARMS[alarm.code]
  return (
    <li className={`alarm${alarm.urgent ? ' alarm-urgent' : ''}`}>
      <p className="alarm-what"><span className={`mark ${alarm.urgent ? 'mark-extraUrgent' : 'mark-label'}`}>{alarm.urgent ? conditionWords.atOnce : conditionWords.soon}</span>{fill(words.what, alarm.detail)}</p>
      <p><b>{conditionWords.toDo}</b>{fill(words.toDo, alarm.detail)}</p>
      <p className="quiet">{fill(words.lost, alarm.detail)}</p>
      {alarm.seen.map((note) => <p key={`${note.name}${note.at}`}><span className="quiet">{conditionWords.seenBy(note.name, nearDate(note.at))}</span>{note.note}</p>)}
      <p className="alarm-foot">
        <span className="quiet">{conditionWords.since(nearDate(alarm.at))}　{conditionWords.code} {alarm.code}</span>
        {!writing && <Button size="small" onClick={() => setWriting(true)}>{conditionWords.seen}</Button>}
      </p>
      {writing && <SeenForm alarm={alarm.id} onDone={() => setWriting(false)} />}
    </li>
  )
}

/** 知晓: says that somebody is on it. The alarm goes when its cause is gone, not by this. */
function SeenForm({ alarm, onDone }: { readonly alarm: string; readonly onDone: () => void }) {
  const client = useQueryClient()
  const [note, setNote] = useState('')
  const act = useMutation({
    mutationFn: () => api<undefined>(`/console/alarms/${alarm}/seen`, { method: 'POST', body: { note } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['console'] })
      onDone()
    },
  })
  return (
    <form className="alarm-seen" onSubmit={(event) => (event.preventDefault(), act.mutate())}>
      <Field title={conditionWords.note} hint={conditionWords.noteHelp}>{(id, below) => <Input id={id} aria-describedby={below} value={note} maxLength={500} autoFocus onChange={(event) => setNote(event.target.value)} />}</Field>
      <ErrorPanel thrown={act.error} />
      <p className="alarm-foot"><Button size="small" onClick={onDone}>{conditionWords.cancel}</Button><Button size="small" htmlType="submit" disabled={note.trim() === ''} loading={act.isPending}>{conditionWords.save}</Button></p>
    </form>
  )
}
