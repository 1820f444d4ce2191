import { ActBar, asFault, ErrorPanel, nearDate, useAct, useDraft, useSession, Waiting } from '@postroad/desk/kit'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useNavigate } from 'react-router'
import { MAX_INLINE_BYTES } from '../../model.ts'
import { useOrgans } from '../directory/organs.ts'
import { useTerminal } from '../terminal/provider.tsx'
import { dispatchWords } from '../words.ts'
import { type DispatchDraft, EMPTY, missing, toTerminal } from './draft.ts'
import { Face } from './face.tsx'
import { FileDrop } from './file-drop.tsx'
import { Picker } from './picker.tsx'
import { advanceSent, Sending, type Sent } from './sending.tsx'
import { Summary } from './summary.tsx'

/** 发文: face and files on one side, distribution list and the check before 封发 on the other. The draft lives in this browser until it is sent. */
export function Dispatch() {
  const { acting } = useSession()
  const draft = useDraft<DispatchDraft>(`dispatch/${acting.id}`, EMPTY)
  if (!draft.ready) return <Waiting rows={8} />
  return <Prepared key={acting.id} draft={draft} organ={acting.organ} />
}

const lacksFiles = ({ files }: DispatchDraft): boolean => files.length === 0
/** A body that travels by an upload of its own can wait and go on. */
const pausable = ({ files }: DispatchDraft): boolean => files.reduce((sum, { size }) => sum + size, 0) > MAX_INLINE_BYTES
/** Who pressed 「暂停」 knows why it stopped. */
const isPaused = (thrown: unknown, goesOn: boolean): boolean => goesOn && asFault(thrown).code === 'terminal.cancelled'

type Props = { readonly draft: ReturnType<typeof useDraft<DispatchDraft>>; readonly organ: string }

function Prepared({ draft: { value, savedAt, change, clear }, organ }: Props) {
  const { terminal, keys } = useTerminal()
  const organs = useOrgans()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const [sent, setSent] = useState<Sent | null>(null)
  const stop = useRef<AbortController | null>(null)
  const own = organs.data?.find((entry) => entry.organ === organ)
  const firstName = own?.names[0]?.id
  useEffect(() => {
    if (value.clientId === '') change({ clientId: crypto.randomUUID() })
    if (value.name === '' && firstName !== undefined) change({ name: firstName })
  }, [value.clientId, value.name, firstName, change])
  const begun = useQuery({ queryKey: ['packing', value.clientId], queryFn: () => terminal.call('isBegun', [value.clientId]), enabled: value.clientId !== '' })
  const goesOn = begun.data === true && !lacksFiles(value)
  const lacks = missing(value, keys.span !== null)
  const send = useAct(async () => {
    stop.current = new AbortController()
    try {
      const { message } = await terminal.call('dispatch', [toTerminal(value)], { signal: stop.current.signal, onProgress: (progress) => setSent((before) => advanceSent(before, progress, Date.now())) })
      await clear()
      await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === 'documents' })
      void navigate(`/sent/${message}?done=dispatched`)
    } finally {
      setSent(null)
      await begun.refetch()
    }
  })
  return (
    <div className="compose">
      <div className="compose-page">
        <div className="compose-main">
          <h1>{dispatchWords.title}</h1>
          {own?.leaving === true && <p className="notice" role="alert">{dispatchWords.ownLeaving}</p>}
          <fieldset className="bare" disabled={send.busy}>
            <Face draft={value} organ={organ} change={change} />
            <section className="section" aria-label={dispatchWords.files}>
              <h2>{dispatchWords.files}</h2>
              <FileDrop files={value.files} onChange={(files) => change({ files })} />
            </section>
          </fieldset>
        </div>
        <div className="compose-side">
          <fieldset className="bare" disabled={send.busy}>
            <section className="section section-first" aria-label={dispatchWords.range}>
              <h2>{dispatchWords.range} <span className="quiet heading-hint">{dispatchWords.rangeHint}</span></h2>
              <Picker recipients={value.recipients} onChange={(recipients) => change({ recipients })} />
            </section>
          </fieldset>
          <Summary draft={value} lacks={lacks} keysOpen={keys.span !== null} />
        </div>
      </div>
      <footer className="acts">
        {send.thrown !== null && !isPaused(send.thrown, goesOn) && <div className="acts-fault"><ErrorPanel thrown={send.thrown} lost={dispatchWords.notLost} onClose={send.forget} /></div>}
        {sent !== null && <div className="acts-fault"><Sending sent={sent} /></div>}
        <ActBar
          expected={{ title: goesOn ? dispatchWords.goOn : dispatchWords.dispatch, busy: send.busy, disabled: lacks.length > 0 || own?.leaving === true, onAct: () => send.start() }}
          quiet={send.busy ? [{ title: pausable(value) ? dispatchWords.pause : dispatchWords.cancel, onAct: () => stop.current?.abort() }] : [{ title: dispatchWords.clear, onAct: () => void terminal.call('discard', [value.clientId]).finally(() => clear()) }]}
          note={goesOn && !send.busy ? dispatchWords.begun : savedAt === null ? dispatchWords.kept : dispatchWords.saved(nearDate(savedAt.toISOString()))}
        />
      </footer>
    </div>
  )
}
