import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OVERLAP_MS, type Succession, isEnding, nextStep } from './model.ts'

const START = Date.parse('2026-06-01T00:00:00.000Z')
const DAY = 24 * 3600_000

/** A node and its own log, as far as succession goes: what each step does, and a crash that loses the second half of it. */
type World = { using: number; next: number | null; published: { at: number; first: number; also: number | null }[] }

const latest = (world: World) => world.published.at(-1) ?? expect.fail('nothing published')
function successionOf(world: World, isDue: boolean): Succession {
  const { first, also } = latest(world)
  const since = (is: (line: World['published'][number]) => boolean): Date | null => {
    const found = world.published.find(is)
    return found === undefined ? null : new Date(found.at)
  }
  return {
    isBehind: first !== world.using,
    next: world.next === null ? null : { published: also === world.next ? since((line) => line.also === world.next) : null },
    old: also !== null && also !== world.next && also !== world.using ? { since: since((line) => line.first === world.using) } : null,
    isDue,
  }
}

describe('renewal', () => {
  it('never uses what was not in the directory for the overlap, nor drops what was used within it, whenever it is stopped', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.boolean()), { maxLength: 60 }), (looks) => {
      const world: World = { using: 1, next: null, published: [{ at: START, first: 1, also: null }] }
      const lastUse = new Map<number, number>()
      let at = START
      for (const [days, isDue] of looks) {
        lastUse.set(world.using, at += days * DAY)
        const step = nextStep(successionOf(world, isDue), new Date(at))
        if (step === 'make') world.next = world.using + 1
        if (step === 'use' && world.next !== null) {
          const first = world.published.find(({ also }) => also === world.next)
          expect(at - (first?.at ?? at)).toBeGreaterThanOrEqual(OVERLAP_MS)
          world.using = world.next
          world.next = null
        }
        if (step === 'publish') {
          const { first } = latest(world)
          world.published.push({ at, first: world.using, also: world.next ?? (first === world.using ? null : first) })
        }
        if (step === 'drop') {
          const dropped = latest(world).also ?? 0
          expect(at - (lastUse.get(dropped) ?? START)).toBeGreaterThanOrEqual(OVERLAP_MS)
          world.published.push({ at, first: world.using, also: null })
        }
        // What is shown is always among what is published.
        expect([latest(world).first, latest(world).also]).toContain(world.using)
      }
    }))
  })

  it('goes on until nothing is left to do', () => {
    const world = (change: Partial<Succession>): Succession => ({ isBehind: false, next: null, old: null, isDue: false, ...change })
    const now = new Date(START)
    const before = new Date(START - OVERLAP_MS)
    expect([world({ isDue: true }), world({ next: { published: null } }), world({ next: { published: now } }), world({ next: { published: before } }), world({ isBehind: true }), world({ old: { since: now } }), world({ old: { since: before } }), world({})].map((each) => nextStep(each, now)))
      .toEqual(['make', 'publish', null, 'use', 'publish', null, 'drop', null])
  })

  it('begins when a third of a certificate’s life is left', () => {
    const life = { from: new Date(START), until: new Date(START + 300 * DAY) }
    expect([199, 201].map((day) => isEnding(life, new Date(START + day * DAY)))).toEqual([false, true])
  })
})
