import { Field } from '@postroad/desk/kit'
import { Button, Input } from 'antd'
import { type ReactNode, useState } from 'react'
import { memberWords } from './words.ts'

type Props = { readonly title: string; readonly help: string; readonly submit: string; readonly busy: boolean; onSubmit(reason: string): void; onCancel(): void; /** What else is decided with it. */ readonly children?: ReactNode }

/** What cannot be undone asks for a reason. */
export function ReasonForm({ title, help, submit, busy, onSubmit, onCancel, children }: Props) {
  const [reason, setReason] = useState('')
  const [fault, setFault] = useState<string | null>(null)
  const send = () => (reason.trim() === '' ? setFault(memberWords.needed) : onSubmit(reason.trim()))
  return (
    <section className="reason-panel" aria-label={title}>
      <h3>{title}</h3>
      <p className="quiet">{help}</p>
      <Field title={memberWords.reason} required fault={fault}>
        {(id, below) => <Input.TextArea id={id} aria-describedby={below} rows={2} maxLength={450} showCount value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
      {children}
      <div className="reason-acts"><Button type="text" onClick={onCancel}>{memberWords.cancel}</Button><Button type="primary" loading={busy} onClick={send}>{submit}</Button></div>
    </section>
  )
}
