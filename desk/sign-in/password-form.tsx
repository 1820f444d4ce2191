import { Button, Input } from 'antd'
import { type FormEvent, useState } from 'react'
import { useAct } from '../kit/act-bar.tsx'
import { ErrorPanel } from '../kit/error-panel.tsx'
import { Field } from '../kit/field.tsx'
import { signInWords } from '../words.ts'
import { type Challenge, proveWithDevice, startSignIn } from './identity.ts'

type Props = { readonly account: string; onAccount(account: string): void; onEntered(): Promise<void>; onEnrol(): void }

/** Account and password; the device's key proves itself without a further question. Without one: passkey, or enrol this device. */
export function PasswordForm({ account, onAccount, onEntered, onEnrol }: Props) {
  const [password, setPassword] = useState('')
  const [wanting, setWanting] = useState<Challenge | null>(null)
  const [missing, setMissing] = useState<{ account?: string; password?: string }>({})
  const signIn = useAct(async () => {
    setWanting(null)
    const challenge = await startSignIn(account.trim(), password)
    if (await proveWithDevice(account.trim(), challenge)) await onEntered()
    else setWanting(challenge)
  })
  const passkey = useAct(async (challenge: Challenge) => {
    await (await import('./passkey.ts')).proveWithPasskey(challenge)
    await onEntered()
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const lacks = { ...(account.trim() === '' ? { account: signInWords.needAccount } : {}), ...(password === '' ? { password: signInWords.needPassword } : {}) }
    setMissing(lacks)
    if (Object.keys(lacks).length === 0) signIn.start()
  }
  return (
    <form className="door-form" onSubmit={submit} noValidate>
      <h1>{signInWords.title}</h1>
      <ErrorPanel thrown={signIn.thrown ?? passkey.thrown} lost="" onClose={() => { signIn.forget(); passkey.forget() }} />
      <Field title={signInWords.account} fault={missing.account ?? null}>
        {(id, below) => <Input id={id} aria-describedby={below} size="large" autoComplete="username" autoFocus value={account} onChange={(event) => onAccount(event.target.value)} />}
      </Field>
      <Field title={signInWords.password} fault={missing.password ?? null}>
        {(id, below) => <Input.Password id={id} aria-describedby={below} size="large" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} />}
      </Field>
      {wanting === null
        ? <Button type="primary" size="large" block htmlType="submit" loading={signIn.busy}>{signInWords.next}</Button>
        : <SecondFactor onPasskey={wanting.passkey === null ? null : () => passkey.start(wanting)} busy={passkey.busy} onEnrol={onEnrol} />}
      {wanting === null && <p className="field-hint">{signInWords.deviceHint}</p>}
      {wanting === null && <button type="button" className="text-link" onClick={onEnrol}>{signInWords.first}</button>}
    </form>
  )
}

type SecondProps = { readonly onPasskey: (() => void) | null; readonly busy: boolean; onEnrol(): void }

/** Said only after the password was right: this device holds no key for the account. */
function SecondFactor({ onPasskey, busy, onEnrol }: SecondProps) {
  return (
    <section className="second-factor" role="status">
      <h2>{signInWords.noDevice}</h2>
      <p>{signInWords.noDeviceHelp}</p>
      {onPasskey !== null && <Button type="primary" size="large" block loading={busy} onClick={onPasskey}>{signInWords.withPasskey}</Button>}
      <Button size="large" block type={onPasskey === null ? 'primary' : 'default'} onClick={onEnrol}>{signInWords.enrolHere}</Button>
    </section>
  )
}
