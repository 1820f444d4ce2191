import { CITIES, COUNTIES, DOCUMENTS_A_DAY, HOURS, NEAR, ORGANS, PEAK, RECIPIENTS, SIZES, URGENCIES } from './assumed.ts'

export type Province = { readonly nodes: readonly string[]; readonly parentOf: ReadonlyMap<string, string | null>; readonly homeOf: ReadonlyMap<string, string>; readonly organsOf: ReadonlyMap<string, readonly string[]> }
/** One document: when it is dispatched (ms of the day), from which node, to whom. `readAfter`: until it is opened and signed for. */
export type Letter = { readonly at: number; readonly home: string; readonly to: readonly string[]; readonly recipients: number; readonly bytes: number; readonly urgency: string; readonly readAfter: number }

/** The tree: a province, its cities, their counties, and everybody's organs. `share` below 1 makes a smaller one of the same shape. */
export function createProvince(share: number): Province {
  const scaled = (count: number): number => Math.max(1, Math.round(count * share))
  const parentOf = new Map<string, string | null>([['p', null]])
  const cities = Array.from({ length: scaled(CITIES) }, (_, place) => `c${place}`)
  for (const city of cities) parentOf.set(city, 'p')
  for (let county = 0; county < scaled(COUNTIES); county++) {
    const city = cities[county % cities.length] as string
    parentOf.set(`${city}-x${county}`, city)
  }
  const homeOf = new Map<string, string>()
  const organsOf = new Map<string, readonly string[]>()
  for (const node of parentOf.keys()) {
    const count = node === 'p' ? ORGANS.province : node.includes('-') ? ORGANS.county : ORGANS.city
    const organs = Array.from({ length: count }, (_, place) => `${node}.o${place}`)
    organsOf.set(node, organs)
    for (const organ of organs) homeOf.set(organ, node)
  }
  return { nodes: [...parentOf.keys()], parentOf, homeOf, organsOf }
}

/** A working day's documents, by a seed. */
export function writeLetters(province: Province, seed: number): Letter[] {
  const dice = random(seed)
  const all = [...province.homeOf.keys()]
  const letters: Letter[] = []
  for (const [organ, home] of province.homeOf) {
    for (let written = 0; written < DOCUMENTS_A_DAY; written++) {
      const most = Math.min(weighted(RECIPIENTS, dice()), all.length - 1)
      const before = RECIPIENTS[RECIPIENTS.findIndex(([up]) => up >= most) - 1]?.[0] ?? 0
      const count = most === 3000 ? most : before + 1 + Math.floor(dice() * (most - before))
      const to = recipientsOf(province, all, organ, home, count, dice)
      letters.push({ at: momentOf(dice), home, to, recipients: to.length, bytes: weighted(SIZES, dice()), urgency: weighted(URGENCIES, dice()), readAfter: 60_000 + dice() * 3_600_000 })
    }
  }
  return letters.sort((one, other) => one.at - other.at)
}

function recipientsOf({ organsOf, parentOf }: Province, all: readonly string[], organ: string, home: string, count: number, dice: () => number): string[] {
  const near = weighted(NEAR, dice())
  const city = home.includes('-') ? (parentOf.get(home) as string) : home
  const around = near === 'node' ? organsOf.get(home) : near === 'city' ? [...organsOf].flatMap(([node, organs]) => (node === city || parentOf.get(node) === city ? organs : [])) : all
  const among = around !== undefined && around.length > count * 2 ? around : all
  const chosen = new Set<string>()
  while (chosen.size < Math.min(count, among.length - 1)) {
    const one = among[Math.floor(dice() * among.length)] as string
    if (one !== organ) chosen.add(one)
  }
  return [...chosen]
}

function momentOf(dice: () => number): number {
  if (dice() < PEAK.share) return ((PEAK.hour * 60 + PEAK.minute) * 60 + dice() * PEAK.minutes * 60) * 1000
  const hour = weighted(HOURS.map((share, at) => [at, share * 10] as const), dice())
  return (hour + dice()) * 3_600_000
}

/** The entry on which a number from 0 to 1 falls; weights are thousandths. */
function weighted<T>(entries: readonly (readonly [T, number])[], at: number): T {
  let left = at * entries.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [value, weight] of entries) {
    if (left < weight) return value
    left -= weight
  }
  return (entries.at(-1) as readonly [T, number])[0]
}

/** mulberry32: the same seed, the same day. */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
