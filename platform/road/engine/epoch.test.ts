import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Tx } from '@postroad/kernel/database'
import { service } from '@postroad/kernel/principal'
import { type TestNode, testNode } from '@postroad/kernel/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { road } from '../plugin.ts'
import { countTaken, readLinks } from '../store/links.ts'
import { beginEpoch, lifeOf, rememberCounts, wasRestored } from './epoch.ts'

const link = (peer: string, taken: number, receiptsTaken = 0) => ({ peer, taken, receiptsTaken })
const file = (life: string, links: Record<string, { taken: number; receipts: number }>) => ({ v: 1 as const, life, links })

describe('whether a database was restored', () => {
  it('is seen by what it counts less than before, or by its life', () => {
    expect(wasRestored(null, 'a', [])).toBe(false)
    expect(wasRestored(file('a', { n: { taken: 5, receipts: 2 } }), 'a', [link('n', 5, 2), link('m', 1)])).toBe(false)
    expect(wasRestored(file('a', { n: { taken: 5, receipts: 2 } }), 'a', [link('n', 4, 9)])).toBe(true)
    expect(wasRestored(file('a', { n: { taken: 5, receipts: 2 } }), 'a', [link('n', 9, 1)])).toBe(true)
    expect(wasRestored(file('a', { n: { taken: 5, receipts: 2 } }), 'a', [])).toBe(true)
    expect(wasRestored(file('a', {}), 'b', [])).toBe(true)
  })
})

describe('the life of a database', () => {
  let test: TestNode
  const home = mkdtempSync(join('/tmp', 'postroad-epoch-'))
  beforeAll(async () => {
    const { start: _start, on: _on, jobs: _jobs, ...tablesOnly } = road
    test = await testNode([tablesOnly])
  })
  afterAll(async () => {
    await test?.stop()
    rmSync(home, { recursive: true, force: true })
  })
  const as = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => test.node.transaction(service('road'), work)

  it('stays through restarts and changes after a restore, once', async () => {
    const first = await as((tx) => beginEpoch(tx, home))
    await as((tx) => countTaken(tx, new Map([['n', { shipments: 3, receipts: 1 }]]), new Date()))
    await rememberCounts(home, first, await as(readLinks))
    expect(await as((tx) => beginEpoch(tx, home))).toBe(first)
    await as((tx) => countTaken(tx, new Map([['n', { shipments: -2, receipts: 0 }]]), new Date()))
    const second = await as((tx) => beginEpoch(tx, home))
    expect(lifeOf(second)).not.toBe(lifeOf(first))
    await rememberCounts(home, second, await as(readLinks))
    expect(await as((tx) => beginEpoch(tx, home))).toBe(second)
  })
})
