import { Kysely, PostgresDialect, type Transaction, sql } from 'kysely'
import pg from 'pg'
import { LATER, statementPool } from './database-pool.ts'
import { primariesOf } from './primary.ts'
import type { Principal } from './principal.ts'
import type { Timelines } from './timelines.ts'

/** Tables are declared by each room's `store.ts` and added with `tx.withTables<RoadTables>()`. */
export type NoTables = Record<never, never>
export type Database = {
  readonly kysely: Kysely<NoTables>
  readonly pool: pg.Pool
  /** What is known of an external database's timelines; null for the home's own. */
  readonly timelines: Timelines | null
  close(): Promise<void>
}
export type Tx = Transaction<NoTables>

/** Connects as the application role. `url` is a PostgreSQL URL, with `timelines` of several servers too (`primary.ts`); for a unix socket `postgresql://role:password@/db?host=/run/…`. */
export function connect(url: string, maxConnections = 10, timelines: Timelines | null = null): Database {
  const { Client, config } = primariesOf(url, timelines)
  const pool = new pg.Pool({ ...config, Client, max: maxConnections, allowExitOnIdle: true, pipeline: true })
  // a connection that breaks while idle is replaced; one that breaks inside a transaction fails that transaction's next query. Unheard, either would end the process
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  const kysely = new Kysely<NoTables>({ dialect: new PostgresDialect({ pool: statementPool(pool) }) })
  return { kysely, pool, timelines, close: () => kysely.destroy() }
}

/**
 * Begins a statement whose rows and count nobody looks at: it is sent in its order and not waited for. What it fails with, the transaction's next
 * statement or its commit fails with.
 */
export const later = sql.raw(`${LATER} `)

/**
 * One act, one transaction: who acts is set for exactly this transaction, and row policies fail closed without it.
 * The work may run again only if the caller calls again; nothing is retried here.
 */
export async function transaction<T>(database: Database, principal: Principal, work: (tx: Tx) => Promise<T>): Promise<T> {
  return database.kysely.transaction().execute(async (tx) => {
    await actAs(tx, principal)
    return work(tx)
  })
}

/** Read by the row policies through `kernel.current_*()`, which raise when unset or empty. Without parameters, so that it shares its way with `begin`. */
async function actAs(tx: Tx, principal: Principal): Promise<void> {
  const settings =
    principal.kind === 'service'
      ? { service: principal.service, person: '-', organs: '{}', clearance: '0' }
      : { service: '-', person: principal.person, organs: `{${principal.organs.join(',')}}`, clearance: String(principal.clearance) }
  const calls = Object.entries(settings).map(([name, value]) => `set_config('postroad.${name}', ${pg.escapeLiteral(value)}, true)`)
  await sql.raw(`select ${calls.join(', ')}`).execute(tx)
}
