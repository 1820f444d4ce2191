import { cpus, totalmem } from 'node:os'

/** One line of a benchmark: a value beside its physical limit and beside a peer doing the same job. Ratios are null where there is nothing to compare. */
export type Figure = {
  readonly name: string
  readonly unit: string
  readonly value: number
  /** What the machine could do at best for this kind of work, measured in the same run, and what it is. */
  readonly limit: number | null
  readonly limitIs: string
  readonly ratioToLimit: number | null
  readonly peer: number | null
  readonly peerIs: string
  readonly ratioToPeer: number | null
  readonly machine: string
}

type Measured = { readonly name: string; readonly unit: string; readonly value: number; readonly limit?: readonly [value: number, is: string]; readonly peer?: readonly [value: number, is: string] }

export const machine = (): string => `${cpus()[0]?.model.trim() ?? 'unknown'} × ${cpus().length}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`

export function figure(measured: Measured): Figure {
  const [limit, limitIs] = measured.limit ?? [null, '']
  const [peer, peerIs] = measured.peer ?? [null, '']
  const ratio = (to: number | null) => (to === null || to === 0 ? null : round(measured.value / to))
  return { name: measured.name, unit: measured.unit, value: round(measured.value), limit: limit === null ? null : round(limit), limitIs, ratioToLimit: ratio(limit), peer: peer === null ? null : round(peer), peerIs, ratioToPeer: ratio(peer), machine: machine() }
}

export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** The same figures as a table for a person. */
export function table(figures: readonly Figure[]): string {
  const head = ['name', 'value', 'unit', 'limit', '÷ limit', 'peer', '÷ peer']
  const rows = figures.map((f) => [f.name, text(f.value), f.unit, text(f.limit), text(f.ratioToLimit), text(f.peer), text(f.ratioToPeer)])
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) => cells.map((cell, column) => (column === 0 || column === 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')
  const notes = [...new Set(figures.flatMap((f) => [f.limitIs && `limit of “${f.name}”: ${f.limitIs}`, f.peerIs && `peer of “${f.name}”: ${f.peerIs}`]))].filter((note) => note !== '')
  return [`machine: ${machine()}`, '', line(head), ...rows.map(line), '', ...notes].join('\n')
}

const round = (value: number) => Number(value.toPrecision(4))
const text = (value: number | null) => (value === null ? '–' : String(value))
