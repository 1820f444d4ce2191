import { fileSize } from '@postroad/desk/kit'
import { type DragEvent, useRef, useState } from 'react'
import { dispatchWords } from '../words.ts'

type Props = { readonly files: readonly File[]; onChange(files: readonly File[]): void }

/** Files by drag and drop or by choosing; order is the order in the document. */
export function FileDrop({ files, onChange }: Props) {
  const [over, setOver] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const add = (more: FileList | null) => {
    const given = Array.from(more ?? [])
    if (given.length > 0) onChange([...files.filter((file) => !given.some((each) => each.name === file.name)), ...given])
  }
  const onDrop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    add(event.dataTransfer.files)
  }
  return (
    <>
      <button
        type="button" className={`drop${over ? ' drop-over' : ''}`} onClick={() => input.current?.click()} onDrop={onDrop}
        onDragOver={(event) => { event.preventDefault(); setOver(true) }} onDragLeave={() => setOver(false)}
      >
        <span>{dispatchWords.drop}</span><span className="quiet">{dispatchWords.dropHelp}</span>
      </button>
      <input ref={input} type="file" multiple hidden aria-label={dispatchWords.files} onChange={(event) => { add(event.target.files); event.target.value = '' }} />
      <ul className="files">
        {files.map((file) => (
          <li key={file.name} className="file-line">
            <span className="file-name">{file.name}</span><span className="quiet">{fileSize(file.size)}</span>
            <button type="button" className="text-link" onClick={() => onChange(files.filter((each) => each !== file))}>{dispatchWords.removeFile}</button>
          </li>
        ))}
      </ul>
    </>
  )
}
