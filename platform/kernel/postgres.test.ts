import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { databaseOwner, defaultHome } from './home.ts'
import { type Postgres, eraseDatabase, startPostgres } from './postgres.ts'

const home = mkdtempSync('/tmp/postroad-postgres-')
const others: string[] = []
let postgres: Postgres
beforeEach(async () => {
  postgres = await startPostgres(home)
})
afterAll(async () => {
  await postgres.stop()
  for (const folder of [home, ...others]) rmSync(folder, { recursive: true, force: true })
})

const otherFolder = (mode: number): string => {
  const folder = mkdtempSync('/tmp/postroad-other-')
  chmodSync(folder, mode)
  others.push(folder)
  return folder
}

async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client(url)
  client.on('error', () => undefined) // the server is killed under it
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

const SETTINGS = `select current_setting('fsync') fsync, current_setting('synchronous_commit') commit, current_setting('data_checksums') checksums,
  current_setting('listen_addresses') listen, current_setting('server_encoding') encoding, datlocprovider::text provider, datlocale locale from pg_database where datname = current_database()`

describe('the embedded PostgreSQL', () => {
  it('starts durable, on a socket only, with two roles that hold no more than they need', async () => {
    expect(postgres.adopted).toBe(false)
    expect(await query(postgres.url('app'), SETTINGS)).toEqual([{ fsync: 'on', commit: 'on', checksums: 'on', listen: '', encoding: 'UTF8', provider: 'b', locale: 'C.UTF-8' }])
    const roles = await query(postgres.url('app'), `select rolname, rolsuper or rolcreatedb or rolcreaterole or rolbypassrls or rolreplication as mighty from pg_roles where rolname like 'postroad%' order by 1`)
    expect(roles).toEqual([{ rolname: 'postroad_app', mighty: false }, { rolname: 'postroad_migrator', mighty: false }])
    await expect(query(postgres.url('app'), 'create schema mine')).rejects.toThrow('permission denied')
    await expect(query(postgres.url('app').replace(/:[0-9a-f]{48}@/, ':wrong@'), 'select 1')).rejects.toThrow('password authentication failed')
  })

  it('is adopted by the next process, and its data are there after a stop', async () => {
    await query(postgres.migratorUrl, `create schema s; create table s.t (n int); insert into s.t select generate_series(1, 1000)`)
    const again = await startPostgres(home)
    expect(again).toMatchObject({ pid: postgres.pid, adopted: true })
    await again.stop()
    expect(existsSync(join(home, 'postgres', 'data', 'postmaster.pid'))).toBe(false)
    postgres = await startPostgres(home)
    expect(postgres.adopted).toBe(false)
    expect(await query(postgres.migratorUrl, 'select count(*)::int as n from s.t')).toEqual([{ n: 1000 }])
  })

  it('comes back after kill -9 with everything that was committed', async () => {
    await query(postgres.migratorUrl, `insert into s.t select generate_series(1, 1000)`)
    process.kill(postgres.pid, 'SIGKILL')
    const again = await startPostgres(home)
    expect(again.pid).not.toBe(postgres.pid)
    expect(await query(again.migratorUrl, 'select count(*)::int as n from s.t')).toEqual([{ n: 2000 }])
  })

  it('is not confused by a pid file whose number belongs to another process by now', async () => {
    await postgres.stop()
    writeFileSync(join(home, 'postgres', 'data', 'postmaster.pid'), `${process.pid}\n${join(home, 'postgres', 'data')}\n1\n5432\n/tmp\n\n0\nready\n`)
    postgres = await startPostgres(home)
    expect(postgres.adopted).toBe(false)
    expect(await query(postgres.url('app'), 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('keeps its passwords from others and does not overwrite data whose passwords are lost', async () => {
    const path = join(home, 'keys', 'postgres.json')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(home, 'keys')).mode & 0o777).toBe(0o700)
    const { app } = JSON.parse(readFileSync(path, 'utf8')) as { app: string }
    expect(readFileSync(join(home, 'logs', 'postgres.log'), 'utf8')).not.toContain(app)
    await postgres.stop()
    rmSync(path)
    await expect(startPostgres(home)).rejects.toThrow('restore it from the backup of the keys')
    eraseDatabase(home)
  })

  it('takes a home so deep that a socket would not fit into it', async () => {
    const deep = await startPostgres(join(otherFolder(0o711), 'd'.repeat(100)))
    expect(await query(deep.url('app'), 'select 1 as one')).toEqual([{ one: 1 }])
    await deep.stop()
  })

  it('says which folder bars the way for root’s data; for anybody else none does', async () => {
    const closed = otherFolder(0o700)
    if (databaseOwner() !== null) return expect(startPostgres(join(closed, 'home'))).rejects.toThrow(`may not pass through ${closed}`)
    return (await startPostgres(join(closed, 'home'))).stop()
  })
})

describe('the default home', () => {
  it('lies in the clone, or outside of it for root', () => {
    const found = defaultHome('/root/secret/postroad')
    if (databaseOwner() === null) expect(found).toBe('/root/secret/postroad/.postroad')
    else expect(found).toMatch(/^\/var\/lib\/postroad\/postroad-[0-9a-f]{8}$/)
    expect(defaultHome('/root/other/postroad')).not.toBe(found)
  })
})
