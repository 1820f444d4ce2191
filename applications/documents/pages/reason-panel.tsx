import { Field, useKeys } from '@postroad/desk/kit'
import { Button, Input, type InputRef } from 'antd'
import { type ReactNode, useEffect, useRef } from 'react'

type Props = {
  readonly title: string
  readonly help: string
  readonly label: string
  readonly value: string
  readonly fault: string | null
  readonly submit: string
  readonly cancel: string
  readonly busy: boolean
  readonly before?: ReactNode
  onChange(value: string): void
  onSubmit(): void
  onCancel(): void
}

/** What cannot be undone asks for a reason, here, above the acts; it never asks "are you sure". */
export function ReasonPanel({ title, help, label, value, fault, submit, cancel, busy, before, onChange, onSubmit, onCancel }: Props) {
  const field = useRef<InputRef>(null)
  useEffect(() => field.current?.focus(), [])
  useKeys({ Escape: onCancel, 'Ctrl+Enter': onSubmit })
  return (
    <section className="reason-panel" aria-label={title}>
      <h3>{title}</h3>
      <p className="quiet">{help}</p>
      {before}
      <Field title={label} required fault={fault}>
        {(id, below) => <Input.TextArea ref={field as never} id={id} aria-describedby={below} rows={3} maxLength={450} showCount value={value} onChange={(event) => onChange(event.target.value)} />}
      </Field>
      <div className="reason-acts"><Button type="text" onClick={onCancel}>{cancel}</Button><Button type="primary" loading={busy} onClick={onSubmit}>{submit}</Button></div>
    </section>
  )
}
