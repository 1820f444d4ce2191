import type { FaultPoint } from '@postroad/road/faultpoints'
import type { Dice } from '@postroad/waybill/simulation'

/** How a door treats what passes through it (door.ts). */
export const DOOR_FAULTS = ['cut', 'halfOpen', 'deaf', 'slow', 'sliced', 'broken', 'flipped'] as const
export type DoorFault = (typeof DOOR_FAULTS)[number]

/** What may happen to a node or to the way to it. `forMs`: how long it lasts before it heals. */
export type Fault =
  | { readonly kind: 'kill'; readonly node: string; readonly point: FaultPoint | null; readonly passings: number }
  | { readonly kind: 'killDatabase'; readonly node: string }
  | { readonly kind: 'powerCut'; readonly node: string; readonly forMs: number }
  | { readonly kind: 'fillDisk'; readonly node: string; readonly forMs: number }
  | { readonly kind: 'door'; readonly node: string; readonly fault: DoorFault; readonly forMs: number }
  | { readonly kind: 'post'; readonly node: string; readonly forMs: number }
  | { readonly kind: 'clock'; readonly node: string; readonly byMs: number; readonly forMs: number }
  | { readonly kind: 'pause'; readonly node: string; readonly forMs: number }
export type FaultKind = Fault['kind']
export type Planned = { readonly at: number; readonly fault: Fault }

export type ScheduleOrder = {
  readonly nodes: readonly string[]
  readonly points: readonly FaultPoint[]
  readonly durationMs: number
  /** Which kinds may happen, each as often as it is named. */
  readonly kinds: readonly FaultKind[]
  /** Milliseconds between two faults, on average. */
  readonly everyMs: number
}

export const ALL_KINDS: readonly FaultKind[] = ['kill', 'kill', 'kill', 'killDatabase', 'powerCut', 'powerCut', 'fillDisk', 'door', 'door', 'post', 'clock', 'pause']

const MINUTE = 60_000
const JUMPS = [-5 * MINUTE, 5 * MINUTE, -60 * MINUTE, 26 * 60 * MINUTE, -26 * 60 * MINUTE, 366 * 24 * 60 * MINUTE] as const

/**
 * One storm: the same dice, the same faults at the same times. Every kind comes about as often as it was named, in shuffled rounds, and so does
 * every fault point, so that a long run passes them all and a short one a fair sample.
 */
export function makeSchedule(dice: Dice, { nodes, points, durationMs, kinds, everyMs }: ScheduleOrder): Planned[] {
  const planned: Planned[] = []
  const nextKind = rounds(dice, kinds)
  const nextPoint = rounds(dice, [...points, ...points.slice(0, Math.ceil(points.length / 4)).map(() => null)])
  const nextDoor = rounds(dice, DOOR_FAULTS)
  for (let at = everyMs / 2 + dice.below(everyMs); at < durationMs; at += everyMs / 2 + dice.below(everyMs)) {
    planned.push({ at, fault: faultOf(dice, nextKind(), dice.pick(nodes), { nextPoint, nextDoor, everyMs }) })
  }
  return planned
}

type Next = { readonly nextPoint: () => FaultPoint | null; readonly nextDoor: () => DoorFault; readonly everyMs: number }

function faultOf(dice: Dice, kind: FaultKind, node: string, { nextPoint, nextDoor, everyMs }: Next): Fault {
  const forMs = Math.round(everyMs * (0.6 + 2 * dice.next()))
  if (kind === 'kill') return { kind, node, point: nextPoint(), passings: 1 + dice.below(4) }
  if (kind === 'killDatabase') return { kind, node }
  if (kind === 'door') return { kind, node, fault: nextDoor(), forMs }
  if (kind === 'clock') return { kind, node, byMs: dice.pick(JUMPS), forMs }
  return { kind, node, forMs }
}

/** Deals out everything in a shuffled order, then again in another. */
function rounds<T>(dice: Dice, of: readonly T[]): () => T {
  let left: T[] = []
  return () => {
    if (left.length === 0) left = dice.shuffle(of)
    return left.pop() as T
  }
}
