import { ErrorPanel, Field, useAct } from '@postroad/desk/kit'
import { Button, Input } from 'antd'
import { useEffect, useRef, useState } from 'react'
import { Link } from 'react-router'
import { pinnedAnchor } from '../anchor.ts'
import { verifyWords } from '../words.ts'
import { prepareCheck } from './check.ts'
import { Outcome } from './outcome.tsx'
import type { Outcome as Checked } from './worker.ts'

const FINGERPRINT = /^[0-9a-f]{64}$/
const normalise = (typed: string) => typed.normalize('NFKC').toLowerCase().replace(/[\s:：-]/g, '')

/** 验真: needs no sign-in and calls no server. What it trusts is the root fingerprint above, never what lies in the file. */
export function Verify() {
  const [pinned] = useState(pinnedAnchor)
  const [typed, setTyped] = useState(pinned?.fingerprint ?? '')
  const [checked, setChecked] = useState<Checked | null>(null)
  const [over, setOver] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const checker = useChecker()
  const fingerprint = normalise(typed)
  const known = pinned !== null && fingerprint === pinned.fingerprint
  const wrong = typed.trim() !== '' && !FINGERPRINT.test(fingerprint)
  const ready = FINGERPRINT.test(fingerprint)
  const check = useAct(async (file: File) => {
    setChecked(null)
    setChecked(await checker.check(file, fingerprint))
  })
  const take = (files: FileList | null) => {
    const file = files?.[0]
    if (ready && file !== undefined) check.start(file)
  }
  return (
    <main className="verify">
      <header>
        <p className="brand"><span className="seal" aria-hidden="true">{verifyWords.mark}</span><b>{verifyWords.product}</b></p>
        <h1>{verifyWords.title}</h1>
        <p className="quiet">{verifyWords.lead}</p>
      </header>
      <Field title={verifyWords.anchor} hint={`${known ? verifyWords.anchorSources[pinned.source] : ''}${verifyWords.anchorHint}`} fault={wrong ? verifyWords.anchorWrong : null}>
        {(id, below) => <Input.TextArea id={id} aria-describedby={below} autoSize={{ minRows: 1, maxRows: 3 }} spellCheck={false} value={typed} onChange={(event) => { setTyped(event.target.value); setChecked(null) }} />}
      </Field>
      {checked === null && (
        <button
          type="button" className={`drop${over ? ' drop-over' : ''}`} disabled={!ready || check.busy} onClick={() => input.current?.click()}
          onDragOver={(event) => { event.preventDefault(); setOver(true) }} onDragLeave={() => setOver(false)} onDrop={(event) => { event.preventDefault(); setOver(false); take(event.dataTransfer.files) }}
        >
          <span>{check.busy ? verifyWords.checking : verifyWords.drop}</span>
          {!ready && <span className="quiet">{verifyWords.anchorNeeded}</span>}
        </button>
      )}
      <input ref={input} type="file" hidden accept=".zip,application/zip" aria-label={verifyWords.drop} onChange={(event) => { take(event.target.files); event.target.value = '' }} />
      <ErrorPanel thrown={check.thrown} lost="" onClose={check.forget} />
      {checked !== null && <><Outcome outcome={checked} /><div><Button onClick={() => setChecked(null)}>{verifyWords.again}</Button></div></>}
      <footer className="quiet"><Link to="/">{verifyWords.toDesk}</Link></footer>
    </main>
  )
}

/** One worker for as long as the page is open. */
function useChecker() {
  const held = useRef<ReturnType<typeof prepareCheck> | null>(null)
  useEffect(() => {
    held.current ??= prepareCheck() // now, while the line stands
    return () => {
      held.current?.stop()
      held.current = null
    }
  }, [])
  return { check: (file: Blob, fingerprint: string) => (held.current ??= prepareCheck()).check(file, fingerprint) }
}
