/** Claiming and completing shipments of one link: beside a short queue, behind a million of them, under held snapshots, and by two processes. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ROOMS } from '@postroad/bin/node'
import { connect } from '@postroad/kernel/database'
import { migrate } from '@postroad/kernel/migrate'
import { type Postgres, startPostgres } from '@postroad/kernel/postgres'
import { cpus } from 'node:os'
import { type Figure, figure } from '../figure.ts'
import { temporaryHome } from './folder.ts'

type Sizes = { readonly short: number; readonly long: number; readonly seconds: number; readonly snapshotSeconds: number }
const FULL: Sizes = { short: 90_000, long: 1_000_000, seconds: 6, snapshotSeconds: 60 }
const QUICK: Sizes = { short: 10_000, long: 40_000, seconds: 2, snapshotSeconds: 4 }

/** What every part of this bench measures: shipments claimed, their messages read, and marked as handed on, in transactions of 128. */
export async function measureQueue(quick: boolean, tell: (line: string) => void): Promise<Figure[]> {
  const sizes = quick ? QUICK : FULL
  const home = temporaryHome('queue')
  const server = await startPostgres(home, { settings: { shared_buffers: '256MB', max_wal_size: '4GB' } })
  try {
    await migrate(server.migratorUrl, ROOMS)
    const short = await withQueue(server, sizes.short, tell, () => rateOf(server, 1, sizes.seconds))
    const pair = await withQueue(server, sizes.short, tell, () => rateOf(server, 2, sizes.seconds))
    const long = await withQueue(server, sizes.long, tell, () => rateOf(server, 1, sizes.seconds))
    const held = await withQueue(server, sizes.long, tell, () => underSnapshots(server, sizes))
    const beside = [short, 'the same with a queue of tens of thousands, in this run'] as const
    return [
      figure({ name: 'claim and complete, short queue', unit: '/s', value: short }),
      figure({ name: `claim and complete, queue of ${sizes.long}`, unit: '/s', value: long, limit: beside }),
      figure({ name: `claim and complete, three snapshots held ${sizes.snapshotSeconds} s`, unit: '/s', value: held, limit: beside }),
      figure({ name: `claim and complete, two processes on ${cpus().length} cores`, unit: '/s', value: pair, limit: [short * 2, 'twice what one does; the database has the same cores'] }),
    ]
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

async function withQueue(server: Postgres, count: number, tell: (line: string) => void, measure: () => Promise<number>): Promise<number> {
  tell(`queue of ${count} …`)
  const database = connect(server.url('superuser'), 1)
  try {
    await database.pool.query('truncate road.message, road.body, road.shipment cascade')
    await database.pool.query(FILL, [count])
    await database.pool.query('analyze road.message; analyze road.body; analyze road.shipment')
    return await measure()
  } finally {
    await database.close()
  }
}

/** Messages of a thread of their own to one link, heads and slices as long as real ones. */
const FILL = `with made as (
    insert into road.message (id, head_hash, head, kind, thread, ordinal, sender_organ, sender_name, urgency, label, created, expires, origin, came_from, manifest, chunk_hashes, hops)
    select gen_random_uuid(), md5(n::text), json_build_object('filler', repeat('h', 1200)), 'document', gen_random_uuid(), 0, 'o', 'o', n % 3, 0, now(), now() + interval '1 day', false, 'peer', '\\x00', '[]', '[]'
    from generate_series(1, $1) n returning id, thread, urgency),
  body as (insert into road.body (message, bytes, framed) select id, 2000, decode(repeat('ab', 2000), 'hex') from made)
  insert into road.shipment (id, message, link, slice, hops, forwarded, sender, thread, ordinal, urgency, large, rank, state, next_at)
  select id::text, id, 'next', json_build_array(repeat('s', 600)), '[]', '[]', 'o', thread, 0, urgency, false, (random() * 1e12)::bigint, 'queued', now() - interval '1 second' from made`

/** Shipments per second by so many worker processes together. */
async function rateOf(server: Postgres, processes: number, seconds: number): Promise<number> {
  const workers = Array.from({ length: processes }, () => fork(join(import.meta.dirname, 'queue-worker.ts'), [server.url('app'), String(seconds)]))
  await Promise.all(workers.map((worker) => once(worker, 'message'))) // connected and warm
  const done = workers.map((worker) => resultOf(worker))
  for (const worker of workers) worker.send('go')
  return (await Promise.all(done)).reduce((sum, count) => sum + count, 0) / seconds
}

async function resultOf(worker: ChildProcess): Promise<number> {
  const [message] = (await once(worker, 'message')) as [{ readonly done: number }]
  await once(worker, 'exit')
  return message.done
}

/** Three transactions keep every row version of the whole time from being cleaned away; the rate counts at the end of it. */
async function underSnapshots(server: Postgres, { snapshotSeconds, seconds }: Sizes): Promise<number> {
  const holders = connect(server.url('superuser'), 3)
  try {
    const clients = await Promise.all([1, 2, 3].map(() => holders.pool.connect()))
    for (const client of clients) await client.query('begin isolation level repeatable read; select count(*) from (select from road.shipment limit 1) one')
    await rateOf(server, 1, Math.max(1, snapshotSeconds - seconds))
    const rate = await rateOf(server, 1, seconds)
    for (const client of clients) client.release(true)
    return rate
  } finally {
    await holders.close()
  }
}
