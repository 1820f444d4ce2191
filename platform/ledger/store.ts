import { later, type Tx } from '@postroad/kernel/database'
import type { BatchSignature } from '@postroad/waybill'
import { sql } from 'kysely'
import type { Checkpoint, LedgerLeaf } from './model.ts'

export type StoredRecord = { readonly id: string; readonly leaf: unknown; readonly mac: Uint8Array }
export type StoredPosition = { readonly index: number; readonly leafHash: Uint8Array; readonly mac: Uint8Array; readonly leaf: unknown; readonly recordMac: Uint8Array | null }
export type StoredCheckpoint = { readonly size: number; readonly checkpoint: Checkpoint; readonly seal: BatchSignature; readonly peaks: readonly Uint8Array[] }

/** Inserts leaves in one statement; whoever's transaction this is. */
export async function insertRecords(tx: Tx, records: readonly { leaf: LedgerLeaf; mac: Uint8Array }[]): Promise<void> {
  const leaves = records.map((record) => JSON.stringify(record.leaf))
  const macs = records.map((record) => Buffer.from(record.mac))
  await sql`${later} insert into ledger.record (leaf, mac) select l::jsonb, m from unnest(${leaves}::text[], ${macs}::bytea[]) as r (l, m)`.execute(tx)
}

/** One sequencer at a time, over all processes of the node. False: another is at it. */
export async function lockSequencer(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`select pg_try_advisory_xact_lock(hashtext('ledger.sequencer')) as locked`.execute(tx)
  return rows[0]?.locked === true
}

/** Waits for the sequencer and keeps it out until this transaction ends. */
export async function pauseSequencer(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('ledger.sequencer'))`.execute(tx)
}

/** Every transaction older than this has ended: what it wrote is visible to whoever looks now. */
export async function oldestRunning(tx: Tx): Promise<string> {
  const { rows } = await sql<{ xmin: string }>`select pg_snapshot_xmin(pg_current_snapshot())::text as xmin`.execute(tx)
  return rows[0]?.xmin ?? '0'
}

/** Visible leaves without a position, written by transactions not older than `floor`. */
export async function unsequenced(tx: Tx, floor: string, limit: number): Promise<StoredRecord[]> {
  const { rows } = await sql<StoredRecord>`select r.id, r.leaf, r.mac from ledger.record r
    where r.xact >= ${floor}::xid8 and not exists (select from ledger.position p where p.record = r.id) order by r.id limit ${limit}`.execute(tx)
  return rows
}

export async function insertPositions(tx: Tx, positions: readonly { index: number; record: string; leafHash: Uint8Array; mac: Uint8Array }[]): Promise<void> {
  await sql`${later} insert into ledger.position (index, record, leaf_hash, mac)
    select * from unnest(${positions.map((p) => p.index)}::bigint[], ${positions.map((p) => p.record)}::uuid[],
      ${positions.map((p) => Buffer.from(p.leafHash))}::bytea[], ${positions.map((p) => Buffer.from(p.mac))}::bytea[])`.execute(tx)
}

export async function insertCheckpoint(tx: Tx, row: StoredCheckpoint): Promise<void> {
  await sql`${later} insert into ledger.checkpoint (size, checkpoint, seal, peaks)
    values (${row.size}, ${JSON.stringify(row.checkpoint)}::jsonb, ${JSON.stringify(row.seal)}::jsonb, ${row.peaks.map((peak) => Buffer.from(peak))}::bytea[])`.execute(tx)
}

type CheckpointRow = Omit<StoredCheckpoint, 'size'> & { size: string }
const readCheckpoint = (row: CheckpointRow): StoredCheckpoint => ({ ...row, size: Number(row.size) })

export async function lastCheckpoint(tx: Tx): Promise<StoredCheckpoint | null> {
  const { rows } = await sql<CheckpointRow>`select size, checkpoint, seal, peaks from ledger.checkpoint order by size desc limit 1`.execute(tx)
  return rows[0] === undefined ? null : readCheckpoint(rows[0])
}

/** The checkpoint of exactly this size. */
export async function checkpointOf(tx: Tx, size: number): Promise<StoredCheckpoint | null> {
  const { rows } = await sql<CheckpointRow>`select size, checkpoint, seal, peaks from ledger.checkpoint where size = ${size}`.execute(tx)
  return rows[0] === undefined ? null : readCheckpoint(rows[0])
}

/** Checkpoints with a size above `after`, smallest first. */
export async function checkpointsAfter(tx: Tx, after: number, limit: number): Promise<StoredCheckpoint[]> {
  const { rows } = await sql<CheckpointRow>`select size, checkpoint, seal, peaks from ledger.checkpoint where size > ${after} order by size limit ${limit}`.execute(tx)
  return rows.map(readCheckpoint)
}

/** Newest checkpoints, for people. */
export async function newestCheckpoints(tx: Tx, limit: number): Promise<StoredCheckpoint[]> {
  const { rows } = await sql<CheckpointRow>`select size, checkpoint, seal, peaks from ledger.checkpoint order by size desc limit ${limit}`.execute(tx)
  return rows.map(readCheckpoint)
}

type PositionRow = { index: string; leaf_hash: Uint8Array; mac: Uint8Array; leaf: unknown; record_mac: Uint8Array | null }

/** Positions `from` and after with their leaves, in order. A position whose leaf is gone comes with `leaf: null`. */
export async function positionsFrom(tx: Tx, from: number, limit: number): Promise<StoredPosition[]> {
  const { rows } = await sql<PositionRow>`select p.index, p.leaf_hash, p.mac, r.leaf, r.mac as record_mac
    from ledger.position p left join ledger.record r on r.id = p.record where p.index >= ${from} order by p.index limit ${limit}`.execute(tx)
  return rows.map((row) => ({ index: Number(row.index), leafHash: row.leaf_hash, mac: row.mac, leaf: row.leaf ?? null, recordMac: row.record_mac }))
}

/** Leaf hashes of positions `[from, to)`, for proofs. */
export async function leafHashes(tx: Tx, from: number, to: number): Promise<Uint8Array[]> {
  const { rows } = await sql<{ leaf_hash: Uint8Array }>`select leaf_hash from ledger.position where index >= ${from} and index < ${to} order by index`.execute(tx)
  return rows.map((row) => row.leaf_hash)
}

export type RecordFilter = { readonly object?: string | undefined; readonly actor?: string | undefined; readonly act?: string | undefined; readonly from?: string | undefined; readonly to?: string | undefined; readonly before?: string | undefined }
export type FoundRecord = { readonly id: string; readonly index: number | null; readonly leaf: LedgerLeaf }

/** Newest first. `before` is the id of the last record of the page before. */
export async function findRecords(tx: Tx, filter: RecordFilter, limit: number): Promise<FoundRecord[]> {
  const conditions = [
    filter.object === undefined ? null : sql`r.leaf ->> 'object' = ${filter.object}`,
    filter.actor === undefined ? null : sql`r.leaf #>> '{actor,id}' = ${filter.actor}`,
    filter.act === undefined ? null : sql`r.leaf ->> 'act' = ${filter.act}`,
    filter.from === undefined ? null : sql`r.leaf ->> 'at' >= ${filter.from}`,
    filter.to === undefined ? null : sql`r.leaf ->> 'at' < ${filter.to}`,
    filter.before === undefined ? null : sql`r.id < ${filter.before}::uuid`,
  ].filter((condition) => condition !== null)
  const where = conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `)
  const { rows } = await sql<{ id: string; index: string | null; leaf: LedgerLeaf }>`select r.id, p.index, r.leaf
    from ledger.record r left join ledger.position p on p.record = r.id where ${where} order by r.id desc limit ${limit}`.execute(tx)
  return rows.map((row) => ({ ...row, index: row.index === null ? null : Number(row.index) }))
}
