import { spawn } from 'node:child_process'
import { closeSync, existsSync, fstatSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { databaseOwner, prepareHome } from './home.ts'
import { type RunningServer, clearStaleSocket, readPidFile } from './postgres-pid.ts'
import { type PostgresProgram, installProgram, programCaches } from './postgres-program.ts'
import { type Secrets, ensureRoles, initialise, openSecrets, socketFolder } from './postgres-cluster.ts'

export const DATABASE = 'postroad'
export type Role = 'app' | 'migrator' | 'superuser'

export type PostgresOptions = {
  /** Server settings over the defaults, for instance `{ shared_buffers: '256MB' }`. They hold from the server's next start. */
  readonly settings?: Readonly<Record<string, string>>
  /** Starts the server again when it dies, until `stop`; told each time that it died, and when it could not be started yet. */
  readonly guard?: (event: 'died' | 'notStarted', error: Error | null) => void
}

export type Postgres = {
  /** The server's present process. */
  readonly pid: number
  /** True when the server was running already, left by an earlier process of this node. */
  readonly adopted: boolean
  /** Connection URL over the unix socket. Holds a password: never log it. */
  url(role: Role, database?: string): string
  readonly migratorUrl: string
  /** Stops the server (fast: open transactions are rolled back) and waits until it is gone. */
  stop(): Promise<void>
}

/** Small, because several nodes share a machine in the demo. Durability stays PostgreSQL's own: fsync and synchronous_commit are on. */
const SETTINGS = {
  listen_addresses: '',
  unix_socket_permissions: '0777', // the folder and the passwords guard it; root's node and nobody's server are two accounts
  password_encryption: 'scram-sha-256',
  fsync: 'on',
  shared_buffers: '32MB',
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  max_connections: '60',
  max_wal_size: '512MB',
  min_wal_size: '32MB',
  io_method: 'sync', // no extra worker processes per node
  jit: 'off',
  max_slot_wal_keep_size: '4GB', // an archive that stopped must not fill the disk
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
} as const

/**
 * Starts this home's PostgreSQL, or adopts the one that runs already. The server is detached: it outlives the node, and a node
 * that died finds it again. First start makes the data, the roles `postroad_migrator` and `postroad_app`, and the database.
 * @throws Error naming the server's last log lines when it does not come up
 */
export async function startPostgres(home: string, options: PostgresOptions = {}): Promise<Postgres> {
  const folders = prepareHome(home)
  const data = join(folders.postgres, 'data')
  const secrets = openSecrets(folders.keys, data)
  const found = readPidFile(data)
  const log = join(folders.logs, 'postgres.log')
  if (found === null) await initialise(programOf(home), data, secrets)
  let server = (found && (await untilReady(data, found.pid))) ?? (await launch(home, data, log, options))
  const url = (role: Role, database: string = DATABASE): string => urlOf(secrets, server.socket, role, database)
  try {
    if (!isStandby(data)) await ensureRoles(url('superuser', 'postgres'), secrets, DATABASE)
  } catch (error) {
    if (found === null) throw error
    for (let checks = 0; isAlive(server.pid); checks += 1) {
      if (checks === 100) throw error
      await wait(20)
    }
    return startPostgres(home, options) // it was dying when it was found
  }
  const again = async (): Promise<number> => (server = await launch(home, data, log, options)).pid
  const guard = options.guard === undefined ? null : guardServer(server.pid, again, options.guard)
  const adopted = found?.pid === server.pid
  return {
    get pid() {
      return server.pid
    },
    adopted, url, migratorUrl: url('migrator'),
    stop: async () => {
      await guard?.stop()
      await stopServer(home, server)
    },
  }
}

/** It has everything from the server that it follows, and takes nothing else. */
const isStandby = (data: string): boolean => existsSync(join(data, 'standby.signal'))

const GUARD_MS = 200
const LONGEST_WAIT_MS = 5_000

/** A full disk ends the server as a killed one does: it is started again for as long as it takes. */
function guardServer(first: number, again: () => Promise<number>, told: NonNullable<PostgresOptions['guard']>): { stop(): Promise<void> } {
  let pid = first
  let isOver = false
  const watch = async (): Promise<void> => {
    for (let pause = GUARD_MS; !isOver; await wait(pause, null, { ref: false })) {
      if (isAlive(pid)) continue
      if (pause === GUARD_MS) told('died', null)
      try {
        pid = await again()
        pause = GUARD_MS
      } catch (error) {
        told('notStarted', error as Error)
        pause = Math.min(pause * 2, LONGEST_WAIT_MS)
      }
    }
  }
  const watching = watch()
  return { stop: async () => ((isOver = true), await watching) }
}

const ROLES = { app: 'postroad_app', migrator: 'postroad_migrator', superuser: 'postgres' } as const

function urlOf(secrets: Secrets, socket: string, role: Role, database: string): string {
  return `postgresql://${ROLES[role]}:${secrets[role]}@/${database}?host=${encodeURIComponent(socket)}`
}

/** Where no cache can be written to, the node's own home takes the programs. */
const programOf = (home: string): PostgresProgram => installProgram([...programCaches(), join(home, 'postgres')])

/** A server killed outright leaves children that hold its shared memory for a moment; until they have gone, a new one refuses to start. */
async function launch(home: string, data: string, log: string, options: PostgresOptions): Promise<RunningServer> {
  for (let attempt = 1; ; attempt += 1) {
    const ready = await untilReady(data, await spawnServer(home, data, log, options))
    if (ready !== null) return ready
    const words = readFileSync(log, 'utf8').split('\n').slice(-12).join('\n')
    if (attempt === 20 || !words.includes('shared memory block')) throw new Error(`PostgreSQL did not start; its last words:\n${words}`)
    await wait(250)
  }
}

async function spawnServer(home: string, data: string, logPath: string, options: PostgresOptions): Promise<number> {
  const socket = socketFolder(home)
  clearStaleSocket(socket, data)
  const settings = { ...SETTINGS, ...options.settings, unix_socket_directories: socket }
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  const log = openLog(logPath)
  try {
    const child = spawn(programOf(home).server, args, { detached: true, cwd: data, env: { PATH: '/usr/bin:/bin' }, stdio: ['ignore', log, log], ...databaseOwner() })
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    child.unref()
    return child.pid ?? 0
  } finally {
    closeSync(log)
  }
}

function openLog(path: string): number {
  const log = openSync(path, 'a', 0o600)
  if (fstatSync(log).size < 10_000_000) return log
  closeSync(log)
  renameSync(path, `${path}.1`)
  return openSync(path, 'a', 0o600)
}

/** The server writes its state into its pid file. Recovery after a crash may take a while, so only its death ends the wait: null. */
async function untilReady(data: string, pid: number): Promise<RunningServer | null> {
  for (;;) {
    const alive = isAlive(pid)
    const server = readPidFile(data) // perhaps another process's, which was faster: that one serves as well
    if (server?.ready === true) return server
    if (!alive && server === null) return null
    await wait(10)
  }
}

async function stopServer(home: string, { pid, socket }: RunningServer): Promise<void> {
  if (readPidFile(join(home, 'postgres', 'data'))?.pid === pid) process.kill(pid, 'SIGINT')
  while (isAlive(pid)) await wait(10)
  if (!socket.startsWith(home)) rmSync(socket, { recursive: true, force: true }) // made for this server alone
}

/** A dead process that nobody has waited for yet still has a number: it counts as gone. */
function isAlive(pid: number): boolean {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return state.slice(state.lastIndexOf(')') + 2, state.lastIndexOf(')') + 3) !== 'Z'
  } catch {
    return false
  }
}

/** The superuser's URL of the server that runs on this home now, for backups and for who checks it; null when none does. Holds a password: never log it. */
export function runningUrl(home: string, database = 'postgres'): string | null {
  const folders = prepareHome(home)
  const data = join(folders.postgres, 'data')
  const server = readPidFile(data)
  return server?.ready === true ? urlOf(openSecrets(folders.keys, data), server.socket, 'superuser', database) : null
}

/** Removes everything the home's database holds. The server must be stopped. */
export function eraseDatabase(home: string): void {
  rmSync(join(home, 'postgres'), { recursive: true, force: true })
  rmSync(join(home, 'keys', 'postgres.json'), { force: true })
}
