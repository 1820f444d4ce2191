import { later, type Tx } from '@postroad/kernel/database'
import { sql } from 'kysely'
import type { Marks } from '../model.ts'

export type LinkState = {
  readonly peer: string
  /** What this node took over from the peer, ever. */
  readonly taken: number
  readonly receiptsTaken: number
  /** What the peer last told of itself. */
  readonly peerEpoch: string | null
  readonly peerMarks: Marks
  readonly failures: number
  readonly nextAt: Date | null
  readonly heardAt: Date | null
  readonly lastError: string | null
}
type Row = { peer: string; taken: string; receipts_taken: string; peer_epoch: string | null; peer_taken: string; peer_receipts: string; failures: number; next_at: Date | null; heard_at: Date | null; last_error: string | null }

const read = (row: Row): LinkState => ({
  peer: row.peer, taken: Number(row.taken), receiptsTaken: Number(row.receipts_taken), peerEpoch: row.peer_epoch,
  peerMarks: { taken: Number(row.peer_taken), receipts: Number(row.peer_receipts) }, failures: row.failures, nextAt: row.next_at, heardAt: row.heard_at, lastError: row.last_error,
})

export async function readLinks(tx: Tx): Promise<readonly LinkState[]> {
  const { rows } = await sql<Row>`select peer, taken, receipts_taken, peer_epoch, peer_taken, peer_receipts, failures, next_at, heard_at, last_error from road.link order by peer`.execute(tx)
  return rows.map(read)
}

/** The link as it stands, locked; made if it is new. */
export async function lockLink(tx: Tx, peer: string): Promise<LinkState> {
  await sql`insert into road.link (peer) values (${peer}) on conflict do nothing`.execute(tx)
  const { rows } = await sql<Row>`select peer, taken, receipts_taken, peer_epoch, peer_taken, peer_receipts, failures, next_at, heard_at, last_error from road.link where peer = ${peer} for update`.execute(tx)
  return read(rows[0] as Row)
}

/** The database's life (another one after a restore) and its present start: whoever names another pair has to greet first. */
const presentEpoch = sql`(select value from road.epoch) || '.' || to_char(pg_postmaster_start_time() at time zone 'utc', 'YYYYMMDDHH24MISSUS')`

/**
 * Counts what was just taken over from peers; answers the counts before, so that each piece gets its own mark, and the database's epoch.
 * The rows stay locked until the commit, so that marks become visible in their order. Whoever is going to need other links' rows in this
 * transaction counts nothing for them here: locked in one statement, in one order, two processes never wait for each other.
 */
export async function countTaken(tx: Tx, counts: ReadonlyMap<string, { readonly shipments: number; readonly receipts: number }>, now: Date): Promise<{ readonly before: ReadonlyMap<string, Marks>; readonly epoch: string | null }> {
  if (counts.size === 0) return { before: new Map(), epoch: null }
  const given = [...counts].map(([peer, { shipments, receipts }]) => ({ peer, shipments, receipts })).sort((a, b) => (a.peer < b.peer ? -1 : 1))
  const { rows } = await sql<{ peer: string; taken: string; receipts: string; epoch: string }>`insert into road.link as l (peer, taken, receipts_taken, heard_at)
    select *, ${now}::timestamptz from json_to_recordset(${JSON.stringify(given)}::json) as r (peer text, shipments bigint, receipts bigint) order by 1
    on conflict (peer) do update set taken = l.taken + excluded.taken, receipts_taken = l.receipts_taken + excluded.receipts_taken, heard_at = excluded.heard_at
    returning peer, taken, receipts_taken as receipts, ${presentEpoch} as epoch`.execute(tx)
  const before = rows.map((row): [string, Marks] => [row.peer, { taken: Number(row.taken) - (counts.get(row.peer)?.shipments ?? 0), receipts: Number(row.receipts) - (counts.get(row.peer)?.receipts ?? 0) }])
  return { before: new Map(before), epoch: rows[0]?.epoch ?? null }
}

/** The highest that each peer told of what it took over from here. */
export async function rememberMarks(tx: Tx, told: ReadonlyMap<string, Marks>, now: Date): Promise<void> {
  if (told.size === 0) return
  const rows = [...told].map(([peer, marks]) => ({ peer, ...marks })).sort((a, b) => (a.peer < b.peer ? -1 : 1))
  await sql`${later} insert into road.link as l (peer, peer_taken, peer_receipts, heard_at) select *, ${now}::timestamptz from json_to_recordset(${JSON.stringify(rows)}::json) as r (peer text, taken bigint, receipts bigint) order by 1
    on conflict (peer) do update set peer_taken = greatest(l.peer_taken, excluded.peer_taken), peer_receipts = greatest(l.peer_receipts, excluded.peer_receipts), heard_at = excluded.heard_at`.execute(tx)
}

/** What the peer told in its greeting stands, also where it is less than before. */
export async function setPeer(tx: Tx, peer: string, epoch: string, marks: Marks, now: Date): Promise<void> {
  await sql`update road.link set peer_epoch = ${epoch}, peer_taken = ${marks.taken}, peer_receipts = ${marks.receipts}, heard_at = ${now}, failures = 0, next_at = null, last_error = null where peer = ${peer}`.execute(tx)
}

export async function setLinkFailure(tx: Tx, peer: string, failures: number, nextAt: Date | null, error: string | null): Promise<void> {
  await sql`insert into road.link (peer, failures, next_at, last_error) values (${peer}, ${failures}, ${nextAt}, ${error})
    on conflict (peer) do update set failures = excluded.failures, next_at = excluded.next_at, last_error = excluded.last_error`.execute(tx)
}

/** Reads it where nothing else is to be read. Null before the database's first life has begun. */
export async function readEpoch(tx: Tx): Promise<string | null> {
  const { rows } = await sql<{ epoch: string | null }>`select ${presentEpoch} as epoch`.execute(tx)
  return rows[0]?.epoch ?? null
}

/** Begins the database's first life, or another one; the one before is remembered. */
export async function setLife(tx: Tx, value: string): Promise<void> {
  await sql`insert into road.epoch as e (value) values (${value}) on conflict (only_one) do update set value = excluded.value, former = array_append(e.former, e.value)`.execute(tx)
}

/** Lives before the present one. */
export async function formerLives(tx: Tx): Promise<readonly string[]> {
  const { rows } = await sql<{ former: string[] }>`select former from road.epoch`.execute(tx)
  return rows[0]?.former ?? []
}

/** The epoch is decided by one process at a time. */
export async function lockEpoch(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('road.epoch'))`.execute(tx)
}

/** The mark of what was last handed on to a peer: how many shipments it has taken over from here, ever. 0: none, or so long ago that it is not kept. */
export async function lastMark(tx: Tx, peer: string): Promise<number> {
  const { rows } = await sql<{ mark: string | null }>`select max(mark) as mark from road.shipment where link = ${peer} and state = 'handedOn'`.execute(tx)
  return Number(rows[0]?.mark ?? 0)
}
