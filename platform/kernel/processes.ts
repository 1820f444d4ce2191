import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { sql } from 'kysely'
import { z } from 'zod'
import { type Role, ALL_ROLES } from './config.ts'
import type { Database, Tx } from './database.ts'
import type { Node, Processes } from './node.ts'
import type { EventDefinition } from './plugin.ts'
import { service } from './principal.ts'

const BEAT_MS = 2_000
/** So many seconds without a beat and a process counts as gone. Wrongly so, it costs work done twice, which every room bears. */
const GONE_SECONDS = 10
const START_LOCK = 7_076_215_303

type Enrolled = Processes & { stop(): Promise<void> }

const gone = z.strictObject({ process: z.string(), roles: z.array(z.enum(ALL_ROLES)), workers: z.array(z.string()) })
/** A process died: whatever it held is free. Not emitted for one that stops in order, which gives back by itself. */
export const processGone: EventDefinition<z.infer<typeof gone>> = { name: 'kernel.processGone', version: 1, parse: (payload) => gone.parse(payload) }

type Row = { readonly id: string; readonly machine: string; readonly pid: number; readonly roles: Role[]; readonly workers: string[]; readonly isSilent: boolean }

/** What a process is before it is enrolled, so that rooms can be handed a node at all. */
export function createProcesses(roles: readonly Role[]): Processes & { see(rows: readonly Row[]): void; workers(): readonly string[] } {
  const self = `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`
  let living: readonly Row[] = []
  let workers: readonly string[] = []
  const first = (role: Role): Row | undefined => living.find((row) => row.roles.includes(role))
  return {
    self,
    see: (rows) => void (living = rows),
    workers: () => workers,
    locksAs: (names) => void (workers = [...names]),
    does: (role) => roles.includes(role),
    isEldest: (role) => roles.includes(role) && (first(role)?.id ?? self) === self,
    hasOthers: () => living.some(({ id }) => id !== self),
  }
}

/** Enters this process among the living and keeps it there; announces those that have died. */
export async function enrol(node: Node, processes: ReturnType<typeof createProcesses>): Promise<Enrolled> {
  const beat = (): Promise<void> =>
    node.transaction(service('jobs'), async (tx) => {
      await renew(tx, processes.self, node.config.roles, processes.workers())
      const rows = await readAll(tx)
      const dead = rows.filter((row) => row.id !== processes.self && (row.isSilent || hasDiedHere(row)))
      for (const { id: process, roles, workers } of await remove(tx, dead.map(({ id }) => id))) {
        node.log.warn({ process, roles }, 'a process of this node is gone')
        await node.emit(tx, processGone.name, { process, roles, workers })
      }
      processes.see(rows.filter((row) => !dead.includes(row)))
    })
  await beat()
  let running: Promise<void> = Promise.resolve()
  const timer = setInterval(() => void (running = beat().catch((error: unknown) => node.log.warn({ err: error }, 'sign of life not given'))), BEAT_MS)
  timer.unref()
  return {
    ...processes,
    async stop() {
      clearInterval(timer)
      await running
      await node.transaction(service('jobs'), (tx) => remove(tx, [processes.self])).catch((error: unknown) => node.log.warn({ err: error }, 'the others will find this process gone'))
    },
  }
}

/** Runs `work` while no other process of the node runs any under the same name. Holds a connection meanwhile. */
export const alone = <T>(node: Pick<Node, 'transaction'>, name: string, work: () => Promise<T>): Promise<T> =>
  node.transaction(service('jobs'), async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtext(${name}))`.execute(tx)
    return work()
  })

/** Tells under which names the job runner of this process locks jobs. */
export async function keepWorkers(node: Node, workers: readonly string[]): Promise<void> {
  node.processes.locksAs(workers)
  await node.transaction(service('jobs'), (tx) => renew(tx, node.processes.self, node.config.roles, workers))
}

/** Processes of one node start one after the other: the first makes the tables, the node's keys, its first statements. */
export async function startAlone<T>(database: Database, work: () => Promise<T>): Promise<T> {
  const client = await database.pool.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [START_LOCK])
    return await work()
  } finally {
    client.release(true) // the lock goes with its connection
  }
}

/** Whole each time: one that was silent for a while was struck off by another. */
async function renew(tx: Tx, id: string, roles: readonly Role[], workers: readonly string[]): Promise<void> {
  await sql`insert into kernel.process (id, machine, pid, roles, workers) values (${id}, ${hostname()}, ${process.pid}, ${[...roles]}::text[], ${[...workers]}::text[])
    on conflict (id) do update set seen = clock_timestamp(), workers = excluded.workers`.execute(tx)
}

async function readAll(tx: Tx): Promise<readonly Row[]> {
  const { rows } = await sql<Row>`select id, machine, pid, roles, workers, seen < clock_timestamp() - ${`${GONE_SECONDS} seconds`}::interval as "isSilent" from kernel.process order by started, id`.execute(tx)
  return rows
}

async function remove(tx: Tx, ids: readonly string[]): Promise<readonly Pick<Row, 'id' | 'roles' | 'workers'>[]> {
  if (ids.length === 0) return []
  const { rows } = await sql<Pick<Row, 'id' | 'roles' | 'workers'>>`delete from kernel.process where id = any(${[...ids]}::text[]) returning id, roles, workers`.execute(tx)
  return rows
}

/** It ran on this machine, and no process has its number any more; of others' machines nobody here can tell. */
function hasDiedHere({ machine, pid }: Row): boolean {
  if (machine !== hostname() || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}
