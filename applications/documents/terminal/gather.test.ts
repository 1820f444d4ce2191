import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gather } from './gather.ts'

const bounds = { most: 4, heaviest: 100, flights: 1, spacing: 0, weightOf: (item: number) => item, isRefusal: (error: unknown) => error === 'refused' }

/** A flight that can be held on the ground, and what flew. */
function airport(answer: (item: number) => string, refuses: (items: readonly number[]) => unknown = () => null) {
  const flights: (readonly number[])[] = []
  let open: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (open = resolve))
  const call = gather<number, string>(bounds, async (items) => {
    flights.push(items)
    await gate
    const refusal = refuses(items)
    if (refusal !== null) throw refusal
    return items.map((item) => ({ ok: true, value: answer(item) }))
  })
  return { call, flights, open }
}

describe('calls that are gathered', () => {
  it('go at once when alone, and together while another is under way, within the bounds', async () => {
    const { call, flights, open } = airport((item) => `answer ${item}`)
    const first = call(1)
    await Promise.resolve()
    const others = [2, 3, 4, 5, 6].map(call)
    expect(flights).toEqual([[1]])
    open()
    expect(await Promise.all([first, ...others])).toEqual([1, 2, 3, 4, 5, 6].map((item) => `answer ${item}`))
    expect(flights).toEqual([[1], [2, 3, 4, 5], [6]])
  })
  it('fly alone when they are heavier than a flight may be', async () => {
    const { call, flights, open } = airport(String)
    open()
    expect(await Promise.all([90, 90, 5, 500].map(call))).toEqual(['90', '90', '5', '500'])
    expect(flights).toEqual([[90], [90, 5], [500]])
  })
  it('each get their own answer: whoever is refused is refused alone', async () => {
    await fc.assert(fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 }), async (items) => {
      const isBad = (item: number): boolean => item % 5 === 0
      const { call, open } = airport(String, (flight) => (flight.some(isBad) ? 'refused' : null))
      open()
      const settled = await Promise.allSettled(items.map(call))
      expect(settled.map(({ status }) => status)).toEqual(items.map((item) => (isBad(item) ? 'rejected' : 'fulfilled')))
    }))
  })
  it('all hear of a failure that is nobody’s fault, and nothing is tried again', async () => {
    const { call, flights, open } = airport(String, () => 'offline')
    open()
    const settled = await Promise.allSettled([1, 2, 3].map(call))
    expect(settled).toEqual([1, 2, 3].map(() => ({ status: 'rejected', reason: 'offline' })))
    expect(flights).toHaveLength(1)
  })
})
