import { type Lane, laneOf, rankOf, splitByWay, type Ways, wayTo } from '@postroad/road/model'
import type { SlicedRecipient, Urgency } from '@postroad/waybill'
import { BYTES, CORES, COSTS, LINKS, RECEIPTS } from './assumed.ts'
import type { Letter, Province } from './traffic.ts'

const CHUNK = 1024 * 1024
const TEN_MINUTES = 600_000

type Parcel = { readonly letter: Letter; readonly slice: readonly SlicedRecipient[]; readonly to: string; readonly rank: number; bytes: number }
type Link = { readonly name: string; readonly speed: number; readonly lanes: Record<Lane, Parcel[]>; busy: boolean; turn: Lane; carried: number; longest: number }
type Station = { readonly id: string; freeAt: number[]; readonly cpu: number[]; rows: number; bytes: number }
export type Outcome = { readonly delays: ReadonlyMap<string, number[]>; readonly links: readonly { readonly name: string; readonly carried: number; readonly longest: number }[]; readonly stations: readonly { readonly id: string; readonly busiest: number; readonly day: number; readonly rows: number; readonly bytes: number }[]; readonly deliveries: number }

/**
 * Plays a day in virtual time. The way, the split of recipients into one shipment per link, the two lanes and the order within them are the road's own code;
 * a node is so many cores that take measured times, a link so many bytes a millisecond. Receipts are counted where they cost, not queued: they travel in batches.
 */
export function simulate({ nodes, parentOf, homeOf }: Province, letters: readonly Letter[]): Outcome {
  const stations = new Map(nodes.map((id): [string, Station] => [id, { id, freeAt: Array.from({ length: CORES }, () => 0), cpu: [], rows: 0, bytes: 0 }]))
  const links = new Map<string, Link>()
  const delays = new Map<string, number[]>()
  const ways = waysOf(parentOf, homeOf)
  const clock = createClock()
  let deliveries = 0

  const work = (station: Station, cost: number): number => {
    const core = station.freeAt.indexOf(Math.min(...station.freeAt))
    const done = Math.max(clock.now(), station.freeAt[core] ?? 0) + cost
    station.freeAt[core] = done
    spend(station, clock.now(), cost)
    return done
  }
  const take = (letter: Letter, slice: readonly SlicedRecipient[], at: string, cameFrom: string | null): void => {
    const station = stations.get(at) as Station
    const split = splitByWay(slice, (organ) => wayTo(ways, at, organ, ''), cameFrom)
    const rows = (cameFrom === null ? slice.length : 0) + split.here.length
    const done = work(station, COSTS.message + rows * COSTS.row + split.here.length * COSTS.arrival)
    station.rows += 2 + rows * 2 + split.links.size
    station.bytes += letter.bytes + slice.length * 1200 + letter.recipients * BYTES.manifest
    clock.at(done, () => {
      deliveries += split.here.length
      const key = `${letter.urgency} ${laneOf(letter.bytes)}`
      const known = delays.get(key) ?? []
      delays.set(key, known)
      for (const _ of split.here) known.push(clock.now() - letter.at)
      goHome(letter, at, split.here.length)
      for (const [to, some] of split.links) enqueue({ letter, slice: some, to, rank: rankOf({ urgency: letter.urgency as Urgency, bodyBytes: letter.bytes, at: new Date(clock.now()) }), bytes: BYTES.fixed + letter.bytes + some.length * BYTES.recipient + letter.recipients * BYTES.manifest }, at)
    })
  }
  /** What the receipts of so many deliveries cost on their way back. */
  const goHome = (letter: Letter, from: string, count: number): void => {
    if (count === 0) return
    const way = pathOf(parentOf, from, letter.home)
    for (const [step, id] of way.entries()) {
      const station = stations.get(id) as Station
      const cost = count * (id === letter.home ? RECEIPTS * COSTS.receipt : RECEIPTS * COSTS.relayed)
      spend(station, clock.now() + letter.readAfter, cost)
      station.rows += id === letter.home || step === 0 ? count * RECEIPTS : 0
      const next = way[step + 1]
      if (next !== undefined) linkOf(id, next).carried += count * RECEIPTS * BYTES.receipt
    }
  }
  const linkOf = (from: string, to: string): Link => {
    const name = `${from} → ${to}`
    const known = links.get(name) ?? { name, speed: (parentOf.get(from) === to ? from : to).includes('-x') ? LINKS.county : LINKS.city, lanes: { small: [], large: [] }, busy: false, turn: 'small', carried: 0, longest: 0 }
    links.set(name, known)
    return known
  }
  const enqueue = (parcel: Parcel, from: string): void => {
    const link = linkOf(from, parcel.to)
    const lane = link.lanes[laneOf(parcel.letter.bytes)]
    let place = lane.length
    while (place > 0 && parcel.rank < (lane[place - 1] as Parcel).rank) place -= 1
    lane.splice(place, 0, parcel)
    link.longest = Math.max(link.longest, link.lanes.small.length + link.lanes.large.length)
    pump(link, from)
  }
  /** One link, two lanes in turn: a film gives up the line after every chunk. */
  const pump = (link: Link, from: string): void => {
    if (link.busy) return
    const lane: Lane = link.lanes[link.turn].length > 0 ? link.turn : link.turn === 'small' ? 'large' : 'small'
    const [parcel] = link.lanes[lane]
    if (parcel === undefined) return
    link.busy = true
    link.turn = lane === 'small' ? 'large' : 'small'
    const bytes = lane === 'large' ? Math.min(CHUNK, parcel.bytes) : parcel.bytes
    parcel.bytes -= bytes
    if (parcel.bytes === 0) link.lanes[lane].shift()
    link.carried += bytes
    clock.at(clock.now() + bytes / link.speed, () => {
      link.busy = false
      if (parcel.bytes === 0) clock.at(clock.now() + LINKS.delayMs, () => take(parcel.letter, parcel.slice, parcel.to, from))
      pump(link, from)
    })
  }
  for (const letter of letters) clock.at(letter.at, () => take(letter, letter.to.map((organ) => ({ leaf: { organ } }) as SlicedRecipient), letter.home, null))
  clock.run()
  return {
    delays, deliveries,
    links: [...links.values()].map(({ name, carried, longest }) => ({ name, carried, longest })),
    stations: [...stations.values()].map(({ id, cpu, rows, bytes }) => ({ id, rows, bytes, busiest: Math.max(0, ...cpu.map((spent) => spent ?? 0)) / (TEN_MINUTES * CORES), day: cpu.reduce((sum, spent) => sum + (spent ?? 0), 0) })),
  }
}

function spend(station: Station, at: number, cost: number): void {
  const slot = Math.floor(at / TEN_MINUTES)
  for (let fill = station.cpu.length; fill <= slot; fill++) station.cpu.push(0)
  station.cpu[slot] = (station.cpu[slot] ?? 0) + cost
}

function pathOf(parentOf: ReadonlyMap<string, string | null>, from: string, to: string): string[] {
  const up = (id: string): string[] => [id, ...(parentOf.get(id) ? up(parentOf.get(id) as string) : [])]
  const [ours, theirs] = [up(from), up(to)]
  const meeting = ours.find((id) => theirs.includes(id)) as string
  return [...ours.slice(0, ours.indexOf(meeting) + 1), ...theirs.slice(0, theirs.indexOf(meeting)).reverse()]
}

/** The tree as the road asks it for ways; ways between two nodes are remembered. */
function waysOf(parentOf: ReadonlyMap<string, string | null>, homeOf: ReadonlyMap<string, string>): Ways {
  const known = new Map<string, string>()
  return {
    standsFor: (organ) => organ,
    organ: (id) => {
      const node = homeOf.get(id)
      return node === undefined ? null : { node }
    },
    leaving: () => null,
    nextHop: (from, organ) => {
      const home = homeOf.get(organ) as string
      const name = `${from} ${home}`
      const next = known.get(name) ?? pathOf(parentOf, from, home)[1] ?? from
      known.set(name, next)
      return next
    },
  }
}

/** Virtual time: a heap of what is to happen. */
function createClock(): { now(): number; at(time: number, task: () => void): void; run(): void } {
  const heap: { readonly time: number; readonly order: number; readonly task: () => void }[] = []
  let [time, order] = [0, 0]
  const before = (a: number, b: number): boolean => {
    const [one, other] = [heap[a] as (typeof heap)[number], heap[b] as (typeof heap)[number]]
    return one.time < other.time || (one.time === other.time && one.order < other.order)
  }
  const swap = (a: number, b: number): void => void ([heap[a], heap[b]] = [heap[b] as (typeof heap)[number], heap[a] as (typeof heap)[number]])
  return {
    now: () => time,
    at(when, task) {
      heap.push({ time: when, order: order++, task })
      for (let place = heap.length - 1, above = (place - 1) >> 1; place > 0 && before(place, above); place = above, above = (place - 1) >> 1) swap(place, above)
    },
    run() {
      while (heap.length > 0) {
        const [first] = heap as [(typeof heap)[number]]
        const last = heap.pop() as (typeof heap)[number]
        if (heap.length > 0) heap[0] = last
        for (let place = 0; ; ) {
          let least = place
          for (const below of [2 * place + 1, 2 * place + 2]) if (below < heap.length && before(below, least)) least = below
          if (least === place) break
          swap(place, least)
          place = least
        }
        time = first.time
        first.task()
      }
    },
  }
}
