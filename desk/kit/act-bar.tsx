import { Button } from 'antd'
import { type ReactNode, useState } from 'react'
import { useKeys } from './keyboard.tsx'

export type Act = { readonly title: string; readonly busy?: boolean; readonly disabled?: boolean; onAct(): void }

type Props = { readonly expected?: Act | null; readonly quiet?: readonly Act[]; readonly note?: ReactNode }

/** The acts of the moment, always in reach at the bottom. The expected one is the only filled button of the view and answers Ctrl+Enter. */
export function ActBar({ expected = null, quiet = [], note }: Props) {
  useKeys(expected !== null && expected.disabled !== true && expected.busy !== true ? { 'Ctrl+Enter': expected.onAct } : {})
  const hasNote = note !== undefined && note !== null && note !== ''
  if (expected === null && quiet.length === 0 && !hasNote) return null
  return (
    <div className="act-bar">
      {hasNote && <div className="act-note quiet" role="status">{note}</div>}
      {quiet.map((act) => <Button key={act.title} type="text" loading={act.busy ?? false} disabled={act.disabled ?? false} onClick={act.onAct}>{act.title}</Button>)}
      {expected !== null && <Button type="primary" loading={expected.busy ?? false} disabled={expected.disabled ?? false} onClick={expected.onAct}>{expected.title}</Button>}
    </div>
  )
}

/** An act under way or failed, in one place: `start` runs it, `thrown` is shown by the panel beside it. */
export function useAct<Arguments extends readonly unknown[]>(work: (...given: Arguments) => Promise<void>): { busy: boolean; thrown: unknown; start: (...given: Arguments) => void; forget: () => void } {
  const [busy, setBusy] = useState(false)
  const [thrown, setThrown] = useState<unknown>(null)
  const start = (...given: Arguments) => {
    if (busy) return
    setBusy(true)
    setThrown(null)
    work(...given).catch(setThrown).finally(() => setBusy(false))
  }
  return { busy, thrown, start, forget: () => setThrown(null) }
}
