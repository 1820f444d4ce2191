import { fromBase64url } from '@postroad/gm'
import { type BoardLine, boardPage, type Page, sentPage, type Story, story, type Tracking, tracking } from '../model.ts'
import { fault } from './fault.ts'
import { unwrapAll } from './keys.ts'
import { chunksAt, openedParts } from './parts.ts'
import type { Post } from './post.ts'
import { readable } from './received.ts'
import { fetchSent, query } from './rows.ts'
import type { OpenedDocument, SentSummary } from './types.ts'
import { verifyMessage } from './verify.ts'

/** One page of what the organ sent, with titles where its keys are open. */
export async function listSent(post: Post, asked: { readonly cursor?: string | undefined; readonly limit?: number | undefined } = {}): Promise<Page<SentSummary>> {
  const page = await post.client.get(`/api/documents/sent${query(asked)}`, sentPage)
  return { items: await readable(post, page.items, (row) => row.ownWrap), next: page.next }
}

/** Opens what the organ itself sent: the same checks as a recipient's, without the road. */
export async function openSent(post: Post, message: string): Promise<OpenedDocument> {
  const detail = await fetchSent(post, message)
  const { view } = await post.directory.current()
  const [contentKey = null] = await unwrapAll(post.keys, [detail.ownWrap])
  if (contentKey === null) throw fault('notDecryptable')
  const claim = { head: detail.head, manifest: fromBase64url(detail.manifest), contentKey, slice: null, hops: [], chunkHashes: detail.chunkHashes, organ: detail.organ }
  const { steps, verdict, signed } = verifyMessage(post.suites, view, claim)
  const parts = signed === null ? [] : openedParts(post, claim, signed.manifest, contentKey, chunksAt(post, (n) => `/api/documents/sent/${message}/chunks/${n}`))
  return { row: detail, manifest: signed?.manifest ?? null, steps, verdict, parts }
}

/** The per-recipient board and every receipt so far. */
export const track = (post: Post, message: string): Promise<Tracking> => post.client.get(`/api/documents/sent/${encodeURIComponent(message)}/track`, tracking)

/** The board without receipts, all of it: for a document to thousands. */
export async function board(post: Post, message: string): Promise<BoardLine[]> {
  const lines: BoardLine[] = []
  for (let after: string | undefined; ; ) {
    const page = await post.client.get(`/api/documents/sent/${encodeURIComponent(message)}/board${query({ after })}`, boardPage)
    lines.push(...page.items)
    if (page.next === null) return lines
    after = page.next
  }
}

/** How one delivery went, receipt by receipt. */
export const deliveryStory = (post: Post, message: string, organ: string): Promise<Story> =>
  post.client.get(`/api/documents/sent/${encodeURIComponent(message)}/board/${encodeURIComponent(organ)}`, story)
