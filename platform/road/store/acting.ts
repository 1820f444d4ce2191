import type { Tx } from '@postroad/kernel/database'
import { sql } from 'kysely'

/**
 * Lets the road write within a person's transaction, after the road's own checks of what the person may do: its rows have no policy by which people write.
 * Who acted before acts again afterwards; if the work fails, the transaction fails.
 */
export async function asRoad<T>(tx: Tx, work: () => Promise<T>): Promise<T> {
  const { rows } = await sql<{ service: string; person: string }>`select current_setting('postroad.service', true) as service, current_setting('postroad.person', true) as person`.execute(tx)
  const before = rows[0]
  if (before === undefined || before.service === 'road') return work()
  await sql`select set_config('postroad.service', 'road', true), set_config('postroad.person', '-', true)`.execute(tx)
  const result = await work()
  await sql`select set_config('postroad.service', ${before.service}, true), set_config('postroad.person', ${before.person}, true)`.execute(tx)
  return result
}
