import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Refusal } from '@postroad/kernel/errors'
import type { Logger } from 'pino'
import { type Control, MAX_FRAME_BYTES } from './model.ts'
import { decodeParcel, encodeParcel, type Parcel } from './parcel.ts'
import { onMessages, sendMessage, socketPath } from './socket.ts'
import { keyFolders, makeKeyFolders } from './store.ts'
import { keysFaults } from './words.ts'

/** The web process's hold on the key process: asks it, and starts it again when it dies. Organs that were open then have to be opened again. */
export type KeyProcess = {
  ask(request: Control, binaries?: readonly Uint8Array[]): Promise<Parcel & { readonly header: Readonly<Record<string, unknown>> }>
  /** Of the running process, or null between two. */
  pid(): number | null
  stop(): Promise<void>
}

const LONGEST_PAUSE_MS = 10_000
const STEADY_MS = 30_000
/** Making keys for an organ with 200 holders takes seconds; longer than this means that it hangs. */
const ANSWER_MS = 60_000
const FAULTS: ReadonlyMap<string, (detail?: Refusal['detail']) => Refusal> = new Map(Object.entries(keysFaults).map(([name, fault]) => [`keys.${name}`, fault]))

/**
 * Starts the key process without our environment, without core dumps, and under Node's permission model: no child processes, no workers,
 * no inspector, no code from strings, writing only below the folders named. (The model forbids `fs.fsync` but not a file handle's `sync`.)
 */
function spawnProcess(home: string, path: string): ChildProcess {
  const writable = [...Object.values(keyFolders(home)), dirname(path)].map((folder) => `--allow-fs-write=${folder}`)
  const guards = ['--permission', '--allow-addons', '--allow-fs-read=*', ...writable, '--disallow-code-generation-from-strings', '--disable-proto=delete', '--disable-sigusr1', '--no-warnings']
  const entry = fileURLToPath(new URL('./process.ts', import.meta.url))
  const command = ['ulimit -c 0; exec "$@"', 'sh', process.execPath, ...guards, entry, home, path]
  return spawn('/bin/sh', ['-c', ...command], { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] })
}

type Line = { readonly child: ChildProcess; readonly socket: Socket; readonly waiting: Map<number, { resolve(parcel: Parcel): void; reject(reason: unknown): void }> }

async function open(home: string, log: Logger): Promise<Line> {
  const path = socketPath(home)
  await makeKeyFolders(home)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const child = spawnProcess(home, path)
  if (child.stdout === null || child.stderr === null) throw new Error('the key process has no output')
  createInterface(child.stderr).on('line', (line) => log.warn({ room: 'keys' }, line))
  const output = createInterface(child.stdout)
  await new Promise<void>((resolve, reject) => {
    output.once('line', () => resolve())
    child.once('error', reject).once('exit', (code) => reject(new Error(`the key process ended at its start (${code})`)))
  })
  const socket = connect(path)
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  const waiting: Line['waiting'] = new Map()
  onMessages(socket, MAX_FRAME_BYTES + 64 * 1024, (bytes) => {
    const parcel = decodeParcel(bytes)
    const { id } = (parcel?.header ?? {}) as { id?: number }
    const asked = waiting.get(id ?? -1)
    waiting.delete(id ?? -1)
    if (parcel !== null) asked?.resolve(parcel)
  })
  return { child, socket, waiting }
}

/** Starts the key process of `home` and answers once it listens. */
export async function startKeyProcess(home: string, log: Logger): Promise<KeyProcess> {
  let line: Line | null = null
  let stopping = false
  let lastId = 0
  let again: NodeJS.Timeout | null = null

  async function begin(pause: number): Promise<void> {
    const mine = await open(home, log)
    const started = performance.now()
    line = mine
    const lose = () => {
      if (line !== mine) return
      line = null
      mine.socket.destroy()
      mine.child.kill('SIGKILL')
      for (const { reject } of mine.waiting.values()) reject(keysFaults.unavailable())
      if (stopping) return
      log.error({ room: 'keys' }, 'the key process ended; organs have to be opened again')
      retry(performance.now() - started > STEADY_MS ? 200 : pause)
    }
    mine.child.once('exit', lose)
    mine.socket.once('close', lose).on('error', lose)
    if (mine.child.exitCode !== null || mine.child.signalCode !== null) lose()
  }
  function retry(pause: number): void {
    again = setTimeout(() => {
      begin(Math.min(pause * 2, LONGEST_PAUSE_MS)).catch((error: unknown) => {
        log.error({ room: 'keys', err: error }, 'the key process does not start')
        if (!stopping) retry(Math.min(pause * 2, LONGEST_PAUSE_MS))
      })
    }, pause)
  }
  await begin(200)

  return {
    async ask(request, binaries = []) {
      if (line === null) throw keysFaults.unavailable()
      const { socket, waiting } = line
      const id = ++lastId
      const { promise, resolve, reject } = Promise.withResolvers<Parcel>()
      const late = setTimeout(() => reject(keysFaults.unavailable()), ANSWER_MS)
      waiting.set(id, { resolve, reject })
      sendMessage(socket, encodeParcel({ id, request }, binaries))
      const parcel = await promise.finally(() => {
        clearTimeout(late)
        waiting.delete(id)
      })
      const header = parcel.header as Readonly<Record<string, unknown>> // written by our own process over a socket only we may open
      if (header['ok'] !== true) throw (FAULTS.get(String(header['code'])) ?? keysFaults.unavailable)(header['detail'] as Refusal['detail'])
      return { header, binaries: parcel.binaries }
    },
    pid: () => line?.child.pid ?? null,
    async stop() {
      stopping = true
      if (again !== null) clearTimeout(again)
      const { child } = line ?? {}
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      child.stdin?.end()
      await ended
    },
  }
}
