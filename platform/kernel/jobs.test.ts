import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Config } from './config.ts'
import { wakeJob } from './jobs.ts'
import type { Job } from './plugin.ts'
import { readPidFile } from './postgres-pid.ts'
import { service } from './principal.ts'
import { type TestNode, testNode } from './testing.ts'

let running: TestNode | null = null
afterEach(() => running?.stop())

const nodeWith = async (jobs: readonly Job[], config: Partial<Config> = {}): Promise<TestNode> => (running = await testNode([{ id: 'sample', title: '样例', jobs }], { jobs: true, realTime: true, logLevel: 'fatal', config }))

describe('jobs', () => {
  it('run when a committed transaction asks for them', async () => {
    const ran: unknown[] = []
    const { node } = await nodeWith([{ name: 'scan', run: async (payload) => void ran.push(payload) }])
    await node.transaction(service('road'), async (tx) => wakeJob(tx, 'sample.scan', { link: 'a' }))
    await vi.waitFor(() => expect(ran).toEqual([{ link: 'a' }]), { timeout: 20_000 })
  })

  it('are not asked for by a transaction that is rolled back, nor twice under one key', async () => {
    const ran: unknown[] = []
    const { node } = await nodeWith([{ name: 'scan', run: async (payload) => void ran.push(payload) }])
    const failing = node.transaction(service('road'), async (tx) => {
      await wakeJob(tx, 'sample.scan', { n: 0 })
      throw new Error('rolled back')
    })
    await expect(failing).rejects.toThrow('rolled back')
    await node.transaction(service('road'), async (tx) => {
      await wakeJob(tx, 'sample.scan', { n: 1 }, { key: 'scan' })
      await wakeJob(tx, 'sample.scan', { n: 2 }, { key: 'scan' })
    })
    await vi.waitFor(() => expect(ran).toEqual([{ n: 2 }]), { timeout: 20_000 })
  })

  it('may be timed by a crontab line, which is read at the start', async () => {
    await expect(nodeWith([{ name: 'scan', every: 'now and then', run: async () => undefined }])).rejects.toThrow(/cron/i)
    await nodeWith([{ name: 'scan', every: '* * * * *', run: async () => undefined }])
  })

  it('are locked under a name that the others know, so that they are free when this process dies', async () => {
    const { node } = await nodeWith([{ name: 'scan', run: () => held.promise }])
    const held = Promise.withResolvers<void>()
    await node.transaction(service('road'), (tx) => wakeJob(tx, 'sample.scan'))
    const lockedBy = (): Promise<readonly string[]> =>
      node.transaction(service('jobs'), async (tx) => (await sql<{ name: string }>`select locked_by as name from graphile_worker._private_jobs where locked_by is not null`.execute(tx)).rows.map(({ name }) => name))
    await vi.waitFor(async () => expect(await lockedBy()).toHaveLength(1), { timeout: 20_000 })
    const { rows } = await node.transaction(service('jobs'), (tx) => sql<{ workers: string[] }>`select workers from kernel.process where id = ${node.processes.self}`.execute(tx))
    expect(rows[0]?.workers).toEqual(await lockedBy())
    held.resolve()
  })

  it.each(['done', 'failed'] as const)('%s while the database is dead are tried again, and others run after them', async (outcome) => {
    const ran: number[] = []
    const { node, home } = await nodeWith([{ name: 'scan', run: async (payload) => {
      ran.push((payload as { n: number }).n)
      if (ran.length > 1) return
      process.kill(readPidFile(join(home, 'postgres', 'data'))?.pid ?? Number.NaN, 'SIGKILL') // without a server it throws; 0 would be this test itself
      await vi.waitFor(async () => expect(existsSync(join(home, 'postgres', 'socket', '.s.PGSQL.5432'))).toBe(false), { timeout: 20_000, interval: 1 })
      if (outcome === 'failed') throw new Error('the database died')
    } }], { database: null })
    const wake = (n: number): Promise<void> => node.transaction(service('road'), (tx) => wakeJob(tx, 'sample.scan', { n }))
    await wake(1)
    await vi.waitFor(() => wake(2), { timeout: 30_000, interval: 200 })
    await vi.waitFor(() => expect(ran).toContain(2), { timeout: 30_000 })
    await vi.waitFor(() => expect(ran.filter((n) => n === 1).length).toBeGreaterThan(1), { timeout: 30_000 })
  })
})
