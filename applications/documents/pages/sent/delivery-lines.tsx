import { ErrorPanel, nearDate, Waiting } from '@postroad/desk/kit'
import { useQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import { useState } from 'react'
import { ROLES } from '../../words.ts'
import { useOrgans, useOrganTitles } from '../directory/organs.ts'
import { useKeyed, useTerminal } from '../terminal/provider.tsx'
import { pageWords, sentWords } from '../words.ts'
import { type PlacedLine, stateWords, storyOf } from './board.ts'
import { Timeline } from './timeline.tsx'

/** So many are drawn at once; the rest comes when asked for. */
const AT_ONCE = 100

/** One line per recipient, each opening onto its story. `placed`: the region stands with the organ. */
export function DeliveryLines({ message, lines, senderOrgan, placed }: { readonly message: string; readonly lines: readonly PlacedLine[]; readonly senderOrgan: string; readonly placed: boolean }) {
  const [most, setMost] = useState(AT_ONCE)
  return (
    <>
      <ul className="deliveries">{lines.slice(0, most).map((line) => <Delivery key={line.organ} message={message} line={line} senderOrgan={senderOrgan} placed={placed} />)}</ul>
      {lines.length > most && <Button type="text" onClick={() => setMost(most + AT_ONCE)}>{pageWords.more}</Button>}
    </>
  )
}

function Delivery({ message, line, senderOrgan, placed }: { readonly message: string; readonly line: PlacedLine; readonly senderOrgan: string; readonly placed: boolean }) {
  const [open, setOpen] = useState(false)
  const titles = useOrganTitles()
  const title = placed && line.region !== '' ? `${line.region} · ${line.title}` : line.title
  return (
    <li className="delivery">
      <button type="button" className="delivery-line" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className="delivery-role quiet">{ROLES[line.role]}</span>
        <span className="delivery-who">{line.named || title}{line.named !== '' && <span className="quiet delivery-place">{title}</span>}</span>
        <span className={`state state-${line.state}`}>{stateWords(line, titles)}</span>
        <time className="quiet delivery-at" dateTime={line.at}>{nearDate(line.at)}</time>
        <span className={`chevron${open ? ' chevron-up' : ''}`} aria-hidden="true" />
        {line.reason !== '' && <span className="delivery-reason">{line.reason}</span>}
      </button>
      {open && <Story message={message} line={line} senderOrgan={senderOrgan} />}
    </li>
  )
}

/** The receipts of one delivery, fetched when it is opened. */
function Story({ message, line: { organ, heir }, senderOrgan }: { readonly message: string; readonly line: PlacedLine; readonly senderOrgan: string }) {
  const { terminal } = useTerminal()
  const keyed = useKeyed()
  const titles = useOrganTitles()
  const organs = useOrgans()
  const told = useQuery({ queryKey: keyed('story', message, organ), queryFn: () => terminal.call('deliveryStory', [message, organ]) })
  if (told.isPending) return <Waiting rows={3} note={sentWords.timeline} />
  if (told.isError) return <ErrorPanel thrown={told.error} onRetry={() => void told.refetch()} />
  const wayOf = (id: string) => organs.data?.find((entry) => entry.organ === id)?.path.map((node) => node.id) ?? []
  return <Timeline story={storyOf(told.data.receipts, new Set([...wayOf(organ), ...wayOf(senderOrgan)]))} heir={heir} titleOf={titles} />
}
