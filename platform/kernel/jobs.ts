import { EventEmitter, once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Logger as WorkerLogger, type Runner, type RunnerOptions, type WorkerEvents, parseCronItems, run, runMigrations } from 'graphile-worker'
import { sql } from 'kysely'
import pg from 'pg'
import type { Tx } from './database.ts'
import type { Node } from './node.ts'
import type { Job, Plugin } from './plugin.ts'
import { primariesOf } from './primary.ts'
import { service } from './principal.ts'
import { keepWorkers } from './processes.ts'
import type { Timelines } from './timelines.ts'

const SCHEMA = 'graphile_worker'

/** What the runner's own tables need so that the application's role, which owns nothing, may use them; run after its migrations. */
const GRANTS = `
  grant usage on schema ${SCHEMA} to postroad_app;
  grant select, insert, update, delete on all tables in schema ${SCHEMA} to postroad_app;
  grant usage on all sequences in schema ${SCHEMA} to postroad_app;
  grant execute on all functions in schema ${SCHEMA} to postroad_app;
  do $$ declare t regclass; begin
    for t in select c.oid from pg_class c where relnamespace = '${SCHEMA}'::regnamespace and relrowsecurity
      and not exists (select from pg_policy where polrelid = c.oid) loop
      execute format('create policy postroad_app on %s for all to postroad_app using (true)', t);
    end loop; end $$`

/** Makes or updates the job runner's schema, as the migrator role. */
export async function migrateJobs(migratorUrl: string, timelines: Timelines | null = null): Promise<void> {
  const pool = openPool(migratorUrl, timelines, 2, () => undefined) // what breaks here makes the query fail
  try {
    await runMigrations({ pgPool: pool, schema: SCHEMA, logger: silent })
    await pool.query(GRANTS)
  } finally {
    await pool.end()
  }
}

/** The runner wants both kinds of errors heard: those of idle connections and those of connections in use. */
function openPool(url: string, timelines: Timelines | null, max: number, onError: (error: Error) => void): pg.Pool {
  const { Client, config } = primariesOf(url, timelines)
  const pool = new pg.Pool({ ...config, Client, max })
  pool.on('error', onError)
  pool.on('connect', (client) => client.on('error', onError))
  return pool
}

const silent = new WorkerLogger(() => () => undefined)

/** Jobs by `<room>.<name>`. */
export function jobsOf(plugins: readonly Plugin[]): ReadonlyMap<string, Job> {
  return new Map(plugins.flatMap(({ id, jobs = [] }) => jobs.map((job) => [`${id}.${job.name}`, job] as const)))
}

/** Runs the rooms' jobs: those with `every` by the clock, all of them when `wakeJob` asks. A failed run is tried again with growing pauses. */
export async function startJobs(node: Node, plugins: readonly Plugin[], url: string): Promise<{ stop(): Promise<void> }> {
  const jobs = jobsOf(plugins)
  const pool = openPool(url, node.database.timelines, 3, (error) => node.log.warn({ err: error }, 'job connection lost'))
  const duration = node.telemetry.meter.createHistogram('postroad.job.duration.seconds', { description: 'Runs of jobs', advice: { explicitBucketBoundaries: [0.1, 1, 10, 60, 600] } })
  const measured = async (name: string, work: Promise<void>): Promise<void> => {
    const started = performance.now()
    const tell = (outcome: string): void => duration.record((performance.now() - started) / 1000, { job: name, outcome })
    await work.then(() => tell('done'), (error: unknown) => {
      tell('failed')
      throw error
    })
  }
  const taskList = Object.fromEntries([...jobs].map(([name, job]) => [name, (payload: unknown) => measured(name, job.run(payload, node))]))
  const scheduled = [...jobs].filter(([, job]) => job.every !== undefined)
  const parsedCronItems = parseCronItems(scheduled.map(([task, job]) => ({ task, match: job.every ?? '', identifier: task, options: { backfillPeriod: 0, jobKey: task, maxAttempts: 3 } })))
  const options: RunnerOptions = { pgPool: pool, schema: SCHEMA, taskList, parsedCronItems, concurrency: 2, noHandleSignals: true, logger: workerLog(node), preset: { worker: UNWRITTEN_ENDS_THE_RUNNER } }
  const runner = await keepRunning(node, options)
  return {
    stop: async () => {
      await runner.stop()
      await pool.end()
    },
  }
}

/** Without a batch nobody awaits the line that says how a job ended: a database that dies in that moment would end the whole process. As a batch, of whatever has ended by then, it ends only the runner. */
const UNWRITTEN_ENDS_THE_RUNNER = { completeJobBatchDelay: 0, failJobBatchDelay: 0 }
const AGAIN_MS = 1_000

/** A runner that has given up is followed by another, which tries again what the first had begun. */
async function keepRunning(node: Node, options: RunnerOptions): Promise<{ stop(): Promise<void> }> {
  const names: string[] = []
  const stopping = new AbortController()
  const asked = once(stopping.signal, 'abort')
  const first = await begin(node, options, names)
  const keeping = (async (): Promise<void> => {
    for (let runner: Runner | null = first; runner !== null; runner = await beginAgain(node, options, names, stopping.signal)) {
      await Promise.race([asked, runner.promise.catch(() => undefined)]) // the runner has logged why
      if (stopping.signal.aborted) return void (await runner.stop().catch(() => undefined)) // it may have given up already
      node.log.error({ part: 'jobs' }, 'the job runner gave up; another is started')
    }
  })()
  return {
    stop: async () => {
      stopping.abort()
      await keeping
    },
  }
}

/** `names` are those under which runners of this process have locked jobs; what an earlier one still holds is given back. */
async function begin(node: Node, options: RunnerOptions, names: string[]): Promise<Runner> {
  const events = new EventEmitter() as WorkerEvents
  await freeJobs(node, names)
  events.on('pool:create', ({ workerPool }) => names.push(workerPool.id))
  const runner = await run({ ...options, events })
  await keepWorkers(node, names).catch(async (error: unknown) => {
    await runner.stop().catch(() => undefined) // it may have given up already
    throw error
  })
  return runner
}

async function beginAgain(node: Node, options: RunnerOptions, names: string[], stopping: AbortSignal): Promise<Runner | null> {
  while (!stopping.aborted) {
    try {
      return await begin(node, options, names)
    } catch (error) {
      node.log.warn({ part: 'jobs', err: error }, 'the job runner could not be started; tried again')
      await wait(AGAIN_MS, null, { signal: stopping }).catch(() => undefined) // asked to stop
    }
  }
  return null
}

/** Jobs that a dead process had begun are tried again at once, not after the hours that the runner itself would wait. */
export async function freeJobs(node: Node, workers: readonly string[]): Promise<void> {
  if (workers.length > 0) await node.transaction(service('jobs'), (tx) => sql`select graphile_worker.force_unlock_workers(${[...workers]}::text[])`.execute(tx))
}

const workerLog = (node: Node): WorkerLogger =>
  new WorkerLogger(() => (level, message) => {
    if (level === 'error') node.log.error({ part: 'jobs' }, message)
    else if (level === 'warning') node.log.warn({ part: 'jobs' }, message)
    else node.log.trace({ part: 'jobs' }, message)
  })

export type WakeOptions = {
  /** Not before this time. */
  readonly at?: Date
  /** A waiting job with the same key is replaced, so that one scan serves many reasons. */
  readonly key?: string
}

/** Asks for a run of `<room>.<job>` once this transaction is committed. */
export async function wakeJob(tx: Tx, name: string, payload: Readonly<Record<string, unknown>> = {}, options: WakeOptions = {}): Promise<void> {
  await sql`select from graphile_worker.add_job(${name}, ${JSON.stringify(payload)}::json, run_at => ${options.at ?? null}::timestamptz, job_key => ${options.key ?? null})`.execute(tx)
}
