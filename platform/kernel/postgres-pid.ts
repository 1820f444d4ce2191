import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export type RunningServer = { readonly pid: number; readonly socket: string; readonly ready: boolean }

/**
 * The server that runs on this data folder, or null. A pid file left by a crash, whose number belongs to another process by now (after a restart of
 * the machine or container), is removed: PostgreSQL itself would take that process for a living server and refuse to start.
 */
export function readPidFile(data: string): RunningServer | null {
  const path = join(data, 'postmaster.pid')
  const lines = readOrNull(path)?.split('\n')
  if (lines === undefined) return null
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return null // being written just now
  if (!isServerOf(pid, data)) {
    rmSync(path, { force: true })
    return null
  }
  return { pid, socket: lines[4] ?? '', ready: lines[7]?.trim() === 'ready' }
}

/** A socket and its lock left by a dead server, whose number may live on as another process or as one that nobody has waited for. */
export function clearStaleSocket(socket: string, data: string): void {
  const path = join(socket, '.s.PGSQL.5432')
  const pid = Number(readOrNull(`${path}.lock`)?.split('\n')[0])
  if (!Number.isInteger(pid) || isServerOf(pid, data)) return
  rmSync(path, { force: true })
  rmSync(`${path}.lock`, { force: true })
}

/** The command line names the data folder; a zombie has an empty one. */
function isServerOf(pid: number, data: string): boolean {
  const words = readOrNull(`/proc/${pid}/cmdline`)?.split('\0') ?? []
  return words[0]?.endsWith('/postgres') === true && words.includes(data)
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
