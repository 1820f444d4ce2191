import type { Tx } from '@postroad/kernel/database'
import type { DeliveryState, Head, recallOf } from '@postroad/waybill'
import { sql } from 'kysely'
import { cursorOf, placeOf } from './cursor.ts'

export type SentPage = { readonly organs?: readonly string[] | undefined; readonly before?: string | undefined; readonly limit: number }
export type SentSummary = {
  readonly message: string
  readonly head: Head
  readonly manifest: Uint8Array
  readonly ownWrap: { readonly key: string; readonly wrap: string }
  readonly states: Readonly<Partial<Record<DeliveryState, number>>>
  readonly at: Date
  readonly cursor: string
}

/** Newest first; row policies keep it to the reader's organs. */
export async function listSent(tx: Tx, page: SentPage): Promise<readonly SentSummary[]> {
  const conditions = [sql`m.origin`]
  if (page.organs !== undefined) conditions.push(sql`m.sender_organ = any(${[...page.organs]}::text[] || (select coalesce(array_agg(organ), '{}') from road.succession where heir = any(${[...page.organs]}::text[])))`)
  if (page.before !== undefined) conditions.push(sql`(m.at, m.id) < ${placeOf(page.before)}`)
  const { rows } = await sql<Omit<SentSummary, 'cursor'>>`select m.id as message, m.head, m.manifest, m.own_wrap as "ownWrap", m.at,
      (select coalesce(json_object_agg(state, count), '{}') from (select state, count(*) from road.delivery d where d.message = m.id and d.side = 'sent' group by state) s) as states
    from road.message m where ${sql.join(conditions, sql` and `)} order by m.at desc, m.id desc limit ${page.limit}`.execute(tx)
  return rows.map((row) => ({ ...row, cursor: cursorOf(row.at, row.message) }))
}

/** The number that an organ's next message in a thread bears; null for a thread of which whoever asks may see no message. */
export async function nextOrdinal(tx: Tx, organ: string, thread: string): Promise<number | null> {
  const { rows } = await sql<{ next: number; known: boolean }>`select count(*) > 0 as known, coalesce(max(ordinal) filter (where origin and sender_organ = ${organ}) + 1, 0) as next
    from road.message where thread = ${thread}`.execute(tx)
  return rows[0]?.known === true ? rows[0].next : null
}

/** One line of the board of a message to many: what counts, groups and choices go by. `at`: since when it stands so. */
export type BoardLine = {
  readonly organ: string
  readonly name: string
  readonly role: string
  readonly state: DeliveryState
  readonly recall: ReturnType<typeof recallOf>
  readonly late: boolean
  readonly at: Date
  readonly reason: string
  /** The organ whose people decided it, and when: the recipient itself, its deputy or its heir; null where nobody has. */
  readonly signer: string | null
  readonly decidedAt: string | null
  /** The heir that a node on the way forwarded it to. */
  readonly forwardedTo: string | null
}
const line = sql`organ, name, role, state, recall, late, state_at as at, coalesce(decided #>> '{reason,text}', '') as reason,
  decided #>> '{actor,organ}' as signer, decided ->> 'at' as "decidedAt", forwarded_to as "forwardedTo"`

/** Recipients of a sent message in the order of their ids, from after one of them: by the primary key, whatever their number. */
export async function listBoard(tx: Tx, message: string, page: { readonly after: string; readonly limit: number }): Promise<readonly BoardLine[]> {
  const { rows } = await sql<BoardLine>`select ${line} from road.delivery where message = ${message} and side = 'sent' and organ > ${page.after} order by organ limit ${page.limit}`.execute(tx)
  return rows
}

/** One recipient of a sent message, or null. */
export async function boardLine(tx: Tx, message: string, organ: string): Promise<BoardLine | null> {
  const { rows } = await sql<BoardLine>`select ${line} from road.delivery where message = ${message} and side = 'sent' and organ = ${organ}`.execute(tx)
  return rows[0] ?? null
}
