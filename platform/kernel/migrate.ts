import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import type { Plugin } from './plugin.ts'
import { primariesOf } from './primary.ts'
import type { Timelines } from './timelines.ts'

const FILE_NAME = /^\d{4}-[a-z0-9-]+\.sql$/
/** One migrator at a time per database; the number only has to be ours. */
const LOCK = 7_076_215_301

type Room = { readonly id: string; readonly folder: URL }
type Applied = { readonly file: string; readonly hash: string }

/**
 * Runs what each room's `migrations/` holds and the database does not have yet: rooms in the order given (the kernel first), files by number,
 * each in one transaction, as the migrator role. Every room gets a schema of its name. Names in the SQL are always qualified.
 * @throws Error when an applied file was changed or removed, a new file is numbered below an applied one, or a table lacks forced row security
 */
export async function migrate(migratorUrl: string, plugins: readonly Pick<Plugin, 'id' | 'migrations'>[], timelines: Timelines | null = null): Promise<void> {
  const rooms: Room[] = [{ id: 'kernel', folder: new URL('./migrations/', import.meta.url) }]
  for (const { id, migrations } of plugins) if (migrations !== undefined) rooms.push({ id, folder: migrations })
  const { Client, config } = primariesOf(migratorUrl, timelines)
  const client = new Client(config)
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [LOCK])
    await client.query(FOUNDATION)
    for (const room of rooms) await migrateRoom(client, room)
    await refuseOpenTables(client, rooms.map((room) => room.id))
  } finally {
    await client.end()
  }
}

/** What must be there before the first file: the record of applied files, and nothing granted to anybody unless a file says so. */
const FOUNDATION = `
  set client_min_messages = warning;
  do $$ begin if to_regrole('postroad_app') is null then raise exception 'the database has no role postroad_app: create it, without rights to make schemas'; end if; end $$;
  alter default privileges revoke execute on functions from public;
  create schema if not exists kernel;
  grant usage on schema kernel to postroad_app;
  create table if not exists kernel.migration (
    room text not null, file text not null, hash text not null, at timestamptz not null default clock_timestamp(), primary key (room, file));
  alter table kernel.migration enable row level security;
  alter table kernel.migration force row level security;
  do $$ begin if not exists (select from pg_policies where schemaname = 'kernel' and tablename = 'migration') then
    create policy migrator on kernel.migration for all to current_user using (true); end if; end $$;`

async function migrateRoom(client: pg.Client, room: Room): Promise<void> {
  const schema = client.escapeIdentifier(room.id)
  await client.query(`create schema if not exists ${schema}; grant usage on schema ${schema} to postroad_app`)
  const { rows } = await client.query<Applied>('select file, hash from kernel.migration where room = $1 order by file', [room.id])
  for (const { file, sql } of pending(room, rows)) await apply(client, room.id, file, sql)
}

function pending(room: Room, applied: readonly Applied[]): { file: string; sql: string }[] {
  const files = readdirSync(fileURLToPath(room.folder)).sort()
  const lost = applied.find(({ file }) => !files.includes(file))
  if (lost !== undefined) throw new Error(`migration ${room.id}/${lost.file} was applied to this database but is gone: this program is older than its data`)
  const last = applied.at(-1)?.file ?? ''
  return files.flatMap((file) => {
    if (!FILE_NAME.test(file)) throw new Error(`migration ${room.id}/${file} is not named NNNN-name.sql`)
    const sql = readFileSync(new URL(file, room.folder), 'utf8')
    const before = applied.find((one) => one.file === file)
    if (before === undefined && file <= last) throw new Error(`migration ${room.id}/${file} is numbered below ${last}, which was applied: give it the next number`)
    if (before !== undefined && before.hash !== hashOf(sql)) throw new Error(`migration ${room.id}/${file} was changed after it was applied: restore it and write a new file`)
    return before === undefined ? [{ file, sql }] : []
  })
}

const hashOf = (sql: string): string => createHash('sha256').update(sql).digest('hex')

async function apply(client: pg.Client, room: string, file: string, sql: string): Promise<void> {
  await client.query('begin')
  try {
    // the owner is held by its own policies too, so a file that moves data acts as the service `bootstrap`
    await client.query(`select set_config('search_path', '', true), set_config('postroad.service', 'bootstrap', true),
      set_config('postroad.person', '-', true), set_config('postroad.organs', '{}', true), set_config('postroad.clearance', '0', true)`)
    await client.query(sql)
    await client.query('insert into kernel.migration (room, file, hash) values ($1, $2, $3)', [room, file, hashOf(sql)])
    await client.query('commit')
  } catch (cause) {
    await client.query('rollback')
    throw new Error(`migration ${room}/${file} failed: ${(cause as Error).message}`, { cause })
  }
}

/** A table without forced row security would show its rows to everybody who may select: refused before anything is served. */
async function refuseOpenTables(client: pg.Client, schemas: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select relnamespace::regnamespace || '.' || relname as name from pg_class
      where relkind in ('r', 'p') and relnamespace::regnamespace::text = any($1) and not (relrowsecurity and relforcerowsecurity)`,
    [schemas],
  )
  if (rows.length > 0) throw new Error(`tables without forced row level security: ${rows.map(({ name }) => name).join(', ')}`)
}
