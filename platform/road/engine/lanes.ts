import type { Lane } from '../model.ts'

/** Something that waits for a link, in one of its lanes. */
export type Waiting = { readonly id: string; readonly rank: number; readonly bytes: number }

/** Shipments of a lane that are under way at the same time over one connection. */
export const WIDTH: Readonly<Record<Lane, number>> = { small: 48, large: 2 }
/** How much of a lane lies in memory; the rest waits in the database. */
const MOST_ENTRIES = 1024
const MOST_BYTES: Readonly<Record<Lane, number>> = { small: 16 * 1024 * 1024, large: 1024 * 1024 }

/**
 * A lane in memory: earliest virtual deadline first, so many at a time. It only holds and chooses; who sends calls `next` until it answers null, and `done`
 * for each. The order of threads is kept before, in what is claimed at all: only the database sees every process's shipments.
 */
export type LaneQueue<W extends Waiting> = {
  add(waiting: W): void
  next(): W | null
  done(waiting: W): void
  readonly hasRoom: boolean
  readonly size: number
  /** Everything that is held: waiting or under way. */
  held(): readonly W[]
  /** Takes out all that is not under way. */
  clear(): readonly W[]
}

export function laneQueue<W extends Waiting>(lane: Lane): LaneQueue<W> {
  const waiting: W[] = []
  const under = new Map<string, W>()
  let bytes = 0
  return {
    add(entry) {
      let at = waiting.length
      while (at > 0 && entry.rank < (waiting[at - 1] as W).rank) at -= 1
      waiting.splice(at, 0, entry)
      bytes += entry.bytes
    },
    next() {
      if (under.size >= WIDTH[lane]) return null
      const entry = waiting.shift()
      if (entry === undefined) return null
      under.set(entry.id, entry)
      return entry
    },
    done(entry) {
      if (!under.delete(entry.id)) return
      bytes -= entry.bytes
    },
    get hasRoom() {
      return waiting.length + under.size < MOST_ENTRIES && bytes < MOST_BYTES[lane]
    },
    get size() {
      return waiting.length + under.size
    },
    held: () => [...under.values(), ...waiting],
    clear() {
      const all = waiting.splice(0)
      for (const entry of all) bytes -= entry.bytes
      return all
    },
  }
}
