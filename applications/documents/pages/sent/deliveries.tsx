import { Empty } from '@postroad/desk/kit'
import { Button, Input } from 'antd'
import { useDeferredValue, useMemo, useState } from 'react'
import type { BoardLine } from '../../model.ts'
import { useOrgans, useOrganTitles } from '../directory/organs.ts'
import type { DirectoryEntry } from '../terminal/port.ts'
import { saveAs } from '../received/files.tsx'
import { sentWords } from '../words.ts'
import { BOARD_VIEWS, type BoardView, boardCounts, byRegion, chosenLines, csvOf, inOrder, type PlacedLine } from './board.ts'
import { DeliveryLines } from './delivery-lines.tsx'

/** More than so many are grouped by region, and can be searched. */
const A_FEW = 30
/** So many are shown open; beyond, a region opens when asked. */
const OPEN_LINES = 60

/** The board: numbers above, each of them a view; the recipients below, by region where they are many. */
export function Deliveries({ message, lines, senderOrgan }: { readonly message: string; readonly lines: readonly BoardLine[]; readonly senderOrgan: string }) {
  const [view, setView] = useState<BoardView>('expected')
  const [typed, setTyped] = useState('')
  const wanted = useDeferredValue(typed)
  const titles = useOrganTitles()
  const placed = usePlaced(lines)
  const counts = useMemo(() => boardCounts(lines), [lines])
  const shown = useMemo(() => chosenLines(placed, view, wanted), [placed, view, wanted])
  const many = lines.length > A_FEW
  return (
    <section className="section" aria-label={sentWords.board}>
      <h2>{sentWords.board}</h2>
      <ul className="counts counts-small counts-views">
        {BOARD_VIEWS.map((name) => (
          <li key={name}>
            <button type="button" className="count" aria-pressed={view === name} onClick={() => setView(name)}>
              <span className={`count-number${counts[name] === 0 ? ' count-none' : ''}${name === 'late' && counts.late > 0 ? ' count-urgent' : ''}`}>{counts[name]}</span><span>{sentWords.counts[name]}</span>
            </button>
          </li>
        ))}
      </ul>
      {many && (
        <div className="board-tools">
          <Input allowClear aria-label={sentWords.searchBoard} placeholder={sentWords.searchBoard} value={typed} onChange={(event) => setTyped(event.target.value)} />
          <Button onClick={() => saveAs(new Blob([csvOf(shown, titles)], { type: 'text/csv' }), sentWords.csvName(sentWords.counts[view]))}>{sentWords.exportShown(shown.length)}</Button>
        </div>
      )}
      {shown.length === 0 && <Empty title={sentWords.noneOfThese} />}
      {many ? <Regions message={message} lines={shown} senderOrgan={senderOrgan} /> : <DeliveryLines message={message} lines={shown} senderOrgan={senderOrgan} placed />}
    </section>
  )
}

function Regions({ message, lines, senderOrgan }: { readonly message: string; readonly lines: readonly PlacedLine[]; readonly senderOrgan: string }) {
  const regions = useMemo(() => byRegion(lines), [lines])
  const open = lines.length <= OPEN_LINES
  return (
    <>
      {regions.map(({ title, lines: within, signed }) => (
        <details key={`${title} ${open ? 'open' : ''}`} className="region" open={open}>
          <summary><span>{title}</span><span className="quiet">{sentWords.progress(signed, within.length)}</span></summary>
          <DeliveryLines message={message} lines={within} senderOrgan={senderOrgan} placed={false} />
        </details>
      ))}
    </>
  )
}

/** Lines with what the directory says of their organs, in printed order. */
function usePlaced(lines: readonly BoardLine[]): PlacedLine[] {
  const organs = useOrgans()
  const titles = useOrganTitles()
  const entries = organs.data
  return useMemo(() => {
    const found = new Map<string, { readonly entry: DirectoryEntry; readonly place: number }>((entries ?? []).map((entry, place) => [entry.organ, { entry, place }]))
    const placed = lines.map((line): PlacedLine => {
      const entry = found.get(line.organ)?.entry
      return { ...line, title: entry?.title ?? titles(line.organ), region: entry?.regionTitle ?? '', named: entry?.names.find(({ id }) => id === line.name)?.title ?? '' }
    })
    return inOrder(placed, (organ) => found.get(organ)?.place ?? 0)
  }, [lines, entries, titles])
}
