import type { Random } from '../slices.ts'

/** A seeded source (mulberry32): the same seed, the same history. Never for keys that protect anything. */
export type Dice = { next(): number; below(limit: number): number; chance(probability: number): boolean; pick<T>(of: readonly T[]): T; shuffle<T>(of: readonly T[]): T[]; readonly bytes: Random }

export function createDice(seed: number): Dice {
  let state = seed >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (of) => of[below(of.length)] as (typeof of)[number],
    shuffle(of) {
      const mixed = [...of]
      for (let i = mixed.length - 1; i > 0; i--) {
        const j = below(i + 1)
        ;[mixed[i], mixed[j]] = [mixed[j] as (typeof of)[number], mixed[i] as (typeof of)[number]]
      }
      return mixed
    },
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  }
}
