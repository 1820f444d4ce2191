import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

/** A node of the demo in a process of its own. */
export type NodeProcess = { readonly id: string; readonly pid: number; readonly desk: string; stop(): Promise<void>; kill(signal: NodeJS.Signals): Promise<void> }
export type NodeSettings = { readonly id: string; readonly home: string; readonly deskPort: number; readonly roadPort: number; readonly bootstrap: string; readonly links?: string; readonly log?: string }

/** A node's garbage is young: requests and rows. A larger nursery (MB) saves a tenth of its time; see docs/operations.md. */
const FLAGS = ['--max-semi-space-size=32']
const ENTRY = join(import.meta.dirname, '..', 'node.ts')

/** Starts `bin/node.ts` and answers once it serves. Its output goes to `<home>/logs/node.log`; if it dies before, its last words are in the error. */
export async function startNodeProcess(settings: NodeSettings): Promise<NodeProcess> {
  mkdirSync(join(settings.home, 'logs'), { recursive: true })
  const logFile = join(settings.home, 'logs', 'node.log')
  const log = openSync(logFile, 'a', 0o600)
  const child = fork(ENTRY, [], { execArgv: FLAGS, env: { ...inherited(), ...environmentOf(settings) }, stdio: ['ignore', log, log, 'ipc'] })
  closeSync(log)
  const ready = await untilReady(child)
  if (ready === null) throw new Error(`节点 ${settings.id} 没有启动成功：\n${lastWords(logFile)}`)
  return { id: settings.id, pid: child.pid ?? 0, desk: ready.desk, stop: () => end(child, 'SIGTERM'), kill: (signal) => end(child, signal) }
}

const environmentOf = (settings: NodeSettings): Record<string, string> => ({
  POSTROAD_NODE: settings.id,
  POSTROAD_HOME: settings.home,
  POSTROAD_DESK_PORT: String(settings.deskPort),
  POSTROAD_ROAD_PORT: String(settings.roadPort),
  POSTROAD_BOOTSTRAP: settings.bootstrap,
  ...(settings.links === undefined ? {} : { POSTROAD_LINKS: settings.links }),
  POSTROAD_LOG: settings.log ?? 'info',
})

/** Nothing of another node's configuration may leak in through this shell's environment. */
const inherited = (): NodeJS.ProcessEnv => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('POSTROAD_') && !name.startsWith('DATABASE_')))

function untilReady(child: ChildProcess): Promise<{ desk: string } | null> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve(null))
    child.on('message', (message: { ready?: { desk: string } }) => {
      if (message.ready !== undefined) resolve(message.ready)
    })
  })
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

const lastWords = (logFile: string): string => readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-12).join('\n')

/** `count` TCP ports of the loopback that are free now, from `first` upwards, in order. */
export async function freePorts(first: number, count: number): Promise<number[]> {
  const found: number[] = []
  for (let port = first; found.length < count && port < 65_536; port++) if (await isFree(port)) found.push(port)
  return found
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
