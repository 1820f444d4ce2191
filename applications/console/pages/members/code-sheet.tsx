import { fullDate } from '@postroad/desk/kit'
import { Button } from 'antd'
import { useState } from 'react'
import type { Invited } from '../../members/model.ts'
import { memberWords } from './words.ts'

/** The one-time code, shown once: to be copied, printed or read out. */
export function CodeSheet({ invited, onDone }: { readonly invited: Invited & { readonly title: string }; onDone(): void }) {
  const [copied, setCopied] = useState(false)
  const copy = () => void navigator.clipboard.writeText(invited.code.join('\n')).then(() => setCopied(true), () => setCopied(false))
  return (
    <section className="section code-sheet" aria-label={memberWords.code}>
      <h2>{memberWords.code}　<span className="quiet">{invited.title}</span></h2>
      <p className="notice">{memberWords.codeOnce}</p>
      <ol className="join-code">{invited.code.map((line) => <li key={line}>{line}</li>)}</ol>
      <p>{memberWords.codeHow}</p>
      <p><code>{memberWords.codeCommand}</code></p>
      <p className="quiet">{memberWords.validUntil} {fullDate(invited.expires)}</p>
      <div className="reason-acts"><Button type="text" onClick={copy}>{copied ? memberWords.copied : memberWords.copy}</Button><Button type="primary" onClick={onDone}>{memberWords.codeDone}</Button></div>
    </section>
  )
}
