import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import type pg from 'pg'

/** A connection keeps a plan for each text; texts that a list of conditions makes are few, but nothing else bounds them. */
const MOST_TEXTS = 1000
const NOTHING: PostgresQueryResult<never> = { command: 'SELECT', rowCount: 0, rows: [] }

/**
 * The pool as Kysely sees it, with most round trips and most of the planning saved, which is where the time of small transactions goes:
 * `begin` waits for the first statement and travels with it when that has no parameters, every statement with parameters is prepared once
 * per connection under a name of its own, and those marked `LATER` are on their way before the one before them is answered.
 */
export function statementPool(pool: pg.Pool): PostgresPool {
  const names = new Map<string, string>()
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text)
    if (known !== undefined || names.size >= MOST_TEXTS) return known
    const name = `postroad_${names.size}`
    names.set(text, name)
    return name
  }
  return { options: {}, connect: async () => clientOf(await pool.connect(), nameOf), end: () => pool.end() }
}

/** Marks a statement that is sent and not waited for. */
export const LATER = '/* later */'

function clientOf(client: pg.PoolClient, nameOf: (text: string) => string | undefined): PostgresPoolClient {
  let isBeginDue = false
  let sent: Promise<unknown>[] = []
  const prepared = (text: string, values: readonly unknown[]): Promise<unknown> => {
    const name = nameOf(text)
    return client.query({ ...(name === undefined ? {} : { name }), text, values: [...values] })
  }
  const send = (text: string, values: readonly unknown[]): Promise<unknown> => {
    const begins = isBeginDue
    isBeginDue = false
    if (values.length === 0) return client.query(begins ? `begin;${text}` : text)
    if (begins) unawaited(client.query('begin'))
    return prepared(text, values)
  }
  /** Statements of one connection are answered in their order: when the last is, all are. */
  const unawaited = (statement: Promise<unknown>): void => {
    statement.catch(() => undefined) // told below, by the statement after it
    sent.push(statement)
  }
  const run = async (text: string, values: readonly unknown[]): Promise<unknown> => {
    if (text === 'begin') {
      isBeginDue = true
      return NOTHING
    }
    if (text.startsWith(LATER)) {
      unawaited(send(text, values))
      return NOTHING
    }
    const before = sent
    sent = []
    const own = send(text, values)
    const results = await Promise.allSettled([...before, ...sent, own])
    sent = []
    const failed = text === 'rollback' ? undefined : results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return last(await own)
  }
  return { query: run as PostgresPoolClient['query'], release: (destroy) => client.release(destroy) }
}

/** Several statements in one message are answered with several results. */
const last = (result: unknown): unknown => (Array.isArray(result) ? result.at(-1) : result)
