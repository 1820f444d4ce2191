import { afterEach, describe, expect, it, vi } from 'vitest'
import { wakeJob } from './jobs.ts'
import type { Job } from './plugin.ts'
import { service } from './principal.ts'
import { type TestNode, testNode } from './testing.ts'

let running: TestNode | null = null
afterEach(() => running?.stop())

const nodeWith = async (jobs: readonly Job[]): Promise<TestNode> => (running = await testNode([{ id: 'sample', title: '样例', jobs }], { jobs: true, realTime: true, logLevel: 'fatal' }))

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
})
