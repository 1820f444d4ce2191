import { Button, Input } from 'antd'
import { type FormEvent, useState } from 'react'
import { useAct } from '../kit/act-bar.tsx'
import { ErrorPanel } from '../kit/error-panel.tsx'
import { Field } from '../kit/field.tsx'
import { signInWords } from '../words.ts'
import { enrol, proveWithDevice, startSignIn } from './identity.ts'

type Props = { readonly account: string; onAccount(account: string): void; onEntered(): Promise<void>; onKnown(): void }
type Missing = { readonly account?: string; readonly code?: string; readonly password?: string; readonly repeat?: string }

const MIN_PASSWORD = 10

const lacking = (account: string, code: string, password: string, repeat: string): Missing => ({
  ...(account.trim() === '' ? { account: signInWords.needAccount } : {}),
  ...(code.trim() === '' ? { code: signInWords.needCode } : {}),
  ...([...password].length < MIN_PASSWORD ? { password: signInWords.passwordShort } : {}),
  ...(repeat !== password ? { repeat: signInWords.repeatWrong } : {}),
})

/** First sign-in on this device: one-time code, a password of one's own, and a key made here. Then it signs in by itself. */
export function EnrolForm({ account, onAccount, onEntered, onKnown }: Props) {
  const [code, setCode] = useState('')
  const [password, setPassword] = useState('')
  const [repeat, setRepeat] = useState('')
  const [missing, setMissing] = useState<Missing>({})
  const act = useAct(async () => {
    await enrol(account.trim(), code.trim(), password)
    await proveWithDevice(account.trim(), await startSignIn(account.trim(), password))
    await onEntered()
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const lacks = lacking(account, code, password, repeat)
    setMissing(lacks)
    if (Object.keys(lacks).length === 0) act.start()
  }
  return (
    <form className="door-form" onSubmit={submit} noValidate>
      <h1>{signInWords.enrolTitle}</h1>
      <ErrorPanel thrown={act.thrown} lost="" onClose={act.forget} />
      <Field title={signInWords.account} fault={missing.account ?? null}>
        {(id, below) => <Input id={id} aria-describedby={below} size="large" autoComplete="username" value={account} onChange={(event) => onAccount(event.target.value)} />}
      </Field>
      <Field title={signInWords.code} hint={signInWords.codeHint} fault={missing.code ?? null}>
        {(id, below) => <Input id={id} aria-describedby={below} size="large" autoComplete="one-time-code" value={code} onChange={(event) => setCode(event.target.value)} />}
      </Field>
      <Field title={signInWords.newPassword} hint={signInWords.passwordHint} fault={missing.password ?? null}>
        {(id, below) => <Input.Password id={id} aria-describedby={below} size="large" autoComplete="new-password" value={password} onChange={(event) => setPassword(event.target.value)} />}
      </Field>
      <Field title={signInWords.repeat} fault={missing.repeat ?? null}>
        {(id, below) => <Input.Password id={id} aria-describedby={below} size="large" autoComplete="new-password" value={repeat} onChange={(event) => setRepeat(event.target.value)} />}
      </Field>
      <Button type="primary" size="large" block htmlType="submit" loading={act.busy}>{signInWords.enrol}</Button>
      <button type="button" className="text-link" onClick={onKnown}>{signInWords.known}</button>
    </form>
  )
}
