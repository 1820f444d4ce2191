import type { Tx } from '@postroad/kernel/database'
import { sql } from 'kysely'

export type BundleState = 'prepared' | 'released' | 'written' | 'withdrawn'
/** What whoever releases a bundle is shown. */
export type BundleSummary = { readonly shipments: number; readonly receipts: number; readonly answers: number; readonly bytes: number; readonly topLabel: number }
export type BundleRow = {
  readonly link: string; readonly number: number; readonly life: string; readonly previous: number; readonly floor: number; readonly state: BundleState; readonly created: Date
  readonly preparedBy: string | null; readonly releasedBy: string | null; readonly summary: BundleSummary; readonly hash: string | null
  readonly writtenAt: Date | null; readonly confirmedAt: Date | null; readonly lostAt: Date | null
}
const COLUMNS = sql.raw(`b.link, b.number, b.life, b.previous, b.floor, b.state, b.created, b.prepared_by as "preparedBy", b.released_by as "releasedBy", b.summary, b.hash,
  b.written_at as "writtenAt", b.confirmed_at as "confirmedAt", b.lost_at as "lostAt"`)

export type BundleLink = { readonly lastNumber: number; readonly heardLife: string | null; readonly heardNumber: number; readonly heardCreated: Date | null; readonly heads: Readonly<Record<string, { readonly seq: number; readonly hash: string }>> }

/** Locks what is known of a link's bundles; made if it is new. One preparation or hearing at a time. */
export async function lockBundleLink(tx: Tx, peer: string): Promise<BundleLink> {
  await sql`insert into road.bundle_link (peer) values (${peer}) on conflict do nothing`.execute(tx)
  const { rows } = await sql<BundleLink>`select last_number as "lastNumber", heard_life as "heardLife", heard_number as "heardNumber", heard_created as "heardCreated", heads from road.bundle_link where peer = ${peer} for update`.execute(tx)
  return rows[0] as BundleLink
}

export async function setHeard(tx: Tx, peer: string, heard: { readonly life: string; readonly number: number; readonly created: Date }): Promise<void> {
  await sql`update road.bundle_link set heard_life = ${heard.life}, heard_number = ${heard.number}, heard_created = ${heard.created} where peer = ${peer}`.execute(tx)
}
export async function setHeads(tx: Tx, peer: string, heads: BundleLink['heads']): Promise<void> {
  await sql`update road.bundle_link set heads = ${JSON.stringify(heads)}::json where peer = ${peer}`.execute(tx)
}
/** Numbers below are not given out any more. */
export async function raiseNumber(tx: Tx, peer: string, number: number): Promise<void> {
  await sql`update road.bundle_link set last_number = greatest(last_number, ${number}) where peer = ${peer}`.execute(tx)
}

/** How long what was put into a bundle is left to it, and how often it goes at most (null: until it is answered). */
export type Patience = { readonly link: string; readonly next: number; readonly bundles: number; readonly since: Date; readonly times: number | null }
const outstanding = ({ link, next, bundles, since }: Patience) => sql`(b.link = ${link} and (b.state in ('prepared', 'released')
  or (b.state = 'written' and b.lost_at is null and b.number >= ${next - bundles} and b.written_at > ${since})))`
const notUnderWay = (patience: Patience, kind: string, ref: ReturnType<typeof sql.raw>, since = sql.raw(`'-infinity'::timestamptz`)) => sql`(not exists (select from road.bundle_item i join road.bundle b on (b.link, b.number) = (i.link, i.number)
    where i.link = ${patience.link} and i.kind = ${kind} and i.ref = ${ref} and b.created >= ${since} and ${outstanding(patience)})
  and (${patience.times}::int is null or (select count(*) from road.bundle_item i join road.bundle b on (b.link, b.number) = (i.link, i.number) where i.link = ${patience.link} and i.kind = ${kind} and i.ref = ${ref} and b.state = 'written') < ${patience.times}::int))`

export type WaitingShipment = { readonly id: string; readonly message: string; readonly kind: string; readonly label: number; readonly thread: string; readonly sender: string; readonly urgency: string; readonly ordinal: number; readonly rank: number; readonly bytes: number; readonly created: Date; readonly idle: boolean }

/** Shipments that wait for a link, the earliest deadline first. `idle`: in no bundle that is still waited for. */
export async function shipmentsFor(tx: Tx, patience: Patience, limit: number): Promise<readonly WaitingShipment[]> {
  const { rows } = await sql<Omit<WaitingShipment, 'rank' | 'bytes'> & { rank: string; bytes: string }>`select s.id, s.message, m.kind, m.label, s.thread, s.sender, m.head ->> 'urgency' as urgency, s.ordinal, s.rank, bo.bytes, m.created,
      ${notUnderWay(patience, 'shipment', sql.raw('s.id'))} as idle
    from road.shipment s join road.message m on m.id = s.message join road.body bo on bo.message = s.message where s.link = ${patience.link} and s.state = 'queued' order by s.rank limit ${limit}`.execute(tx)
  return rows.map((row) => ({ ...row, rank: Number(row.rank), bytes: Number(row.bytes) }))
}

export async function relaysFor(tx: Tx, patience: Patience, limit: number): Promise<readonly { readonly seq: string; readonly signed: unknown }[]> {
  const { rows } = await sql<{ seq: string; signed: unknown }>`select x.seq::text, x.signed from road.relay x where x.link = ${patience.link} and x.state = 'queued' and ${notUnderWay(patience, 'relay', sql.raw('x.seq::text'))} order by x.seq limit ${limit}`.execute(tx)
  return rows
}

/** Answers that are in no bundle that is still waited for, or have become others since. */
export async function answersFor(tx: Tx, patience: Patience, limit: number): Promise<readonly { readonly ref: string; readonly content: Uint8Array }[]> {
  const { rows } = await sql<{ ref: string; content: Uint8Array }>`select a.kind || ' ' || a.ref as ref, a.content from road.bundle_answer a where a.link = ${patience.link} and ${notUnderWay(patience, 'answer', sql.raw(`a.kind || ' ' || a.ref`), sql.raw('a.at'))} order by a.at limit ${limit}`.execute(tx)
  return rows
}

/** The lowest number that is still waited for; null: none. */
export async function lowestOutstanding(tx: Tx, patience: Patience, life: string): Promise<number | null> {
  const { rows } = await sql<{ number: number | null }>`select min(number) as number from road.bundle b where ${outstanding(patience)} and b.confirmed_at is null and b.life = ${life}`.execute(tx)
  return rows[0]?.number ?? null
}

/** The last that was written in a life; 0: none. */
export async function lastWritten(tx: Tx, link: string, life: string): Promise<number> {
  const { rows } = await sql<{ number: number }>`select coalesce(max(number), 0) as number from road.bundle where link = ${link} and life = ${life} and state = 'written'`.execute(tx)
  return rows[0]?.number ?? 0
}

export type NewPart = { readonly kind: string; readonly content: Uint8Array | null; readonly items: readonly { readonly kind: 'shipment' | 'relay' | 'answer'; readonly ref: string }[] }

/** Fixes a bundle's contents. */
export async function insertBundle(tx: Tx, bundle: Pick<BundleRow, 'link' | 'number' | 'life' | 'previous' | 'floor' | 'state' | 'created' | 'preparedBy' | 'summary'>, parts: readonly NewPart[]): Promise<void> {
  const { link, number } = bundle
  await sql`insert into road.bundle (link, number, life, previous, floor, state, created, prepared_by, summary)
    values (${link}, ${number}, ${bundle.life}, ${bundle.previous}, ${bundle.floor}, ${bundle.state}, ${bundle.created}, ${bundle.preparedBy}, ${JSON.stringify(bundle.summary)}::json)`.execute(tx)
  await raiseNumber(tx, link, number)
  const shipments = parts.flatMap(({ kind, content }, part) => (content === null ? [{ part, kind }] : []))
  await sql`insert into road.bundle_part (link, number, part, kind) select ${link}, ${number}, part, kind from json_to_recordset(${JSON.stringify(shipments)}::json) as r (part int, kind text)`.execute(tx)
  for (const [part, { kind, content }] of parts.entries()) {
    if (content !== null) await sql`insert into road.bundle_part (link, number, part, kind, content) values (${link}, ${number}, ${part}, ${kind}, ${Buffer.from(content)})`.execute(tx)
  }
  const items = parts.flatMap(({ items: own }, part) => own.map((item) => ({ part, ...item })))
  await sql`insert into road.bundle_item (link, number, part, kind, ref) select ${link}, ${number}, part, kind, ref from json_to_recordset(${JSON.stringify(items)}::json) as r (part int, kind text, ref text)`.execute(tx)
}

export async function findBundle(tx: Tx, link: string, number: number): Promise<BundleRow | null> {
  const { rows } = await sql<BundleRow>`select ${COLUMNS} from road.bundle b where link = ${link} and number = ${number} for update`.execute(tx)
  return rows[0] ?? null
}
export async function openBundle(tx: Tx, link: string): Promise<BundleRow | null> {
  const { rows } = await sql<BundleRow>`select ${COLUMNS} from road.bundle b where link = ${link} and state in ('prepared', 'released') for update`.execute(tx)
  return rows[0] ?? null
}
export async function listBundles(tx: Tx, link: string, limit: number): Promise<readonly BundleRow[]> {
  const { rows } = await sql<BundleRow>`select ${COLUMNS} from road.bundle b where link = ${link} order by number desc limit ${limit}`.execute(tx)
  return rows
}

/** A bundle's parts without their contents. */
export async function partsOf(tx: Tx, link: string, number: number): Promise<readonly { readonly part: number; readonly kind: string; readonly shipment: string | null }[]> {
  const { rows } = await sql<{ part: number; kind: string; shipment: string | null }>`select p.part, p.kind, i.ref as shipment from road.bundle_part p
    left join road.bundle_item i on (i.link, i.number, i.part) = (p.link, p.number, p.part) and i.kind = 'shipment' where p.link = ${link} and p.number = ${number} order by p.part`.execute(tx)
  return rows
}
export async function contentOf(tx: Tx, link: string, number: number, part: number): Promise<Uint8Array | null> {
  const { rows } = await sql<{ content: Uint8Array | null }>`select content from road.bundle_part where link = ${link} and number = ${number} and part = ${part}`.execute(tx)
  return rows[0]?.content ?? null
}
/** What one part of a bundle carried. */
export async function itemsOf(tx: Tx, bundle: { readonly link: string; readonly life: string; readonly number: number; readonly part: number }): Promise<readonly string[]> {
  const { rows } = await sql<{ ref: string }>`select i.ref from road.bundle_item i join road.bundle b on (b.link, b.number) = (i.link, i.number)
    where i.link = ${bundle.link} and i.number = ${bundle.number} and i.part = ${bundle.part} and b.life = ${bundle.life}`.execute(tx)
  return rows.map(({ ref }) => ref)
}

export async function setReleased(tx: Tx, link: string, number: number, person: string | null): Promise<void> {
  await sql`update road.bundle set state = 'released', released_by = ${person} where link = ${link} and number = ${number}`.execute(tx)
}
export async function setWithdrawn(tx: Tx, link: string, number: number): Promise<void> {
  await sql`update road.bundle set state = 'withdrawn' where link = ${link} and number = ${number}`.execute(tx)
  await sql`delete from road.bundle_part where link = ${link} and number = ${number}`.execute(tx)
}
/** False: it was withdrawn. */
export async function setWritten(tx: Tx, link: string, number: number, hash: string, now: Date): Promise<boolean> {
  const { rows } = await sql`update road.bundle set state = 'written', hash = ${hash}, written_at = coalesce(written_at, ${now}) where link = ${link} and number = ${number} and state in ('released', 'written') returning number`.execute(tx)
  return rows.length > 0
}

/** The peer has these: their answers have arrived, their contents need not be written again. */
export async function setConfirmed(tx: Tx, link: string, life: string, numbers: readonly number[], now: Date): Promise<void> {
  const { rows } = await sql<{ number: number }>`update road.bundle set confirmed_at = ${now}, lost_at = null where link = ${link} and life = ${life} and number = any(${[...numbers]}::int[]) and state = 'written' and confirmed_at is null returning number`.execute(tx)
  const fresh = rows.map(({ number }) => number)
  if (fresh.length === 0) return
  await sql`delete from road.bundle_answer a using road.bundle_item i where a.link = ${link} and i.link = ${link} and i.number = any(${fresh}::int[]) and i.kind = 'answer' and i.ref = a.kind || ' ' || a.ref
    and a.at <= (select b.created from road.bundle b where b.link = ${link} and b.number = i.number)`.execute(tx)
  await sql`delete from road.bundle_part where link = ${link} and number = any(${fresh}::int[])`.execute(tx)
}
/** The peer has later ones and not these. Answers which were new. */
export async function setLost(tx: Tx, link: string, life: string, from: number, highest: number, done: readonly number[], now: Date): Promise<readonly number[]> {
  const { rows } = await sql<{ number: number }>`update road.bundle set lost_at = ${now} where link = ${link} and life = ${life} and state = 'written' and confirmed_at is null and lost_at is null
    and number >= ${from} and number <= ${highest} and not number = any(${[...done]}::int[]) returning number`.execute(tx)
  return rows.map(({ number }) => number)
}
/** The peer came back from a backup: whatever it had may be forgotten, and nothing is left to bundles that were written before. */
export async function setAllLost(tx: Tx, link: string, now: Date): Promise<void> {
  await sql`update road.bundle set lost_at = ${now} where link = ${link} and state = 'written' and lost_at is null`.execute(tx)
}
