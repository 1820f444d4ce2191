import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Refusal } from '@postroad/kernel/errors'
import type { Logger } from 'pino'
import { type Control, MAX_FRAME_BYTES } from './model.ts'
import { decodeParcel, encodeParcel, type Parcel } from './parcel.ts'
import { onMessages, sendMessage, socketPath } from './socket.ts'
import { keyFolders, makeKeyFolders } from './store.ts'
import { keysFaults } from './words.ts'

/**
 * This process's hold on the node's one key process: asks it, and connects again when it dies, starting it where nobody else has.
 * Organs that were open then have to be opened again; when a process of the node dies, nothing of the key process does.
 */
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
function spawnProcess(home: string, path: string, log: number): ChildProcess {
  const writable = [...Object.values(keyFolders(home)), dirname(path)].map((folder) => `--allow-fs-write=${folder}`)
  const guards = ['--permission', '--allow-addons', '--allow-fs-read=*', ...writable, '--disallow-code-generation-from-strings', '--disable-proto=delete', '--disable-sigusr1', '--no-warnings']
  const entry = fileURLToPath(new URL('./process.ts', import.meta.url))
  const command = ['ulimit -c 0; exec "$@"', 'sh', process.execPath, ...guards, entry, home, path]
  return spawn('/bin/sh', ['-c', ...command], { env: {}, cwd: '/', detached: true, stdio: ['ignore', 'pipe', log] })
}

type Line = { readonly pid: number; readonly socket: Socket; readonly waiting: Map<number, { resolve(parcel: Parcel): void; reject(reason: unknown): void }> }

/** Where the key process is, and how to start it where it is ours to start. */
export type KeyPlace = {
  readonly home: string
  /** Socket of a key process that others start; null: this home's own. */
  readonly elsewhere: string | null
  /** Runs `work` while no other process of the node does. */
  alone<T>(work: () => Promise<T>): Promise<T>
}

/** Starts this home's key process and answers once it listens. */
async function spawnListening(home: string, path: string): Promise<void> {
  await makeKeyFolders(home)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await mkdir(join(home, 'logs'), { recursive: true, mode: 0o700 })
  const log = openSync(join(home, 'logs', 'keys.log'), 'a', 0o600) // a file: it outlives whoever starts it
  const child = spawnProcess(home, path, log)
  closeSync(log)
  if (child.stdout === null) throw new Error('the key process has no output')
  const output = createInterface(child.stdout)
  await new Promise<void>((resolve, reject) => {
    output.once('line', () => resolve())
    child.once('error', reject).once('exit', (code) => reject(new Error(`the key process ended at its start (${code}); see logs/keys.log`)))
  })
  output.close()
  child.stdout.destroy()
  child.unref()
}

/** A connection to who listens there; null: nobody does. */
async function reach(path: string): Promise<Socket | null> {
  const socket = connect(path)
  try {
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return socket
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')) return null
    throw error
  }
}

async function open({ home, elsewhere, alone }: KeyPlace): Promise<Line> {
  const path = elsewhere ?? socketPath(home)
  const socket = (await reach(path)) ?? (elsewhere === null ? await alone(async () => {
    const meanwhile = await reach(path)
    if (meanwhile !== null) return meanwhile
    await spawnListening(home, path)
    return reach(path)
  }) : null)
  if (socket === null) throw new Error('nobody answers on the socket of the key process')
  const waiting: Line['waiting'] = new Map()
  onMessages(socket, MAX_FRAME_BYTES + 64 * 1024, (bytes) => {
    const parcel = decodeParcel(bytes)
    const { id } = (parcel?.header ?? {}) as { id?: number }
    const asked = waiting.get(id ?? -1)
    waiting.delete(id ?? -1)
    if (parcel !== null) asked?.resolve(parcel)
  })
  const { promise, resolve, reject } = Promise.withResolvers<Parcel>()
  waiting.set(0, { resolve, reject })
  socket.once('close', () => reject(keysFaults.unavailable()))
  sendMessage(socket, encodeParcel({ id: 0, request: { control: 'pid' } satisfies Control }, []))
  return { pid: Number(((await promise).header as { pid?: number }).pid), socket, waiting }
}

/** Connects to the node's key process, started if need be. */
export async function startKeyProcess(place: KeyPlace, log: Logger): Promise<KeyProcess> {
  let line: Line | null = null
  let stopping = false
  let lastId = 0
  let again: NodeJS.Timeout | null = null

  async function begin(pause: number): Promise<void> {
    const mine = await open(place)
    if (stopping) return void mine.socket.destroy()
    const started = performance.now()
    line = mine
    const lose = () => {
      if (line !== mine) return
      line = null
      mine.socket.destroy()
      for (const { reject } of mine.waiting.values()) reject(keysFaults.unavailable())
      if (stopping) return
      log.error({ room: 'keys' }, 'the key process ended; organs have to be opened again')
      retry(performance.now() - started > STEADY_MS ? 200 : pause)
    }
    mine.socket.once('close', lose).on('error', lose)
    if (mine.socket.destroyed) lose()
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
    pid: () => line?.pid ?? null,
    async stop() {
      stopping = true
      if (again !== null) clearTimeout(again)
      const { socket } = line ?? {}
      if (socket === undefined || socket.destroyed) return
      const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.end() // the last to leave ends it
      await ended
    },
  }
}
