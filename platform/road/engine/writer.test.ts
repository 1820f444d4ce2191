import { describe, expect, it } from 'vitest'
import { type Entry, groupCommit } from './writer.ts'

type Item = Entry & { readonly name: string }
const item = (name: string, change: Partial<Item> = {}): Item => ({ name, keys: [], weight: 1, lazy: false, ...change })
const tick = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('group commit', () => {
  it('writes together what came while another batch was being written', async () => {
    const batches: string[][] = []
    const writer = groupCommit<Item, string>(async (batch) => {
      batches.push(batch.map(({ name }) => name))
      await tick(30)
      return batch.map(({ name }) => name.toUpperCase())
    }, { lingerMs: 1 })
    const first = writer.write(item('a'))
    await tick(15)
    const rest = Promise.all(['b', 'c', 'd'].map((name) => writer.write(item(name))))
    expect([await first, ...(await rest)]).toEqual(['A', 'B', 'C', 'D'])
    expect(batches).toEqual([['a'], ['b', 'c', 'd']])
  })
  it('keeps entries with a common key apart and in their order', async () => {
    const batches: string[][] = []
    const writer = groupCommit<Item, string>(async (batch) => {
      batches.push(batch.map(({ name }) => name))
      return batch.map(({ name }) => name)
    }, { lingerMs: 1 })
    await Promise.all([writer.write(item('a', { keys: ['k'] })), writer.write(item('b', { keys: ['k', 'l'] })), writer.write(item('c', { keys: ['l'] })), writer.write(item('d'))])
    expect(batches).toEqual([['a', 'd'], ['b'], ['c']])
  })
  it('lets the one that cannot be written fail alone', async () => {
    const writer = groupCommit<Item, string>(async (batch) => {
      if (batch.some(({ name }) => name === 'poison')) throw new Error('poison')
      return batch.map(({ name }) => name)
    }, { lingerMs: 1 })
    const outcomes = await Promise.allSettled(['a', 'b', 'poison', 'c', 'd'].map((name) => writer.write(item(name))))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  })
  it('bounds a batch by weight and number', async () => {
    const sizes: number[] = []
    const writer = groupCommit<Item, number>(async (batch) => (sizes.push(batch.length), batch.map(() => 0)), { lingerMs: 1 })
    await Promise.all(Array.from({ length: 600 }, (_, i) => writer.write(item(String(i)))))
    expect(sizes).toEqual([256, 256, 88])
    sizes.length = 0
    await Promise.all([1, 2, 3].map((i) => writer.write(item(String(i), { weight: 5 * 1024 * 1024 }))))
    expect(sizes).toEqual([1, 1, 1])
  })
  it('lets lazy entries wait for others, but not for ever', async () => {
    const batches: string[][] = []
    const writer = groupCommit<Item, string>(async (batch) => (batches.push(batch.map(({ name }) => name)), batch.map(({ name }) => name)), { lingerMs: 1 })
    const lazy = writer.write(item('lazy', { lazy: true }))
    await writer.write(item('eager'))
    await lazy
    await writer.write(item('alone', { lazy: true }))
    expect(batches).toEqual([['lazy', 'eager'], ['alone']])
  })
  it('goes on after any pattern of arrivals', async () => {
    const writer = groupCommit<Item, string>(async (batch) => batch.map(({ name }) => name), { lingerMs: 2 })
    for (let round = 0; round < 200; round += 1) expect(await writer.write(item(String(round)))).toBe(String(round))
  })
  it('writes what waits when it stops, and nothing after that', async () => {
    const writer = groupCommit<Item, string>(async (batch) => batch.map(({ name }) => name), { lingerMs: 10_000 })
    const waiting = writer.write(item('a'))
    await writer.stop()
    expect(await waiting).toBe('a')
    await expect(writer.write(item('b'))).rejects.toThrow('stopping')
  })
})
