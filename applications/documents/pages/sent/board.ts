import type { SignedReceipt } from '@postroad/waybill'
import type { BoardLine } from '../../model.ts'
import { ROLES, SENT_STATES } from '../../words.ts'
import { sentWords } from '../words.ts'

/** What the board is looked at by; each has its number above. */
export const BOARD_VIEWS = ['expected', 'delivered', 'signed', 'unsigned', 'returned', 'late'] as const
export type BoardView = (typeof BOARD_VIEWS)[number]

const DELIVERED = new Set(['delivered', 'signedFor', 'registered', 'returned', 'closed'])
const SIGNED = new Set(['signedFor', 'registered'])
const ENDED = new Set(['returned', 'recalled', 'undeliverable', 'closed'])

/** 应收 = 已签收 + 未签收 + 退文 + those that ended otherwise; 已送达 is what a recipient's terminal has opened and verified, or acted on; 超时 is among the 未签收. */
const BELONGS: Readonly<Record<BoardView, (line: Pick<BoardLine, 'state' | 'late'>) => boolean>> = {
  expected: () => true,
  delivered: ({ state }) => DELIVERED.has(state),
  signed: ({ state }) => SIGNED.has(state),
  unsigned: ({ state }) => !SIGNED.has(state) && !ENDED.has(state),
  returned: ({ state }) => state === 'returned',
  late: ({ late }) => late,
}

export const boardCounts = (lines: readonly Pick<BoardLine, 'state' | 'late'>[]): Readonly<Record<BoardView, number>> =>
  Object.fromEntries(BOARD_VIEWS.map((view) => [view, lines.filter(BELONGS[view]).length])) as Record<BoardView, number>

/** A line with what the directory says of its organ. */
export type PlacedLine = BoardLine & { readonly title: string; readonly region: string; readonly named: string }

/** Lines of one view whose organ, name or region holds every word typed. */
export function chosenLines(lines: readonly PlacedLine[], view: BoardView, typed: string): PlacedLine[] {
  const words = typed.trim().split(/\s+/).filter((word) => word !== '')
  return lines.filter((line) => BELONGS[view](line) && words.every((word) => `${line.region} ${line.title} ${line.named}`.includes(word)))
}

export type Region = { readonly title: string; readonly lines: readonly PlacedLine[]; readonly signed: number }

/** By region, in the order in which the lines come. */
export function byRegion(lines: readonly PlacedLine[]): Region[] {
  const regions = new Map<string, PlacedLine[]>()
  for (const line of lines) {
    const region = regions.get(line.region)
    if (region === undefined) regions.set(line.region, [line])
    else region.push(line)
  }
  return [...regions].map(([title, within]) => ({ title, lines: within, signed: within.filter(BELONGS.signed).length }))
}

/** 主送 before 抄送, each in the directory's order. */
export const inOrder = (lines: readonly PlacedLine[], placeOf: (organ: string) => number): PlacedLine[] =>
  [...lines].sort((one, other) => Number(one.role === 'cc') - Number(other.role === 'cc') || placeOf(one.organ) - placeOf(other.organ))

/** What a line's state is called, a recall or a passed limit included. */
export function stateWords({ state, recall, late, heir }: Pick<BoardLine, 'state' | 'recall' | 'late' | 'heir'>, titleOf: (organ: string) => string): string {
  if (recall !== 'none') return sentWords.recallStates[recall]
  const words = heir === null ? SENT_STATES[state] : SIGNED.has(state) ? sentWords.heirSigned(titleOf(heir)) : `${SENT_STATES[state]}，${sentWords.forwardedTo(titleOf(heir))}`
  return late ? `${words}，${sentWords.late}` : words
}

/** What is on the page as a table for other programs: UTF-8 with a mark that spreadsheets know it by. */
export function csvOf(lines: readonly PlacedLine[], titleOf: (organ: string) => string): string {
  const rows = [sentWords.csvHead, ...lines.map((line) => [line.region, line.title, line.named, ROLES[line.role], stateWords(line, titleOf), line.at, line.reason])]
  return `\uFEFF${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`
}

/** A cell that begins like a formula would be computed by a spreadsheet: others write these words. */
function cell(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** The story of one delivery, in order: what was said of the whole message by the nodes on its way, then of this recipient. */
export function storyOf(receipts: readonly SignedReceipt[], nodesOnTheWay: ReadonlySet<string>): SignedReceipt[] {
  return receipts.filter(({ receipt }) => receipt.recipient !== null || receipt.kind === 'submitted' || nodesOnTheWay.has(receipt.node)).sort((one, other) => one.receipt.at.localeCompare(other.receipt.at))
}
