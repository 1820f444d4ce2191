import { sql } from 'kysely'
import type { Node } from './node.ts'
import { service } from './principal.ts'

/** Events and jobs that are due and not done; jobs that failed as often as they may. */
export type Backlog = { readonly events: number; readonly oldestEvent: Date | null; readonly jobs: number; readonly failedJobs: number }

export async function backlogOf(node: Node): Promise<Backlog> {
  return node.transaction(service('jobs'), async (tx) => {
    const { rows } = await sql<Backlog>`select e.*, j.* from
      (select count(*)::int as events, min(due) as "oldestEvent" from kernel.event_delivery where due <= clock_timestamp()) e,
      (select count(*) filter (where run_at <= now() and attempts < max_attempts)::int as jobs, count(*) filter (where attempts >= max_attempts)::int as "failedJobs" from graphile_worker.jobs) j`.execute(tx)
    return rows[0] as Backlog
  })
}
