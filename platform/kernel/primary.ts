import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { Timelines, Writable } from './timelines.ts'
import { kernelFaults } from './words.ts'

// The one place where this node finds the server it may write to, among those that its database's address names.

/** The server's port, and its name or the folder of its socket. */
type Server = { readonly host: string; readonly port: number }
type Found = Writable & { readonly server: Server }
/** What a connected server says of itself; null when it does not take writes. */
type Ask = (client: pg.Client) => Promise<Writable | null>

/** A server that does not answer within this is passed over. */
const CONNECT_MS = 2_000
/** A server that was there a moment ago may be busy; one whose machine is gone answers nothing at all. */
const OPEN_MS = 10_000
const LOOK_MS = 5_000
/** A read-only transaction where we write (25006), and a server that stops, crashes or starts (57P01–57P05): such a connection is of no use any more. */
const SPENT = /^(25006|57P0\d)$/
const PORT = 5432

/**
 * The servers that an address names: `postgresql://role:password@one:5432,two:5433/db`, or for sockets `…@/db?host=/run/one,/run/two&port=5432,5433`,
 * as libpq takes them; `rest` is what the driver needs besides.
 * @throws Error when ports and hosts are not equally many, without repeating the address, which holds a password
 */
export function readServers(url: string): { readonly servers: readonly Server[]; readonly rest: string } {
  const [, head = '', hosts = '', tail = ''] = /^([a-z]+:\/\/(?:[^@/?]*@)?)([^/?]*)(.*)$/s.exec(url) ?? []
  const [path = '', query = ''] = tail.split('?')
  const asked = new URLSearchParams(query)
  const named = asked.get('host')
  const ports = asked.get('port')?.split(',') ?? []
  const found = named === null ? hosts.split(',').map(serverIn) : named.split(',').map((host, at) => ({ host, port: Number(ports[at] ?? ports[0] ?? PORT) }))
  if (ports.length > 1 && ports.length !== found.length) throw new Error('DATABASE_URL: as many ports as hosts, or one for all')
  if (found.some(({ host, port }) => host === '' || !Number.isInteger(port))) throw new Error('DATABASE_URL: a host is missing or a port is not a number')
  for (const name of ['host', 'port', 'target_session_attrs']) asked.delete(name) // the last is what is done here anyway
  return { servers: found, rest: `${head}server${path}${asked.size === 0 ? '' : `?${asked.toString()}`}` }
}

function serverIn(text: string): Server {
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? []
  return { host: decodeURIComponent(host.replace(/^\[|\]$/g, '')), port: port === '' ? PORT : Number(port) }
}

/** Asked of every new connection, and of nobody's word but the server's own: a promoted standby says so from its first transaction on. */
const askServer: Ask = async (client) => {
  const { rows } = await client.query<{ isReadOnly: boolean; system: string; timeline: number }>(`select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as "isReadOnly",
    (select system_identifier::text from pg_control_system()) as system, case when pg_is_in_recovery() then 0 else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as timeline`)
  const [row] = rows
  return row === undefined || row.isReadOnly ? null : { system: row.system, timeline: row.timeline }
}

/** The same over the replication protocol, which takes no SQL. */
export const askWalSender: Ask = async (client) => {
  const read = await client.query<{ transaction_read_only: string }>('SHOW transaction_read_only')
  const { rows } = await client.query<{ systemid: string; timeline: number }>('IDENTIFY_SYSTEM')
  const [row] = rows
  return row === undefined || read.rows[0]?.transaction_read_only !== 'off' ? null : { system: row.systemid, timeline: Number(row.timeline) }
}

type Told = ((error: Error) => void) | ((error: null, client: pg.Client) => void)
/** Makes connections to whichever server is the primary. */
export type Primaries = {
  /** For `new pg.Pool({ Client })`: its connections are connected only when they are connected to a primary. Rejects with kernel.noPrimary. */
  readonly Client: typeof pg.Client
  readonly config: pg.ClientConfig
  /** Looks at all servers now, so that a promotion is known although the replaced primary still answers. */
  look(): Promise<void>
}

export type PrimaryOptions = { readonly ask?: Ask; readonly config?: pg.ClientConfig }

/**
 * Connections to the primary among the servers of `url`. Of several servers that take writes the one with the highest timeline is it; one below what
 * `timelines` remembers is not. Without `timelines` there is nothing to compare with: the database is the home's own and there is but one server.
 */
export function primariesOf(url: string, timelines: Timelines | null, { ask = askServer, config = {} }: PrimaryOptions = {}): Primaries {
  if (timelines === null) return { Client: pg.Client, config: { ...config, connectionString: url }, look: async () => undefined }
  const { servers, rest } = readServers(url)
  const driver: pg.ClientConfig = { keepAlive: true, ...config, connectionString: rest }
  let current: Found | null = null
  let searching: Promise<Found> | null = null
  const search = async (): Promise<Found> => {
    const answers = await Promise.all(servers.map((server) => probe(server, driver, ask)))
    const writable = answers.flatMap((answer) => (answer === null ? [] : [answer])).toSorted((one, other) => other.timeline - one.timeline)
    const primary = writable.find((answer) => timelines.admit(answer)) // the highest first: it is remembered before a lower one is looked at
    if (primary === undefined) throw kernelFaults.noPrimary({ servers: servers.length, answered: writable.length })
    return (current = primary)
  }
  const find = (): Promise<Found> => (searching ??= search().finally(() => (searching = null)))
  const verify = async (client: pg.Client): Promise<void> => {
    const answer = await ask(client)
    if (answer === null || !timelines.admit(answer)) throw kernelFaults.noPrimary({ servers: servers.length, answered: 1 })
    timelines.hold(client, answer)
    throwAwaySpent(client)
  }
  const open = async (client: pg.Client, connect: () => Promise<unknown>): Promise<pg.Client> => {
    if (current !== null && !timelines.admit(current)) current = null
    const [only] = servers
    Object.assign(client, servers.length === 1 ? only : (current ?? (await find())).server)
    const timer = setTimeout(() => client.connection.stream.destroy(), OPEN_MS)
    try {
      await connect()
      await verify(client)
      return client
    } catch (error) {
      current = null
      client.on('error', () => undefined) // it is told here
      client.connection.stream.destroy()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    Client: class extends pg.Client {
      override connect(): Promise<pg.Client>
      override connect(told: Told): void
      override connect(told?: Told): Promise<pg.Client> | void {
        const opening = open(this, () => super.connect())
        if (told === undefined) return opening
        const tell = told as (error: Error | null, client?: pg.Client) => void
        opening.then((client) => tell(null, client), tell)
      }
    },
    config: driver,
    look: async () => {
      if (servers.length > 1) await find()
    },
  }
}

async function probe(server: Server, driver: pg.ClientConfig, ask: Ask): Promise<Found | null> {
  const client = Object.assign(new pg.Client({ ...driver, connectionTimeoutMillis: CONNECT_MS, query_timeout: CONNECT_MS }), server)
  client.on('error', () => undefined) // what is under way fails with it
  try {
    await client.connect()
    const answer = await ask(client)
    return answer && { ...answer, server }
  } catch {
    return null // it does not answer, or refuses us: not a server that we could write to
  } finally {
    client.connection.stream.destroy()
  }
}

/** A pool keeps a connection that answered with an error; on these nothing will ever succeed again. Whoever asked gets the error first. */
function throwAwaySpent(client: pg.Client): void {
  client.connection.on('errorMessage', ({ code = '' }: { readonly code?: string }) => {
    if (SPENT.test(code)) setImmediate(() => client.connection.stream.destroy())
  })
}

/** Looks for a promotion every few seconds for as long as the node runs: a primary that was cut off, not killed, would otherwise keep its connections. */
export function watchPrimary(primaries: Primaries): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      await primaries.look().catch(() => undefined) // none now; whoever needs one hears of it
      await wait(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }
  const watching = watch()
  return { stop: async () => (stopping.abort(), await watching) }
}
