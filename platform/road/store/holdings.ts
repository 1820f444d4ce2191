import type { Tx } from '@postroad/kernel/database'
import type { SignedHopLine, SlicedRecipient } from '@postroad/waybill'
import { sql } from 'kysely'
import type { Adoption } from '../model.ts'

/** What an organ has on the road, by what becomes of it: not signed for yet, signed for and not registered, ended, and sent. */
export type Holdings = { readonly inbox: number; readonly cases: number; readonly archive: number; readonly sent: number }
type Part = keyof Holdings

const partOf = sql`case when side = 'sent' then 'sent' when side = 'passed' then 'archive' when state in ('arrived', 'delivered') then 'inbox' when state = 'signedFor' then 'cases' else 'archive' end`
const holdingsOf = (rows: readonly { part: Part; count: string }[]): Holdings => ({ inbox: 0, cases: 0, archive: 0, sent: 0, ...Object.fromEntries(rows.map(({ part, count }) => [part, Number(count)])) })

export async function countHoldings(tx: Tx, organ: string): Promise<Holdings> {
  const { rows } = await sql<{ part: Part; count: string }>`select ${partOf} as part, count(*) from road.delivery where keeper = ${organ} group by 1`.execute(tx)
  return holdingsOf(rows)
}

/** Gives everything an organ keeps to its heirs, part by part; what it had inherited goes along. */
export async function moveHoldings(tx: Tx, organ: string, heirs: Readonly<Record<Part, string>>): Promise<Holdings> {
  const { rows } = await sql<{ part: Part; count: string }>`with moved as (
      update road.delivery set keeper = case ${partOf} when 'inbox' then ${heirs.inbox} when 'cases' then ${heirs.cases} when 'sent' then ${heirs.sent} else ${heirs.archive} end
      where keeper = ${organ} returning ${partOf} as part)
    select part, count(*) from moved group by 1`.execute(tx)
  for (const heir of new Set([heirs.archive, heirs.sent])) {
    await sql`insert into road.succession (organ, heir) select ${organ}, ${heir} union select organ, ${heir} from road.succession where heir = ${organ} on conflict do nothing`.execute(tx)
  }
  return holdingsOf(rows)
}

/** Unsigned deliveries in all inboxes here. */
export async function countUnsigned(tx: Tx): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from road.delivery where side = 'inbox' and state in ('arrived', 'delivered')`.execute(tx)
  return rows[0]?.count ?? 0
}

/** Unsigned deliveries in inboxes here, of these organs. */
export async function unsignedOf(tx: Tx, organs: readonly string[], limit: number): Promise<readonly { message: string; organ: string; entry: SlicedRecipient; hops: readonly SignedHopLine[] }[]> {
  const { rows } = await sql<{ message: string; organ: string; entry: SlicedRecipient; hops: SignedHopLine[] }>`select d.message, d.organ, d.entry, coalesce(d.hops, m.hops) as hops from road.delivery d join road.message m on m.id = d.message
    where side = 'inbox' and state in ('arrived', 'delivered') and organ = any(${[...organs]}::text[]) order by d.at, d.message limit ${limit}`.execute(tx)
  return rows
}

/**
 * A transaction that began before its organ ended may end after the handing over: what it left goes to the heirs too, unsigned documents as `adoptions` says,
 * sent ones to who has the organ's archive.
 */
export async function adoptStragglers(tx: Tx, adoptions: readonly Adoption[]): Promise<void> {
  await sql`update road.delivery d set keeper = r.heir from json_to_recordset(${JSON.stringify(adoptions)}::json) as r (organ text, keeper text, heir text)
    where d.organ = r.organ and d.keeper = r.keeper and d.side = 'inbox' and d.state in ('arrived', 'delivered')`.execute(tx)
  await sql`update road.delivery d set keeper = s.heir from road.succession s where d.keeper = s.organ and d.side = 'sent' and s.heir <> s.organ`.execute(tx)
}

/** Takes them out of the inbox. The row's lock decides against a 签收 of the same moment; answers those that were still unsigned, as `message organ`. */
export async function passOn(tx: Tx, pairs: readonly { readonly message: string; readonly organ: string }[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ name: string }>`update road.delivery d set side = 'passed' from json_to_recordset(${JSON.stringify(pairs)}::json) as r (message uuid, organ text)
    where d.message = r.message and d.organ = r.organ and d.side = 'inbox' and d.state in ('arrived', 'delivered') returning d.message || ' ' || d.organ as name`.execute(tx)
  return new Set(rows.map(({ name }) => name))
}
