import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import type { Logger } from 'pino'
import type { Database } from './database.ts'

const CHANNEL = 'postroad_event'
const POLL_MS = 2_000
const BURST_MS = 50

/** Tells other processes: one NOTIFY for a burst, outside transactions, since inside one it would make commits queue up behind each other. `name` is this process's own, by which it knows what it said itself. */
export function createNotifier(database: Database): { readonly name: string; notify(): void; stop(): Promise<void> } {
  const name = randomUUID()
  let timer: NodeJS.Timeout | null = null
  let sending: Promise<unknown> = Promise.resolve()
  return {
    name,
    notify: () => {
      timer ??= setTimeout(() => {
        timer = null
        sending = database.pool.query(`notify ${CHANNEL}, '${name}'`).catch(() => undefined) // the poll finds what a lost hint does not tell
      }, BURST_MS)
    },
    stop: async () => {
      if (timer !== null) clearTimeout(timer)
      await sending
    },
  }
}

export type Ear = { stop(): void }

/** Hears other processes of this database. A lost connection is made again; meanwhile the poll goes on. */
export async function listen(database: Database, self: string, wake: () => void, log: Logger): Promise<Ear> {
  let client: pg.PoolClient | null = null
  let timer: NodeJS.Timeout | null = null
  const open = async (): Promise<void> => {
    client = await database.pool.connect()
    client.on('notification', ({ payload }) => (payload === self ? undefined : wake()))
    client.once('error', (error) => {
      log.warn({ err: error }, 'event listener lost; polling')
      client?.release(true)
      client = null
      again()
    })
    await client.query(`listen ${CHANNEL}`)
  }
  const again = (): void => void (timer = setTimeout(() => void open().catch(again), POLL_MS))
  await open()
  return {
    stop: () => {
      if (timer !== null) clearTimeout(timer)
      client?.removeAllListeners('error').on('error', () => undefined) // it is thrown away on the next line
      client?.release(true)
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
