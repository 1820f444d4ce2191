import { sql } from 'kysely'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ALL_ROLES, type Role, readConfig } from './config.ts'
import { createLog } from './log.ts'
import type { Plugin } from './plugin.ts'
import { service } from './principal.ts'
import { keepWorkers, processGone } from './processes.ts'
import { type RunningNode, startNode } from './start.ts'
import { type TestNode, personOf, testNode, until } from './testing.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function first(plugins: readonly Plugin[], roles: readonly Role[] = ALL_ROLES): Promise<TestNode> {
  const running = await testNode(plugins, { logLevel: 'fatal', listen: true, config: { roles } })
  stops.push(running.stop)
  return running
}
/** Another process of the same node: the same database and home. */
async function another(beside: TestNode, plugins: readonly Plugin[], roles: readonly Role[] = ALL_ROLES): Promise<RunningNode> {
  const running = await startNode({ ...beside.node.config, roles }, plugins, { listen: true, jobs: false, log: createLog('test', 'silent') })
  stops.push(running.stop)
  return running
}
const room = (parts: Partial<Plugin> = {}): Plugin => ({ id: 'sample', title: '样例', ...parts })
const say = (at: Pick<RunningNode, 'node'>, payload: Readonly<Record<string, unknown>> = {}): Promise<void> =>
  at.node.transaction(service('road'), (tx) => at.node.emit(tx, 'sample.said', payload))
/** A process that died on another machine, as the register shows it. */
const lost = (at: TestNode, id: string, roles: readonly string[], workers: readonly string[] = []): Promise<unknown> =>
  at.node.transaction(service('jobs'), (tx) => sql`insert into kernel.process (id, machine, pid, roles, workers, started, seen)
    values (${id}, 'elsewhere', 1, ${[...roles]}::text[], ${[...workers]}::text[], clock_timestamp() - interval '1 hour', clock_timestamp() - interval '1 minute')`.execute(tx))

describe('several processes of one node', () => {
  it('all hear of an event that one emits, and one of them handles it', async () => {
    const heard: string[] = []
    const handled: string[] = []
    const roomOf = (name: string): Plugin => room({
      hears: [{ event: 'sample.said', hear: () => void heard.push(name) }],
      on: [{ event: 'sample.said', handle: async () => void handled.push(name) }],
    })
    const one = await first([roomOf('one')])
    const two = await another(one, [roomOf('two')])
    await say(two)
    await until(() => heard.includes('one') && heard.includes('two') && handled.length > 0)
    await one.settled()
    expect(handled).toHaveLength(1)
    two.node.hint('sample.said')
    await until(() => heard.filter((name) => name === 'one').length === 2)
    expect(handled).toHaveLength(1)
  })

  it('show the people at one of them what happens at the other', async () => {
    const one = await first([room()], ['web'])
    const two = await another(one, [room()], ['road'])
    const reader = personOf('chen', ['jy.party'])
    await one.injectAs(reader, { method: 'GET', url: '/api/kernel/none' })
    const stream = await fetch(`${one.address}/api/kernel/events`, { headers: { 'x-test-person': reader.session } })
    const lines = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
    await say(two, { organs: ['jy.party'], n: 7 })
    let seen = ''
    while (!seen.includes('sample.said')) seen += (await lines?.read())?.value ?? ''
    expect(seen).toContain('"n":7')
    await lines?.cancel()
  })

  it('serve the desk only with the role for it', async () => {
    const one = await first([room()], ['web'])
    const two = await another(one, [room()], ['road', 'jobs'])
    expect(one.address).toMatch(/^http:/)
    expect(two.address).toBeNull()
  })

  it('leave timers to the eldest living one of a role', async () => {
    const one = await first([room()], ['web', 'jobs'])
    const two = await another(one, [room()], ['jobs'])
    expect([one.node.processes.isEldest('jobs'), two.node.processes.isEldest('jobs')]).toEqual([true, false])
    expect([one.node.processes.isEldest('road'), two.node.processes.hasOthers()]).toEqual([false, true])
    await two.stop()
    const three = await another(one, [room()], ['jobs'])
    expect(three.node.processes.isEldest('jobs')).toBe(false)
  })

  it('announce one that died, once, and what it had begun of the jobs is free', async () => {
    const announced: unknown[] = []
    const watching = room({ on: [{ event: processGone.name, handle: async (payload) => void announced.push(payload) }] })
    const one = await first([watching])
    await one.node.transaction(service('jobs'), (tx) => sql`select graphile_worker.add_job('sample.none')`.execute(tx))
    const locked = (): Promise<boolean> => one.node.transaction(service('jobs'), async (tx) => (await sql<{ locked: boolean }>`select locked_by is not null as locked from graphile_worker._private_jobs`.execute(tx)).rows[0]?.locked === true)
    await one.node.transaction(service('jobs'), (tx) => sql`update graphile_worker._private_jobs set locked_by = 'dead-worker', locked_at = now()`.execute(tx))
    expect(await locked()).toBe(true)
    await lost(one, 'elsewhere:1:dead', ['jobs'], ['dead-worker'])
    const two = await another(one, [watching])
    await until(() => announced.length > 0)
    await two.events.settled()
    expect(announced).toEqual([{ process: 'elsewhere:1:dead', roles: ['jobs'], workers: ['dead-worker'] }])
    expect(await locked()).toBe(false)
  })

  it('that were struck off while they were silent enter themselves again, with the names under which they hold jobs', async () => {
    const one = await first([room()])
    const entered = async (): Promise<unknown> => (await one.node.transaction(service('jobs'), (tx) => sql`select workers from kernel.process where id = ${one.node.processes.self}`.execute(tx))).rows
    await keepWorkers(one.node, ['pool-1'])
    expect(await entered()).toEqual([{ workers: ['pool-1'] }])
    await one.node.transaction(service('jobs'), (tx) => sql`delete from kernel.process`.execute(tx))
    await vi.waitFor(async () => expect(await entered()).toEqual([{ workers: ['pool-1'] }]), { timeout: 20_000 })
  })

  it('start one after the other, so that what the first makes is there for the second', async () => {
    let starting = 0
    const starts: number[] = []
    const slow = room({ start: async () => {
      starts.push((starting += 1))
      await new Promise((resolve) => setImmediate(resolve))
      starting -= 1
      return { stop: async () => undefined }
    } })
    const one = await first([slow])
    await Promise.all([another(one, [slow]), another(one, [slow]), another(one, [slow])])
    expect(starts).toEqual([1, 1, 1, 1])
  })

  it('need a database of their own, since the embedded one belongs to one process', () => {
    const env = { POSTROAD_NODE: 'n', POSTROAD_HOME: '/h', POSTROAD_ROLES: 'web,road' }
    expect(() => readConfig(env)).toThrow('DATABASE_URL')
    expect(readConfig({ ...env, DATABASE_URL: 'postgresql://x' }).roles).toEqual(['web', 'road'])
    expect(readConfig({ POSTROAD_NODE: 'n', POSTROAD_HOME: '/h' }).roles).toEqual(ALL_ROLES)
    expect(() => readConfig({ ...env, POSTROAD_ROLES: 'web,cook' })).toThrow()
  })
})
