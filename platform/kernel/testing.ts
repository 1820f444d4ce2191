import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { type AdjustableClock, adjustableClock } from './clock.ts'
import { ALL_ROLES, type Config } from './config.ts'
import { jobsOf } from './jobs.ts'
import { createLog } from './log.ts'
import type { Node } from './node.ts'
import type { Plugin } from './plugin.ts'
import type { PersonPrincipal, Post } from './principal.ts'
import { authenticate, checkCsrf } from './seams.ts'
import { type RunningNode, startNode } from './start.ts'
import { type TestDatabase, createTestDatabase } from './testing-database.ts'

export type TestOptions = {
  /** The node's id; default `test`. */
  readonly node?: string
  /** First-start settings, written to a file that `config.bootstrap` names. */
  readonly bootstrap?: unknown
  /** Where the clock stands at first; default 2026-06-01T01:00:00Z, a Monday morning in Beijing. */
  readonly time?: string
  /** The machine's clock instead of the adjustable one. */
  readonly realTime?: boolean
  /** Listen on a free port of 127.0.0.1; default: only `inject`. */
  readonly listen?: boolean
  /** Run the job runner too; default: jobs run only by `runJob`. */
  readonly jobs?: boolean
  readonly config?: Partial<Config>
  readonly deskFolder?: string
  /** Log lines are kept and can be read in `lines`. */
  readonly logLevel?: string
}

export type TestNode = RunningNode & {
  readonly clock: AdjustableClock
  readonly home: string
  readonly database: TestDatabase
  /** What was logged at `logLevel` (default `warn`) or above, as JSON lines. */
  readonly lines: string[]
  /** Sends a request as this person, with a valid CSRF token; rooms under test need no identity for it. */
  injectAs(person: PersonPrincipal, request: InjectOptions): Promise<LightMyRequestResponse>
  /** Runs the job `<room>.<name>` once, now. */
  runJob(name: string, payload?: unknown): Promise<void>
  /** Waits until every event that is due has been handled. */
  settled(): Promise<void>
}

const PERSON_HEADER = 'x-test-person'
const CSRF = 'test-token'

/** A whole node on a fresh database, with its clock standing still. `stop` removes everything it made. */
export async function testNode(plugins: readonly Plugin[], options: TestOptions = {}): Promise<TestNode> {
  const home = mkdtempSync(join('/tmp', `postroad-test-${process.pid}-home-`)) // swept by the next run if this one is killed
  chmodSync(home, 0o711)
  const database = await createTestDatabase(plugins)
  const clock = adjustableClock(options.time ?? '2026-06-01T01:00:00.000Z')
  const lines: string[] = []
  const people = new Map<string, PersonPrincipal>()
  const log = createLog(options.node ?? 'test', options.logLevel ?? 'warn', { write: (line) => void lines.push(line) })
  const clean = async (): Promise<void> => {
    await database.drop()
    rmSync(home, { recursive: true, force: true })
  }
  const seams: Plugin = { id: 'testing', title: '测试', start: async (node) => fillSeams(node, people) }
  try {
    const running = await startNode(configOf(home, database, options), [...plugins, seams], {
      log,
      listen: options.listen ?? false,
      jobs: options.jobs ?? false,
      ...(options.realTime === true ? {} : { now: clock.now }),
      ...(options.deskFolder === undefined ? {} : { deskFolder: options.deskFolder }),
    })
    return {
      ...running,
      clock,
      home,
      database,
      lines,
      injectAs: (person, request) => {
        people.set(person.session, person)
        return running.server.inject({ ...request, headers: { ...request.headers, [PERSON_HEADER]: person.session, 'x-postroad-csrf': CSRF } })
      },
      runJob: async (name, payload = {}) => {
        const job = jobsOf(plugins).get(name)
        if (job === undefined) throw new Error(`no job ${name}`)
        await job.run(payload, running.node)
      },
      settled: () => running.events.settled(),
      stop: async () => {
        await running.stop()
        await clean()
      },
    }
  } catch (error) {
    await clean()
    throw error
  }
}

function configOf(home: string, database: TestDatabase, options: TestOptions): Config {
  const bootstrap = options.bootstrap === undefined ? null : join(home, 'bootstrap.json')
  if (bootstrap !== null) writeFileSync(bootstrap, JSON.stringify(options.bootstrap))
  return {
    node: options.node ?? 'test',
    home,
    desk: { host: '127.0.0.1', port: 0, origin: 'http://localhost' },
    road: { host: '127.0.0.1', port: 0 },
    bootstrap,
    links: null,
    database: { url: database.app, migratorUrl: database.migrator, replicationUrl: null, standbyRequired: false },
    metrics: null,
    traces: null,
    admission: { twoPersons: false },
    blobs: null,
    roles: ALL_ROLES,
    keys: null,
    backup: null,
    log: 'warn',
    ...options.config,
  }
}

/** Signs people in by a header. With identity among the rooms its own answer comes first, so that both ways work. */
async function fillSeams(node: Node, people: ReadonlyMap<string, PersonPrincipal>): Promise<{ stop(): Promise<void> }> {
  const real = { authenticate: node.slots.find(authenticate), checkCsrf: node.slots.find(checkCsrf) }
  const sent = (headers: Readonly<Record<string, unknown>>): PersonPrincipal | null => people.get(String(headers[PERSON_HEADER])) ?? null
  node.slots.set(authenticate, async (request) => sent(request.headers) ?? (await real.authenticate?.(request)) ?? null)
  node.slots.set(checkCsrf, async (request, token) => (sent(request.headers) !== null && token === CSRF) || ((await real.checkCsrf?.(request, token)) ?? false))
  return { stop: async () => undefined }
}

/** A person with posts in these organs, each with all the `duties`; acts as the first. */
export function personOf(person: string, organs: readonly string[], duties: readonly string[] = [], clearance = 2): PersonPrincipal {
  const posts = organs.map((organ): Post => ({ id: `${person}@${organ}`, organ, title: '工作人员', duties }))
  const [acting] = posts
  if (acting === undefined) throw new Error('a person needs a post')
  return { kind: 'person', person, name: person, session: `session-${person}-${organs.join('-')}-${duties.join('-')}-${clearance}`, posts, acting, organs, clearance }
}

/** A TCP port of the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Waits for what happens in the background; the test's own time limit ends it. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20))
}
