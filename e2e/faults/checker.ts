/**
 * Judges a history of a network under fire, one JSON event per line. It knows nothing of the network but what people are promised; the rules that
 * hold in the simulated network too are its checker's. `node checker.ts history.jsonl` prints what is broken and ends with 1, or a count and 0.
 */
import { readFileSync } from 'node:fs'
import { type Violation as SharedViolation, check as checkShared } from '@postroad/waybill/simulation/checker'

export type Violation = Omit<SharedViolation, 'rule'> & { readonly rule: SharedViolation['rule'] | Rule }
export type Rule = 'notHeld' | 'altered' | 'countsDiffer' | 'ledgerBroken' | 'growing' | 'unclear' | 'gaveUp' | 'diedByItself' | 'unreadable'
type Line = Readonly<Record<string, unknown>> & { readonly e: string; readonly t: number }

const text = (line: Line, field: string): string => (typeof line[field] === 'string' ? line[field] : '')
const number = (line: Line, field: string): number => (typeof line[field] === 'number' ? line[field] : Number.NaN)
const texts = (line: Line, field: string): string[] => (Array.isArray(line[field]) ? line[field].filter((entry): entry is string => typeof entry === 'string') : [])

/** A node may grow by so much while it warms up; after that, only by a part of itself. */
const GROWTH = { megabytes: [160, 0.5], files: [120, 0.5] } as const
/** Refusals that a fault explains: a wrong clock, a full disk. Any other is a fault of ours. */
const EXPLAINED = ['road.createdInFuture', 'road.clockWrong', 'road.expired', 'files.diskFull', 'road.notYetValidKey', 'road.expiredKey']

/** All broken promises of a history; empty if it kept them. */
export function check(history: readonly string[]): Violation[] {
  const lines = history.flatMap((row): Line[] => {
    const value = JSON.parse(row) as Line
    return typeof value.e === 'string' ? [value] : []
  })
  return [...checkShared(history), ...unheld(lines), ...altered(lines), ...countsDiffer(lines), ...brokenLedgers(lines), ...unreadable(lines), ...growing(lines), ...unclear(lines), ...gaveUp(lines), ...diedByItself(lines)]
}

/** What was promised before a power cut lies on the disk after it: what a terminal was told, and what a neighbour got a custody receipt for. */
function unheld(lines: readonly Line[]): Violation[] {
  return lines.flatMap((line, place) => {
    if (line.e !== 'countedOn') return []
    const holds = lines.slice(place).find((other) => other.e === 'holds' && other['node'] === line['node'])
    if (holds === undefined) return [{ rule: 'notHeld' as const, message: '', detail: `${text(line, 'node')} was never looked at` }]
    return (['messages', 'receipts'] as const).flatMap((what) => {
      const held = new Set(texts(holds, what))
      return texts(line, what).filter((id) => !held.has(id)).map((id) => ({ rule: 'notHeld' as const, message: id, detail: `${text(line, 'node')}, ${what}` }))
    })
  })
}

/** Bytes at the recipient are the sender's. */
function altered(lines: readonly Line[]): Violation[] {
  const sent = new Map(lines.filter(({ e }) => e === 'submitted').map((line) => [text(line, 'message'), text(line, 'digest')]))
  return lines.filter((line) => line.e === 'shown' && sent.get(text(line, 'message')) !== text(line, 'digest')).map((line) => ({ rule: 'altered', message: text(line, 'message'), detail: text(line, 'organ') }))
}

/** What one end handed on, the other took. */
function countsDiffer(lines: readonly Line[]): Violation[] {
  const books = lines.filter(({ e }) => e === 'books')
  const of = (node: string, peer: string, side: string): string => {
    const line = books.find((other) => text(other, 'node') === node && text(other, 'peer') === peer && text(other, 'side') === side)
    return line === undefined ? '0' : `${text(line, 'count')} ${text(line, 'digest')}`
  }
  return books.flatMap((line) => {
    const [node, peer, side] = [text(line, 'node'), text(line, 'peer'), text(line, 'side')]
    const other = of(peer, node, side === 'handed' ? 'taken' : 'handed')
    return other === of(node, peer, side) ? [] : [{ rule: 'countsDiffer' as const, message: '', detail: `${node} ${side} ${of(node, peer, side)}, ${peer} ${other}` }]
  })
}

const brokenLedgers = (lines: readonly Line[]): Violation[] =>
  lines.filter((line) => line.e === 'ledger' && line['ok'] !== true).map((line) => ({ rule: 'ledgerBroken', message: '', detail: `${text(line, 'node')}: ${JSON.stringify(line)}` }))

/** A node whose database stays down when all faults are over. */
const unreadable = (lines: readonly Line[]): Violation[] =>
  lines.filter(({ e }) => e === 'unreadable').map((line) => ({ rule: 'unreadable', message: '', detail: `${text(line, 'node')}: ${text(line, 'why')}` }))

/** Memory and open files of each process in the run's last quarter against its second. */
function growing(lines: readonly Line[]): Violation[] {
  const samples = lines.filter(({ e }) => e === 'resources')
  const end = Math.max(0, ...samples.map(({ t }) => t))
  return [...Map.groupBy(samples, (line) => text(line, 'node'))].flatMap(([node, own]) => (['megabytes', 'files'] as const).flatMap((what) => {
    const within = (from: number, to: number): number => median(own.filter(({ t }) => t >= end * from && t <= end * to).map((line) => number(line, what)))
    const [early, late] = [within(0.25, 0.5), within(0.75, 1)]
    const [slack, part] = GROWTH[what]
    return late > early * (1 + part) + slack ? [{ rule: 'growing' as const, message: '', detail: `${node}: ${what} ${early} → ${late}` }] : []
  }))
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const unclear = (lines: readonly Line[]): Violation[] =>
  lines.filter(({ e, code }) => (e === 'refused' && !EXPLAINED.includes(String(code))) || (e === 'actRefused' && code !== 'road.alreadyRecalled')).map((line) => ({ rule: 'unclear', message: text(line, 'message'), detail: text(line, 'code') }))

/** Nothing here is a reason to give a delivery up: all that is played passes. */
const gaveUp = (lines: readonly Line[]): Violation[] =>
  lines.filter((line) => line.e === 'end' && (line['state'] === 'undeliverable' || line['state'] === 'closed')).map((line) => ({ rule: 'gaveUp', message: text(line, 'message'), detail: `${text(line, 'organ')}: ${text(line, 'state')}` }))

const diedByItself = (lines: readonly Line[]): Violation[] => lines.filter(({ e }) => e === 'diedByItself').map((line) => ({ rule: 'diedByItself', message: '', detail: text(line, 'node') }))

if (import.meta.main) {
  const rows = readFileSync(process.argv[2] ?? 'history.jsonl', 'utf8').split('\n').filter((row) => row !== '')
  const violations = check(rows)
  for (const { rule, message, detail } of violations) process.stdout.write(`${rule}\t${message}\t${detail}\n`)
  process.stdout.write(`${rows.length} events, ${violations.length} violations\n`)
  process.exit(violations.length === 0 ? 0 : 1)
}
