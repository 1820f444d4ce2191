/** One file of 2 GB over two hops, its upload cut three times, with urgent letters going beside it. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Figure, figure } from '../figure.ts'
import { atRate, type Bench, startBench, throughput } from './deliveries.ts'
import type { FilmSent } from './film-sender.ts'

const CHUNK = 1024 * 1024
const CUTS = 3
const DEMAND = 'the demand'
const LETTER = 10_000
const RATE = 4
const letters = (count: number): number[] => Array.from({ length: count }, () => LETTER)

export async function measureFilm(bytes: number, tell: (line: string) => void): Promise<Figure[]> {
  const bench = await startBench()
  try {
    const sender = await bench.sender('SM')
    await throughput(bench, sender, letters(60), 8) // warm
    const before = await atRate(bench, sender, letters(RATE * 15), RATE, 'extraUrgent')
    tell(`a file of ${Math.round(bytes / CHUNK)} MiB …`)
    const film = sendFilm(bench, bytes)
    const peaks = watchMemory(bench.nodes)
    const beside: number[] = []
    let arrived = 0
    const through = film.then(async ({ message }) => {
      while (!bench.arrivals.has(message)) await sleep(50)
      arrived = bench.arrivals.get(message) ?? 0
    })
    while (arrived === 0) beside.push((await Promise.race([atRate(bench, sender, letters(RATE * 5), RATE, 'extraUrgent'), through.then(() => null)]))?.p95 ?? 0)
    await through
    const sent = await film
    const name = (what: string): string => `one file of ${Math.round(bytes / CHUNK)} MiB over two hops: ${what}`
    return [
      figure({ name: name('from 封发 until it is verified at the recipient'), unit: 's', value: (arrived - sent.begun) / 1000, limit: [100, DEMAND] }),
      figure({ name: name('chunks sent again per cut of the upload'), unit: 'chunks', value: sent.resent / CHUNK / CUTS, limit: [2, DEMAND] }),
      figure({ name: name('largest process of the nodes'), unit: 'MB', value: peaks(), limit: [300, DEMAND] }),
      figure({ name: name('memory of the sending terminal'), unit: 'MB', value: sent.memory, limit: [300, DEMAND] }),
      figure({ name: name('特急 p95 meanwhile'), unit: 'ms', value: Math.max(...beside), limit: [before.p95, 'the same letters with nothing beside them'] }),
    ]
  } finally {
    await bench.stop()
  }
}

async function sendFilm(bench: Bench, bytes: number): Promise<FilmSent> {
  const child = fork(join(import.meta.dirname, 'film-sender.ts'), [bench.home, 'jy-chenyuan', String(bytes), String(CUTS)])
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the sender of the film ended with ${String(code)}`)))
  failed.catch(() => undefined)
  const [sent] = (await Promise.race([once(child, 'message'), failed])) as [FilmSent]
  return sent
}

/** Largest resident memory, in MB, of any process of the nodes since the call; what they share is counted in each. */
function watchMemory(nodes: readonly number[]): () => number {
  let most = 0
  const look = (): void => {
    for (const pid of familyOf(nodes)) most = Math.max(most, residentOf(pid))
  }
  const timer = setInterval(look, 500)
  return () => (clearInterval(timer), look(), most)
}

function familyOf(roots: readonly number[]): ReadonlySet<number> {
  const family = new Set(roots)
  const parents = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((pid) => [Number(pid), parentOf(pid)] as const)
  for (let before = -1; before !== family.size; ) {
    before = family.size
    for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid)
  }
  return family
}

const statusOf = (pid: string | number): string => {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1')
  } catch {
    return '' // it ended meanwhile
  }
}
const parentOf = (pid: string): number => Number(/^PPid:\s+(\d+)/m.exec(statusOf(pid))?.[1] ?? 0)
const residentOf = (pid: number): number => (Number(/^VmRSS:\s+(\d+)/m.exec(statusOf(pid))?.[1] ?? 0) * 1024) / 1e6
