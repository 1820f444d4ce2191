import { sql } from 'kysely'
import type { Tx } from './database.ts'
import type { ServiceId } from './principal.ts'

/**
 * Lets a room write within somebody else's transaction, after its own checks: its rows have no policy by which others write.
 * Who acted before acts again afterwards; if the work fails, the transaction fails.
 */
export async function actingAs<T>(tx: Tx, service: ServiceId, work: () => Promise<T>): Promise<T> {
  const { rows } = await sql<{ service: string; person: string }>`select current_setting('postroad.service', true) as service, current_setting('postroad.person', true) as person`.execute(tx)
  const before = rows[0]
  if (before === undefined || before.service === service) return work()
  await sql`select set_config('postroad.service', ${service}, true), set_config('postroad.person', '-', true)`.execute(tx)
  const result = await work()
  await sql`select set_config('postroad.service', ${before.service}, true), set_config('postroad.person', ${before.person}, true)`.execute(tx)
  return result
}
