import { type Act, ActBar, DeskFault, ErrorPanel, fullDate, LabelMark, UrgencyMark, useAct, useSession, Waiting } from '@postroad/desk/kit'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { actsOn, type ReceivedRow } from '../../model.ts'
import type { ReceivedSummary } from '../../terminal/types.ts'
import { KINDS, RECEIVED_STATES, ROLES } from '../../words.ts'
import { useOrganTitles } from '../directory/organs.ts'
import { UnlockForm } from '../keys/unlock-form.tsx'
import { useKeyed, useTerminal } from '../terminal/provider.tsx'
import type { OpenedHere } from '../terminal/port.ts'
import { keyWords, receivedWords } from '../words.ts'
import { ContentFacts } from './content-facts.tsx'
import { Files, saveAs } from './files.tsx'
import { sealedTitle } from './list-row.tsx'
import { ReturnPanel } from './return-panel.tsx'
import { parseRowId } from './row-id.ts'
import { Verification } from './verification.tsx'

type Props = { readonly id: string; readonly row: ReceivedSummary | null; onEnded(): void }

/** One received document: what it says it is, whether that is true, then — only then — what is in it. */
export function ReceivedDetail({ id, row, onEnded }: Props) {
  const { message, organ } = parseRowId(id)
  const { terminal, keys } = useTerminal()
  const keyed = useKeyed()
  const deputised = row?.deputised === true
  const opening = useQuery({
    queryKey: keyed('opened', id),
    queryFn: () => terminal.call('openReceived', [message, organ]),
    enabled: keys.span !== null && !deputised,
    staleTime: Number.POSITIVE_INFINITY, // verified once; acts refresh it
  })
  // Once it has left the list's filter, what was opened last knows its state.
  const document = row ?? (opening.data === undefined ? null : asRow(opening.data))
  if (document === null) {
    if (keys.span === null) return <div className="detail"><p>{keyWords.needKeys}</p><UnlockForm /></div>
    return <div className="detail">{opening.isError ? <ErrorPanel thrown={opening.error} onRetry={() => void opening.refetch()} /> : <Waiting rows={8} note={receivedWords.verifying} />}</div>
  }
  return <Shown document={document} content={opening.data?.manifest?.content ?? row?.content ?? null} sealed={row?.sealed ?? 'open'} opened={opening.data ?? null} waiting={opening.isLoading} thrown={opening.error} onRetry={() => void opening.refetch()} onEnded={onEnded} />
}

const asRow = (opened: OpenedHere): ReceivedRow | null => ('slice' in opened.row ? opened.row : null)

type ShownProps = {
  readonly document: ReceivedRow
  readonly content: { readonly title: string; readonly number: string; readonly issuingName: string; readonly printedTo: string; readonly printedCc: string; readonly note: string } | null
  readonly sealed: string
  readonly opened: OpenedHere | null
  readonly waiting: boolean
  readonly thrown: unknown
  onRetry(): void
  onEnded(): void
}

function Shown({ document, content, sealed, opened, waiting, thrown, onRetry, onEnded }: ShownProps) {
  const { keys } = useTerminal()
  const [reading, setReading] = useState(false)
  const titles = useOrganTitles()
  const { head, deputised } = document
  const isOwn = !deputised && document.keeper === document.organ
  return (
    <>
      <article className="detail">
        <header>
          <div className="detail-title">
            <UrgencyMark urgency={head.urgency} /><LabelMark label={head.label} />
            {head.kind !== 'document' && <span className="mark mark-kind">{KINDS[head.kind]}</span>}
            <span className="quiet">{RECEIVED_STATES[document.state]}</span>
            <h1 className={content === null ? 'row-sealed' : ''}>{content?.title ?? sealedTitle(sealed, deputised)}</h1>
          </div>
          <dl className="facts">
            <dt>{receivedWords.from}</dt><dd>{content?.issuingName ? `${content.issuingName}（${titles(head.sender.organ)}）` : titles(head.sender.organ)}</dd>
            <ContentFacts content={content} />
            <dt>{isOwn ? receivedWords.role : receivedWords.addressee}</dt><dd>{!isOwn && `${titles(document.organ)}，`}{ROLES[document.slice.leaf.role]}</dd>
            <dt>{receivedWords.created}</dt><dd>{fullDate(head.created)}</dd>
            <dt>{receivedWords.arrived}</dt><dd>{fullDate(document.arrivedAt)}</dd>
          </dl>
        </header>
        {document.recall === 'requested' && <p className="notice">{receivedWords.recallAsked}</p>}
        {deputised && <p className="notice">{receivedWords.deputiseHelp}</p>}
        {keys.span === null && !deputised && <section className="section"><p>{keyWords.needKeys}</p><UnlockForm /></section>}
        {waiting && <section className="section"><h2>{receivedWords.verification}</h2><Waiting rows={5} note={receivedWords.verifying} /></section>}
        <ErrorPanel thrown={thrown} onRetry={onRetry} />
        {opened !== null && <Verification title={receivedWords.verification} verdict={opened.verdict} summary={receivedWords.verdicts[opened.verdict]} steps={opened.steps} />}
        {opened !== null && (
          <section className="section">
            <h2>{receivedWords.files}</h2>
            {reading || opened.parts.length === 0 ? <Files opened={opened} /> : <p className="quiet">{receivedWords.notOpened(opened.parts.length)}</p>}
          </section>
        )}
      </article>
      <Acts document={document} opened={opened} damaged={isDamaged(thrown)} reading={reading} onRead={() => setReading(true)} onEnded={onEnded} />
    </>
  )
}

const ended = (state: string): string => (receivedWords.ends as Readonly<Record<string, string>>)[state] ?? ''

/** It came, but what came can't be what was signed: it can still be sent back. */
const isDamaged = (thrown: unknown): boolean => thrown instanceof DeskFault && ['terminal.contentDamaged', 'terminal.notDecryptable'].includes(thrown.fault.code)

type ActsProps = { readonly document: ReceivedRow; readonly opened: OpenedHere | null; readonly damaged: boolean; readonly reading: boolean; onRead(): void; onEnded(): void }

/** What is expected next: open, sign for, register. What did not verify is expected to go back. */
function Acts({ document, opened, damaged, reading, onRead, onEnded }: ActsProps) {
  const { terminal, keys } = useTerminal()
  const queries = useQueryClient()
  const [returning, setReturning] = useState(false)
  const [became, setBecame] = useState<ReceivedRow['state'] | null>(null)
  const [said, setSaid] = useState<string | null>(null)
  const refresh = () => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === 'documents' })
  const finish = async (state: ReceivedRow['state'], words: string, done: boolean) => {
    setBecame(state) // known at once; the list learns it from the node
    setSaid(words)
    setReturning(false)
    await refresh()
    if (done) onEnded()
  }
  const sign = useAct(async () => {
    await terminal.call('signFor', [document.message, document.organ])
    await finish('signedFor', document.deputised ? receivedWords.deputised : receivedWords.signed, document.deputised)
  })
  const register = useAct(async () => {
    await terminal.call('register', [document.message, document.organ])
    await finish('registered', receivedWords.registered, true)
  })
  const giveBack = useAct(async (reason: { code: string; text: string }) => {
    await terminal.call('returnDocument', [document.message, document.organ, reason])
    await finish('returned', receivedWords.returned, true)
  })
  const evidence = useAct(async () => {
    const { fileName, bytes } = await terminal.call('exportEvidence', [document.message, document.organ])
    saveAs(new Blob([bytes as BlobPart], { type: 'application/zip' }), fileName)
  })
  const { acting } = useSession()
  const state = became ?? document.state
  const possible = actsOn({ ...document, state }).filter(() => acting.duties.includes(document.deputised ? 'documents.deputise' : 'documents.sign'))
  const ready = keys.span !== null && (document.deputised || opened !== null || damaged)
  const bad = damaged || opened?.verdict === 'invalid'
  const open: Act = { title: bad ? receivedWords.openAnyway : receivedWords.open, onAct: onRead }
  const canOpen = ready && opened !== null && !reading && opened.parts.length > 0
  const acts: Partial<Record<string, Act>> = {
    signedFor: { title: document.deputised ? receivedWords.deputise : receivedWords.sign, busy: sign.busy, onAct: () => sign.start() },
    registered: { title: receivedWords.register, busy: register.busy, onAct: () => register.start() },
    returned: { title: receivedWords.return, busy: giveBack.busy, onAct: () => setReturning(true) },
  }
  const order = [...(canOpen && !bad ? [open] : []), ...(ready ? possible.filter((kind) => !(bad && kind === 'signedFor')).flatMap((kind) => acts[kind] ?? []) : [])]
  const rare = ready && !document.deputised ? [{ title: receivedWords.exportEvidence, busy: evidence.busy, onAct: () => evidence.start() }] : []
  const quiet = [...rare, ...(canOpen && bad ? [open] : []), ...order.slice(1).reverse()]
  const thrown = sign.thrown ?? register.thrown ?? giveBack.thrown ?? evidence.thrown
  const forget = () => [sign, register, giveBack, evidence].forEach((act) => act.forget())
  return (
    <footer className="acts">
      {thrown !== null && <div className="acts-fault"><ErrorPanel thrown={thrown} onClose={forget} /></div>}
      {returning
        ? <ReturnPanel suggested={bad ? 'verificationFailed' : 'wrongAddressee'} busy={giveBack.busy} onReturn={giveBack.start} onCancel={() => setReturning(false)} />
        : <ActBar expected={order[0] ?? null} quiet={quiet} note={said ?? (possible.length === 0 ? ended(state) : '')} />}
    </footer>
  )
}
