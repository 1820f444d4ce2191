import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, type Socket, connect as dial, createServer } from 'node:net'
import { join } from 'node:path'
import { type Database, connect, transaction } from '@postroad/kernel/database'
import { listen } from '@postroad/kernel/event-wake'
import { createLog } from '@postroad/kernel/log'
import { migrate } from '@postroad/kernel/migrate'
import { primariesOf } from '@postroad/kernel/primary'
import { service } from '@postroad/kernel/principal'
import { openTimelines } from '@postroad/kernel/timelines'
import { until } from '@postroad/kernel/testing'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identify, openReplication } from './protocol.ts'
import { type Pair, type PairServer, startPair, untilInSync } from './testing-pair.ts'

/** A TCP port before a server's socket, as another machine would be reached; it can be closed with all that goes through it. */
async function doorTo(server: PairServer): Promise<{ readonly port: number; close(): Promise<void> }> {
  const folder = new URL(server.url('app').replace('@/', '@socket/')).searchParams.get('host') ?? ''
  const open = new Set<Socket>()
  const door = createServer((client) => {
    const inside = dial(join(folder, '.s.PGSQL.5432'))
    for (const [socket, other] of [[client, inside], [inside, client]] as const) {
      open.add(socket)
      socket.on('error', () => socket.destroy()).once('close', () => (open.delete(socket), other.destroy())).pipe(other)
    }
  }).listen(0, '127.0.0.1')
  await once(door, 'listening')
  return {
    port: (door.address() as AddressInfo).port,
    close: async () => {
      door.close()
      for (const socket of open) socket.destroy()
      await once(door, 'close')
    },
  }
}

const folder = mkdtempSync('/tmp/postroad-pair-')
const home = mkdtempSync('/tmp/postroad-pair-home-')
chmodSync(folder, 0o711)
const log = createLog('test', 'silent')
const timelines = openTimelines(home)
let pair: Pair
let doors: Awaited<ReturnType<typeof doorTo>>[]
let database: Database
/** The standby is named first. */
const url = (role: 'app' | 'migrator' | 'superuser'): string => pair.one.url(role).replace('@/', `@${doors.map(({ port }) => `127.0.0.1:${port}`).join(',')}/`).replace(/\?.*$/, '')

beforeAll(async () => {
  pair = await startPair(folder)
  doors = [await doorTo(pair.two), await doorTo(pair.one)]
  await migrate(url('migrator'), [], timelines)
  database = connect(url('app'), 4, timelines)
})
afterAll(async () => {
  await database.close()
  for (const door of doors) await door.close()
  await pair.stop()
  rmSync(home, { recursive: true, force: true })
})

const write = (name: string): Promise<void> =>
  transaction(database, service('jobs'), async (tx) => void (await sql`insert into kernel.event (id, name, version, payload, organs) values (nextval('kernel.event_id'), ${name}, 1, '{}'::jsonb, '{}'::text[])`.execute(tx)))
const insist = async (name: string): Promise<void> => {
  for (;;) if (await write(name).then(() => true, () => false)) return
}
const namesIn = async (server: PairServer): Promise<string[]> => (await server.query<{ name: string }>('select name from kernel.event order by id')).map(({ name }) => name)

describe('a database of a primary and a standby in sync', () => {
  it('is written where it may be written, in whatever order the servers are named; the standby has every commit', async () => {
    await write('before')
    expect(await namesIn(pair.two)).toEqual(['before'])
    const line = await openReplication(`${url('superuser')}`, timelines)
    expect(await identify(line)).toMatchObject({ timeline: 1 })
    await line.close()
  })

  it('is refused where only the standby is named, and where a server does not answer at all nobody waits for ever', async () => {
    const alone = pair.two.url('app')
    await expect(connect(alone, 1, timelines).pool.connect()).rejects.toMatchObject({ code: 'kernel.noPrimary' })
    await expect(migrate(pair.two.url('migrator'), [], timelines)).rejects.toMatchObject({ code: 'kernel.noPrimary' })
    await expect(openReplication(pair.two.url('superuser'), timelines)).rejects.toMatchObject({ code: 'kernel.noPrimary' })
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const port = (silent.address() as AddressInfo).port
    const beside = connect(url('app').replace('@', `@127.0.0.1:${port},`), 1, timelines)
    await beside.pool.query('select 1')
    await beside.close()
    silent.close()
  })

  it('goes on after the primary was killed and the standby promoted: pool, listener, replication; nothing acknowledged is missing', async () => {
    const heard: (readonly string[] | null)[] = []
    const ear = await listen(database, 'self', (events) => heard.push(events), log)
    const acknowledged: string[] = []
    let isOver = false
    const writing = Promise.all(['a', 'b', 'c'].map(async (writer) => {
      for (let n = 0; !isOver; n += 1) await write(`${writer}${n}`).then(() => acknowledged.push(`${writer}${n}`), () => undefined)
    }))
    await until(() => acknowledged.length > 50)
    await pair.one.kill()
    const before = acknowledged.length
    await expect(write('while there is none')).rejects.toThrow()
    await pair.two.promote()
    await until(() => acknowledged.length > before + 20)
    isOver = true
    await writing
    const names = await namesIn(pair.two)
    expect(acknowledged.filter((name) => !names.includes(name))).toEqual([])
    expect(new Set(names).size).toBe(names.length)
    await until(async () => {
      await database.pool.query(`select pg_notify('postroad_event', 'other again')`)
      return heard.length > 0
    })
    ear.stop()
    const line = await openReplication(url('superuser'), timelines)
    expect(await identify(line)).toMatchObject({ timeline: 2 })
    await line.close()
  })

  it('writes nothing to the old primary that comes back as if nothing had happened, also while the new one is away', async () => {
    await pair.one.start()
    await pair.one.setSynchronous(false) // it would take commits alone
    const before = await namesIn(pair.one)
    await write('after')
    const fresh = connect(url('app'), 1, openTimelines(home))
    expect((await fresh.pool.query('select pg_is_in_recovery() as standby')).rows).toEqual([{ standby: false }])
    await pair.two.kill()
    await expect(insistOnce('lost?')).rejects.toMatchObject({ code: 'kernel.noPrimary' })
    await expect(fresh.pool.connect()).rejects.toThrow()
    await fresh.close()
    expect(await namesIn(pair.one)).toEqual(before)
    await pair.two.start()
  })

  it('closes connections to a primary that still answers but was replaced', async () => {
    await pair.one.follow(pair.two)
    await pair.two.setSynchronous(true)
    await untilInSync(pair.two)
    await insist('through two')
    const client = await database.pool.connect()
    const ended = new Promise((resolve) => client.once('end', resolve))
    await pair.one.promote() // two was only cut off: it still has its connections
    await primariesOf(url('app'), timelines).look()
    await ended
    client.release(true)
    await insist('through one')
    expect(await namesIn(pair.one)).toContain('through one')
    expect(await namesIn(pair.two)).not.toContain('through one')
  })

  it('throws a connection away that may only read', async () => {
    const client = await database.pool.connect()
    client.on('error', () => undefined)
    const ended = new Promise((resolve) => client.once('end', resolve))
    await client.query('set default_transaction_read_only = on')
    await expect(client.query('select nextval($1)', ['kernel.event_id'])).rejects.toMatchObject({ code: '25006' })
    await ended
    client.release()
    await insist('with another')
  })
})

/** Once the pool has noticed that its connections are gone. */
async function insistOnce(name: string): Promise<void> {
  for (;;) {
    const error = await write(name).then(() => null, (thrown: { code?: string }) => thrown)
    if (error === null || error.code === 'kernel.noPrimary') throw error ?? new Error('written')
  }
}
