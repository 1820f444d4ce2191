import type { Logger } from 'pino'
import type { Config, Role } from './config.ts'
import type { Database, Tx } from './database.ts'
import type { Principal } from './principal.ts'
import type { Telemetry } from './telemetry.ts'

/** The processes of this node, as this one sees them. */
export type Processes = {
  /** This process's own name, never given twice: who holds what it claims. */
  readonly self: string
  does(role: Role): boolean
  /** Whether this is the eldest living process of the role: for timers of which one is enough and two do no harm. */
  isEldest(role: Role): boolean
  /** Whether another process of the node lives. */
  hasOthers(): boolean
  /** From now on this process's job runner locks jobs under these names. */
  locksAs(names: readonly string[]): void
}

/** What every room is handed: the running node. Rooms find each other through imports of `service.ts`, not through this. */
export type Node = {
  readonly config: Config
  readonly database: Database
  readonly log: Logger
  readonly telemetry: Telemetry
  /** The only clock; tests give another. */
  now(): Date
  transaction<T>(principal: Principal, work: (tx: Tx) => Promise<T>): Promise<T>
  /** Writes an event in the same transaction; handlers are woken after commit. */
  emit(tx: Tx, event: string, payload: Readonly<Record<string, unknown>>): Promise<void>
  /** Tells every process of the node, this one included, what a room `hears`, without writing anything; may get lost. */
  hint(event: string): void
  readonly processes: Processes
  /** Values that rooms keep for the life of the process (pools, caches, engines), keyed by a typed key. */
  readonly slots: Slots
}

/** A typed key for `Slots`. */
export type Slot<T> = { readonly name: string; readonly type?: T }
export type Slots = {
  /** @throws Error when nobody has set it: a room is missing or starts too late */
  get<T>(slot: Slot<T>): T
  find<T>(slot: Slot<T>): T | undefined
  set<T>(slot: Slot<T>, value: T): void
}

export function createSlots(): Slots {
  const values = new Map<string, unknown>()
  return {
    get: <T>(slot: Slot<T>) => {
      if (!values.has(slot.name)) throw new Error(`slot ${slot.name} is empty`)
      return values.get(slot.name) as T
    },
    find: <T>(slot: Slot<T>) => values.get(slot.name) as T | undefined,
    set: (slot, value) => void values.set(slot.name, value),
  }
}
