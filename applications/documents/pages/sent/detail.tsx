import { ActBar, ErrorPanel, fullDate, LabelMark, UrgencyMark, useAct, useSession, Waiting } from '@postroad/desk/kit'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { mayRecall } from '../../model.ts'
import type { SentSummary } from '../../terminal/types.ts'
import { KINDS } from '../../words.ts'
import { ContentFacts } from '../received/content-facts.tsx'
import { saveAs } from '../received/files.tsx'
import { sealedTitle } from '../received/list-row.tsx'
import { useKeyed, useTerminal } from '../terminal/provider.tsx'
import { dispatchWords, receivedWords, sentWords } from '../words.ts'
import { Deliveries } from './deliveries.tsx'
import { type Notice, NoticePanel } from './notice-panel.tsx'

type Props = { readonly id: string; readonly row: SentSummary | null; readonly done: boolean }

/** One sent document: what it was, and where it is with each recipient. */
export function SentDetail({ id, row, done }: Props) {
  const { terminal, keys } = useTerminal()
  const keyed = useKeyed()
  const board = useQuery({ queryKey: keyed('board', id), queryFn: () => terminal.call('board', [id]) })
  const content = row?.content ?? null
  return (
    <>
      <article className="detail">
        <header>
          <div className="detail-title">
            {row !== null && <><UrgencyMark urgency={row.head.urgency} /><LabelMark label={row.head.label} /></>}
            {row !== null && row.head.kind !== 'document' && <span className="mark mark-kind">{KINDS[row.head.kind]}</span>}
            <h1 className={content === null ? 'row-sealed' : ''}>{content?.title ?? sealedTitle(row?.sealed ?? 'keysClosed', false)}</h1>
          </div>
          <dl className="facts">
            {content !== null && <><dt>{dispatchWords.issuingName}</dt><dd>{content.issuingName}</dd></>}
            <ContentFacts content={content} />
            {row !== null && <><dt>{receivedWords.created}</dt><dd>{fullDate(row.submittedAt)}</dd></>}
          </dl>
        </header>
        {done && <p className="notice notice-good" role="status"><b>{dispatchWords.done}</b>　{dispatchWords.doneHelp}</p>}
        <ErrorPanel thrown={board.error} onRetry={() => void board.refetch()} />
        {board.isPending ? <Waiting rows={6} /> : board.data !== undefined && <Deliveries message={id} lines={board.data} senderOrgan={row?.organ ?? ''} />}
      </article>
      <Acts id={id} row={row} open={keys.span !== null} />
    </>
  )
}

/** Nothing is expected here; what is possible stands quietly. */
function Acts({ id, row, open }: { readonly id: string; readonly row: SentSummary | null; readonly open: boolean }) {
  const { terminal } = useTerminal()
  const queries = useQueryClient()
  const [asking, setAsking] = useState<Notice | null>(null)
  const [said, setSaid] = useState<string>('')
  const notice = useAct(async (kind: Notice, given: { title: string; text: string }) => {
    if (kind === 'recall') await terminal.call('requestRecall', [id, given.text])
    else if (kind === 'correct') await terminal.call('correct', [id, given])
    else await terminal.call('voidDocument', [id, given.text])
    setAsking(null)
    setSaid({ recall: sentWords.recallDone, correct: sentWords.correctDone, void: sentWords.voidDone }[kind])
    void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === 'documents' }) // the act is done: the next notice's button must not swallow a click while lists are read anew
  })
  const evidence = useAct(async () => {
    const { fileName, bytes } = await terminal.call('exportEvidence', [id, null])
    saveAs(new Blob([bytes as BlobPart], { type: 'application/zip' }), fileName)
    setSaid(sentWords.evidenceDone(fileName))
  })
  const { acting } = useSession()
  const isDocument = acting.duties.includes('documents.send') && (row?.head.kind === 'document' || row?.head.kind === 'correctionNotice')
  const thrown = notice.thrown ?? evidence.thrown
  const quiet = [
    ...(isDocument ? [{ title: sentWords.void, disabled: !open, onAct: () => setAsking('void') }, { title: sentWords.correct, disabled: !open, onAct: () => setAsking('correct') }] : []),
    ...(isDocument && row !== null && mayRecall(row.states) ? [{ title: sentWords.recall, disabled: !open, onAct: () => setAsking('recall') }] : []),
    { title: sentWords.evidence, busy: evidence.busy, disabled: !open, onAct: () => evidence.start() },
  ]
  return (
    <footer className="acts">
      {thrown !== null && <div className="acts-fault"><ErrorPanel thrown={thrown} onClose={() => { notice.forget(); evidence.forget() }} /></div>}
      {asking === null
        ? <ActBar quiet={quiet} note={said} />
        : <NoticePanel key={asking} kind={asking} about={row?.content?.title ?? ''} busy={notice.busy} onSend={(given) => notice.start(asking, given)} onCancel={() => setAsking(null)} />}
    </footer>
  )
}
