import { Radio } from 'antd'
import { useState } from 'react'
import { RETURN_REASONS } from '../../words.ts'
import { ReasonPanel } from '../reason-panel.tsx'
import { receivedWords } from '../words.ts'

type ReasonCode = keyof typeof RETURN_REASONS
type Props = { readonly suggested: ReasonCode; readonly busy: boolean; onReturn(reason: { code: string; text: string }): void; onCancel(): void }

/** 退文: which kind of reason, and in one's own words. */
export function ReturnPanel({ suggested, busy, onReturn, onCancel }: Props) {
  const [code, setCode] = useState<ReasonCode>(suggested)
  const [text, setText] = useState('')
  const [missing, setMissing] = useState(false)
  const submit = () => {
    setMissing(text.trim() === '')
    if (text.trim() !== '') onReturn({ code, text: text.trim() })
  }
  return (
    <ReasonPanel
      title={receivedWords.returnTitle} help={receivedWords.returnHelp} label={receivedWords.returnText} value={text} fault={missing ? receivedWords.returnTextNeeded : null}
      submit={receivedWords.returnSubmit} cancel={receivedWords.cancel} busy={busy} onChange={setText} onSubmit={submit} onCancel={onCancel}
      before={(
        <Radio.Group aria-label={receivedWords.returnKind} className="choices" value={code} onChange={(event) => setCode(event.target.value as ReasonCode)}
          options={(Object.entries(RETURN_REASONS) as [ReasonCode, string][]).map(([value, label]) => ({ value, label }))} />
      )}
    />
  )
}
