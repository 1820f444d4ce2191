import { later, type Tx } from '@postroad/kernel/database'
import type { Delivery, DeliveryFact, DeliveryState, SignedHopLine, SlicedRecipient } from '@postroad/waybill'
import { decidedBy, forwardedTo, isLate, recallOf, stateOf } from '@postroad/waybill'
import { sql } from 'kysely'
import { placeOf } from './cursor.ts'

export type Side = 'sent' | 'inbox'
export type DeliveryRow = {
  readonly message: string
  readonly side: Side
  readonly organ: string
  readonly keeper: string
  readonly deputies: readonly string[]
  readonly label: number
  readonly entry: SlicedRecipient
  readonly facts: Delivery
  /** Null: those of the message, which was never here before. */
  readonly hops: readonly SignedHopLine[] | null
}

/** What is looked up of the facts without reading them. */
const shownOf = (facts: Delivery) => ({ state: stateOf(facts), decided: decidedBy(facts), late: isLate(facts), recall: recallOf(facts), forwarded_to: forwardedTo(facts) })

/** What went on from an inbox here and comes back to it stands in its old row again. */
export async function insertDeliveries(tx: Tx, deliveries: readonly DeliveryRow[], at: Date): Promise<void> {
  if (deliveries.length === 0) return
  const rows = deliveries.map(({ entry, facts, deputies, ...row }) => ({
    ...row, entry, facts, deputies: `{${deputies.join(',')}}`, name: entry.leaf.name, role: entry.leaf.role, ...shownOf(facts), at,
  }))
  const given = sql`json_to_recordset(${JSON.stringify(rows)}::json) as r (message uuid, side text, organ text, keeper text, deputies text, name text, role text, label smallint,
      entry json, facts json, state text, decided json, late boolean, recall text, forwarded_to text, hops json, at timestamptz)`
  const back = rows.some(({ hops }) => hops !== null)
  if (back) {
    await sql`update road.delivery d set side = r.side, keeper = r.keeper, deputies = r.deputies::text[], entry = r.entry, facts = r.facts, state = r.state, decided = r.decided, late = r.late,
        recall = r.recall, forwarded_to = r.forwarded_to, hops = r.hops, state_at = r.at, at = r.at
      from ${given} where d.message = r.message and d.organ = r.organ and d.side = 'passed' and r.side = 'inbox' and r.hops is not null`.execute(tx)
  }
  await sql`${later} insert into road.delivery (message, side, organ, keeper, deputies, name, role, label, entry, facts, state, decided, late, recall, forwarded_to, hops, state_at)
    select message, side, organ, keeper, deputies::text[], name, role, label, entry, facts, state, decided, late, recall, forwarded_to, hops, at
    from ${given} ${back ? sql`where not exists (select from road.delivery d where d.message = r.message and d.side = r.side and d.organ = r.organ and r.hops is not null)` : sql``} order by 1, 2, 3`.execute(tx)
}

export type LockedDelivery = { readonly message: string; readonly side: Side; readonly organ: string; readonly keeper: string; readonly deputies: readonly string[]; readonly facts: Delivery; readonly state: DeliveryState }

const columns = sql`message, side, organ, keeper, deputies, facts, state`

/** To whom these messages were sent from here. */
export async function sentOrgans(tx: Tx, messages: readonly string[]): Promise<readonly { message: string; organ: string }[]> {
  if (messages.length === 0) return []
  const { rows } = await sql<{ message: string; organ: string }>`select message, organ from road.delivery where side = 'sent' and message = any(${[...messages]}::uuid[])`.execute(tx)
  return rows
}

/** Locks single deliveries on one side: the row lock that decides between recall and 签收. Always in the same order, so that two never wait for each other; a message to ten thousand is not locked as a whole. */
export async function lockPairs(tx: Tx, side: Side, pairs: readonly { message: string; organ: string }[]): Promise<readonly LockedDelivery[]> {
  if (pairs.length === 0) return []
  const { rows } = await sql<LockedDelivery>`select ${columns} from road.delivery where side = ${side} and (message, organ) in
    (select message, organ from json_to_recordset(${JSON.stringify(pairs)}::json) as r (message uuid, organ text)) order by message, side, organ for update`.execute(tx)
  return rows
}

/** Writes what became of locked rows. */
export async function updateDeliveries(tx: Tx, changes: readonly { message: string; side: Side; organ: string; facts: Delivery }[], at: Date): Promise<void> {
  if (changes.length === 0) return
  const rows = changes.map((change) => ({ ...change, ...shownOf(change.facts), at }))
  await sql`${later} update road.delivery d set facts = r.facts, state = r.state, decided = r.decided, late = r.late, recall = r.recall, forwarded_to = r.forwarded_to, state_at = case when d.state = r.state then d.state_at else r.at end
    from json_to_recordset(${JSON.stringify(rows)}::json) as r (message uuid, side text, organ text, facts json, state text, decided json, late boolean, recall text, forwarded_to text, at timestamptz)
    where d.message = r.message and d.side = r.side and d.organ = r.organ`.execute(tx)
}

export async function insertTombstones(tx: Tx, tombstones: readonly { message: string; organ: string; recall: string; sender: string }[]): Promise<void> {
  if (tombstones.length === 0) return
  await sql`${later} insert into road.tombstone (message, organ, recall, sender)
    select * from json_to_recordset(${JSON.stringify(tombstones)}::json) as r (message uuid, organ text, recall uuid, sender text) on conflict do nothing`.execute(tx)
}

export async function findTombstones(tx: Tx, messages: readonly string[]): Promise<readonly { message: string; organ: string; recall: string; sender: string }[]> {
  if (messages.length === 0) return []
  const { rows } = await sql<{ message: string; organ: string; recall: string; sender: string }>`select message, organ, recall, sender from road.tombstone where message = any(${[...messages]}::uuid[])`.execute(tx)
  return rows
}

export type Listed = {
  readonly message: string
  readonly organ: string
  readonly keeper: string
  readonly name: string
  readonly role: string
  readonly entry: SlicedRecipient
  readonly state: DeliveryState
  readonly decided: DeliveryFact | null
  readonly facts: Delivery
  readonly hops: readonly SignedHopLine[] | null
  readonly at: Date
}
const listed = sql`message, organ, keeper, name, role, entry, state, decided, facts, hops, at`
/** Newest first; `before` is the `cursor` of the last of the page before. */
export type Page = { readonly organs?: readonly string[] | undefined; readonly states?: readonly DeliveryState[] | undefined; readonly before?: string | undefined; readonly limit: number }

/** What arrived for the organs of whoever asks. */
export async function listInbox(tx: Tx, page: Page): Promise<readonly Listed[]> {
  const conditions = [sql`side = 'inbox'`]
  if (page.organs !== undefined) conditions.push(sql`keeper = any(${[...page.organs]}::text[])`)
  if (page.states !== undefined) conditions.push(sql`state = any(${[...page.states]}::text[])`)
  if (page.before !== undefined) conditions.push(sql`(at, message) < ${placeOf(page.before)}`)
  const { rows } = await sql<Listed>`select ${listed}
    from road.delivery where ${sql.join(conditions, sql` and `)} order by at desc, message desc limit ${page.limit}`.execute(tx)
  return rows
}

/** What arrived at these organs and was not yet taken in by any of their terminals, oldest first; `after` is the `cursor` of the last of the page before. */
export async function listArrived(tx: Tx, page: { readonly organs: readonly string[]; readonly after?: string | undefined; readonly limit: number }): Promise<readonly Listed[]> {
  const after = page.after === undefined ? sql`` : sql`and (at, message) > ${placeOf(page.after)}`
  const { rows } = await sql<Listed>`select ${listed}
    from road.delivery where side = 'inbox' and state = 'arrived' and keeper = any(${[...page.organs]}::text[]) ${after} order by at, message limit ${page.limit}`.execute(tx)
  return rows
}

/** Who keeps these deliveries, as far as whoever asks may see them. */
export async function keepersOf(tx: Tx, pairs: readonly { readonly message: string; readonly organ: string }[]): Promise<readonly { message: string; organ: string; keeper: string }[]> {
  const { rows } = await sql<{ message: string; organ: string; keeper: string }>`select message, organ, keeper from road.delivery where side = 'inbox' and (message, organ) in
    (select message, organ from json_to_recordset(${JSON.stringify(pairs)}::json) as r (message uuid, organ text))`.execute(tx)
  return rows
}

/** How many deliveries stand in each state, of inboxes that whoever asks may see. */
export async function countInbox(tx: Tx): Promise<Readonly<Partial<Record<DeliveryState, number>>>> {
  const { rows } = await sql<{ state: DeliveryState; count: string }>`select state, count(*) from road.delivery where side = 'inbox' group by state`.execute(tx)
  return Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)]))
}

export async function deliveriesOf(tx: Tx, side: Side, message: string): Promise<readonly Listed[]> {
  const { rows } = await sql<Listed>`select ${listed} from road.delivery where side = ${side} and message = ${message} order by (entry ->> 'index')::int`.execute(tx)
  return rows
}

/** Deliveries whose limit passed without an end and without an alarm yet. */
export async function overdueDeliveries(tx: Tx, now: Date, limit: number): Promise<readonly { message: string; organ: string }[]> {
  const { rows } = await sql<{ message: string; organ: string }>`select d.message, d.organ from road.delivery d join road.message m on m.id = d.message
    where d.side = 'sent' and d.facts #>> '{facts,late}' is null and d.state in ('accepted', 'queued', 'inCustody', 'arrived', 'delivered') and m.expires < ${now}
    order by d.message, d.organ limit ${limit}`.execute(tx)
  return rows
}

/** Keeps who may sign for whom in step with the directory; answers how many rows changed. */
export async function setDeputies(tx: Tx, deputies: readonly { organ: string; deputies: readonly string[] }[]): Promise<void> {
  await sql`update road.delivery d set deputies = r.deputies::text[]
    from json_to_recordset(${JSON.stringify(deputies.map((row) => ({ organ: row.organ, deputies: `{${row.deputies.join(',')}}` })))}::json) as r (organ text, deputies text)
    where d.side = 'inbox' and d.organ = r.organ and d.state in ('arrived', 'delivered') and d.deputies <> r.deputies::text[]`.execute(tx)
}

/** Organs with documents that wait to be signed for, and who keeps these. */
export async function waitingOrgans(tx: Tx): Promise<readonly { readonly organ: string; readonly keeper: string }[]> {
  const { rows } = await sql<{ organ: string; keeper: string }>`select distinct organ, keeper from road.delivery where side = 'inbox' and state in ('arrived', 'delivered')`.execute(tx)
  return rows
}
