import { Field } from '@postroad/desk/kit'
import { Input } from 'antd'
import { useState } from 'react'
import { ReasonPanel } from '../reason-panel.tsx'
import { sentWords } from '../words.ts'

export type Notice = 'recall' | 'correct' | 'void'
type Props = { readonly kind: Notice; readonly about: string; readonly busy: boolean; onSend(given: { title: string; text: string }): void; onCancel(): void }

const WORDS: Readonly<Record<Notice, { title: string; help: string; submit: string; needed: string }>> = {
  recall: { title: sentWords.recallTitle, help: sentWords.recallHelp, submit: sentWords.recallSubmit, needed: sentWords.reasonNeeded },
  correct: { title: sentWords.correctTitle, help: sentWords.correctHelp, submit: sentWords.correctSubmit, needed: sentWords.textNeeded },
  void: { title: sentWords.voidTitle, help: sentWords.voidHelp, submit: sentWords.voidSubmit, needed: sentWords.reasonNeeded },
}

/** 撤回申请, 更正通知, 作废通知: what it will do, and the words that go with it. */
export function NoticePanel({ kind, about, busy, onSend, onCancel }: Props) {
  const [text, setText] = useState('')
  const [title, setTitle] = useState(sentWords.correctDefault(about))
  const [missing, setMissing] = useState(false)
  const words = WORDS[kind]
  const submit = () => {
    setMissing(text.trim() === '')
    if (text.trim() !== '') onSend({ title: title.trim(), text: text.trim() })
  }
  return (
    <ReasonPanel
      title={words.title} help={words.help} label={kind === 'correct' ? sentWords.text : sentWords.reason} value={text} fault={missing ? words.needed : null} submit={words.submit} cancel={sentWords.cancel} busy={busy}
      onChange={setText} onSubmit={submit} onCancel={onCancel}
      before={kind === 'correct' ? <Field title={sentWords.correctSubject}>{(id) => <Input id={id} maxLength={500} value={title} onChange={(event) => setTitle(event.target.value)} />}</Field> : undefined}
    />
  )
}
