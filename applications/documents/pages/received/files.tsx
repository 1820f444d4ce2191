import { ErrorPanel, fileSize, useAct, VerdictMark } from '@postroad/desk/kit'
import { Button, Progress } from 'antd'
import { useEffect, useState } from 'react'
import { LARGE_PART_BYTES } from '../../model.ts'
import type { OpenedHere, SaveFile } from '../terminal/port.ts'
import { useTerminal } from '../terminal/provider.tsx'
import { receivedWords } from '../words.ts'
import { Preview, canPreview } from './preview.tsx'

/** The files of an opened document. Each is decrypted and checked when it is asked for; a part that differs shows nothing. */
export function Files({ opened }: { readonly opened: OpenedHere }) {
  if (opened.parts.length === 0) return <p className="quiet">{receivedWords.noFiles}</p>
  return <ul className="files">{opened.parts.map((part, index) => <File key={part.name + String(index)} handle={opened.handle} index={index} part={part} first={index === 0} />)}</ul>
}

type Props = { readonly handle: number; readonly index: number; readonly part: OpenedHere['parts'][number]; readonly first: boolean }

function File({ handle, index, part, first }: Props) {
  const { terminal } = useTerminal()
  const [blob, setBlob] = useState<Blob | null>(null)
  const [shown, setShown] = useState(false)
  const [done, setDone] = useState(0)
  const read = async (): Promise<Blob> => {
    if (blob !== null) return blob
    const whole = await terminal.call('readPart', [handle, index], { onProgress: (progress) => setDone(progress.done) })
    setBlob(whole)
    return whole
  }
  const view = useAct(async () => {
    await read()
    setShown(true)
  })
  const [saved, setSaved] = useState(false)
  const keep = useAct(async () => {
    const picker = part.bytes > LARGE_PART_BYTES ? savePicker() : null
    if (picker === null) return saveAs(await read(), part.name)
    const file = await picker({ suggestedName: part.name }).catch((): null => null) // closed without choosing
    if (file === null) return
    await terminal.call('savePart', [handle, index, file], { onProgress: (progress) => setDone(progress.done) })
    setSaved(true)
  })
  useEffect(() => {
    if (first && canPreview(part) && part.bytes <= LARGE_PART_BYTES) view.start() // the document itself is what one opened
    // once, when the list appears
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [])
  const busy = view.busy || keep.busy
  return (
    <li className="file">
      <div className="file-line">
        <span className="file-name">{part.name}</span>
        <span className="quiet">{fileSize(part.bytes)}</span>
        {(blob !== null || saved) && <VerdictMark verdict="valid" word={receivedWords.wholeChecked} />}
        <span className="file-acts">
          {canPreview(part) && !shown && <Button size="small" loading={view.busy} onClick={() => view.start()}>{receivedWords.view}</Button>}
          <Button size="small" loading={keep.busy} onClick={() => keep.start()}>{receivedWords.save}</Button>
        </span>
      </div>
      {part.bytes > LARGE_PART_BYTES && !busy && !saved && blob === null && <p className="quiet">{receivedWords.largePart}</p>}
      {busy && part.bytes > 1_000_000 && <Progress percent={Math.floor((done / part.bytes) * 100)} size="small" status="active" aria-label={receivedWords.opening} />}
      <ErrorPanel thrown={view.thrown ?? keep.thrown} onClose={() => { view.forget(); keep.forget() }} />
      {shown && blob !== null && <Preview part={part} blob={blob} />}
    </li>
  )
}

type SavePicker = (options: { readonly suggestedName: string }) => Promise<SaveFile>
/** The browser's own dialogue for saving piece by piece; null where there is none: then the whole part passes through memory. */
const savePicker = (): SavePicker | null => ('showSaveFilePicker' in globalThis ? (globalThis as unknown as { readonly showSaveFilePicker: SavePicker }).showSaveFilePicker : null)

/** Hands a blob to the browser's own download. */
export function saveAs(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
