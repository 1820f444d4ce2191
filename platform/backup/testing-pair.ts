import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { readPidFile } from '@postroad/kernel/postgres-pid'
import { type Postgres, type Role, startPostgres } from '@postroad/kernel/postgres'
import pg from 'pg'
import { makeStandby } from './standby.ts'

/** One of two PostgreSQLs, each in a home of its own. */
export type PairServer = {
  readonly name: string
  start(): Promise<void>
  /** Ends it outright and waits until it is gone. */
  kill(): Promise<void>
  /** Stops all its processes where they are, or lets them go on: what is sent to it meanwhile waits in its sockets. */
  freeze(on: boolean): void
  /** Throws its data away, if it has any, and makes it a standby of the other, as `postgresql.conf` of docs/operations.md has it. */
  follow(other: PairServer): Promise<void>
  /** Standby to primary; answers when it takes writes. Until there is another standby it goes on alone. */
  promote(): Promise<void>
  /** Whether commits wait for a standby: set again once there is one. */
  setSynchronous(on: boolean): Promise<void>
  url(role: Role, database?: string): string
  home(): string
  /** As the superuser, in the node's database. */
  query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]>
}
export type Pair = { readonly one: PairServer; readonly two: PairServer; /** Both servers in one address, over their sockets. */ url(role: Role): string; stop(): Promise<void> }

const SETTINGS = { wal_keep_size: '256MB', wal_retrieve_retry_interval: '200ms' }
const EITHER = 'ANY 1 (one, two)'

/** A primary and a standby, both durable, every commit on both. `folder` must be open to the database's account. */
export async function startPair(folder: string): Promise<Pair> {
  const [one, two] = [serverIn(folder, 'one'), serverIn(folder, 'two')]
  const stop = async (): Promise<void> => {
    await Promise.all([one, two].map((server) => server.kill()))
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
  try {
    await one.start()
    await two.follow(one)
    await one.setSynchronous(true)
    await untilInSync(one)
  } catch (error) {
    await stop()
    throw error
  }
  const hostOf = (server: PairServer): string => new URL(server.url('app').replace('@/', '@socket/')).searchParams.get('host') ?? ''
  return { one, two, url: (role) => one.url(role).replace(/host=.*$/, `host=${[one, two].map((server) => encodeURIComponent(hostOf(server))).join(',')}`), stop }
}

/** Waits until a standby is in sync. */
export async function untilInSync(primary: PairServer): Promise<void> {
  while ((await primary.query(`select from pg_stat_replication where sync_state in ('sync', 'quorum') and state = 'streaming'`)).length === 0) await wait(50)
}

function serverIn(folder: string, name: string): PairServer {
  const home = join(folder, name)
  const data = join(home, 'postgres', 'data')
  let server: Postgres | null = null
  const running = (): Postgres => {
    if (server === null) throw new Error(`${name} does not run`)
    return server
  }
  const query = async <Row extends pg.QueryResultRow>(text: string): Promise<Row[]> => {
    const client = new pg.Client(running().url('superuser'))
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<Row>(text)).rows
    } finally {
      await client.end()
    }
  }
  const setSynchronous = async (on: boolean): Promise<void> => {
    await query(`alter system set synchronous_standby_names = '${on ? EITHER : ''}'`)
    await query('select pg_reload_conf()')
  }
  const start = async (): Promise<void> => void (server = await startPostgres(home, { settings: SETTINGS }))
  const kill = async (): Promise<void> => {
    const left = readPidFile(data)
    if (left !== null) process.kill(left.pid, 'SIGKILL')
    while (readPidFile(data) !== null) await wait(10)
  }
  return {
    name, start, kill, query, setSynchronous,
    home: () => home,
    freeze(on) {
      const { pid } = running()
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
      for (const one of [pid, ...children.map(Number)]) process.kill(one, on ? 'SIGSTOP' : 'SIGCONT')
    },
    url: (role, database) => running().url(role, database),
    async follow(other) {
      await kill()
      await makeStandby({ home, of: other.home(), name })
      await start()
    },
    async promote() {
      await setSynchronous(false)
      await query('select pg_promote(true, 60)')
    },
  }
}
