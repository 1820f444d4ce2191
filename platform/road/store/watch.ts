import type { Tx } from '@postroad/kernel/database'
import { sql } from 'kysely'

/** What waits for a link in one class. */
export type QueueRow = {
  readonly link: string
  readonly urgency: number
  readonly large: boolean
  readonly waiting: number
  readonly held: number
  readonly late: number
  readonly bytes: number
  readonly oldest: Date
  readonly mostAttempts: number
}

/** Every class of every link in which something waits. */
export async function waitingShipments(tx: Tx, now: Date): Promise<readonly QueueRow[]> {
  const { rows } = await sql<Omit<QueueRow, 'bytes'> & { bytes: string }>`select s.link, s.urgency, s.large, count(*)::int as waiting,
      count(*) filter (where s.lease_until > ${now})::int as held, count(*) filter (where s.late_at is not null)::int as late,
      coalesce(sum(b.bytes), 0) as bytes, min(m.at) as oldest, max(s.attempts) as "mostAttempts"
    from road.shipment s join road.message m on m.id = s.message left join road.body b on b.message = s.message
    where s.state = 'queued' group by 1, 2, 3 order by 1, 2, 3`.execute(tx)
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes) }))
}

export type WaitingReceipts = { readonly link: string; readonly waiting: number; readonly oldest: Date }

/** Receipts on their way back, by link. */
export async function waitingReceipts(tx: Tx): Promise<readonly WaitingReceipts[]> {
  const { rows } = await sql<WaitingReceipts>`select link, count(*)::int as waiting, min(at) as oldest from road.relay where state = 'queued' group by link order by link`.execute(tx)
  return rows
}

export type OpenDeliveries = { readonly sent: number; readonly late: number; readonly atTheDoor: number; readonly unsignedReceipts: number }

/** Deliveries that are not ended, each counted by an index of its own; and receipts of ours that are not signed yet. */
export async function openDeliveries(tx: Tx): Promise<OpenDeliveries> {
  const open = sql`side = 'sent' and state in ('accepted', 'queued', 'inCustody', 'arrived', 'delivered')`
  const { rows } = await sql<OpenDeliveries>`select
    (select count(*)::int from road.delivery where ${open} and facts #>> '{facts,late}' is null) as sent,
    (select count(*)::int from road.delivery where ${open} and facts #>> '{facts,late}' is not null) as late,
    (select count(*)::int from road.delivery where side = 'inbox' and state = 'arrived') as "atTheDoor",
    (select count(*)::int from road.due) as "unsignedReceipts"`.execute(tx)
  return rows[0] as OpenDeliveries
}
