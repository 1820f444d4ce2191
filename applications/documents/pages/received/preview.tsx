import { Waiting } from '@postroad/desk/kit'
import { useEffect, useState } from 'react'

type Part = { readonly name: string; readonly mediaType: string; readonly bytes: number }

const MAX_TEXT_BYTES = 2_000_000
const IMAGES = /^image\/(png|jpeg|gif|webp|bmp)$/

/** Only what cannot run: plain text, pictures, PDF in the browser's own viewer. Never HTML or SVG from a document. */
function kindOf({ name, mediaType, bytes }: Part): 'text' | 'image' | 'pdf' | null {
  const type = mediaType.split(';')[0]?.trim() ?? ''
  if ((type === 'text/plain' || (type === '' && name.endsWith('.txt'))) && bytes <= MAX_TEXT_BYTES) return 'text'
  if (IMAGES.test(type)) return 'image'
  return type === 'application/pdf' ? 'pdf' : null
}
export const canPreview = (part: Part): boolean => kindOf(part) !== null

/** The document as paper. */
export function Preview({ part, blob }: { readonly part: Part; readonly blob: Blob }) {
  const kind = kindOf(part)
  if (kind === 'text') return <TextPage blob={blob} />
  return kind === null ? null : <Framed part={part} blob={blob} kind={kind} />
}

function TextPage({ blob }: { readonly blob: Blob }) {
  const [text, setText] = useState<string | null>(null)
  useEffect(() => {
    let gone = false
    void blob.arrayBuffer().then((bytes) => {
      if (!gone) setText(decode(new Uint8Array(bytes)))
    })
    return () => {
      gone = true
    }
  }, [blob])
  return text === null ? <Waiting /> : <pre className="paper">{text}</pre>
}

/** UTF-8, else the encoding of older Chinese files. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('gb18030').decode(bytes)
  }
}

function Framed({ part, blob, kind }: { readonly part: Part; readonly blob: Blob; readonly kind: 'image' | 'pdf' }) {
  const [address, setAddress] = useState<string | null>(null)
  useEffect(() => {
    // The type is ours, not the sender's: what is not a PDF is not shown as anything else.
    const made = URL.createObjectURL(kind === 'pdf' ? new Blob([blob], { type: 'application/pdf' }) : blob)
    setAddress(made)
    return () => URL.revokeObjectURL(made)
  }, [blob, kind])
  if (address === null) return <Waiting />
  if (kind === 'image') return <img className="paper-image" src={address} alt={part.name} />
  // The browser's PDF viewer does not run in a sandboxed frame; the type is fixed above, so nothing else can run in it either.
  // oxlint-disable-next-line react/iframe-missing-sandbox
  return <iframe className="paper-pdf" src={address} title={part.name} />
}
