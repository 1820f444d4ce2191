import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nameOf, volumeName } from './format.ts'
import { type Candidate, chooseShipments, gapsOf, isPresent } from './model.ts'

const setting = { maxLabel: { out: 1, in: 7 }, oneWay: false }
const candidate = fc.record({ label: fc.nat(2), line: fc.constantFrom(null, 'a', 'b'), ordinal: fc.nat(6), rank: fc.nat(100) })
const candidates = fc.uniqueArray(candidate, { maxLength: 30, selector: ({ line, ordinal, rank }) => (line === null ? `- ${rank}` : `${line} ${ordinal}`) }).map((all) => all.map((one, i): Candidate => ({ ...one, id: String(i) })))

describe('what goes into a bundle', () => {
  it('is all that the label lets out and that has no earlier one of its thread left behind, each once, threads in their order', () => {
    fc.assert(fc.property(candidates, candidates, (waiting, away) => {
      const going = chooseShipments(waiting, away, setting)
      expect(new Set(going.map(({ id }) => id)).size).toBe(going.length)
      for (const [at, one] of going.entries()) {
        expect(one.label).toBeLessThanOrEqual(1)
        const behind = [...away, ...waiting.filter(({ id }) => !going.some((other) => other.id === id)), ...going.slice(at + 1)]
        if (one.line !== null) expect(behind.some(({ line, ordinal }) => line === one.line && ordinal < one.ordinal)).toBe(false)
      }
      const left = waiting.filter(({ id }) => !going.some((one) => one.id === id))
      for (const one of left) expect(one.label > 1 || [...away, ...waiting.filter(({ label }) => label > 1)].some(({ line, ordinal }) => line === one.line && line !== null && ordinal < one.ordinal)).toBe(true)
    }))
  })

  it('goes by its deadline', () => {
    const going = chooseShipments([3, 1, 2].map((rank): Candidate => ({ id: String(rank), label: 0, line: null, ordinal: 0, rank })), [], setting)
    expect(going.map(({ id }) => id)).toEqual(['1', '2', '3'])
  })
})

describe('gaps', () => {
  it('are exactly the written numbers that did not come and that nobody has given up, whatever came in which order', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('came', 'missing', 'withdrawn'), { minLength: 1, maxLength: 20 }), fc.nat(20), (fates, floorAt) => {
      const written = fates.flatMap((fate, i) => (fate === 'withdrawn' ? [] : [i + 1]))
      const floor = Math.min(floorAt, fates.length)
      const seen = written.filter((number) => fates[number - 1] === 'came').map((number) => ({ number, previous: Math.max(0, ...written.filter((other) => other < number)), floor: number > floor ? floor : 0 }))
      const known = Math.max(0, ...seen.map((one) => one.floor))
      const covered = (number: number): boolean => gapsOf(seen.toReversed()).some(({ from, to }) => from <= number && number <= to)
      const highest = Math.max(0, ...seen.map(({ number }) => number))
      for (const number of written) expect(covered(number)).toBe(fates[number - 1] === 'missing' && number > known && number < highest)
    }))
  })
})

describe('a greeting', () => {
  const heard = { life: 'a', number: 5, created: new Date(5000) }
  it('speaks of the present if it is the newest of its life, or of a younger life', () => {
    expect(isPresent({ life: null, number: 0, created: null }, { life: 'a', number: 1, created: new Date(1) })).toBe(true)
    expect([4, 5, 6].map((number) => isPresent(heard, { life: 'a', number, created: new Date(number * 1000) }))).toEqual([false, true, true])
    expect([4000, 6000].map((at) => isPresent(heard, { life: 'b', number: 1, created: new Date(at) }))).toEqual([false, true])
  })
})

describe('names on a medium', () => {
  it('never lead out of the folder, whatever ids a manifest holds', () => {
    const id = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,62}$/)
    fc.assert(fc.property(id, id, fc.integer({ min: 1, max: 999_999 }), (from, to, number) => {
      expect(volumeName(nameOf({ from, to, number }), 0, 3)).toMatch(/^[a-z0-9][a-z0-9.-]*\.v1of3\.postroad$/)
    }))
  })
})
