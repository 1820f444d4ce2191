import type { SuiteId } from '@postroad/gm'
import { later, type Tx } from '@postroad/kernel/database'
import type { Receipt, SignedReceipt } from '@postroad/waybill'
import { sql } from 'kysely'
import { LEASE_MS, farthest } from '../model.ts'

/** A receipt of ours that is true and not signed yet. */
export type DueReceipt = { readonly receipt: Receipt; readonly suite: SuiteId; readonly route: 'answer' | 'home' }

export async function insertDue(tx: Tx, due: readonly DueReceipt[]): Promise<void> {
  if (due.length === 0) return
  const rows = due.map(({ receipt, suite, route }) => ({ receipt: receipt.id, message: receipt.message, content: receipt, suite, route }))
  await sql`${later} insert into road.due (receipt, message, content, suite, route)
    select * from json_to_recordset(${JSON.stringify(rows)}::json) as r (receipt uuid, message uuid, content json, suite text, route text)`.execute(tx)
}

/** Receipts left unsigned by a process that died: older than `before`. */
export async function oldDue(tx: Tx, before: Date, limit: number): Promise<readonly DueReceipt[]> {
  const { rows } = await sql<{ content: Receipt; suite: SuiteId; route: 'answer' | 'home' }>`select content, suite, route from road.due where at < ${before} order by at limit ${limit}`.execute(tx)
  return rows.map(({ content, suite, route }) => ({ receipt: content, suite, route }))
}

/** Receipts by id, signed or still due: what a repeated offer is answered with. */
export async function receiptsById(tx: Tx, ids: readonly string[]): Promise<{ readonly signed: readonly SignedReceipt[]; readonly due: readonly DueReceipt[] }> {
  if (ids.length === 0) return { signed: [], due: [] }
  const { rows } = await sql<{ receipt: Receipt; seal: SignedReceipt['seal'] | null; suite: SuiteId; route: 'answer' | 'home' }>`
    select receipt, seal, '' as suite, '' as route from road.receipt where id = any(${[...ids]}::uuid[])
    union all select content, null, suite, route from road.due where receipt = any(${[...ids]}::uuid[])`.execute(tx)
  return {
    signed: rows.flatMap(({ receipt, seal }) => (seal === null ? [] : [{ receipt, seal }])),
    due: rows.flatMap(({ receipt, seal, suite, route }) => (seal === null ? [{ receipt, suite, route }] : [])),
  }
}

/** Ids of the receipts about these recipients of a message that this node itself made or makes. */
export async function ownReceiptIds(tx: Tx, node: string, pairs: readonly { message: string; recipient: string }[]): Promise<readonly { message: string; recipient: string; id: string }[]> {
  if (pairs.length === 0) return []
  const given = sql`json_to_recordset(${JSON.stringify(pairs)}::json) as p (message uuid, recipient text)`
  const { rows } = await sql<{ message: string; recipient: string; id: string }>`
    select r.message, r.recipient, r.id from road.receipt r join ${given} on p.message = r.message and p.recipient = r.recipient where r.node = ${node} and r.kind in ('arrived', 'undeliverable', 'forwarded', 'recalled', 'recallRefused')
    union select d.message, d.content ->> 'recipient', d.receipt from road.due d join ${given} on p.message = d.message and p.recipient = d.content ->> 'recipient'`.execute(tx)
  return rows
}

/** Who brought a receipt, and our count of receipts taken from that peer then. */
export type BroughtBy = { readonly link: string; readonly mark: number } | null

/** Keeps signed receipts for good. Answers the ids that were new. */
export async function insertReceipts(tx: Tx, receipts: readonly (SignedReceipt & { readonly from?: BroughtBy })[]): Promise<ReadonlySet<string>> {
  if (receipts.length === 0) return new Set()
  const rows = receipts.map(({ receipt, seal, from }) => ({
    from_link: from?.link ?? null, from_mark: from?.mark ?? null, id: receipt.id, message: receipt.message, kind: receipt.kind, recipient: receipt.recipient, node: receipt.node, at: receipt.at, receipt, seal }))
  const { rows: inserted } = await sql<{ id: string }>`insert into road.receipt (from_link, from_mark, id, message, kind, recipient, node, at, receipt, seal)
    select * from json_to_recordset(${JSON.stringify(rows)}::json) as r (from_link text, from_mark bigint, id uuid, message uuid, kind text, recipient text, node text, at timestamptz, receipt json, seal json) order by id
    on conflict do nothing returning id`.execute(tx)
  return new Set(inserted.map(({ id }) => id))
}

export async function deleteDue(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await sql`${later} delete from road.due where receipt = any(${[...ids]}::uuid[])`.execute(tx)
}

/** All receipts about these messages, oldest first. */
export async function receiptsOf(tx: Tx, messages: readonly string[]): Promise<readonly SignedReceipt[]> {
  const { rows } = await sql<SignedReceipt>`select receipt, seal from road.receipt where message = any(${[...messages]}::uuid[]) order by at, id`.execute(tx)
  return rows
}

/** Those about one recipient of a message, and about the message as a whole, oldest first. */
export async function receiptsFor(tx: Tx, message: string, organ: string): Promise<readonly SignedReceipt[]> {
  const { rows } = await sql<SignedReceipt>`select receipt, seal from road.receipt where message = ${message} and (recipient is null or recipient = ${organ}) order by at, id`.execute(tx)
  return rows
}

/** A receipt on its way back. */
export type Relayed = { readonly seq: number; readonly link: string; readonly signed: SignedReceipt; readonly holder: string | null }

/** Puts receipts on their way to a peer, each once; answers those that were new. `holder`: who sends it on at once; null: it waits to be claimed. */
export async function insertRelay(tx: Tx, relays: readonly { readonly link: string; readonly signed: SignedReceipt; readonly from: BroughtBy; readonly holder: string | null }[], now: Date): Promise<readonly Relayed[]> {
  if (relays.length === 0) return []
  const rows = relays.map(({ link, signed, from, holder }) => ({ link, holder, receipt: signed.receipt.id, message: signed.receipt.message, signed, from_link: from?.link ?? null, from_mark: from?.mark ?? null, held_until: holder === null ? null : new Date(now.getTime() + LEASE_MS) }))
  const { rows: inserted } = await sql<{ seq: string; link: string; receipt: string; holder: string | null }>`insert into road.relay (link, receipt, message, signed, from_link, from_mark, holder, held_until)
    select * from json_to_recordset(${JSON.stringify(rows)}::json) as r (link text, receipt uuid, message uuid, signed json, from_link text, from_mark bigint, holder text, held_until timestamptz) on conflict do nothing returning seq, link, receipt, holder`.execute(tx)
  const byId = new Map(relays.map((relay) => [`${relay.link} ${relay.signed.receipt.id}`, relay.signed]))
  return inserted.flatMap(({ seq, link, receipt, holder }) => {
    const signed = byId.get(`${link} ${receipt}`)
    return signed === undefined ? [] : [{ seq: Number(seq), link, signed, holder }]
  })
}

/** What the peer cannot take yet is tried again after this long at most. */
const LONGEST_RETRY_SECONDS = 600

/** Claims receipts that nobody sends on, or whose holder did not in its time, oldest first, so many of each link; what another process is claiming is skipped. */
export async function claimRelays(tx: Tx, claim: { readonly links: readonly string[]; readonly holder: string; readonly now: Date; readonly limit: number }): Promise<readonly Relayed[]> {
  if (claim.links.length === 0) return []
  const { rows } = await sql<{ seq: string; link: string; signed: SignedReceipt }>`update road.relay x set holder = ${claim.holder}, held_until = ${new Date(claim.now.getTime() + LEASE_MS)}
    from unnest(${[...claim.links]}::text[]) l cross join lateral (select seq from road.relay q where q.link = l and q.state = 'queued' and (q.next_at <= clock_timestamp() or q.next_at > clock_timestamp() + ${2 * LONGEST_RETRY_SECONDS} * interval '1 second') and not coalesce(q.held_until between ${claim.now} and ${farthest(claim.now)}, false) order by q.seq limit ${claim.limit} for update skip locked) free
    where x.seq = free.seq returning x.seq, x.link, x.signed`.execute(tx)
  return rows.map((row) => ({ ...row, seq: Number(row.seq), holder: claim.holder })).sort((a, b) => a.seq - b.seq)
}

/** Gives back receipts that could not be sent: anybody may claim them. */
export async function releaseRelays(tx: Tx, seqs: readonly number[]): Promise<void> {
  if (seqs.length > 0) await sql`update road.relay set holder = null, held_until = null where seq = any(${[...seqs]}::bigint[]) and state = 'queued'`.execute(tx)
}

/** Gives back everything that these processes were to send on: they are gone. */
export async function releaseRelaysOf(tx: Tx, holders: readonly string[]): Promise<void> {
  await sql`update road.relay set holder = null, held_until = null where state = 'queued' and holder = any(${[...holders]}::text[])`.execute(tx)
}

/** Nobody is behind this link any more: what waits for it is given up. */
export async function endRelays(tx: Tx, links: readonly string[]): Promise<void> {
  if (links.length > 0) await sql`update road.relay set state = 'refused', holder = null, held_until = null where link = any(${[...links]}::text[]) and state = 'queued'`.execute(tx)
}

/** The receipts behind numbers of a link's relays. */
export async function relayIds(tx: Tx, link: string, seqs: readonly string[]): Promise<readonly { readonly seq: number; readonly id: string }[]> {
  const { rows } = await sql<{ seq: string; id: string }>`select seq, receipt as id from road.relay where link = ${link} and seq = any(${[...seqs]}::bigint[])`.execute(tx)
  return rows.map(({ seq, id }) => ({ seq: Number(seq), id }))
}

/** What became of relayed receipts. `retry`: the peer does not know the message, or who may speak for the recipient, yet. It is asked again, more rarely each time, and never given up. */
export type RelayVerdict = { readonly seq: number; readonly state: 'sent' | 'refused' | 'retry'; readonly mark: number }

export async function markRelayed(tx: Tx, relays: readonly RelayVerdict[]): Promise<void> {
  if (relays.length === 0) return
  await sql`${later} update road.relay x set mark = r.mark, tries = x.tries + 1, holder = null, held_until = null,
      state = case r.state when 'retry' then 'queued' else r.state end,
      next_at = case r.state when 'retry' then clock_timestamp() + least(${LONGEST_RETRY_SECONDS}, 2 ^ least(x.tries, 10)) * interval '1 second' else x.next_at end
    from json_to_recordset(${JSON.stringify(relays)}::json) as r (seq bigint, state text, mark bigint) where x.seq = r.seq and x.state = 'queued'`.execute(tx)
}

/** The peer came back from a backup and forgot receipts that it had made or passed on: those taken from it above `mark` go back to it. Answers how many. */
export async function tellBack(tx: Tx, link: string, mark: number): Promise<number> {
  const { rows } = await sql<{ seq: string }>`insert into road.relay (link, receipt, message, signed)
    select ${link}, id, message, json_build_object('receipt', receipt, 'seal', seal) from road.receipt where from_link = ${link} and from_mark > ${mark}
    union all select ${link}, receipt, message, signed from road.relay where from_link = ${link} and from_mark > ${mark}
    on conflict (link, receipt) do update set state = 'queued', mark = null, tries = 0, holder = null, held_until = null, next_at = clock_timestamp() returning seq`.execute(tx)
  return rows.length
}

/** The peer forgot what it was told after `mark`. */
export async function relayAgain(tx: Tx, link: string, mark: number): Promise<number> {
  const { rows } = await sql<{ seq: string }>`update road.relay set state = 'queued', mark = null, tries = 0, holder = null, held_until = null, next_at = clock_timestamp() where link = ${link} and state = 'sent' and mark > ${mark} returning seq`.execute(tx)
  return rows.length
}

/** Of these, those for which no alarm is waiting to be signed. */
export async function unfinishedLate(tx: Tx, pairs: readonly { message: string; organ: string }[]): Promise<readonly { message: string; organ: string }[]> {
  if (pairs.length === 0) return []
  const { rows } = await sql<{ message: string; organ: string }>`select p.message, p.organ from json_to_recordset(${JSON.stringify(pairs)}::json) as p (message uuid, organ text)
    where not exists (select from road.due d where d.message = p.message and d.content ->> 'kind' = 'late' and d.content ->> 'recipient' = p.organ)`.execute(tx)
  return rows
}
