import { view } from '@postroad/directory/service'
import { base64url, fromBase64url } from '@postroad/gm'
import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import type { PersonPrincipal } from '@postroad/kernel/principal'
import * as road from '@postroad/road/service'
import { type Head, recallOf, type SignedReceipt } from '@postroad/waybill'
import { type Arrival, type BoardLine, type DispatchRequest, DUTY_OF, type EvidenceAnswer, isOrganReceipt, type Page, RECEIVED_VIEWS, type ReceivedDetail, type ReceivedRow, type ReceivedView, type SentDetail, type SentRow, type Story, type ThreadAnswer, type Todo, type Tracking } from './model.ts'
import { documentsFaults, type DUTIES } from './words.ts'

const READ: keyof typeof DUTIES = 'documents.read'
const DEPUTISE: keyof typeof DUTIES = 'documents.deputise'
/** Documents sent longer ago than this no longer count as to do. */
const RECENT_MS = 30 * 86_400_000
const SCAN_PAGE = 100

const holds = (person: PersonPrincipal, organ: string, duty: string): boolean => person.posts.some((post) => post.organ === organ && post.duties.includes(duty))

/** The person as a reader of documents: only organs in which a post of theirs carries the duty. The row policies do the rest. */
const readerOf = (person: PersonPrincipal): PersonPrincipal => ({ ...person, organs: person.organs.filter((organ) => holds(person, organ, READ)) })
/** Whether the person may see deliveries for which one of their organs is a deputy (代收). */
const mayDeputise = (person: PersonPrincipal): boolean => person.posts.some((post) => post.duties.includes(DEPUTISE))

// dispatch

/** 封发: hands a sealed message to the road in the name of the acting post's organ. Durable when it answers. */
export function dispatch(node: Node, person: PersonPrincipal, request: DispatchRequest): Promise<road.Submitted> {
  const { kind, regarding } = request.head
  if (kind !== 'document' && regarding === null) throw documentsFaults.regardingMissing()
  return road.dispatch(node, person, { ...request, inlineBody: request.inlineBody === null ? null : request.inlineBody.map(fromBase64url) })
}

/** The number of the acting organ's next message in a thread. @throws documents.notFound for a thread in which the reader has no part */
export async function nextOrdinal(node: Node, person: PersonPrincipal, thread: string): Promise<ThreadAnswer> {
  const next = await node.transaction(readerOf(person), (tx) => road.nextOrdinal(tx, person.acting.organ, thread))
  if (next === null) throw documentsFaults.notFound({ thread })
  return { nextOrdinal: next }
}

/** Where the next page begins; null after the last. */
const nextOf = (items: readonly { readonly cursor: string }[], limit: number): string | null => (items.length < limit ? null : (items.at(-1)?.cursor ?? null))

// received

/** One page of 「收文」, newest first. */
export async function receivedList(node: Node, person: PersonPrincipal, query: { readonly view: ReceivedView; readonly cursor?: string | undefined; readonly limit: number }): Promise<Page<ReceivedRow>> {
  const reader = readerOf(person)
  const organs = mayDeputise(person) ? undefined : reader.organs
  const items = await node.transaction(reader, (tx) => road.inbox(tx, { organs, states: RECEIVED_VIEWS[query.view], before: query.cursor, limit: query.limit }))
  return { items: items.map((item) => rowOf(reader, item)), next: nextOf(items, query.limit) }
}

/** One delivery with everything the terminal needs to verify it. @throws documents.notFound also for what belongs to others */
export async function receivedDetailOf(node: Node, person: PersonPrincipal, message: string, organ: string | undefined): Promise<ReceivedDetail> {
  const { reader, item } = await findReceived(node, person, message, organ)
  const [receipts = []] = await node.transaction(reader, (tx) => road.receiptsAbout(tx, [item]))
  return detailOf(reader, item, receipts)
}

const detailOf = (reader: PersonPrincipal, item: road.InboxItem, receipts: readonly SignedReceipt[]): ReceivedDetail => ({ ...rowOf(reader, item), hops: [...item.hops], receipts: [...receipts], chunkHashes: [...item.chunkHashes] })

/** What newly arrived for the acting post's organ, oldest first: for a terminal that takes in by itself (收取). */
export async function arrivalsOf(node: Node, person: PersonPrincipal, query: { readonly after?: string | undefined; readonly limit: number }): Promise<Page<Arrival>> {
  const reader = readerOf(person)
  const organs = reader.organs.filter((organ) => organ === person.acting.organ)
  const items = await node.transaction(reader, (tx) => road.arrivals(tx, { organs, ...query }))
  return { items: items.map((item) => ({ ...detailOf(reader, item, item.receipts), body: item.body?.map(base64url) ?? null })), next: nextOf(items, query.limit) }
}

/** A sealed chunk for whoever can open it; a deputy cannot, so it gets none. */
export async function receivedChunk(node: Node, person: PersonPrincipal, message: string, organ: string | undefined, index: number): Promise<Uint8Array> {
  const { reader, item } = await findReceived(node, person, message, organ)
  if (isDeputised(reader, item)) throw documentsFaults.notFound()
  return chunkOf(node, reader, message, index)
}

async function findReceived(node: Node, person: PersonPrincipal, message: string, organ: string | undefined): Promise<{ reader: PersonPrincipal; item: road.InboxItem }> {
  const reader = readerOf(person)
  const item = await node.transaction(reader, (tx) => road.inboxItem(tx, message, organ))
  if (item === null || (isDeputised(reader, item) && !mayDeputise(person))) throw documentsFaults.notFound({ message })
  return { reader, item }
}

const isDeputised = (reader: PersonPrincipal, { keeper }: { readonly keeper: string }): boolean => !reader.organs.includes(keeper)

function rowOf(reader: PersonPrincipal, item: road.InboxItem): ReceivedRow {
  const deputised = isDeputised(reader, item)
  return {
    message: item.message,
    organ: item.organ,
    keeper: item.keeper,
    deputised,
    head: item.head,
    slice: item.entry,
    manifest: deputised ? '' : base64url(item.manifest),
    state: item.state,
    recall: recallOf(item.facts),
    arrivedAt: item.at.toISOString(),
  }
}

async function chunkOf(node: Node, reader: PersonPrincipal, message: string, index: number): Promise<Uint8Array> {
  const bytes = await node.transaction(reader, (tx) => road.chunk(tx, node, message, index))
  if (bytes === null) throw documentsFaults.chunkMissing({ message, index })
  return bytes
}

/**
 * 签收, 登记, 退文 and `delivered`, sealed by the organ through its terminal. The receipt must name exactly who is signed in and the post acted as;
 * 代收 takes its own duty and a deputy statement in the directory. The road's row lock decides against a recall of the same moment.
 */
export async function issueReceipts(node: Node, person: PersonPrincipal, receipts: readonly SignedReceipt[]): Promise<{ receipts: SignedReceipt[] }> {
  for (const signed of receipts) requireAct(node, person, signed)
  const reader = readerOf(person)
  const about = receipts.map(({ receipt }) => ({ message: receipt.message, organ: receipt.recipient ?? '' }))
  const visible = await node.transaction(reader, (tx) => road.keepersOf(tx, about))
  const hidden = about.find(({ message, organ }) => {
    const row = visible.find((one) => one.message === message && one.organ === organ)
    return row === undefined || (isDeputised(reader, row) && !mayDeputise(person))
  })
  if (hidden !== undefined) throw documentsFaults.notFound({ message: hidden.message })
  await road.act(node, person, receipts)
  return { receipts: [...receipts] }
}

function requireAct(node: Node, person: PersonPrincipal, { receipt }: SignedReceipt): void {
  const { kind, actor, recipient, reason } = receipt
  if (!isOrganReceipt(kind)) throw documentsFaults.receiptKindRefused({ kind })
  if (recipient === null) throw documentsFaults.receiptForOther()
  if (actor === null || actor.person !== person.person || actor.name !== person.name || actor.post !== person.acting.id || actor.organ !== person.acting.organ) throw documentsFaults.actorNotYou()
  const at = node.now().toISOString()
  const directory = view(node)
  const isDeputy = recipient !== actor.organ && !directory.heirsOf(recipient, at).includes(actor.organ)
  const authorised = [recipient, directory.standsFor(recipient, at) ?? recipient].flatMap((organ) => directory.deputiesOf(organ, at))
  if (isDeputy && !authorised.includes(actor.organ)) throw documentsFaults.deputyNotAuthorised({ organ: recipient })
  if ((recipient !== actor.organ) !== (actor.onBehalfOf !== null)) throw documentsFaults.receiptForOther()
  const duty = isDeputy ? DEPUTISE : DUTY_OF[kind]
  if (!person.acting.duties.includes(duty)) throw documentsFaults.dutyMissing({ duty })
  if (kind === 'returned' && (reason === null || reason.text.trim() === '')) throw documentsFaults.reasonMissing()
}

// sent

/** One page of what the reader's organs sent, newest first. */
export async function sentList(node: Node, person: PersonPrincipal, query: { readonly cursor?: string | undefined; readonly limit: number }): Promise<Page<SentRow>> {
  const reader = readerOf(person)
  const items = await node.transaction(reader, (tx) => road.sent(tx, { organs: reader.organs, before: query.cursor, limit: query.limit }))
  return { items: items.map(sentRowOf), next: nextOf(items, query.limit) }
}

const sentRowOf = ({ message, head, manifest, ownWrap, states, at }: road.SentSummary): SentRow => ({
  message, organ: head.sender.organ, head, manifest: base64url(manifest), ownWrap: { ...ownWrap }, states: { ...states }, submittedAt: at.toISOString(),
})

/** What one's own organ sent, with all recipients. @throws documents.notFound also for what belongs to others */
export async function sentDetailOf(node: Node, person: PersonPrincipal, message: string): Promise<SentDetail> {
  const { found } = await findSent(node, person, message, async (tx) => ({ item: await road.sentItem(tx, message), lines: await road.board(tx, message) }))
  const { item, lines } = found
  if (item === null) throw documentsFaults.notFound({ message })
  const states: Record<string, number> = {}
  for (const { state } of lines) states[state] = (states[state] ?? 0) + 1
  const { head, manifest, ownWrap, chunkHashes } = item.message
  return {
    message, organ: head.sender.organ, head, manifest: base64url(manifest), ownWrap: ownWrap ?? { key: head.sender.key, wrap: '' }, states,
    submittedAt: (item.submittedAt ?? new Date(head.created)).toISOString(), recipients: [...item.recipients], chunkHashes: [...chunkHashes],
  }
}

export async function sentChunk(node: Node, person: PersonPrincipal, message: string, index: number): Promise<Uint8Array> {
  const { reader } = await findSent(node, person, message, async () => null)
  return chunkOf(node, reader, message, index)
}

/** The board 「跟踪」: every recipient with its receipts, and those of the whole message. */
export async function trackingOf(node: Node, person: PersonPrincipal, message: string): Promise<Tracking> {
  const { found } = await findSent(node, person, message, (tx) => road.track(tx, message))
  if (found === null) throw documentsFaults.notFound({ message })
  const about = Map.groupBy(found.receipts, ({ receipt }) => receipt.recipient)
  return {
    message,
    deliveries: found.board.map(({ organ, name, role, state, decided, recall, late, forwardedTo }) => ({
      organ, name, role: roleOf(role), state, recall, late, receipts: about.get(organ) ?? [],
      heir: heirOf(node, { organ, signer: decided?.actor?.organ ?? null, at: decided?.at ?? '', forwardedTo }),
    })),
    receipts: about.get(null) ?? [],
  }
}

const roleOf = (role: string): 'to' | 'cc' => (role === 'cc' ? 'cc' : 'to')
const lineOf = (node: Node, { at, role, signer, decidedAt, forwardedTo, ...line }: road.BoardLine): BoardLine =>
  ({ ...line, role: roleOf(role), at: at.toISOString(), heir: heirOf(node, { organ: line.organ, signer, at: decidedAt ?? '', forwardedTo }) })

/** Who took a delivery over, where its organ has ended: who signed as heir, else whom a node forwarded it to. */
function heirOf(node: Node, { organ, signer, at, forwardedTo }: { readonly organ: string; readonly signer: string | null; readonly at: string; readonly forwardedTo: string | null }): string | null {
  return signer !== null && signer !== organ && view(node).heirsOf(organ, at).includes(signer) ? signer : forwardedTo
}

/** A page of the board without receipts: what a document to thousands is followed by. */
export async function boardOf(node: Node, person: PersonPrincipal, message: string, query: { readonly after?: string | undefined; readonly limit: number }): Promise<Page<BoardLine>> {
  const { found } = await findSent(node, person, message, (tx) => road.board(tx, message, query))
  const items = found.map((line) => lineOf(node, line))
  return { items, next: items.length < query.limit ? null : (items.at(-1)?.organ ?? null) }
}

/** How one delivery went. @throws documents.notFound */
export async function storyOf(node: Node, person: PersonPrincipal, message: string, organ: string): Promise<Story> {
  const { found } = await findSent(node, person, message, (tx) => road.story(tx, message, organ))
  if (found === null) throw documentsFaults.notFound({ message, organ })
  return { line: lineOf(node, found.line), receipts: [...found.receipts] }
}

/** Looks at a message that an organ sent in which the reader may read, in one transaction. @throws documents.notFound */
async function findSent<T>(node: Node, person: PersonPrincipal, message: string, look: (tx: Tx) => Promise<T>): Promise<{ readonly reader: PersonPrincipal; readonly found: T }> {
  const reader = readerOf(person)
  const found = await node.transaction(reader, async (tx) => ((await road.sentMessage(tx, message)) === null ? null : { value: await look(tx) }))
  if (found === null) throw documentsFaults.notFound({ message })
  return { reader, found: found.value }
}

// evidence and counts

/** What this node can prove about a message; the terminal opens the manifest, adds the directory and makes the ZIP (导出凭证). */
export async function evidenceParts(node: Node, person: PersonPrincipal, side: 'sent' | 'received', message: string, organ: string | undefined): Promise<EvidenceAnswer> {
  const { reader, only } = side === 'sent' ? { ...(await findSent(node, person, message, async () => null)), only: null } : { ...(await findReceived(node, person, message, organ)), only: organ ?? person.acting.organ }
  const parts = await node.transaction(reader, (tx) => road.evidenceParts(tx, message))
  if (parts === null) throw documentsFaults.notFound({ message })
  const recipients = parts.recipients.filter(({ leaf }) => only === null || leaf.organ === only)
  if (recipients.length === 0) throw documentsFaults.notFound({ message })
  const concerns = new Set(recipients.map(({ leaf }) => leaf.organ))
  const receipts = parts.receipts.filter(({ receipt }) => receipt.recipient === null || concerns.has(receipt.recipient))
  return { head: parts.head, hops: [...parts.hops], recipients, manifest: base64url(parts.manifest), chunkHashes: [...parts.chunkHashes], receipts }
}

/** Counts of the workbench: what waits for 签收 and how much of it is urgent; of one month's own documents, what came back and what waits for a recall's answer. */
export async function todoOf(node: Node, person: PersonPrincipal): Promise<Todo> {
  const reader = readerOf(person)
  const organs = mayDeputise(person) ? undefined : reader.organs
  const since = node.now().getTime() - RECENT_MS
  return node.transaction(reader, async (tx) => {
    const waiting = await all((before) => road.inbox(tx, { organs, states: RECEIVED_VIEWS.waiting, before, limit: SCAN_PAGE }), () => true)
    const sent = await all((before) => road.sent(tx, { organs: reader.organs, before, limit: SCAN_PAGE }), ({ at }) => at.getTime() >= since)
    const recalling = sent.filter(({ head, states }) => head.kind === 'recallRequest' && isUnanswered(states))
    return { waiting: waiting.length, urgent: waiting.filter(({ head }) => isUrgent(head)).length, returned: sent.filter(({ states }) => (states.returned ?? 0) > 0).length, recalling: recalling.length }
  })
}

const isUrgent = (head: Head): boolean => head.urgency !== 'normal'
/** A recall request is answered when the destination has taken it in, which is when it answers. */
const isUnanswered = (states: road.SentSummary['states']): boolean => (states.accepted ?? 0) + (states.queued ?? 0) + (states.inCustody ?? 0) > 0

/** All rows page by page, as long as they are wanted. */
async function all<Row extends { readonly cursor: string }>(page: (before: string | undefined) => Promise<readonly Row[]>, isWanted: (row: Row) => boolean): Promise<Row[]> {
  const found: Row[] = []
  for (let before: string | undefined; ; ) {
    const rows = await page(before)
    found.push(...rows.filter(isWanted))
    before = rows.at(-1)?.cursor
    if (rows.length < SCAN_PAGE || before === undefined || !rows.every(isWanted)) return found
  }
}
