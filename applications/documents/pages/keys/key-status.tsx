import { ErrorPanel, nearDate, useAct, useSheet } from '@postroad/desk/kit'
import { Button } from 'antd'
import { useState } from 'react'
import { useTerminal } from '../terminal/provider.tsx'
import { keyWords } from '../words.ts'
import { HandOverForm } from './hand-over-form.tsx'
import { SecretForm } from './secret-form.tsx'
import { UnlockForm } from './unlock-form.tsx'

/** In the top bar: whether the organ's keys are open, and the place to open, close, or change the secret. */
export function KeyStatus() {
  const { keys } = useTerminal()
  const { open, setOpen, box } = useSheet()
  return (
    <span className="name-menu" ref={box}>
      <Button type="text" className="key-status" aria-expanded={open} onClick={() => setOpen(!open)}>{keys.span === null ? keyWords.closed : keyWords.opened}</Button>
      {open && <div className="name-sheet key-sheet">{keys.span === null ? <><h3>{keyWords.title}</h3><UnlockForm primary={false} onOpened={() => setOpen(false)} /></> : <OpenedSheet idle={keys.span.idle} temporary={keys.span.temporary} />}</div>}
    </span>
  )
}

function OpenedSheet({ idle, temporary }: { readonly idle: string; readonly temporary: boolean }) {
  const { keys } = useTerminal()
  const [changing, setChanging] = useState(false)
  const [handingOver, setHandingOver] = useState(false)
  const close = useAct(keys.close)
  if (changing) return <SecretForm onDone={() => setChanging(false)} />
  if (handingOver) return <HandOverForm onDone={() => setHandingOver(false)} />
  return (
    <>
      {temporary && <p className="notice">{keyWords.temporary}</p>}
      {idle !== '' && <p className="quiet">{keyWords.until(nearDate(idle))}</p>}
      <ErrorPanel thrown={close.thrown} lost="" onClose={close.forget} />
      <Button block onClick={() => setChanging(true)}>{keyWords.change}</Button>
      <Button block onClick={() => setHandingOver(true)}>{keyWords.handOver}</Button>
      <Button block loading={close.busy} onClick={() => close.start()}>{keyWords.close}</Button>
    </>
  )
}
