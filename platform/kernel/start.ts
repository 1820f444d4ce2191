import { mkdirSync } from 'node:fs'
import type { Logger } from 'pino'
import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { type Database, connect } from './database.ts'
import { serveEventStream } from './event-stream.ts'
import { type EventSystem, createEvents, sweepEvents } from './events.ts'
import { prepareHome } from './home.ts'
import { freeJobs, migrateJobs, startJobs } from './jobs.ts'
import { createLog } from './log.ts'
import { migrate } from './migrate.ts'
import { type Node, type Slot, createSlots } from './node.ts'
import { createProcesses, enrol, processGone, startAlone } from './processes.ts'
import { type Plugin, type Server, definePlugin } from './plugin.ts'
import { startPostgres } from './postgres.ts'
import { primariesOf, watchPrimary } from './primary.ts'
import { rooms as roomsSlot } from './seams.ts'
import { type Telemetry, startTelemetry } from './telemetry.ts'
import { openTimelines } from './timelines.ts'
import { closeServer, createServer } from './server.ts'

export type StartOptions = {
  readonly now?: () => Date
  readonly log?: Logger
  /** False: nothing listens, requests are injected. */
  readonly listen?: boolean
  /** False: jobs run only when called. */
  readonly jobs?: boolean
  /** The built desk; default `desk/dist` of this installation. */
  readonly deskFolder?: string
}

export type RunningNode = {
  readonly node: Node
  readonly server: Server
  readonly events: EventSystem
  /** Where the desk answers, for instance `http://127.0.0.1:8080`; null when nothing listens. */
  readonly address: string | null
  /** Lets running work end, then stops everything, the embedded PostgreSQL included. Safe to call twice. */
  stop(): Promise<void>
}

type Stoppable = { stop(): Promise<void> }

/**
 * Starts a node: database, migrations, rooms in the order given, routes, events, jobs, and last the web server.
 * When a part fails to start, those before it are stopped again and its error is thrown.
 */
export async function startNode(config: Config, plugins: readonly Plugin[], options: StartOptions = {}): Promise<RunningNode> {
  mkdirSync(config.home, { recursive: true, mode: 0o711 })
  prepareHome(config.home)
  const started: Stoppable[] = []
  let stopping: Promise<void> | null = null
  const stop = (): Promise<void> => (stopping ??= stopInReverse(started))
  try {
    const urls = await databaseOf(config, started, options.log ?? createLog(config.node, config.log))
    const timelines = config.database === null ? null : openTimelines(config.home)
    const database = connect(urls.url, 20, timelines)
    started.push({ stop: () => database.close() })
    if (timelines !== null) started.push(watchPrimary(primariesOf(urls.url, timelines)))
    return { ...(await startAlone(database, () => compose(config, plugins, options, { database, ...urls }, started))), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type Urls = { readonly url: string; readonly migratorUrl: string }

async function databaseOf(config: Config, started: Stoppable[], log: Logger): Promise<Urls> {
  if (config.database !== null) return config.database
  const postgres = await startPostgres(config.home, { guard: (event, err) => log.error({ err }, event === 'died' ? 'PostgreSQL died; it is started again' : 'PostgreSQL could not be started; tried again') })
  started.push({ stop: () => postgres.stop() })
  return { url: postgres.url('app'), migratorUrl: postgres.url('migrator') }
}

async function compose(config: Config, rooms: readonly Plugin[], options: StartOptions, urls: Urls & { database: Database }, started: Stoppable[]): Promise<Omit<RunningNode, 'stop'>> {
  await migrate(urls.migratorUrl, rooms, urls.database.timelines)
  await migrateJobs(urls.migratorUrl, urls.database.timelines)
  const telemetry = await startTelemetry(config)
  started.push(telemetry)
  const plugins = [kernelPlugin(), ...rooms]
  const events = createEvents(urls.database, plugins)
  const processes = createProcesses(config.roles)
  const node: Node = { ...createNode(config, urls.database, { ...events, telemetry }, options), processes }
  node.slots.set(eventSystem, events)
  started.push(await enrol(node, processes))
  node.slots.set(roomsSlot, plugins)
  for (const plugin of plugins) {
    const running = await plugin.start?.(node)
    if (running !== undefined) started.push(running)
  }
  const server = await createServer(node, plugins, options.deskFolder)
  await events.start(node)
  started.push(events)
  if (options.jobs !== false && processes.does('jobs')) started.push(await startJobs(node, plugins, urls.url))
  started.push({ stop: () => closeServer(server) })
  const address = options.listen === false || !processes.does('web') ? null : await server.listen({ host: config.desk.host, port: config.desk.port })
  return { node, server, events, address }
}

function createNode(config: Config, database: Database, { telemetry, ...events }: EventSystem & { readonly telemetry: Telemetry }, options: StartOptions): Omit<Node, 'processes'> {
  return {
    config,
    database,
    log: options.log ?? createLog(config.node, config.log),
    telemetry,
    now: options.now ?? systemClock,
    transaction: events.transaction,
    emit: events.emit,
    hint: events.hint,
    slots: createSlots(),
  }
}

const eventSystem: Slot<EventSystem> = { name: 'kernel.events' }

/** What the kernel itself offers in the shape of a room. Its migrations run before all others. */
const kernelPlugin = (): Plugin =>
  definePlugin({
    id: 'kernel',
    title: '内核',
    events: [processGone],
    on: [{ event: processGone.name, handle: (payload, node) => freeJobs(node, processGone.parse(payload).workers) }],
    routes: (server, node) => serveEventStream(server, node, node.slots.get(eventSystem)),
    jobs: [{ name: 'sweepEvents', every: '17 3 * * *', run: (_payload, node) => sweepEvents(node) }],
  })

/** What was started last is stopped first; one that fails to stop does not keep the others running. */
async function stopInReverse(started: readonly Stoppable[]): Promise<void> {
  const failures: unknown[] = []
  for (const part of started.toReversed()) await part.stop().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw new AggregateError(failures, 'the node stopped, but not all of it in order')
}
