/** What it costs that every commit is on a second server too: single-row commits on one PostgreSQL alone, and on the same with a standby in sync. */
import { type Pair, startPair, untilInSync } from '@postroad/backup/testing-pair'
import { connect } from '@postroad/kernel/database'
import { type Figure, figure } from '../figure.ts'
import { temporaryHome } from './folder.ts'

const MOST_TIMES = 3
const CONNECTIONS = 8
const TURNS = 3

/** Both servers on this machine's cores and disk; in turns, so that neither way has the better minute. */
export async function measureStandby(quick: boolean, tell: (line: string) => void): Promise<Figure[]> {
  tell('standby in sync …')
  const pair = await startPair(temporaryHome('pair'))
  try {
    await pair.one.query('create schema bench; create table bench.row (id bigint generated always as identity, payload bytea not null); grant all on schema bench to postroad_migrator; grant all on bench.row to postroad_migrator')
    const seconds = quick ? 1 : 5
    const [alone, inSync]: [number[], number[]] = [[], []]
    await commitsOf(pair, seconds) // warm
    for (let turn = 0; turn < TURNS; turn += 1) {
      inSync.push(await commitsOf(pair, seconds))
      await pair.one.setSynchronous(false)
      await pair.two.kill()
      alone.push(await commitsOf(pair, seconds))
      await pair.two.start()
      await pair.one.setSynchronous(true)
      await untilInSync(pair.one)
    }
    const times = middle(alone) / middle(inSync)
    return [
      figure({ name: 'commits, standby in sync', unit: '/s', value: middle(inSync), limit: [middle(alone), 'the same server alone, in turns in this run; the standby has the same cores and disk'] }),
      figure({ name: 'standby in sync costs', unit: '×', value: times, limit: [MOST_TIMES, 'the demand: at most three times'] }),
    ]
  } finally {
    await pair.stop()
  }
}

async function commitsOf({ one }: Pair, seconds: number): Promise<number> {
  const database = connect(one.url('migrator'), CONNECTIONS)
  const payload = Buffer.alloc(500, 1)
  let commits = 0
  try {
    const end = performance.now() + seconds * 1000
    await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
      for (; performance.now() < end; commits += 1) await database.pool.query('insert into bench.row (payload) values ($1)', [payload])
    }))
    return commits / seconds
  } finally {
    await database.close()
  }
}

const middle = (values: readonly number[]): number => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
