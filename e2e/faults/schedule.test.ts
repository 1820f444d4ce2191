import { FAULT_POINTS } from '@postroad/road/faultpoints'
import { createDice } from '@postroad/waybill/simulation'
import { property, assert, integer } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ALL_KINDS, makeSchedule } from './schedule.ts'

const order = { nodes: ['a', 'b', 'c'], points: FAULT_POINTS, kinds: ALL_KINDS, everyMs: 1000 }

describe('a schedule of faults', () => {
  it('is the same for the same seed, in order, and within its time', () => {
    assert(property(integer(), (seed) => {
      const planned = makeSchedule(createDice(seed), { ...order, durationMs: 60_000 })
      expect(makeSchedule(createDice(seed), { ...order, durationMs: 60_000 })).toEqual(planned)
      expect(planned.map(({ at }) => at)).toEqual(planned.map(({ at }) => at).toSorted((one, other) => one - other))
      expect(planned.every(({ at }) => at < 60_000)).toBe(true)
    }))
  })
  it('of an hour passes every fault point on the way, and every kind of fault', () => {
    const planned = makeSchedule(createDice(1), { ...order, durationMs: 3_600_000, everyMs: 5000 }).map(({ fault }) => fault)
    expect(new Set(planned.flatMap((fault) => (fault.kind === 'kill' && fault.point !== null ? [fault.point] : [])))).toEqual(new Set(FAULT_POINTS))
    expect(new Set(planned.map(({ kind }) => kind))).toEqual(new Set(ALL_KINDS))
  })
})
