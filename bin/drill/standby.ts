import { chmodSync, mkdtempSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { type Pair, type PairServer, startPair, untilInSync } from '@postroad/backup/testing-pair'
import { type Stations, startStations } from '@postroad/road/testing/machines'
import { PLACES, type Sent, type Verdict, compare, keepSending, signForAll } from './traffic.ts'

/** From the end of the primary to the first document that the node acknowledges on the new one, detection included. */
export const MOST_SECONDS = 30
const PAUSE_MS = 100
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

async function run(stations: Stations, { one, two }: Pair, say: (words: string) => void): Promise<StandbyDrill> {
  say('三个节点在运行，中间节点的数据库一主一备，每次提交两边都落盘；开始收发公文')
  const acknowledged: Sent[] = []
  let over = false
  const sending = keepSending(stations, () => over, PAUSE_MS, (sent) => acknowledged.push(sent))
  await until(() => acknowledged.length >= 20)
  const failOver = await replace(one, two, acknowledged, say)
  const toZombie = await bringBack(one, say)
  await rebuild(one, two)
  say('旧主机已重建为备机，恢复同步')
  const failBack = await replace(two, one, acknowledged, say)
  await rebuild(two, one)
  say('已切回，两台都在同步')
  over = true
  const sent = await sending
  await signForAll(stations, sent)
  return { ...(await compare(stations, sent)), failOver, failBack, toZombie }
}

/** Kills `primary` and lets the watcher promote `standby`. */
async function replace(primary: PairServer, standby: PairServer, acknowledged: readonly Sent[], say: (words: string) => void): Promise<FailOver> {
  const watching = untilGone(primary)
  const before = ownOf(acknowledged)
  const killed = performance.now()
  const since = (): number => Math.round(performance.now() - killed) / 1000
  await primary.kill()
  await watching
  const detected = since()
  await standby.promote()
  const promoted = since()
  const there = new Set((await standby.query<{ id: string }>('select id from road.message')).map(({ id }) => id))
  const sooner = ownOf(acknowledged).length
  await until(() => ownOf(acknowledged).length > sooner)
  const seconds = since()
  say(`主机被杀：${detected} 秒确认，${promoted} 秒备机升主，${seconds} 秒节点恢复办理`)
  return { detected, promoted, seconds, lost: before.filter(({ letter: { packed } }) => !there.has(packed.head.id)).length }
}

/** What the node in the middle itself acknowledged: it commits on the pair. */
const ownOf = (sent: readonly Sent[]): Sent[] => sent.filter(({ from }) => from === 'c.party')

/** The watcher: answers when the server has missed its probes. */
async function untilGone(server: PairServer): Promise<void> {
  for (let missed = 0; missed < PROBES; await wait(PROBE_MS)) {
    const isThere = await Promise.race([server.query('select 1').then(() => true, () => false), wait(PROBE_MS, false)])
    missed = isThere ? 0 : missed + 1
  }
}

/** Lets the old primary take writes, alone, beside the new one. Answers how much the node wrote to it: signs of life come every two seconds. */
async function bringBack(zombie: PairServer, say: (words: string) => void): Promise<number> {
  await zombie.start()
  await zombie.setSynchronous(false)
  const written = async (): Promise<string[]> => {
    const [row] = await zombie.query<{ written: string[] }>(`select array[(select max(seen) from kernel.process)::text, (select count(*) from road.message)::text, (select count(*) from road.receipt)::text, (select count(*) from ledger.record)::text] as written`)
    return row?.written ?? []
  }
  const before = await written()
  await wait(8_000)
  const after = await written()
  say('旧主机带着旧数据重新上线，节点没有理它')
  return before.filter((value, at) => value !== after[at]).length
}

async function rebuild(standby: PairServer, primary: PairServer): Promise<void> {
  await standby.follow(primary)
  await primary.setSynchronous(true)
  await untilInSync(primary)
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await wait(10)
}
