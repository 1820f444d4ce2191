import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import type { Logger } from 'pino'
import type { Database } from './database.ts'

const CHANNEL = 'postroad_event'
const POLL_MS = 2_000
const BURST_MS = 50

/** A notification takes 8,000 bytes; more names than fit are told as no names, and whoever hears looks at everything. */
const MOST_BYTES = 7_000
const ANYTHING = '*'

export type Notifier = { readonly name: string; notify(events: Iterable<string>): void; stop(): Promise<void> }

/** Tells other processes: one NOTIFY for a burst, outside transactions, since inside one it would make commits queue up behind each other. `name` is this process's own, by which it knows what it said itself. */
export function createNotifier(database: Database): Notifier {
  const name = randomUUID()
  let burst = new Set<string>()
  let timer: NodeJS.Timeout | null = null
  let sending: Promise<unknown> = Promise.resolve()
  return {
    name,
    notify: (events) => {
      for (const event of events) burst.add(event)
      timer ??= setTimeout(() => {
        timer = null
        const told = [...burst].join(' ')
        burst = new Set()
        sending = database.pool.query('select pg_notify($1, $2)', [CHANNEL, `${name} ${told.length > MOST_BYTES ? ANYTHING : told}`]).catch(() => undefined) // the poll finds what a lost hint does not tell
      }, BURST_MS)
    },
    stop: async () => {
      if (timer !== null) clearTimeout(timer)
      await sending
    },
  }
}

export type Ear = { stop(): void }

/** Hears other processes of this database; `wake` gets the events they name, null for any. A lost connection is made again; meanwhile the poll goes on. */
export async function listen(database: Database, self: string, wake: (events: readonly string[] | null) => void, log: Logger): Promise<Ear> {
  let client: pg.PoolClient | null = null
  let timer: NodeJS.Timeout | null = null
  const open = async (): Promise<void> => {
    const mine = await database.pool.connect()
    client = mine
    mine.on('notification', ({ payload = '' }) => {
      const [from, ...events] = payload.split(' ')
      if (from !== self) wake(events.includes(ANYTHING) ? null : events)
    })
    // a connection that dies while it begins to listen says so twice: by its error and by the query's
    const lose = (error: unknown): void => {
      if (client !== mine) return
      client = null
      log.warn({ err: error }, 'event listener lost; polling')
      mine.release(true)
      again()
    }
    mine.on('error', lose)
    await mine.query(`listen ${CHANNEL}`).catch(lose)
  }
  const again = (): void => void (timer = setTimeout(() => void open().catch(again), POLL_MS))
  await open()
  return {
    stop: () => {
      if (timer !== null) clearTimeout(timer)
      const last = client
      client = null // what it still says is heard by nobody
      last?.release(true)
    },
  }
}

export type DispatchLoop = { wake(): void; stop(): Promise<void> }

/** Runs `dispatch` until it finds nothing, then waits for a wake-up or the poll. */
export function startLoop(dispatch: () => Promise<boolean>, log: Logger): DispatchLoop {
  let stopping = false
  let woken = true
  let resume = (): void => undefined
  const run = async (): Promise<void> => {
    while (!stopping) {
      woken = false
      const found = await dispatch().catch((error: unknown) => {
        if (!stopping) log.error({ err: error }, 'dispatch of events failed')
        return false
      })
      if (found || woken || stopping) continue
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS)
        resume = () => (clearTimeout(timer), resolve())
      })
    }
  }
  const running = run()
  const wake = (): void => {
    woken = true
    resume()
  }
  return { wake, stop: async () => ((stopping = true), wake(), await running) }
}
