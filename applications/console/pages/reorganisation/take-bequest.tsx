import { api, DeskFault, ErrorPanel, useAct } from '@postroad/desk/kit'
import { Button } from 'antd'
import { useRef, useState } from 'react'
import { reorganisationWords as words } from './words.ts'

/** Takes in what the key process of another node sealed for an organ of this one; it came by hand. */
export function TakeBequest() {
  const input = useRef<HTMLInputElement>(null)
  const [taken, setTaken] = useState(false)
  const act = useAct(async (file: File) => {
    setTaken(false)
    await api('/reorganisation/bequests', { method: 'POST', body: read(await file.text()) })
    setTaken(true)
  })
  return (
    <>
      {taken && <span className="quiet" role="status">{words.bequestTaken}</span>}
      <ErrorPanel thrown={act.thrown} onClose={act.forget} />
      <Button type="text" loading={act.busy} onClick={() => input.current?.click()}>{words.takeBequest}</Button>
      <input ref={input} type="file" hidden accept="application/json,.json" aria-label={words.takeBequest} onChange={(event) => { const [file] = event.target.files ?? []; event.target.value = ''; if (file !== undefined) act.start(file) }} />
    </>
  )
}

function read(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new DeskFault({ status: 0, code: 'console.badFile', message: words.badFile, advice: '' })
  }
}
