import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import pg from 'pg'
import { migrateJobs } from './jobs.ts'
import { migrate } from './migrate.ts'
import type { Plugin } from './plugin.ts'
import { ensureDatabase } from './postgres-cluster.ts'

/** Connection URLs of one test database, by role. */
export type TestDatabase = { readonly app: string; readonly migrator: string; readonly superuser: string; drop(): Promise<void> }

const ADMIN = 'postgres'
const LOCK = 7_076_215_302

/**
 * A fresh database with everything migrated: a copy of a template that the run makes once per set of rooms.
 * @throws Error outside of a vitest run with `platform/kernel/testing-setup.ts` as its global setup
 */
export async function createTestDatabase(plugins: readonly Plugin[]): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  await asSuperuser(ADMIN, async (client) => {
    const template = await ensureTemplate(client, plugins)
    await client.query(`create database ${name} template ${template} owner postroad_migrator`)
    await ensureDatabase(client, name)
  })
  const drop = (): Promise<void> => asSuperuser(ADMIN, async (client) => void (await client.query(`drop database if exists ${name} with (force)`)))
  return { ...urlsOf(name), drop }
}

function urlsOf(database: string): { app: string; migrator: string; superuser: string } {
  const given = process.env['POSTROAD_TEST_POSTGRES']
  if (given === undefined) throw new Error('no test database: run with vitest and this repository’s vitest.config.ts')
  return JSON.parse(given.replaceAll('DATABASE', database)) as { app: string; migrator: string; superuser: string }
}

async function asSuperuser<T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(urlsOf(database).superuser)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Test files run in several processes; the first of them makes the template while the others wait. */
async function ensureTemplate(client: pg.Client, plugins: readonly Plugin[]): Promise<string> {
  const name = `template_${fingerprint(plugins)}`
  await client.query('select pg_advisory_lock($1)', [LOCK])
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
  if (rowCount === 0) {
    const unfinished = `${name}_unfinished`
    await client.query(`drop database if exists ${unfinished} with (force)`)
    await ensureDatabase(client, unfinished)
    await migrate(urlsOf(unfinished).migrator, plugins)
    await migrateJobs(urlsOf(unfinished).migrator)
    await client.query(`alter database ${unfinished} rename to ${name}`)
  }
  await client.query('select pg_advisory_unlock($1)', [LOCK])
  return name
}

function fingerprint(plugins: readonly Plugin[]): string {
  const hash = createHash('sha256')
  for (const { id, migrations } of [{ id: 'kernel', migrations: new URL('./migrations/', import.meta.url) }, ...plugins]) {
    hash.update(`${id}\0`)
    if (migrations !== undefined) for (const file of readdirSync(migrations).sort()) hash.update(`${file}\0`).update(readFileSync(new URL(file, migrations)))
  }
  return hash.digest('hex').slice(0, 16)
}
