import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { byLink, byMessage, effectsIn, homesOf, placed, withOwnLedgers } from './place.ts'
import { merged, simulate, together } from './simulate.ts'
import type { TracedRow } from './trace.ts'

const row = (table: string, some: Partial<TracedRow> = {}): TracedRow => ({ table, message: null, link: null, organ: null, isMove: true, ...some })
const rows = fc.array(fc.record({
  table: fc.constantFrom('road.message', 'road.delivery', 'road.shipment', 'road.relay', 'road.taken', 'road.link', 'road.submission', 'ledger.record', 'kernel.event', 'road.epoch'),
  message: fc.constantFrom(null, 'm1', 'm2', 'm3'), link: fc.constantFrom(null, 'l1', 'l2'), organ: fc.constantFrom(null, 'o1'), isMove: fc.boolean(),
}), { minLength: 1, maxLength: 20 })

describe('a node over several servers', () => {
  it('keeps everything that is told of a message together when it is placed by message', () => {
    const taken = ['road.message', 'road.body', 'road.delivery', 'road.receipt'].map((table) => row(table, { message: 'm1' }))
    expect(placed(taken, byMessage, new Map(), 16).size).toBe(1)
  })

  it('writes a shipment that is claimed on its link alone, and one that is handed on with its message too', () => {
    const [claimed, moved] = [false, true].map((isMove) => byMessage(row('road.shipment', { message: 'm1', link: 'l1', isMove }), new Map()))
    expect(claimed).toEqual(['link l1'])
    expect(moved).toEqual(['message m1', 'link l1'])
  })

  it('finds the link that brought a message in the books, when it is placed by link', () => {
    const homes = homesOf([[row('road.taken', { message: 'm1', link: 'l1' })]])
    expect(byLink(row('road.delivery', { message: 'm1' }), homes)).toEqual(['link l1'])
    expect(byLink(row('road.delivery', { message: 'm2' }), homes)).toEqual(['link here'])
  })

  it('loses no row between effects and servers, whatever a transaction wrote', () => {
    fc.assert(fc.property(rows, fc.integer({ min: 1, max: 16 }), fc.constantFrom(byMessage, byLink, withOwnLedgers(byMessage), withOwnLedgers(byLink)), (some, shards, place) => {
      expect(effectsIn(some).flat()).toHaveLength(some.length)
      const copies = some.reduce((sum, one) => sum + Math.max(1, place(one, new Map()).length), 0)
      expect([...placed(some, place, new Map(), shards).values()].reduce((sum, count) => sum + count, 0)).toBe(copies)
    }))
  })

  it('is bound by its busiest server, and gains nothing where every transaction writes on all', () => {
    const costs = { row: 0, commit: 1, part: 2 }
    const spread = Array.from({ length: 8 }, (_, n) => new Map([[n % 4, 1]]))
    expect(simulate(spread, costs)).toMatchObject({ milliseconds: 2, alone: 1 })
    expect(simulate(spread.map(() => merged(spread)), costs)).toMatchObject({ milliseconds: 16, alone: 0 })
    expect(together(spread)).toHaveLength(4)
  })
})
