import { chmodSync, mkdtempSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { type Pair, type PairServer, startPair, untilInSync } from '@postroad/backup/testing-pair'
import { type Stations, startStations } from '@postroad/road/testing/machines'
import { letter } from '@postroad/road/testing/terminal'
import { PLACES, type Sent, type Verdict, compare, keepSending, signForAll, submit } from './traffic.ts'

/** From the end of the primary to the first document that the node acknowledges on the new one, detection included. */
export const MOST_SECONDS = 30
const PAUSE_MS = 100
/** Longer than the node takes to look at all its servers once (5 s). */
const LOOKS_MS = 7_000
/** Longer than a commit takes to be on its way to the standby. */
const COMMIT_MS = 1_500
/** The rule by which a primary counts as gone: so many probes in a row without an answer, so far apart. */
const PROBES = 3
const PROBE_MS = 1_000

export type FailOver = {
  /** Until the watcher was sure; until the standby took writes; until the node acknowledged a document on it. From the kill. */
  readonly detected: number
  readonly promoted: number
  readonly seconds: number
  /** Documents that the node had acknowledged before the kill, and that the new primary does not have. */
  readonly lost: number
  /** Documents whose commit stood on the standby although no answer came: handed in again, they are the same. */
  readonly unanswered: number
}
export type StandbyDrill = Verdict & {
  readonly failOver: FailOver
  readonly failBack: FailOver
  /** What the node wrote to the old primary after it came back as if nothing had happened. */
  readonly toZombie: number
}

export const hasPassed = ({ sent, signedFor, twice, unexpected, ledgers, failOver, failBack, toZombie }: StandbyDrill): boolean =>
  signedFor === sent && twice + unexpected + toZombie === 0 && !ledgers.includes(false) && [failOver, failBack].every(({ lost, seconds }) => lost === 0 && seconds <= MOST_SECONDS)

/**
 * Three nodes under traffic; the database of the one in the middle is a primary and a standby in sync. The primary is killed, the standby promoted, the
 * old primary comes back, is refused, is made a standby, and takes over again when the other is killed. Everything is real.
 */
export async function drillStandby(say: (words: string) => void): Promise<StandbyDrill> {
  const folder = mkdtempSync('/tmp/postroad-drill-')
  chmodSync(folder, 0o711)
  const pair = await startPair(folder)
  try {
    const env = { DATABASE_URL: pair.url('app'), DATABASE_MIGRATOR_URL: pair.url('migrator'), POSTROAD_STANDBY: 'required' }
    const stations = await startStations(PLACES, undefined, { entry: new URL('./station.ts', import.meta.url), ownDatabase: true, env: (id) => (id === 'city' ? env : {}) })
    try {
      return await run(stations, pair, say)
    } finally {
      await stations.stop()
    }
  } finally {
    await pair.stop()
  }
}

type Traffic = { readonly acknowledged: readonly Sent[]; begin(): void; /** Waits until the last is acknowledged. */ end(): Promise<void>; /** Hands in one document at the middle. */ handIn(): void }

function trafficOn(stations: Stations): Traffic {
  const acknowledged: Sent[] = []
  const told = (sent: Sent): void => void acknowledged.push(sent)
  let over = true
  let running: Promise<unknown> = Promise.resolve()
  const along = (work: () => Promise<unknown>): void => void (running = Promise.all([running, work()]))
  return {
    acknowledged,
    begin() {
      over = false
      along(() => keepSending(stations, () => over, PAUSE_MS, told))
    },
    async end() {
      over = true
      await running
    },
    handIn: () => along(async () => {
      const packed = await letter(stations, 'c.party', ['x.party'], { bytes: new Uint8Array(2_000) })
      await submit(stations, 'c.party', packed)
      told({ letter: packed, from: 'c.party', to: 'x.party', acknowledged: new Date() })
    }),
  }
}

async function run(stations: Stations, { one, two }: Pair, say: (words: string) => void): Promise<StandbyDrill> {
  say('三个节点在运行，中间节点的数据库一主一备，每次提交两边都落盘；开始收发公文')
  const traffic = trafficOn(stations)
  traffic.begin()
  await until(() => traffic.acknowledged.length >= 20)
  const failOver = await replace(one, two, traffic, say)
  const toZombie = await bringBack(one, two, say)
  await rebuild(one, two)
  say('旧主机已重建为备机，恢复同步')
  const failBack = await replace(two, one, traffic, say)
  await rebuild(two, one)
  say('已切回，两台都在同步')
  await traffic.end()
  await signForAll(stations, traffic.acknowledged)
  return { ...(await compare(stations, traffic.acknowledged)), failOver, failBack, toZombie }
}

/** Kills `primary` while commits wait for `standby`, which has them and has not said so, and lets the watcher promote it. */
async function replace(primary: PairServer, standby: PairServer, traffic: Traffic, say: (words: string) => void): Promise<FailOver> {
  await traffic.end()
  await untilStill(primary) // else the one below may wait for another's locks, and has nothing committed
  standby.freeze(true)
  traffic.handIn()
  await wait(COMMIT_MS)
  traffic.begin()
  await wait(COMMIT_MS)
  const watching = untilGone(primary)
  const before = new Set(ownOf(traffic))
  const killed = performance.now()
  const since = (): number => Math.round(performance.now() - killed) / 1000
  await primary.kill()
  standby.freeze(false)
  await watching
  const detected = since()
  const stood = await standby.query<{ id: string }>('select id from road.message where origin')
  await standby.promote()
  const promoted = since()
  const there = new Set((await standby.query<{ id: string }>('select id from road.message')).map(({ id }) => id))
  const sooner = ownOf(traffic).length
  await until(() => ownOf(traffic).length > sooner)
  const seconds = since()
  const unanswered = stood.filter(({ id }) => !before.has(id)).length
  say(`主机被杀（${unanswered} 件已提交而未得到答复）：${detected} 秒确认，${promoted} 秒备机升主，${seconds} 秒节点恢复办理`)
  return { detected, promoted, seconds, lost: [...before].filter((id) => !there.has(id)).length, unanswered }
}

/** Until nothing more arrives or is receipted at the middle. */
async function untilStill(server: PairServer): Promise<void> {
  for (let before = ''; ; await wait(COMMIT_MS)) {
    const [row] = await server.query<{ count: string }>('select (select count(*) from road.message) + (select count(*) from road.receipt) as count')
    if (row?.count === before) return
    before = row?.count ?? ''
  }
}

/** What the node in the middle itself acknowledged, by its commits on the pair. */
const ownOf = ({ acknowledged }: Traffic): string[] => acknowledged.filter(({ from }) => from === 'c.party').map(({ letter: { packed } }) => packed.head.id)

/** The watcher: answers when the server has missed its probes. */
async function untilGone(server: PairServer): Promise<void> {
  for (let missed = 0; missed < PROBES; await wait(PROBE_MS)) {
    const isThere = await Promise.race([server.query('select 1').then(() => true, () => false), wait(PROBE_MS, false)])
    missed = isThere ? 0 : missed + 1
  }
}

/** Lets the old primary take writes, alone, beside the new one, and for a while without it. Answers how much the node wrote to it: signs of life come every two seconds. */
async function bringBack(zombie: PairServer, primary: PairServer, say: (words: string) => void): Promise<number> {
  await zombie.start()
  await zombie.setSynchronous(false)
  const written = async (): Promise<string[]> => {
    const [row] = await zombie.query<{ written: string[] }>(`select array[(select max(seen) from kernel.process)::text, (select count(*) from road.message)::text, (select count(*) from road.receipt)::text, (select count(*) from ledger.record)::text] as written`)
    return row?.written ?? []
  }
  const before = await written()
  await wait(LOOKS_MS)
  await primary.kill()
  await wait(LOOKS_MS)
  await primary.start()
  const after = await written()
  const count = before.filter((value, at) => value !== after[at]).length
  say(count === 0 ? '旧主机带着旧数据重新上线，新主机又停了一会儿：节点没有向旧主机写任何东西' : '节点向旧主机写了')
  return count
}

async function rebuild(standby: PairServer, primary: PairServer): Promise<void> {
  await standby.follow(primary)
  await primary.setSynchronous(true)
  await untilInSync(primary)
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await wait(10)
}
