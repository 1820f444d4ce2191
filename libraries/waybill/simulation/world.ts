import type { Dice } from './random.ts'

/** One line of a history; what the checker reads. Times are virtual milliseconds. */
export type HistoryEvent = { readonly t: number; readonly e: string } & Readonly<Record<string, unknown>>
export type Faults = { readonly loss: number; readonly duplication: number; readonly delay: readonly [number, number] }

/** Virtual time, the wires between nodes, and the history. Everything that happens, happens in `run`. */
export type World = {
  readonly dice: Dice
  readonly history: HistoryEvent[]
  faults: Faults
  now(): number
  at(delay: number, task: () => void): void
  emit(e: string, facts: Readonly<Record<string, unknown>>): void
  connect(node: string, receive: (from: string, message: unknown) => void): void
  send(from: string, to: string, message: unknown): void
  cut(a: string, b: string): void
  heal(a: string, b: string): void
  healAll(): void
  /** Runs until `until` answers true (looked at after every task), or until nothing is left, or past `limit`. */
  run(limit: number, until?: () => boolean): void
}

export function createWorld(dice: Dice): World {
  let time = 0
  let order = 0
  const queue: { at: number; order: number; task: () => void }[] = []
  const ends = new Map<string, (from: string, message: unknown) => void>()
  const cuts = new Set<string>()
  const wire = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`)
  const history: HistoryEvent[] = []
  const world: World = {
    dice,
    history,
    faults: { loss: 0, duplication: 0, delay: [2, 10] },
    now: () => time,
    at(delay, task) {
      const entry = { at: time + Math.max(0, delay), order: order++, task }
      let low = 0
      for (let high = queue.length; low < high; ) {
        const middle = (low + high) >>> 1
        const other = queue[middle] as typeof entry
        if (other.at > entry.at || (other.at === entry.at && other.order > entry.order)) low = middle + 1
        else high = middle
      }
      queue.splice(low, 0, entry)
    },
    emit: (e, facts) => void history.push({ t: time, e, ...facts }),
    connect: (node, receive) => void ends.set(node, receive),
    send(from, to, message) {
      const copies = dice.chance(world.faults.duplication) ? 2 : 1
      for (let i = 0; i < copies; i++) {
        if (dice.chance(world.faults.loss)) continue
        const [least, most] = world.faults.delay
        world.at(least + dice.below(most - least + 1), () => {
          if (!cuts.has(wire(from, to))) ends.get(to)?.(from, message)
        })
      }
    },
    cut: (a, b) => void cuts.add(wire(a, b)),
    heal: (a, b) => void cuts.delete(wire(a, b)),
    healAll: () => cuts.clear(),
    run(limit, until) {
      for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
        if (entry.at > limit) return void queue.push(entry)
        time = entry.at
        entry.task()
        if (until?.()) return
      }
    },
  }
  return world
}
