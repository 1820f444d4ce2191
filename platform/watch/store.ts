import type { Tx } from '@postroad/kernel/database'
import { sql } from 'kysely'
import type { AlarmDetail } from './alarms.ts'
import type { AlarmCode } from './model.ts'

/** An alarm with the facts about it. */
export type AlarmRow = {
  readonly id: string
  readonly code: AlarmCode
  readonly subject: string
  readonly detail: AlarmDetail
  readonly at: Date
  readonly clearedAt: Date | null
  readonly seen: readonly { readonly person: string; readonly name: string; readonly note: string; readonly at: string }[]
}

const COLUMNS = sql`a.id, a.code, a.subject, a.detail, a.at, c.at as "clearedAt",
  coalesce((select json_agg(json_build_object('person', person, 'name', name, 'note', note, 'at', at) order by at) from watch.alarm_seen s where s.alarm = a.id), '[]') as seen`

/** One look at a time writes alarms, whichever process looks. The number only has to be ours. */
export async function lockAlarms(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(7076215302)`.execute(tx)
}

export async function openAlarms(tx: Tx): Promise<readonly AlarmRow[]> {
  const { rows } = await sql<AlarmRow>`select ${COLUMNS} from watch.alarm a left join watch.alarm_clear c on c.alarm = a.id where c.alarm is null order by a.at, a.id`.execute(tx)
  return rows
}

/** Alarms that were cleared, the newest first. */
export async function clearedAlarms(tx: Tx, limit: number): Promise<readonly AlarmRow[]> {
  const { rows } = await sql<AlarmRow>`select ${COLUMNS} from watch.alarm_clear c join watch.alarm a on a.id = c.alarm order by c.at desc, a.id limit ${limit}`.execute(tx)
  return rows
}

export async function insertAlarms(tx: Tx, rows: readonly { readonly id: string; readonly code: string; readonly subject: string; readonly detail: AlarmDetail; readonly rules: number }[], at: Date): Promise<void> {
  if (rows.length === 0) return
  await sql`insert into watch.alarm (id, code, subject, detail, rules, at)
    select id, code, subject, detail, rules, ${at} from json_to_recordset(${JSON.stringify(rows)}::json) as r (id uuid, code text, subject text, detail json, rules int)`.execute(tx)
}

export async function clearAlarms(tx: Tx, ids: readonly string[], at: Date): Promise<void> {
  if (ids.length > 0) await sql`insert into watch.alarm_clear (alarm, at) select id, ${at} from unnest(${[...ids]}::uuid[]) id`.execute(tx)
}

/** Answers false when no such alarm stands. */
export async function insertSeen(tx: Tx, row: { readonly alarm: string; readonly person: string; readonly name: string; readonly note: string; readonly at: Date }): Promise<boolean> {
  const { rows } = await sql`insert into watch.alarm_seen (alarm, person, name, note, at) select a.id, ${row.person}, ${row.name}, ${row.note}, ${row.at}
    from watch.alarm a where a.id = ${row.alarm}::uuid and not exists (select from watch.alarm_clear c where c.alarm = a.id) on conflict do nothing returning alarm`.execute(tx)
  return rows.length > 0
}

export async function writeReadings(tx: Tx, readings: Readonly<Record<string, unknown>>, at: Date): Promise<void> {
  const rows = Object.entries(readings).map(([name, value]) => ({ name, value }))
  if (rows.length === 0) return
  await sql`insert into watch.reading (name, value, at) select name, value, ${at} from json_to_recordset(${JSON.stringify(rows)}::json) as r (name text, value json)
    on conflict (name) do update set value = excluded.value, at = excluded.at`.execute(tx)
}

export async function readReadings(tx: Tx): Promise<ReadonlyMap<string, { readonly value: unknown; readonly at: Date }>> {
  const { rows } = await sql<{ name: string; value: unknown; at: Date }>`select name, value, at from watch.reading`.execute(tx)
  return new Map(rows.map(({ name, value, at }) => [name, { value, at }]))
}

export type DatabaseFacts = { readonly bytes: number; readonly connections: number; readonly mostConnections: number; readonly oldestSnapshot: number; readonly oldestSeconds: number }

/** Of other roles' sessions PostgreSQL tells only whoever has `pg_read_all_stats`; of this node's own it always tells. */
export async function databaseFacts(tx: Tx): Promise<DatabaseFacts> {
  const { rows } = await sql<Record<keyof DatabaseFacts, string>>`select pg_database_size(current_database()) as bytes, count(*) as connections, current_setting('max_connections') as "mostConnections",
    coalesce(max(age(backend_xmin)) filter (where pid <> pg_backend_pid()), 0) as "oldestSnapshot",
    coalesce(extract(epoch from clock_timestamp() - min(xact_start) filter (where pid <> pg_backend_pid())), 0) as "oldestSeconds"
    from pg_stat_activity where datname = current_database()`.execute(tx)
  const [row] = rows
  return {
    bytes: Number(row?.bytes), connections: Number(row?.connections), mostConnections: Number(row?.mostConnections),
    oldestSnapshot: Number(row?.oldestSnapshot), oldestSeconds: Math.max(0, Number(row?.oldestSeconds)),
  }
}

export type StandbyRow = { readonly name: string; readonly sync: boolean; readonly lagSeconds: number; readonly lagBytes: number }

/** Standbys of this database; none without `pg_read_all_stats` (pg_monitor), which an external PostgreSQL grants for it. */
export async function standbys(tx: Tx): Promise<readonly StandbyRow[]> {
  const { rows } = await sql<{ name: string; sync: boolean; lagSeconds: string; lagBytes: string }>`select application_name as name, sync_state in ('sync', 'quorum') as sync,
    coalesce(extract(epoch from replay_lag), 0) as "lagSeconds", greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0) as "lagBytes"
    from pg_stat_replication where state is not null and application_name is not null order by 1`.execute(tx)
  return rows.map((row) => ({ name: row.name, sync: row.sync, lagSeconds: Number(row.lagSeconds), lagBytes: Number(row.lagBytes) }))
}
