import { randomBytes, randomUUID } from 'node:crypto'
import type { Slot } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lifeOf } from '../engine/epoch.ts'
import { act, bundleStatus, inbox, inboxItem, track } from '../service.ts'
import { setLife } from '../store/links.ts'
import { read, ride, write } from '../testing/courier.ts'
import { auditOf, epochOf } from '../testing/forger.ts'
import { type Network, type Station, clerk, startNetwork } from '../testing/network.ts'
import { organReceipt, send } from '../testing/terminal.ts'

let network: Network
let city: Station
let county: Station
const byBundle = { carrier: 'bundle', release: 'onePerson' }
beforeAll(async () => {
  network = await startNetwork([
    { id: 'city', parent: null, organs: ['c.party'], links: { county: byBundle } },
    { id: 'county', parent: 'city', organs: ['x.party'], links: { city: byBundle } },
  ], {}, async (stations) => {
    const [up, down] = [stations.get('city'), stations.get('county')]
    if (up !== undefined && down !== undefined) await ride(up, down)
  })
  ;[city, county] = [network.at('city'), network.at('county')]
})
afterAll(async () => network?.stop())

const post = (bytes = 500): Promise<string> => send(network, city, 'c.party', ['x.party'], { bytes: new Uint8Array(randomBytes(bytes)) })
const stateOf = async (message: string): Promise<string | undefined> => (await city.node.transaction(clerk('c.party'), (tx) => track(tx, message)))?.board[0]?.state
const itemOf = (message: string) => county.node.transaction(clerk('x.party'), (tx) => inboxItem(tx, message, 'x.party'))
const inInbox = async (message: string): Promise<number> => (await county.node.transaction(clerk('x.party'), (tx) => inbox(tx, { limit: 200 }))).filter((item) => item.message === message).length
const sign = async (message: string): Promise<void> => {
  const item = await itemOf(message)
  if (item === null) throw new Error('nothing arrived')
  await act(county.node, clerk('x.party'), [organReceipt(network, item.head, { kind: 'signedFor', recipient: 'x.party', node: 'county' })])
}
const settle = async (rides = 4): Promise<void> => {
  for (let i = 0; i < rides; i += 1) await ride(city, county)
}

/** The road's tables as they are now; the answer puts them back: what a backup of that moment would bring. */
async function backup(station: Station): Promise<() => Promise<void>> {
  const name = `backup_${randomUUID().replaceAll('-', '')}`
  const work = async (of: (client: pg.Client, tables: readonly string[]) => Promise<void>): Promise<void> => {
    const client = new pg.Client(station.database.superuser)
    await client.connect()
    const { rows } = await client.query<{ name: string }>(`select relname as name from pg_class where relnamespace = 'road'::regnamespace and relkind = 'r' and relname <> 'epoch' order by 1`)
    await of(client, rows.map((row) => row.name))
    await client.end()
  }
  await work(async (client, tables) => {
    await client.query(`create schema ${name}`)
    for (const table of tables) await client.query(`create table ${name}.${table} as table road.${table}`)
  })
  return () => work(async (client, tables) => {
    await client.query(`set session_replication_role = 'replica'`)
    for (const table of tables) {
      await client.query(`delete from road.${table}`)
      await client.query(`insert into road.${table} overriding system value select * from ${name}.${table}`)
    }
  })
}

describe('a peer that comes back from a backup, by courier', () => {
  it('the one below, without knowing it: its numbers stand for other contents, it is told so, begins another life, and gets back what it forgot', async () => {
    const old = await post()
    await settle(2)
    const restore = await backup(county)
    const forgotten = [await post(), await post()]
    await settle(2)
    await sign(forgotten[0] ?? '')
    await settle(2)
    expect(await Promise.all(forgotten.map(stateOf))).toEqual(['signedFor', 'arrived'])
    await restore()
    expect(await Promise.all(forgotten.map(inInbox))).toEqual([0, 0])
    const life = lifeOf(await epochOf(county))
    const meanwhile = await post()
    expect(await read(city, await write(county, 'city'))).toMatchObject({ outcome: 'refused', code: 'road.bundleNumberReused' })
    expect(await auditOf(city, 'road.bundleNumberReused')).toMatchObject([{ outcome: 'refused', actor: { id: 'county' } }])
    await settle()
    expect(lifeOf(await epochOf(county))).not.toBe(life)
    expect(await auditOf(county, 'road.ownRestore')).toHaveLength(1)
    await settle()
    expect(await Promise.all([old, ...forgotten, meanwhile].map(inInbox))).toEqual([1, 1, 1, 1])
    expect(await Promise.all([old, ...forgotten, meanwhile].map(stateOf))).toEqual(['arrived', 'signedFor', 'arrived', 'arrived'])
    expect((await itemOf(forgotten[0] ?? ''))?.state).toBe('signedFor') // told back
  })

  it('the one above, knowing it: a new life, old bundles that arrive late are not mistaken for the present', async () => {
    const kept = await post()
    await settle(2)
    const restore = await backup(city)
    await sign(kept)
    const late = await write(county, 'city')
    await read(city, late)
    await settle(1)
    expect(await stateOf(kept)).toBe('signedFor')
    await restore()
    await city.node.transaction(service('road'), (tx) => setLife(tx, randomUUID()))
    expect(await stateOf(kept)).toBe('arrived')
    await settle()
    expect(await stateOf(kept)).toBe('signedFor')
    expect(['imported', 'known']).toContain((await read(city, late)).outcome)
    await settle(2)
    const [status] = await bundleStatus(city.node, 'county')
    expect(status).toMatchObject({ out: { unanswered: [], waiting: { shipments: 0, receipts: 0 } }, in: { gaps: [] } })
    const after = await post()
    await settle(1)
    expect(await stateOf(after)).toBe('arrived')
  })
})

describe('a full disk at import', () => {
  it('is answered “later”, nothing is lost, and the same medium brings all when there is room', async () => {
    const [small, large] = [await post(), await post(300_000)]
    const folder = await write(city, 'county')
    const { disk } = county.node.slots.get({ name: 'files.storage' } as Slot<{ disk: { free: number; total: number; seen: number } }>)
    Object.assign(disk, { free: 0, total: 10 ** 12, seen: Infinity })
    const report = await read(county, folder)
    expect(report.outcome).toBe('partial')
    expect(report.remarks).toEqual(expect.arrayContaining([expect.objectContaining({ code: 'files.diskFull', later: true })]))
    await read(city, await write(county, 'city'))
    expect(await stateOf(large)).toBe('queued')
    Object.assign(disk, { seen: Number.NEGATIVE_INFINITY })
    expect((await read(county, folder)).outcome).toBe('imported')
    await settle(1)
    expect(await Promise.all([small, large].map(stateOf))).toEqual(['arrived', 'arrived'])
    expect(await Promise.all([small, large].map(inInbox))).toEqual([1, 1])
  })
})
