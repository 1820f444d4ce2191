import type { SuiteId } from '@postroad/gm'
import { later, type Tx } from '@postroad/kernel/database'
import type { Head, SignedHopLine } from '@postroad/waybill'
import { sql } from 'kysely'
import { urgencyNumber } from '../model.ts'

/** A message as it is kept: once per node, whatever the number of recipients. */
export type StoredMessage = {
  readonly head: Head
  readonly headHash: string
  /** Null at the origin. */
  readonly cameFrom: string | null
  readonly manifest: Uint8Array
  readonly chunkHashes: readonly string[]
  /** Up to and with this node's own line. */
  readonly hops: readonly SignedHopLine[]
  readonly ownWrap: { readonly key: string; readonly wrap: string } | null
  readonly bodyBytes: number
  /** Sealed chunks each after its length, where the body is small; null: chunks in the blob store. */
  readonly framed: Uint8Array | null
}

/** Bytes of several rows as one binary parameter with places in it: as JSON or as an array they would cross as text, at twice the size. */
function packed(parts: readonly (Uint8Array | null)[]): { readonly bytes: Buffer; readonly places: readonly { readonly from: number; readonly length: number | null }[] } {
  let from = 1 // SQL counts from one
  const places = parts.map((part) => {
    const place = { from, length: part === null ? null : part.length }
    from += part?.length ?? 0
    return place
  })
  return { bytes: Buffer.concat(parts.filter((part) => part !== null)), places }
}

/** Inserts messages not known yet, with their bodies; answers the ids that were new. No id may stand twice. */
export async function insertMessages(tx: Tx, messages: readonly StoredMessage[]): Promise<ReadonlySet<string>> {
  if (messages.length === 0) return new Set()
  const manifests = packed(messages.map(({ manifest }) => manifest))
  const rows = messages.map(({ head, headHash, cameFrom, chunkHashes, hops, ownWrap }, i) => ({
    id: head.id, head_hash: headHash, head, kind: head.kind, thread: head.thread, ordinal: head.ordinal, regarding: head.regarding,
    sender_organ: head.sender.organ, sender_name: head.sender.name, urgency: urgencyNumber(head.urgency), label: head.label, created: head.created, expires: head.expires,
    came_from: cameFrom, chunk_hashes: chunkHashes, hops, own_wrap: ownWrap, place: manifests.places[i]?.from, length: manifests.places[i]?.length,
  }))
  const { rows: inserted } = await sql<{ id: string }>`insert into road.message
      (id, head_hash, head, kind, thread, ordinal, regarding, sender_organ, sender_name, urgency, label, created, expires, origin, came_from, manifest, chunk_hashes, hops, own_wrap)
    select id, head_hash, head, kind, thread, ordinal, regarding, sender_organ, sender_name, urgency, label, created, expires, came_from is null, came_from,
      substring(${manifests.bytes}::bytea from place for length), chunk_hashes, hops, own_wrap
    from json_to_recordset(${JSON.stringify(rows)}::json) as r (id uuid, head_hash text, head json, kind text, thread uuid, ordinal int, regarding uuid, sender_organ text,
      sender_name text, urgency smallint, label smallint, created timestamptz, expires timestamptz, came_from text, chunk_hashes json, hops json, own_wrap json, place int, length int)
    order by id on conflict (id) do nothing returning id`.execute(tx)
  const fresh = new Set(inserted.map(({ id }) => id))
  await insertBodies(tx, messages.filter(({ head }) => fresh.has(head.id)))
  return fresh
}

async function insertBodies(tx: Tx, messages: readonly StoredMessage[]): Promise<void> {
  if (messages.length === 0) return
  const bodies = packed(messages.map(({ framed }) => framed))
  const rows = messages.map(({ head, bodyBytes }, i) => ({ id: head.id, body_bytes: bodyBytes, place: bodies.places[i]?.from, length: bodies.places[i]?.length }))
  await sql`${later} insert into road.body (message, bytes, framed) select id, body_bytes, substring(${bodies.bytes}::bytea from place for length)
    from json_to_recordset(${JSON.stringify(rows)}::json) as r (id uuid, body_bytes bigint, place int, length int)`.execute(tx)
}

export type MessageFacts = { readonly id: string; readonly head: Head; readonly headHash: string; readonly cameFrom: string | null }

/** What decides about receipts and repeats, by message id. */
export async function messageFacts(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, MessageFacts>> {
  if (ids.length === 0) return new Map()
  const { rows } = await sql<MessageFacts>`select id, head, head_hash as "headHash", came_from as "cameFrom" from road.message where id = any(${[...new Set(ids)]}::uuid[])`.execute(tx)
  return new Map(rows.map((row) => [row.id, row]))
}

type MessageRow = {
  head: Head; head_hash: string; came_from: string | null; manifest: Uint8Array; chunk_hashes: string[]; hops: SignedHopLine[]
  own_wrap: { key: string; wrap: string } | null; bytes: string; framed: Uint8Array | null
}

/** A whole message, its body included where that is kept in the database. Null: not here, or not for who asks. */
export async function findMessage(tx: Tx, id: string, wanted: { readonly bodies: boolean } = { bodies: true }): Promise<StoredMessage | null> {
  return (await findMessages(tx, [id], wanted)).get(id) ?? null
}

/** Several of them; without `bodies`, `framed` is null throughout. */
export async function findMessages(tx: Tx, ids: readonly string[], wanted: { readonly bodies: boolean } = { bodies: true }): Promise<ReadonlyMap<string, StoredMessage>> {
  if (ids.length === 0) return new Map()
  const { rows } = await sql<MessageRow>`select m.head, m.head_hash, m.came_from, m.manifest, m.chunk_hashes, m.hops, m.own_wrap, b.bytes, case when ${wanted.bodies} then b.framed end as framed
    from road.message m join road.body b on b.message = m.id where m.id = any(${[...new Set(ids)]}::uuid[])`.execute(tx)
  return new Map(rows.map((row) => [row.head.id, {
    head: row.head, headHash: row.head_hash, cameFrom: row.came_from, manifest: row.manifest, chunkHashes: row.chunk_hashes, hops: row.hops,
    ownWrap: row.own_wrap, bodyBytes: Number(row.bytes), framed: row.framed,
  }]))
}

/** Where one chunk of a message lies: its name, and the body where that is in the database. Null: not here, or not for who asks. */
export async function findChunk(tx: Tx, id: string, index: number): Promise<{ readonly suite: SuiteId; readonly hash: string | null; readonly framed: Uint8Array | null } | null> {
  const { rows } = await sql<{ suite: SuiteId; hash: string | null; framed: Uint8Array | null }>`select m.head ->> 'suite' as suite, m.chunk_hashes ->> ${index}::int as hash, b.framed
    from road.message m join road.body b on b.message = m.id where m.id = ${id}`.execute(tx)
  return rows[0] ?? null
}

export type Arrival = { readonly message: string; readonly recipient: string; readonly visit: number; readonly shipment: string }

/** First arrival of each recipient; answers those that were new, as `message recipient visit`. */
export async function insertArrivals(tx: Tx, arrivals: readonly Arrival[]): Promise<ReadonlySet<string>> {
  if (arrivals.length === 0) return new Set()
  const { rows } = await sql<{ name: string }>`insert into road.arrival (message, recipient, visit, shipment)
    select * from json_to_recordset(${JSON.stringify(arrivals)}::json) as r (message uuid, recipient text, visit smallint, shipment text) order by 1, 2, 3
    on conflict do nothing returning message || ' ' || recipient || ' ' || visit as name`.execute(tx)
  return new Set(rows.map(({ name }) => name))
}

export type NewSubmission = { readonly organ: string; readonly clientId: string; readonly hash: string; readonly message: string; readonly receipt: string }

/** What was submitted before under these client ids, by `organ clientId`. */
export async function findSubmissions(tx: Tx, wanted: readonly { organ: string; clientId: string }[]): Promise<ReadonlyMap<string, NewSubmission>> {
  if (wanted.length === 0) return new Map()
  const { rows } = await sql<NewSubmission>`select s.organ, s.client_id as "clientId", s.hash, s.message, s.receipt from road.submission s
    join json_to_recordset(${JSON.stringify(wanted)}::json) as r (organ text, "clientId" text) on r.organ = s.organ and r."clientId" = s.client_id`.execute(tx)
  return new Map(rows.map((row) => [`${row.organ} ${row.clientId}`, row]))
}

/** Fails when another process has just used one of the client ids; whoever then tries again finds it. */
export async function insertSubmissions(tx: Tx, submissions: readonly NewSubmission[]): Promise<void> {
  if (submissions.length === 0) return
  await sql`${later} insert into road.submission (organ, client_id, hash, message, receipt)
    select * from json_to_recordset(${JSON.stringify(submissions)}::json) as r (organ text, "clientId" text, hash text, message uuid, receipt uuid) order by 1, 2`.execute(tx)
}

/** Bodies at centres whose every shipment was handed on before `before`: their content may be forgotten. Answers chunk hashes of those that lay in the blob store. */
export async function forgetBodies(tx: Tx, before: Date, limit: number): Promise<readonly string[]> {
  const { rows } = await sql<{ chunk_hashes: string[]; large: boolean }>`with old as (
      select b.message, b.framed is null as large from road.body b join road.message m on m.id = b.message
      where b.forgotten is null and not m.origin and m.at < ${before}
        and not exists (select from road.delivery d where d.message = b.message)
        and not exists (select from road.shipment s where s.message = b.message and (s.state = 'queued' or s.handed_at >= ${before}))
      limit ${limit} for update of b skip locked)
    , gone as (update road.body b set framed = null, forgotten = clock_timestamp() from old where b.message = old.message)
    select m.chunk_hashes, old.large from old join road.message m on m.id = old.message`.execute(tx)
  return rows.filter(({ large }) => large).flatMap(({ chunk_hashes }) => chunk_hashes)
}

