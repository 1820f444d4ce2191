import type { Tx } from '@postroad/kernel/database'
import type { SlicedRecipient } from '@postroad/waybill'
import { sql } from 'kysely'

/** What is wrong with a bundle that came: a volume, a part. `later`: it may be imported again. */
export type Remark = { readonly what: string; readonly code: string; readonly later: boolean }
export type TakenBundle = { readonly life: string; readonly number: number; readonly previous: number; readonly floor: number; readonly hash: string; readonly created: Date; readonly state: 'partial' | 'done'; readonly remarks: readonly Remark[]; readonly seenAt: Date }
const COLUMNS = sql.raw('life, number, previous, floor, hash, created, state, remarks, seen_at as "seenAt"')

export async function findTakenBundle(tx: Tx, link: string, life: string, number: number): Promise<TakenBundle | null> {
  const { rows } = await sql<TakenBundle>`select ${COLUMNS} from road.bundle_taken where link = ${link} and life = ${life} and number = ${number}`.execute(tx)
  return rows[0] ?? null
}

/** Keeps that a bundle came, and how far it got. Its contents are those that were seen first. */
export async function keepTakenBundle(tx: Tx, link: string, taken: TakenBundle): Promise<void> {
  await sql`insert into road.bundle_taken as t (link, life, number, previous, floor, hash, created, state, remarks, seen_at)
    values (${link}, ${taken.life}, ${taken.number}, ${taken.previous}, ${taken.floor}, ${taken.hash}, ${taken.created}, ${taken.state}, ${JSON.stringify(taken.remarks)}::json, ${taken.seenAt})
    on conflict (link, life, number) do update set state = excluded.state, remarks = excluded.remarks where t.state = 'partial'`.execute(tx)
}

/** The newest of a life, highest number first. */
export async function takenBundles(tx: Tx, link: string, life: string, limit: number): Promise<readonly TakenBundle[]> {
  const { rows } = await sql<TakenBundle>`select ${COLUMNS} from road.bundle_taken where link = ${link} and life = ${life} order by number desc limit ${limit}`.execute(tx)
  return rows
}

/** What a request of the peer is answered with; the same request again, with the newest answer. */
export async function keepAnswer(tx: Tx, answer: { readonly link: string; readonly kind: 'shipment' | 'receipts'; readonly ref: string; readonly status: number; readonly content: Uint8Array; readonly at: Date }): Promise<void> {
  await sql`insert into road.bundle_answer (link, kind, ref, status, content, at) values (${answer.link}, ${answer.kind}, ${answer.ref}, ${answer.status}, ${Buffer.from(answer.content)}, ${answer.at})
    on conflict (link, kind, ref) do update set status = excluded.status, content = excluded.content, at = excluded.at`.execute(tx)
}

/** Shipments that were put into a bundle and have no answer, by the number of the last bundle they were in. */
export async function unanswered(tx: Tx, link: string): Promise<readonly { readonly number: number; readonly shipments: number; readonly times: number }[]> {
  const { rows } = await sql<{ number: number; shipments: number; times: number }>`select number, count(*)::int as shipments, max(times)::int as times from (
      select i.ref, max(i.number) as number, count(*) as times from road.bundle_item i join road.bundle b on (b.link, b.number) = (i.link, i.number) and b.state = 'written'
      join road.shipment s on s.id = i.ref and s.state = 'queued' where i.link = ${link} and i.kind = 'shipment' group by i.ref) x group by number order by number`.execute(tx)
  return rows
}

/** A shipment as its head shows it. */
export type BundledShipment = { readonly message: string; readonly sender: string; readonly recipients: readonly string[]; readonly urgency: string; readonly label: number; readonly bytes: number; readonly created: string }
export async function bundledShipments(tx: Tx, link: string, number: number): Promise<readonly BundledShipment[]> {
  const { rows } = await sql<Omit<BundledShipment, 'bytes' | 'created'> & { bytes: string; created: Date }>`select m.id as message, m.sender_organ as sender, m.head ->> 'urgency' as urgency, m.label, b.bytes, m.created,
      (select array_agg(x #>> '{leaf,organ}') from json_array_elements(s.slice) x) as recipients
    from road.bundle_item i join road.shipment s on s.id = i.ref join road.message m on m.id = s.message join road.body b on b.message = m.id
    where i.link = ${link} and i.number = ${number} and i.kind = 'shipment' order by i.part`.execute(tx)
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes), created: row.created.toISOString() }))
}

export type QueuedShipment = { readonly id: string; readonly message: string; readonly link: string; readonly slice: readonly SlicedRecipient[]; readonly fence: number }
/** A shipment of this link that has not been handed on; null otherwise. */
export async function queuedShipment(tx: Tx, link: string, id: string): Promise<QueuedShipment | null> {
  const { rows } = await sql<Omit<QueuedShipment, 'fence'> & { fence: string }>`select id, message, link, slice, fence from road.shipment where id = ${id} and link = ${link} and state = 'queued'`.execute(tx)
  return rows[0] === undefined ? null : { ...rows[0], fence: Number(rows[0].fence) }
}

/** What an offer is made of, as it stands. */
export async function shipmentRow(tx: Tx, id: string): Promise<{ readonly message: string; readonly slice: unknown; readonly hops: unknown; readonly forwarded: unknown } | null> {
  const { rows } = await sql<{ message: string; slice: unknown; hops: unknown; forwarded: unknown }>`select message, slice, hops, forwarded from road.shipment where id = ${id}`.execute(tx)
  return rows[0] ?? null
}
