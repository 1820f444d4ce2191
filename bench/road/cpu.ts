import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of Linux's accounting, per second. */
const TICKS = 100

/** Milliseconds of processor time that these processes and all below them have used so far; null where there is no /proc. */
export function cpuOf(roots: readonly number[]): number | null {
  const processes = processTable()
  if (processes === null) return null
  const members = new Set(roots)
  for (let before = -1; before !== members.size; ) {
    before = members.size
    for (const { pid, parent } of processes) if (members.has(parent)) members.add(pid)
  }
  return processes.filter(({ pid }) => members.has(pid)).reduce((sum, { ticks }) => sum + (ticks * 1000) / TICKS, 0)
}

function processTable(): { pid: number; parent: number; ticks: number }[] | null {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => processOf(Number(name)))
  } catch {
    return null
  }
}

/** proc(5): after the name in brackets come the state, the parent, and as the 14th and 15th fields user and system time. */
function processOf(pid: number): { pid: number; parent: number; ticks: number }[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return [{ pid, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }]
  } catch {
    return [] // it ended meanwhile
  }
}
