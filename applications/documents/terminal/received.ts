import { fromBase64url } from '@postroad/gm'
import { type DirectoryView, unpackManifest } from '@postroad/waybill'
import { arrivalsPage, type Page, type ReceivedDetail, type ReceivedRow, type ReceivedView, receivedPage, type SentRow } from '../model.ts'
import { issueReceipt, issueReceipts } from './acts.ts'
import { fault } from './fault.ts'
import { unwrapAll } from './keys.ts'
import { chunksAt, chunksIn, openedParts } from './parts.ts'
import type { Post } from './post.ts'
import { fetchReceived, query } from './rows.ts'
import type { OpenedDocument, Readable, ReceivedSummary } from './types.ts'
import { verifyMessage } from './verify.ts'

/** One page of 「收文」 with titles where the organ's keys are open: one call to the key process for the whole page. */
export async function listReceived(post: Post, asked: { readonly view?: ReceivedView | undefined; readonly cursor?: string | undefined; readonly limit?: number | undefined } = {}): Promise<Page<ReceivedSummary>> {
  const page = await post.client.get(`/api/documents/received${query(asked)}`, receivedPage)
  return { items: await readable(post, page.items, (row) => (row.deputised ? null : { key: row.slice.leaf.key, wrap: row.slice.wrap })), next: page.next }
}

/** Rows with what their manifests say, as far as this organ can read them now. */
export async function readable<Row extends ReceivedRow | SentRow>(post: Post, rows: readonly Row[], wrapOf: (row: Row) => { readonly key: string; readonly wrap: string } | null): Promise<Readable<Row>[]> {
  // what an organ that ended was sent, or sent, its heir reads with the keys that it took over
  const isMine = (row: Row): boolean => ('keeper' in row ? row.keeper === post.actor().organ : true)
  const mine = rows.filter((row) => isMine(row) && wrapOf(row) !== null)
  const isOpen = post.keys.isOpen()
  const keys = isOpen && mine.length > 0 ? await unwrapAll(post.keys, mine.map((row) => wrapOf(row) as { key: string; wrap: string })) : []
  return rows.map((row): Readable<Row> => {
    const at = mine.indexOf(row)
    if (at < 0) return { ...row, content: null, sealed: wrapOf(row) === null ? 'notOurs' : 'keysClosed' }
    if (!isOpen) return { ...row, content: null, sealed: 'keysClosed' }
    const contentKey = keys[at] ?? null
    if (contentKey === null) return { ...row, content: null, sealed: 'damaged' }
    const manifest = unpackManifest(post.suites, { head: row.head, manifest: fromBase64url(row.manifest), contentKey, own: 'slice' in row ? row.slice.leaf : null })
    contentKey.fill(0)
    return manifest.ok ? { ...row, content: manifest.value.manifest.content, sealed: 'open' } : { ...row, content: null, sealed: 'damaged' }
  })
}

/** Verifies a received message and opens what may be opened. The organ's `delivered` receipt is signed once nothing was found wrong. */
export async function openReceived(post: Post, message: string, organ?: string): Promise<OpenedDocument> {
  const detail = await fetchReceived(post, message, organ ?? post.actor().organ)
  const isOurs = !detail.deputised && detail.keeper === post.actor().organ
  const [contentKey = null] = isOurs ? await unwrapAll(post.keys, [{ key: detail.slice.leaf.key, wrap: detail.slice.wrap }]) : []
  if (isOurs && contentKey === null) throw fault('notDecryptable')
  const { view } = await post.directory.current()
  const opened = openDetail(post, view, detail, contentKey, null)
  if (isAcknowledged(opened) && contentKey !== null) await issueReceipt(post, detail, 'delivered', null)
  return opened
}

/** Takes in what newly arrived: one request for all of it, one call to the key process for the content keys and one for the receipts. */
export async function collect(post: Post, page: { readonly after?: string | undefined; readonly limit?: number } = {}): Promise<Page<OpenedDocument>> {
  const { items, next } = await post.client.get(`/api/documents/arrivals${query(page)}`, arrivalsPage)
  if (items.length === 0) return { items: [], next }
  const { view } = await post.directory.current()
  const keys = await unwrapAll(post.keys, items.map(({ slice }) => ({ key: slice.leaf.key, wrap: slice.wrap })))
  const opened = items.map((item, index) => openDetail(post, view, item, keys[index] ?? null, item.body?.map(fromBase64url) ?? null))
  await issueReceipts(post, items.filter((_item, index) => keys[index] !== null && isAcknowledged(opened[index] as OpenedDocument)), 'delivered', null)
  return { items: opened, next }
}

function openDetail(post: Post, view: DirectoryView, detail: ReceivedDetail, contentKey: Uint8Array | null, body: readonly Uint8Array[] | null): OpenedDocument {
  const claim = { ...detail, manifest: fromBase64url(detail.manifest), contentKey }
  const { steps, verdict, signed } = verifyMessage(post.suites, view, claim)
  const chunks = body === null ? chunksAt(post, (n) => `/api/documents/received/${detail.message}/chunks/${n}?organ=${detail.organ}`) : chunksIn(body)
  return { row: detail, manifest: signed?.manifest ?? null, steps, verdict, parts: signed === null || contentKey === null ? [] : openedParts(post, claim, signed.manifest, contentKey, chunks) }
}

const isAcknowledged = ({ row, verdict }: OpenedDocument): boolean => verdict !== 'invalid' && 'state' in row && row.state === 'arrived'
