import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import type pg from 'pg'

/** A connection keeps a plan for each text; texts that a list of conditions makes are few, but nothing else bounds them. */
const MOST_TEXTS = 1000
const NOTHING: PostgresQueryResult<never> = { command: 'SELECT', rowCount: 0, rows: [] }

/**
 * The pool as Kysely sees it, with two round trips and most of the planning saved, which is where the time of small transactions goes:
 * `begin` waits for the first statement and travels with it when that has no parameters, and every statement with parameters is
 * prepared once per connection under a name of its own.
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

function clientOf(client: pg.PoolClient, nameOf: (text: string) => string | undefined): PostgresPoolClient {
  let isBeginDue = false
  const run = async (text: string, values: readonly unknown[]): Promise<unknown> => {
    if (text === 'begin') {
      isBeginDue = true
      return NOTHING
    }
    const begins = isBeginDue
    isBeginDue = false
    if (values.length === 0) return last(await client.query(begins ? `begin;${text}` : text))
    if (begins) await client.query('begin')
    const name = nameOf(text)
    return client.query({ ...(name === undefined ? {} : { name }), text, values: [...values] })
  }
  return { query: run as PostgresPoolClient['query'], release: (destroy) => client.release(destroy) }
}

/** Several statements in one message are answered with several results. */
const last = (result: unknown): unknown => (Array.isArray(result) ? result.at(-1) : result)
