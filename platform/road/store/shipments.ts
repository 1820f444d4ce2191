import { later, type Tx } from '@postroad/kernel/database'
import type { Head, SignedHopLine, SignedReceipt, SlicedRecipient } from '@postroad/waybill'
import { sql } from 'kysely'
import { LEASE_MS, type Lane, farthest, urgencyNumber } from '../model.ts'

/** What goes over one link for one message. */
export type NewShipment = {
  readonly id: string
  readonly head: Head
  readonly link: string
  readonly slice: readonly SlicedRecipient[]
  readonly hops: readonly SignedHopLine[]
  readonly forwarded: readonly SignedReceipt[]
  readonly lane: Lane
  readonly rank: number
  /** Who sends it at once; null: it waits to be claimed. */
  readonly owner: string | null
}
export type Lease = { readonly shipment: string; readonly fence: number }

/** Inserts shipments; those with an owner are leased from the start (fence 1), which saves the claim. Answers the ids that were new. */
export async function insertShipments(tx: Tx, shipments: readonly NewShipment[], now: Date): Promise<ReadonlySet<string>> {
  if (shipments.length === 0) return new Set()
  const rows = shipments.map(({ id, head, link, slice, hops, forwarded, lane, rank, owner }) => ({
    id, message: head.id, link, slice, hops, forwarded, sender: head.sender.organ, thread: head.thread, ordinal: head.ordinal, urgency: urgencyNumber(head.urgency), large: lane === 'large',
    rank, lease_owner: owner, lease_until: owner === null ? null : new Date(now.getTime() + LEASE_MS), fence: owner === null ? 0 : 1, next_at: now,
  }))
  const { rows: inserted } = await sql<{ id: string }>`insert into road.shipment as s (id, message, link, slice, hops, forwarded, sender, thread, ordinal, urgency, large, rank, state, lease_owner, lease_until, fence, next_at)
    select id, message, link, slice, hops, forwarded, sender, thread, ordinal, urgency, large, rank, 'queued', lease_owner, lease_until, fence, next_at
    from json_to_recordset(${JSON.stringify(rows)}::json) as r (id text, message uuid, link text, slice json, hops json, forwarded json, sender text, thread uuid, ordinal int, urgency smallint,
      large boolean, rank bigint, lease_owner text, lease_until timestamptz, fence bigint, next_at timestamptz) order by id
    on conflict (id) do update set state = 'queued', lease_owner = excluded.lease_owner, lease_until = excluded.lease_until, fence = s.fence + excluded.fence, next_at = excluded.next_at
    where s.state = 'rerouted' returning id`.execute(tx)
  return new Set(inserted.map(({ id }) => id))
}

export type ClaimedShipment = { readonly id: string; readonly message: string; readonly link: string; readonly slice: SlicedRecipient[]; readonly hops: SignedHopLine[]; readonly forwarded: SignedReceipt[]; readonly fence: number; readonly attempts: number; readonly rank: number }
type ClaimedRow = Omit<ClaimedShipment, 'fence' | 'rank'> & { readonly fence: string; readonly rank: string }

// A later message of a thread waits for the earlier one of the same sender and urgency; a recall (no place in the order) never waits.
const inTurn = sql`(m.kind = 'recallRequest' or s.ordinal = 0 or not exists (select from road.shipment e join road.message em on em.id = e.message
  where e.link = s.link and e.state = 'queued' and e.thread = s.thread and e.sender = s.sender and e.urgency = s.urgency and e.ordinal < s.ordinal and em.kind <> 'recallRequest'))`

/** Claims due shipments of one lane of a link, the earliest deadline first; what others hold is skipped. */
export async function claimShipments(tx: Tx, claim: { readonly link: string; readonly lane: Lane; readonly owner: string; readonly now: Date; readonly limit: number }): Promise<readonly ClaimedShipment[]> {
  const { rows } = await sql<ClaimedRow>`with due as (
      select s.id from road.shipment s join road.message m on m.id = s.message
      where s.link = ${claim.link} and s.large = ${claim.lane === 'large'} and s.state = 'queued' and not (s.next_at between ${claim.now} and ${farthest(claim.now)})
        and not coalesce(s.lease_until between ${claim.now} and ${farthest(claim.now)}, false) and ${inTurn}
      order by s.rank limit ${claim.limit} for update of s skip locked)
    update road.shipment s set lease_owner = ${claim.owner}, lease_until = ${new Date(claim.now.getTime() + LEASE_MS)}, fence = s.fence + 1
    from due where s.id = due.id returning s.id, s.message, s.link, s.slice, s.hops, s.forwarded, s.fence, s.attempts, s.rank`.execute(tx)
  return rows.map((row) => ({ ...row, fence: Number(row.fence), rank: Number(row.rank) })).sort((a, b) => a.rank - b.rank)
}

const leases = (held: readonly Lease[]) => sql`json_to_recordset(${JSON.stringify(held)}::json) as r (shipment text, fence bigint)`

/** The heartbeat: keeps what is still held. */
export async function extendLeases(tx: Tx, held: readonly Lease[], now: Date): Promise<void> {
  if (held.length === 0) return
  await sql`update road.shipment s set lease_until = ${new Date(now.getTime() + LEASE_MS)} from ${leases(held)} where s.id = r.shipment and s.fence = r.fence and s.state = 'queued'`.execute(tx)
}

/** Gives back what was claimed and not tried: others may claim it at once. */
export async function releaseLeases(tx: Tx, held: readonly Lease[]): Promise<void> {
  if (held.length === 0) return
  await sql`update road.shipment s set lease_owner = null, lease_until = null from ${leases(held)} where s.id = r.shipment and s.fence = r.fence and s.state = 'queued'`.execute(tx)
}

/** Frees what these processes had claimed, instead of waiting for their leases to run out: they are gone, and what they were offering may have been taken. */
export async function releaseLeasesOf(tx: Tx, holders: readonly string[]): Promise<void> {
  await sql`with freed as (update road.shipment set lease_owner = null, lease_until = null where state = 'queued' and lease_owner = any(${[...holders]}::text[]) returning id)
    insert into road.attempt (shipment, at, outcome, code, detail) select id, clock_timestamp(), 'later', 'process.gone', '' from freed`.execute(tx)
}

/** Gives back what this process held for one link. */
export async function releaseLeasesTo(tx: Tx, link: string, holder: string): Promise<void> {
  await sql`update road.shipment set lease_owner = null, lease_until = null where state = 'queued' and link = ${link} and lease_owner = ${holder}`.execute(tx)
}

export type WaitingShipment = {
  readonly id: string
  readonly message: string
  readonly link: string
  readonly slice: readonly SlicedRecipient[]
  readonly hops: readonly SignedHopLine[]
  readonly forwarded: readonly SignedReceipt[]
  /** The next centre may have taken it: it is in a bundle, or a try ended without an answer, or with one that could not be read yet, and it has not said since that it has no such recipient. */
  readonly doubtful: boolean
}

/** Shipments in nobody's hands, by id. */
export async function waitingShipments(tx: Tx, after: string, limit: number): Promise<readonly WaitingShipment[]> {
  const { rows } = await sql<WaitingShipment>`select s.id, s.message, s.link, s.slice, s.hops, s.forwarded,
      exists (select from road.attempt a where a.shipment = s.id and (a.code in ('link.cut', 'link.timeout', 'road.unexpected', 'road.directoryBehind', 'road.noCustody', 'road.greetFirst', 'process.gone') or a.code like 'http.5%' or a.code like 'kernel.%')
        and not exists (select from road.attempt b where b.shipment = s.id and b.id > a.id and b.code = 'road.wrongRecipient'))
      or exists (select from road.bundle_item i join road.bundle u on (u.link, u.number) = (i.link, i.number) where i.link = s.link and i.kind = 'shipment' and i.ref = s.id and u.state <> 'withdrawn'
        and not exists (select from road.attempt b where b.shipment = s.id and b.at > u.created and b.code = 'road.wrongRecipient')) as doubtful
    from road.shipment s where s.state = 'queued' and s.lease_owner is null and s.id > ${after} order by s.id limit ${limit}`.execute(tx)
  return rows
}

/** Gives waiting shipments up for others; answers those that were still in nobody's hands. */
export async function takeBack(tx: Tx, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`update road.shipment set state = 'rerouted' where id = any(${[...ids]}::text[]) and state = 'queued' and lease_owner is null returning id`.execute(tx)
  return new Set(rows.map(({ id }) => id))
}

/** The next centre took custody. Whoever lost the lease changes nothing; the same answer comes to the one who has it. */
export async function markHandedOn(tx: Tx, handed: readonly (Lease & { readonly mark: number })[], now: Date): Promise<void> {
  if (handed.length === 0) return
  await sql`${later} update road.shipment s set state = 'handedOn', handed_at = ${now}, mark = r.mark, lease_owner = null, lease_until = null
    from json_to_recordset(${JSON.stringify(handed)}::json) as r (shipment text, fence bigint, mark bigint) where s.id = r.shipment and s.fence = r.fence and s.state = 'queued'`.execute(tx)
}

/** The next centre refused it for good: this node, which never handed it on, ends it. Answers the shipments that were still held. */
export async function markEnded(tx: Tx, held: readonly Lease[]): Promise<readonly { id: string; message: string; slice: SlicedRecipient[] }[]> {
  if (held.length === 0) return []
  const { rows } = await sql<{ id: string; message: string; slice: SlicedRecipient[] }>`update road.shipment s set state = 'ended', lease_owner = null, lease_until = null
    from ${leases(held)} where s.id = r.shipment and s.fence = r.fence and s.state = 'queued' returning s.id, s.message, s.slice`.execute(tx)
  return rows
}

export type FailedTry = Lease & { readonly nextAt: Date; readonly outcome: string; readonly code: string; readonly detail: string }

/** Keeps a failed try and sets the time of the next. */
export async function markFailed(tx: Tx, failed: readonly FailedTry[], now: Date): Promise<void> {
  if (failed.length === 0) return
  const rows = JSON.stringify(failed)
  await sql`with gone as (insert into road.attempt (shipment, at, outcome, code, detail)
      select shipment, ${now}, outcome, code, detail from json_to_recordset(${rows}::json) as r (shipment text, outcome text, code text, detail text))
    update road.shipment s set lease_owner = null, lease_until = null, attempts = s.attempts + 1, next_at = r."nextAt"
    from json_to_recordset(${rows}::json) as r (shipment text, fence bigint, "nextAt" timestamptz) where s.id = r.shipment and s.fence = r.fence and s.state = 'queued'`.execute(tx)
}

/** The peer forgot what it took after `mark` (it came back from a backup): offered again, it loses nothing. Answers how many. */
export async function offerAgain(tx: Tx, link: string, mark: number, now: Date): Promise<number> {
  const { rows } = await sql<{ id: string }>`update road.shipment set state = 'queued', next_at = ${now}, attempts = 0, mark = null, handed_at = null
    where link = ${link} and state = 'handedOn' and mark > ${mark} returning id`.execute(tx)
  return rows.length
}

/** Waiting shipments may be tried at once: something was heard from the peer. */
export async function tryAtOnce(tx: Tx, link: string, now: Date): Promise<void> {
  await sql`update road.shipment set next_at = ${now} where link = ${link} and state = 'queued' and next_at > ${now} and not coalesce(lease_until between ${now} and ${farthest(now)}, false)`.execute(tx)
}

/** Of these links, those with waiting shipments. One look into the index for each, however long the queues are. */
export async function waitingLinks(tx: Tx, links: readonly string[]): Promise<readonly string[]> {
  const { rows } = await sql<{ link: string }>`select l as link from unnest(${[...links]}::text[]) l
    where exists (select from road.shipment s where s.link = l and s.state = 'queued' offset 0)`.execute(tx)
  return rows.map(({ link }) => link)
}

/** Shipments whose time limit passed while they wait here, without an alarm yet. Marks them. */
export async function takeOverdueShipments(tx: Tx, now: Date, limit: number): Promise<readonly { message: string; slice: SlicedRecipient[] }[]> {
  const { rows } = await sql<{ message: string; slice: SlicedRecipient[] }>`with late as (
      select s.id from road.shipment s join road.message m on m.id = s.message where s.state = 'queued' and s.late_at is null and not m.origin and m.expires < ${now} limit ${limit} for update of s skip locked)
    update road.shipment s set late_at = ${now} from late where s.id = late.id returning s.message, s.slice`.execute(tx)
  return rows
}

export type TakenRow = { readonly shipment: string; readonly message: string; readonly link: string; readonly mark: number; readonly receipts: readonly string[] }

/** What was taken over before, of these shipments. */
export async function findTaken(tx: Tx, shipments: readonly string[]): Promise<ReadonlyMap<string, TakenRow>> {
  if (shipments.length === 0) return new Map()
  const { rows } = await sql<Omit<TakenRow, 'mark'> & { mark: string }>`select shipment, message, link, mark, receipts from road.taken where shipment = any(${[...shipments]}::text[])`.execute(tx)
  return new Map(rows.map((row) => [row.shipment, { ...row, mark: Number(row.mark) }]))
}

export async function insertTaken(tx: Tx, rows: readonly TakenRow[]): Promise<void> {
  if (rows.length === 0) return
  await sql`${later} insert into road.taken (shipment, message, link, mark, receipts)
    select shipment, message, link, mark, receipts::uuid[] from json_to_recordset(${JSON.stringify(rows.map((row) => ({ ...row, receipts: `{${row.receipts.join(',')}}` })))}::json)
      as r (shipment text, message uuid, link text, mark bigint, receipts text)`.execute(tx)
}

/** Hand-overs and waits of a message, for its timeline. */
export async function shipmentsOf(tx: Tx, message: string): Promise<readonly { id: string; link: string; state: string; attempts: number; nextAt: Date; handedAt: Date | null; organs: string[] }[]> {
  const { rows } = await sql<{ id: string; link: string; state: string; attempts: number; nextAt: Date; handedAt: Date | null; organs: string[] }>`select id, link, state, attempts, next_at as "nextAt", handed_at as "handedAt",
    (select array_agg(x #>> '{leaf,organ}') from json_array_elements(slice) x) as organs from road.shipment where message = ${message} order by seq`.execute(tx)
  return rows
}
