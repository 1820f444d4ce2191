import { sql } from 'kysely'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { connect, transaction } from './database.ts'
import { sweepEvents } from './events.ts'
import type { EventHandler, Plugin } from './plugin.ts'
import { service } from './principal.ts'
import { type TestNode, personOf, testNode } from './testing.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function nodeWith(on: readonly EventHandler[], options: Partial<Plugin> = {}): Promise<TestNode> {
  const running = await testNode([{ id: 'sample', title: '样例', on, ...options }], { logLevel: 'fatal' })
  stops.push(running.stop)
  return running
}

const emit = (running: TestNode, event: string, payload: Readonly<Record<string, unknown>> = {}): Promise<void> =>
  running.node.transaction(service('road'), (tx) => running.node.emit(tx, event, payload))

/** Makes every waiting delivery due now instead of after its pause. */
const hurry = (running: TestNode): Promise<unknown> =>
  transaction(running.node.database, service('jobs'), (tx) => sql`update kernel.event_delivery set due = clock_timestamp()`.execute(tx))

const open = async (running: TestNode): Promise<readonly { handler: string; attempts: number; last_error: string | null }[]> =>
  (await transaction(running.node.database, service('jobs'), (tx) => sql<{ handler: string; attempts: number; last_error: string | null }>`select handler, attempts, last_error from kernel.event_delivery order by handler`.execute(tx))).rows

describe('events', () => {
  it('reach every handler with their payload, after the transaction that wrote them', async () => {
    const seen: unknown[] = []
    const running = await nodeWith([
      { event: 'sample.arrived', handle: async (payload) => void seen.push(['first', payload]) },
      { event: 'sample.arrived', handle: async (payload) => void seen.push(['second', payload]) },
      { event: 'sample.other', handle: async () => void seen.push('never') },
    ])
    await running.node.transaction(service('road'), async (tx) => {
      await running.node.emit(tx, 'sample.arrived', { id: 7 })
      await running.settled()
      expect(seen).toEqual([])
    })
    await running.settled()
    expect(seen.toSorted()).toEqual([['first', { id: 7 }], ['second', { id: 7 }]])
    expect(await open(running)).toEqual([])
  })

  it('vanish with a transaction that is rolled back', async () => {
    const handle = vi.fn(async () => undefined)
    const running = await nodeWith([{ event: 'sample.arrived', handle }])
    const failing = running.node.transaction(service('road'), async (tx) => {
      await running.node.emit(tx, 'sample.arrived', {})
      throw new Error('rolled back')
    })
    await expect(failing).rejects.toThrow('rolled back')
    await running.settled()
    expect(handle).not.toHaveBeenCalled()
  })

  it('are given again to a handler that failed, until it succeeds, and to nobody else', async () => {
    let calls = 0
    const other = vi.fn(async () => undefined)
    const running = await nodeWith([
      { event: 'sample.arrived', handle: async () => { if ((calls += 1) < 3) throw new Error(`attempt ${calls}`) } },
      { event: 'sample.arrived', handle: other },
    ])
    await emit(running, 'sample.arrived')
    await running.settled()
    expect(await open(running)).toEqual([{ handler: 'sample:sample.arrived', attempts: 1, last_error: 'attempt 1' }])
    for (let round = 0; round < 2; round += 1) {
      await hurry(running)
      await running.settled()
    }
    expect(calls).toBe(3)
    expect(other).toHaveBeenCalledTimes(1)
    expect(await open(running)).toEqual([])
  })

  it('that poison one handler hold up nothing behind them', async () => {
    const seen: number[] = []
    const running = await nodeWith([
      { event: 'sample.poison', handle: () => Promise.reject(new Error('poison')) },
      { event: 'sample.good', handle: async (payload) => void seen.push((payload as { n: number }).n) },
    ])
    for (let n = 0; n < 40; n += 1) {
      await emit(running, 'sample.poison', { n })
      await emit(running, 'sample.good', { n })
    }
    await running.settled()
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n))
    expect(await open(running)).toHaveLength(40)
  })

  it('are handled again when the connection that had claimed them is gone, as after kill -9', async () => {
    const gate = Promise.withResolvers<void>()
    let calls = 0
    const running = await nodeWith([{ event: 'sample.arrived', handle: () => ((calls += 1) === 1 ? gate.promise : Promise.resolve()) }])
    await emit(running, 'sample.arrived')
    await vi.waitFor(() => expect(calls).toBe(1))
    const superuser = connect(running.database.superuser, 1)
    await superuser.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`)
    await superuser.close()
    await running.settled()
    expect(calls).toBe(2)
    gate.resolve()
  })

  it('are checked against their definition when they are emitted', async () => {
    const parse = (payload: unknown): { id: number } => {
      if (typeof (payload as { id: unknown }).id !== 'number') throw new Error('id is missing')
      return payload as { id: number }
    }
    const running = await nodeWith([], { events: [{ name: 'sample.arrived', version: 3, parse }] })
    await expect(emit(running, 'sample.arrived', {})).rejects.toThrow('id is missing')
    await emit(running, 'sample.arrived', { id: 1 })
    const { rows } = await transaction(running.node.database, service('jobs'), (tx) => sql`select name, version from kernel.event`.execute(tx))
    expect(rows).toEqual([{ name: 'sample.arrived', version: 3 }])
  })

  it('may not be read by people, nor written by nobody', async () => {
    const running = await nodeWith([])
    await emit(running, 'sample.arrived', { organs: ['a'] })
    const { rows } = await transaction(running.node.database, personOf('zhang', ['a']), (tx) => sql`select * from kernel.event`.execute(tx))
    expect(rows).toEqual([])
    await expect(running.node.database.pool.query(`insert into kernel.event values (1, 'x', 1, '{}')`)).rejects.toThrow('no principal')
  })

  it('are swept after a week, unless somebody has yet to handle them', async () => {
    const running = await nodeWith([{ event: 'sample.poison', handle: () => Promise.reject(new Error('poison')) }])
    await emit(running, 'sample.poison')
    await emit(running, 'sample.old')
    await running.settled()
    await emit(running, 'sample.new')
    const superuser = connect(running.database.superuser, 1)
    await superuser.pool.query(`update kernel.event set at = at - interval '8 days' where name <> 'sample.new'`)
    await superuser.close()
    await sweepEvents(running.node)
    const { rows } = await transaction(running.node.database, service('jobs'), (tx) => sql`select name from kernel.event order by id`.execute(tx))
    expect(rows).toEqual([{ name: 'sample.poison' }, { name: 'sample.new' }])
  })
})
