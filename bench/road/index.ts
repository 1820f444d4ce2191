import { cpus } from 'node:os'
import type { SuiteId } from '@postroad/gm'
import { type Figure, figure } from '../figure.ts'
import { atRate, type Bench, startBench, throughput } from './deliveries.ts'
import { measureDesk } from './desk.ts'
import { measureInstallation } from './install.ts'
import { deliveriesByCrypto, durableCommits } from './limits.ts'
import { measureFilm } from './film.ts'
import { measureMany } from './many.ts'
import { installPeer, measurePeer, peerIsInstalled } from './peer.ts'
import { measureQueue } from './queue.ts'
import { measureStandby } from './standby.ts'

export type Options = { readonly installPeer: boolean; /** Smaller counts and no installation: to see that the bench itself works. */ readonly quick: boolean; /** Parts to run; none named: all. */ readonly only: readonly string[]; tell(line: string): void }

const DEMAND: Readonly<Record<SuiteId, number>> = { SM: 150, P256: 200 }
const DOCUMENT = 10_000
const MEBIBYTE = 1024 * 1024
const sizes = (length: number): number[] => Array.from({ length }, () => DOCUMENT)
/** X-Road's published load: size in bytes and share in thousandths. */
const MIX = [[2000, 300], [10_000, 600], [100_000, 90], [2_000_000, 9], [10_000_000, 1]] as const
const PEER_IS = 'S/MIME mail: openssl cms + three Postfix servers, no TLS, no receipts, no audit'

/** What this room promises in figures, by parts that can be run alone. */
const PARTS: Readonly<Record<string, (options: Options) => Promise<Figure[]>>> = {
  deliveries: bothSuites,
  mix: ({ quick, tell }) => ladder(quick ? 5 : 20, tell),
  many: ({ quick, tell }) => measureMany(quick ? { nodes: 12, organsEach: 25 } : { nodes: 120, organsEach: 25 }, tell),
  film: ({ quick, tell }) => measureFilm(quick ? 64 * MEBIBYTE : 2048 * MEBIBYTE, tell),
  queue: ({ quick, tell }) => measureQueue(quick, tell),
  standby: ({ quick, tell }) => measureStandby(quick, tell),
  desk: measureDesk,
  installation: async ({ quick }) => (quick ? [] : measureInstallation()),
}

/** All parts, or those that are named. */
export async function road(options: Options): Promise<Figure[]> {
  const unknown = options.only.filter((part) => !(part in PARTS))
  if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`)
  if (options.installPeer) installPeer()
  const figures: Figure[] = []
  for (const [part, measure] of Object.entries(PARTS)) {
    if (options.only.length > 0 && !options.only.includes(part)) continue
    options.tell(`${part} …`)
    figures.push(...(await measure(options)))
  }
  return figures
}

async function bothSuites({ quick, tell }: Options): Promise<Figure[]> {
  const commits = await durableCommits()
  const peer = peerIsInstalled() ? await measurePeer(DOCUMENT, quick ? 60 : 300, 4) : null
  if (peer === null) tell('no peer: run with --install-peer (Debian, root)')
  const figures = [figure({ name: 'durable commits', unit: '/s', value: commits })]
  const bench = await startBench()
  try {
    for (const suite of ['SM', 'P256'] as const) figures.push(...(await deliveries(bench, suite, quick ? 200 : 1500, commits, peer, tell)))
  } finally {
    await bench.stop()
  }
  return figures
}

async function deliveries(bench: Bench, suite: SuiteId, count: number, commits: number, peer: { perSecond: number; p95: number } | null, tell: (line: string) => void): Promise<Figure[]> {
  const name = suite === 'SM' ? 'deliveries SM suite' : 'deliveries P-256'
  const sender = await bench.sender(suite)
  await throughput(bench, sender, sizes(Math.ceil((count * 2) / 3)), 48) // warm: scripts are compiled as they run
  tell(`${name} …`)
  const full = await throughput(bench, sender, sizes(count), 96)
  const half = await atRate(bench, sender, sizes(Math.ceil(count / 2)), DEMAND[suite] / 2)
  const crypto = deliveriesByCrypto(suite, cpus().length)
  const mail = peer === null ? {} : { peer: [peer.perSecond, PEER_IS] as const }
  const mailTime = peer === null ? {} : { peer: [peer.p95, PEER_IS] as const }
  return [
    figure({ name, unit: '/s', value: full.perSecond, limit: [crypto, `the ${suite} operations of a delivery alone, on all cores`], ...mail }),
    ...(full.nodeCpu === null ? [] : [figure({ name: `${name}, CPU of all nodes`, unit: 'ms', value: full.nodeCpu, limit: [(cpus().length * 1000) / DEMAND[suite], 'what both cores would have at the demanded rate, the terminals elsewhere'] })]),
    figure({ name: `${name} against commits`, unit: '/s', value: full.perSecond, limit: [commits, 'single-row durable commits of one PostgreSQL, nothing else running'] }),
    figure({ name: `${name} p95 at ${DEMAND[suite] / 2}/s`, unit: 'ms', value: half.p95, limit: [800, 'the demand: at most 800 ms'], ...mailTime }),
  ]
}

/** X-Road's mix at rising rates until p95 exceeds one second: the last rate that stayed below, 0 if none did, and p95 at the step that ended the ladder. */
async function ladder(seconds: number, tell: (line: string) => void): Promise<Figure[]> {
  const bench = await startBench() // a network of its own: no backlog of the loads before
  try {
    return await climb(bench, seconds, tell)
  } finally {
    await bench.stop()
  }
}

async function climb(bench: Bench, seconds: number, tell: (line: string) => void): Promise<Figure[]> {
  const sender = await bench.sender('SM')
  await throughput(bench, sender, sizes(300), 16) // warm
  let best = 0
  for (const rate of [1, 2, 5, 10, 20, 40, 60, 80, 100, 120, 140, 160]) {
    const { p95 } = await atRate(bench, sender, mixed(rate * seconds), rate)
    tell(`X-Road mix at ${rate}/s: p95 ${Math.round(p95)} ms`)
    if (p95 > 1000) return [figure({ name: 'X-Road mix, p95 ≤ 1 s up to', unit: '/s', value: best }), figure({ name: `X-Road mix, p95 at ${rate}/s`, unit: 'ms', value: p95 })]
    best = rate
  }
  return [figure({ name: 'X-Road mix, p95 ≤ 1 s up to (end of the ladder)', unit: '/s', value: best })]
}

/** The mix in a fixed, evenly spread order. */
function mixed(count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    let place = (index * 617) % 1000
    for (const [bytes, share] of MIX) {
      if (place < share) return bytes
      place -= share
    }
    return DOCUMENT
  })
}
