import { ErrorPanel, Field, useAct } from '@postroad/desk/kit'
import { Button, Input } from 'antd'
import { type FormEvent, useState } from 'react'
import { useTerminal } from '../terminal/provider.tsx'
import { keyWords } from '../words.ts'

/** A secret that somebody else handed over should become one's own. */
export function SecretForm({ onDone }: { readonly onDone: () => void }) {
  const { keys } = useTerminal()
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [repeat, setRepeat] = useState('')
  const [wrong, setWrong] = useState(false)
  const [changed, setChanged] = useState(false)
  const act = useAct(async () => {
    await keys.changeSecret(current, next)
    setChanged(true)
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setWrong(next !== repeat || next === '')
    if (next === repeat && next !== '') act.start()
  }
  if (changed) return <><p role="status">{keyWords.changed}</p><Button onClick={onDone}>{keyWords.back}</Button></>
  return (
    <form className="unlock" onSubmit={submit} noValidate>
      <Field title={keyWords.current}>{(id) => <Input.Password id={id} autoComplete="off" value={current} onChange={(event) => setCurrent(event.target.value)} />}</Field>
      <Field title={keyWords.next}>{(id) => <Input.Password id={id} autoComplete="off" value={next} onChange={(event) => setNext(event.target.value)} />}</Field>
      <Field title={keyWords.repeat} fault={wrong ? keyWords.repeatWrong : null}>{(id, below) => <Input.Password id={id} aria-describedby={below} autoComplete="off" value={repeat} onChange={(event) => setRepeat(event.target.value)} />}</Field>
      <ErrorPanel thrown={act.thrown} lost="" onClose={act.forget} />
      <Button htmlType="submit" loading={act.busy}>{keyWords.save}</Button>
    </form>
  )
}
