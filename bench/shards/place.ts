import { createHash } from 'node:crypto'
import type { Traced, TracedRow } from './trace.ts'

/** A server: one shard by its number, or the coordinator. */
export type Server = number | 'coordinator'
/** Rows of a transaction by the server that they lie on. */
export type Placed = ReadonlyMap<Server, number>
/** Keys that a row lies under; none: a reference table, on every server. `homes`: by which link a message came. */
export type Placement = (row: TracedRow, homes: ReadonlyMap<string, string>) => readonly string[]

const OWN = 'here'
const onCoordinator = ({ table }: TracedRow): boolean => /^(ledger|kernel)\./.test(table)
const COORDINATOR = ['coordinator']

/** By message; queues and marks by link (docs/operations.md). A shipment's lease lies in the queue alone, its state in both. */
export const byMessage: Placement = (row) => {
  if (onCoordinator(row)) return COORDINATOR
  if (row.table === 'road.shipment') return [...(row.isMove ? [`message ${row.message}`] : []), `link ${row.link}`]
  if (row.table === 'road.link' || row.table === 'road.attempt') return [`link ${row.link}`]
  if (row.table === 'road.submission') return [`organ ${row.organ}`]
  return row.message === null ? [] : [`message ${row.message}`]
}

/** By link: a message and all that is told of it with the link that brought it, a shipment with the link that it leaves by. */
export const byLink: Placement = (row, homes) => {
  if (onCoordinator(row)) return COORDINATOR
  if (row.link !== null && row.table !== 'road.message') return [`link ${row.link}`]
  if (row.message !== null) return [`link ${homes.get(row.message) ?? OWN}`]
  return row.table === 'road.submission' ? [`link ${OWN}`] : []
}

/** As `place`, with a ledger and an outbox on every shard, beside what they tell of. */
export const withOwnLedgers = (place: Placement): Placement => (row, homes) => (onCoordinator(row) ? [] : place(row, homes))

/** The link that brought each message, as the centre's own books have it. */
export const homesOf = (trace: readonly Traced[]): ReadonlyMap<string, string> =>
  new Map(trace.flat().flatMap(({ table, message, link }) => (table === 'road.taken' && message !== null && link !== null ? [[message, link] as const] : [])))

/** What each effect of a transaction wrote: one message's rows together, or one link's where there is no message. What belongs to neither goes with the first. */
export function effectsIn(rows: Traced): readonly Traced[] {
  const effects = Map.groupBy(rows.filter(({ message, link }) => message !== null || link !== null), ({ message, link }) => message ?? link)
  const rest = rows.filter(({ message, link }) => message === null && link === null)
  const [first = [], ...others] = [...effects.values()]
  return first.length + rest.length === 0 ? [] : [[...first, ...rest], ...others]
}

const shardOf = (key: string, shards: number): Server => (key === 'coordinator' ? key : createHash('md5').update(key).digest().readUInt32BE(0) % shards)

/** Where the rows lie. Rows of reference tables, seldom written, are counted once on shard 0; those of a shard's own ledger lie where the first other row does. */
export function placed(rows: Traced, place: Placement, homes: ReadonlyMap<string, string>, shards: number): Placed {
  const count = new Map<Server, number>()
  let loose = 0
  for (const row of rows) {
    const keys = place(row, homes)
    if (keys.length === 0) loose += 1
    for (const key of keys) count.set(shardOf(key, shards), (count.get(shardOf(key, shards)) ?? 0) + 1)
  }
  const [first = 0] = count.keys()
  return loose === 0 ? count : new Map([...count, [first, (count.get(first) ?? 0) + loose]])
}
