import { AsyncLocalStorage } from 'node:async_hooks'
import { sql } from 'kysely'
import { type Database, later, type Tx, transaction } from './database.ts'
import { type DispatchLoop, type Ear, createNotifier, listen, startLoop } from './event-wake.ts'
import type { Node } from './node.ts'
import type { EventDefinition, EventHandler, EventListener, Plugin } from './plugin.ts'
import { type Principal, service } from './principal.ts'

/** Transactions that hold claimed deliveries, and deliveries in each. They bind this many connections of the pool, so keep them few. */
const LOOPS = 2
const BATCH = 16

export type EventSystem = {
  emit(tx: Tx, event: string, payload: Readonly<Record<string, unknown>>): Promise<void>
  /** Runs `work` as one transaction and wakes the handlers of what it emitted, once it is committed. */
  transaction<T>(principal: Principal, work: (tx: Tx) => Promise<T>): Promise<T>
  /** Tells every process what its rooms hear, without an event. */
  hint(event: string): void
  /** Begins to hand out events to this node's handlers and listeners. */
  start(node: Node): Promise<void>
  /** Called after anything was emitted here or in another process of this database; a hint, may come for nothing. */
  onWake(listener: () => void): () => void
  /** Waits until no delivery is due and what was heard here is done: for tests. */
  settled(): Promise<void>
  stop(): Promise<void>
}

type Claimed = { readonly event: string; readonly handler: string; readonly attempts: number; readonly name: string; readonly payload: unknown }

/**
 * The outbox. An event lies in the table with the facts it tells of; each handler gets it at least once, in no promised order, and is called again with
 * growing pauses until it succeeds. One that never succeeds holds up nobody else. A claimed delivery is a locked row, so a killed process frees it at once.
 */
export function createEvents(database: Database, plugins: readonly Plugin[]): EventSystem {
  const handlers = handlersOf(plugins)
  const definitions = new Map(plugins.flatMap(({ events = [] }) => events.map((event) => [event.name, event] as const)))
  const hears = Map.groupBy(plugins.flatMap(({ hears: all = [] }) => all), ({ event }) => event)
  const emitted = new AsyncLocalStorage<{ events: Set<string>; due: boolean }>()
  const listeners = new Set<() => void>()
  let loops: DispatchLoop[] = []
  const hand = (): void => loops[0]?.wake() // it wakes the next when it finds more than it can carry
  const tell = (): void => listeners.forEach((listener) => listener())
  const notifier = createNotifier(database)
  let ear: Ear | null = null
  let running: Node | null = null
  let hearing: Promise<unknown> = Promise.resolve()
  const hear = (events: Iterable<string>): void => {
    const node = running
    if (node === null) return
    const called = [...events].flatMap((event) => hears.get(event) ?? []).map((listener) => hearOne(node, listener))
    if (called.length > 0) hearing = Promise.all([hearing, ...called])
  }

  return {
    emit: async (tx, event, payload) => {
      const handledBy = [...handlers.keys()].filter((id) => handlers.get(id)?.event === event)
      await insertEvent(tx, event, check(definitions.get(event), payload), handledBy)
      const store = emitted.getStore()
      if (store === undefined) return
      store.events.add(event)
      store.due ||= handledBy.length > 0
    },
    transaction: async (principal, work) => {
      const store = { events: new Set<string>(), due: false }
      const result = await emitted.run(store, () => transaction(database, principal, work))
      if (store.due) hand()
      if (store.events.size > 0) {
        tell()
        hear(store.events)
        notifier.notify(store.events)
      }
      return result
    },
    hint: (event) => {
      hear([event])
      notifier.notify([event])
    },
    start: async (node) => {
      running = node
      loops = Array.from({ length: LOOPS }, (_, at) => startLoop(() => dispatchBatch(node, handlers, () => loops[at + 1]?.wake()), node.log))
      ear = await listen(database, notifier.name, (events) => (hand(), tell(), hear(events ?? hears.keys())), node.log)
    },
    onWake: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    settled: async () => {
      while (await anyDue(database)) await new Promise((resolve) => setTimeout(resolve, 10))
      await hearing
    },
    stop: async () => {
      running = null
      await Promise.all(loops.map((loop) => loop.stop()))
      listeners.clear()
      ear?.stop()
      await hearing
      await notifier.stop()
    },
  }
}

/** A handler's name outlives a restart: room, event and its place among the room's handlers of that event. */
function handlersOf(plugins: readonly Plugin[]): ReadonlyMap<string, EventHandler> {
  const found = new Map<string, EventHandler>()
  for (const { id, on = [] } of plugins) {
    for (const handler of on) {
      const base = `${id}:${handler.event}`
      let name = base
      for (let n = 2; found.has(name); n += 1) name = `${base}:${n}`
      found.set(name, handler)
    }
  }
  return found
}

function check(definition: EventDefinition<unknown> | undefined, payload: Readonly<Record<string, unknown>>): { version: number; payload: Readonly<Record<string, unknown>> } {
  definition?.parse(payload)
  return { version: definition?.version ?? 1, payload }
}

async function insertEvent(tx: Tx, name: string, event: { version: number; payload: Readonly<Record<string, unknown>> }, handlers: readonly string[]): Promise<void> {
  const { organs } = event.payload
  const visible = Array.isArray(organs) ? organs.filter((organ) => typeof organ === 'string') : []
  await sql`${later} with id as (select nextval('kernel.event_id') as value),
    event as (insert into kernel.event (id, name, version, payload, organs)
      select value, ${name}, ${event.version}, ${JSON.stringify(event.payload)}::jsonb, ${visible}::text[] from id)
    insert into kernel.event_delivery (event, handler) select value, handler from id, unnest(${handlers}::text[]) handler`.execute(tx)
}

/** Claims due deliveries, runs their handlers side by side, and settles each on its own. Answers whether there was any. */
async function dispatchBatch(node: Node, handlers: ReadonlyMap<string, EventHandler>, onFull: () => void): Promise<boolean> {
  return transaction(node.database, service('jobs'), async (tx) => {
    const { rows } = await sql<Claimed>`select d.event::text, d.handler, d.attempts, e.name, e.payload
      from kernel.event_delivery d join kernel.event e on e.id = d.event
      where d.due <= clock_timestamp() and d.handler = any(${[...handlers.keys()]}::text[])
      order by d.due limit ${BATCH} for update of d skip locked`.execute(tx)
    if (rows.length === BATCH) onFull()
    const outcomes = await Promise.all(rows.map(async (row) => ({ row, failure: await runHandler(node, handlers.get(row.handler), row) })))
    const done = outcomes.filter(({ failure }) => failure === null).map(({ row }) => row)
    if (done.length > 0) {
      await sql`delete from kernel.event_delivery d using unnest(${done.map((row) => row.event)}::bigint[], ${done.map((row) => row.handler)}::text[]) as x(event, handler)
        where d.event = x.event and d.handler = x.handler`.execute(tx)
    }
    for (const { row, failure } of outcomes) {
      if (failure !== null) {
        await sql`update kernel.event_delivery set attempts = attempts + 1, last_error = ${failure}, due = clock_timestamp() + ${pauseAfter(row.attempts + 1)}::interval
          where event = ${row.event}::bigint and handler = ${row.handler}`.execute(tx)
      }
    }
    return rows.length > 0
  })
}

/** Seconds: 1, 2, 4 … up to ten minutes. */
const pauseAfter = (attempts: number): string => `${Math.min(2 ** (attempts - 1), 600)} seconds`

/** Null when it succeeded, else why not. A failure is the handler's own; the event stays for it alone. */
async function runHandler(node: Node, handler: EventHandler | undefined, row: Claimed): Promise<string | null> {
  try {
    await handler?.handle(row.payload, node)
    return null
  } catch (error) {
    node.log.warn({ err: error, event: row.name, id: row.event, handler: row.handler, attempts: row.attempts + 1 }, 'event handler failed')
    return (error instanceof Error ? error.message : String(error)).slice(0, 500)
  }
}

async function hearOne(node: Node, { event, hear }: EventListener): Promise<void> {
  try {
    await hear(node)
  } catch (error) {
    node.log.warn({ err: error, event }, 'a hint was not followed; the next look finds what it told of')
  }
}

async function anyDue(database: Database): Promise<boolean> {
  return transaction(database, service('jobs'), async (tx) => {
    const { rows } = await sql<{ due: boolean }>`select exists (select from kernel.event_delivery where due <= clock_timestamp()) as due`.execute(tx)
    return rows[0]?.due ?? false
  })
}

/** Removes events that everybody has handled and nobody will look back to. */
export async function sweepEvents(node: Node): Promise<void> {
  await node.transaction(service('jobs'), (tx) =>
    sql`delete from kernel.event e where at < clock_timestamp() - interval '7 days' and not exists (select from kernel.event_delivery d where d.event = e.id)`.execute(tx),
  )
}
