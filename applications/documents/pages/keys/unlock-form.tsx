import { ErrorPanel, Field, useAct } from '@postroad/desk/kit'
import { Button, Input } from 'antd'
import { type FormEvent, useState } from 'react'
import { useTerminal } from '../terminal/provider.tsx'
import { keyWords } from '../words.ts'

/** The key secret, typed once per work session. `onOpened` lets a sheet close itself. */
export function UnlockForm({ onOpened, primary = true }: { readonly onOpened?: () => void; readonly primary?: boolean }) {
  const { keys } = useTerminal()
  const [secret, setSecret] = useState('')
  const [missing, setMissing] = useState(false)
  const act = useAct(async () => {
    await keys.open(secret)
    setSecret('')
    onOpened?.()
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setMissing(secret.trim() === '')
    if (secret.trim() !== '') act.start()
  }
  return (
    <form className="unlock" onSubmit={submit} noValidate>
      <Field title={keyWords.secret} hint={keyWords.secretHint} fault={missing ? keyWords.needSecret : null}>
        {(id, below) => (
          <div className="unlock-line">
            <Input.Password id={id} aria-describedby={below} autoComplete="off" value={secret} onChange={(event) => setSecret(event.target.value)} />
            <Button type={primary ? 'primary' : 'default'} htmlType="submit" loading={act.busy}>{keyWords.open}</Button>
          </div>
        )}
      </Field>
      <ErrorPanel thrown={act.thrown} lost="" onClose={act.forget} />
    </form>
  )
}

/** Above a list whose titles can't be read yet: calm, in its place, never in the way. */
export function UnlockHint() {
  const { keys } = useTerminal()
  if (keys.span !== null) return null
  return (
    <section className="unlock-hint">
      <p>{keyWords.hint}</p>
      <UnlockForm />
    </section>
  )
}
