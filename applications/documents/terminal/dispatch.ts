import { base64url, fromBase64url, type Suite } from '@postroad/gm'
import { type Addressee as Addressed, type DirectoryView, type Draft as Chosen, MAX_HEAD_BYTES, pack, type Packed, type WrapAll } from '@postroad/waybill'
import { dispatchAnswer, type DispatchRequest, dispatchesAnswer, MAX_REQUEST_BYTES, MAX_TOGETHER } from '../model.ts'
import type { Client } from './client.ts'
import { sourceOf } from './body.ts'
import { fault, TerminalFault } from './fault.ts'
import { type Answered, gather } from './gather.ts'
import type { OrganKeys } from './keys.ts'
import { openPacking } from './packing.ts'
import type { Post, SignOrder } from './post.ts'
import { nextOrdinal } from './thread.ts'
import type { Dispatched, DispatchOptions, Draft, WrapMany } from './types.ts'

const EXPIRES_DAYS = 30
/** A request costs the node as much as a document: software that sends many shares them. Nobody feels so short a time. */
const SPACING_MS = 25
const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))

/**
 * Seals a draft and hands it to the node (封发). What may be wrong with it is refused before the first byte is sent.
 * Called again with the same `clientId` after a lost answer, it sends the very same bytes; the node answers as it did the first time.
 */
export async function dispatchDraft(post: Post, draft: Draft, options: DispatchOptions = {}): Promise<Dispatched> {
  const unanswered = post.unanswered.get(draft.clientId)
  if (unanswered !== undefined) return submit(post, unanswered, options)
  const { view } = await post.directory.current()
  const now = post.now()
  const at = now.toISOString()
  const suite = post.suites[post.suite]
  checkDraft(view, draft, post.actor().organ, at)
  const { sign, own } = ownKeys(view, post.actor().organ, suite, at)
  const addressees = addressed(view, draft, suite, at)
  const packing = await openPacking(post, draft, { suite, own, at }, options)
  const id = packing.message
  const thread = draft.regarding?.thread ?? id
  const chosen: Chosen = {
    id,
    kind: draft.kind ?? 'document',
    thread,
    ordinal: draft.regarding === undefined ? 0 : await nextOrdinal(post.client, thread),
    regarding: draft.regarding?.message ?? null,
    sender: { organ: post.actor().organ, name: draft.name, key: sign },
    urgency: draft.urgency,
    label: draft.label,
    created: at,
    expires: (draft.expires ?? new Date(now.getTime() + EXPIRES_DAYS * 86_400_000)).toISOString(),
    content: { title: draft.title, number: draft.number, issuingName: view.name(draft.name)?.title ?? '', printedTo: draft.printedTo, printedCc: draft.printedCc, note: draft.note ?? '' },
  }
  try {
    const packed = await pack({
      suite,
      draft: chosen,
      contentKey: packing.contentKey,
      parts: draft.files.map((file) => sourceOf(file, options.signal)),
      addressees,
      own,
      sign: (manifest, head) => {
        options.onProgress?.({ phase: 'signing', done: 0, total: 1, waiting: false })
        return post.sign({ suite: suite.id, manifest, head })
      },
      random,
      ...(post.wrapMany === null ? {} : { wrapAll: addressing(post.wrapMany, options) }),
      onChunk: (chunk) => packing.take(chunk),
    })
    if (!packed.ok) throw new TerminalFault({ code: `waybill.${packed.fault.code}`, message: '这份公文无法封装', advice: `请检查所填内容（${packed.fault.detail}）。` })
    const sent = await submit(post, requestOf(draft, packed.value, await packing.finish()), options)
    await packing.done()
    return sent
  } catch (thrown) {
    await packing.failed(thrown)
    throw thrown
  } finally {
    packing.contentKey.fill(0)
  }
}

/** Thousands of recipients take seconds: whoever waits sees how far it is. */
const addressing = (wrapMany: WrapMany, { onProgress }: DispatchOptions): WrapAll => (suite, publicKeys, contentKey) =>
  wrapMany(suite, publicKeys, contentKey, (done) => onProgress?.({ phase: 'addressing', done, total: publicKeys.length, waiting: false }))

const requestOf = (draft: Draft, packed: Packed, body: { readonly uploadId: string | null; readonly inline: readonly Uint8Array[] | null }): DispatchRequest => ({
  clientId: draft.clientId,
  head: packed.head,
  recipients: packed.recipients,
  manifest: base64url(packed.manifest),
  ownWrap: packed.ownWrap,
  chunkHashes: packed.chunkHashes,
  uploadId: body.uploadId,
  inlineBody: body.inline === null ? null : body.inline.map(base64url),
})

async function submit(post: Post, request: DispatchRequest, options: DispatchOptions): Promise<Dispatched> {
  options.onProgress?.({ phase: 'submitting', done: 0, total: 1, waiting: false })
  post.unanswered.set(request.clientId, request)
  try {
    const answer = await post.submit(request)
    post.unanswered.delete(request.clientId)
    options.onProgress?.({ phase: 'submitting', done: 1, total: 1, waiting: false })
    return { message: answer.message, head: request.head, receipt: answer.receipt }
  } catch (thrown) {
    // Refused for good: the draft may be mended and sealed anew. Not so when the answer is what was lost.
    if (thrown instanceof TerminalFault && thrown.status >= 400 && thrown.status < 500) post.unanswered.delete(request.clientId)
    throw thrown
  }
}

/** Signatures asked for at the same moment are made in one exchange with the key process. */
export const gatherSigning = (keys: OrganKeys): Post['sign'] =>
  gather<SignOrder, Uint8Array>(
    { most: MAX_TOGETHER, heaviest: MAX_REQUEST_BYTES / 4, flights: 2, spacing: SPACING_MS, weightOf: ({ manifest }) => manifest.length + MAX_HEAD_BYTES, isRefusal },
    async (orders) => {
      const answers: Answered<Uint8Array>[] = []
      for (const suite of new Set(orders.map((order) => order.suite))) {
        const places = [...orders.keys()].filter((place) => orders[place]?.suite === suite)
        const signed = await keys.use((channel, organ) => channel.signManifests(organ, suite, places.map((place) => orders[place] as SignOrder)))
        for (const [index, place] of places.entries()) answers[place] = { ok: true, value: signed[index] ?? new Uint8Array() }
      }
      return answers
    },
  )

/** Dispatches of the same moment travel in one request; each is accepted or refused by itself. */
export const gatherDispatches = (client: Client): Post['submit'] =>
  gather<DispatchRequest, Submitted>(
    { most: MAX_TOGETHER, heaviest: MAX_REQUEST_BYTES / 4, flights: 3, spacing: SPACING_MS, weightOf, isRefusal },
    async (requests) => {
      const [first] = requests
      if (requests.length === 1 && first !== undefined) return [{ ok: true, value: await client.post('/api/documents/dispatches', first, dispatchAnswer) }]
      const { answers } = await client.post('/api/documents/dispatches/together', { dispatches: requests }, dispatchesAnswer)
      return answers.map((answer) => ('error' in answer ? { ok: false, error: new TerminalFault({ ...answer.error, status: answer.status, detail: answer.error.detail ?? {} }) } : { ok: true, value: answer }))
    },
  )

type Submitted = Awaited<ReturnType<Post['submit']>>
/** What one item can bring upon all that travel with it: a field that is none, too many bytes, or what the key process refuses to sign. */
const isRefusal = (error: unknown): boolean => error instanceof TerminalFault && (error.status === 0 ? error.code.startsWith('keys.') : error.status === 400 || error.status === 413)
const weightOf = ({ manifest, inlineBody, recipients, chunkHashes }: DispatchRequest): number =>
  manifest.length + (inlineBody ?? []).reduce((sum, chunk) => sum + chunk.length, 0) + recipients.length * 1200 + chunkHashes.length * 46

function checkDraft(view: DirectoryView, draft: Draft, organ: string, at: string): void {
  if (draft.title.trim() === '') throw fault('titleMissing')
  if (draft.recipients.length === 0) throw fault('recipientsEmpty')
  if (new Set(draft.recipients.map((recipient) => recipient.organ)).size < draft.recipients.length) throw fault('recipientTwice')
  if (!view.namesOf(organ, at).some(({ name }) => name === draft.name)) throw fault('nameNotHeld', { name: draft.name })
  const host = view.node(view.organ(organ)?.node ?? '')
  if (host !== null && draft.label > host.maxLabel) throw fault('labelTooHigh', { label: draft.label, most: host.maxLabel })
}

/** The organ's signing key in force, and its own encryption key: what it sent stays readable to itself. */
function ownKeys(view: DirectoryView, organ: string, suite: Suite, at: string): { sign: string; own: { key: string; publicKey: Uint8Array } } {
  const [sign] = view.keysOf(organ, 'sign', suite.id, at)
  const [encrypt] = view.keysOf(organ, 'encrypt', suite.id, at)
  if (sign === undefined || encrypt === undefined) throw fault('recipientNoKey', { organ })
  return { sign: sign.key, own: { key: encrypt.key, publicKey: fromBase64url(encrypt.publicKey) } }
}

/** Each recipient with its encryption key; organs of one node side by side, so that a link's slice shares its proofs. */
function addressed(view: DirectoryView, draft: Draft, suite: Suite, at: string): Addressed[] {
  const found = draft.recipients.map(({ organ, name, role }) => {
    const entry = view.organ(view.standsFor(organ, at) ?? '')
    if (entry === null) throw fault('recipientUnknown', { organ })
    const [key] = view.keysOf(entry.organ, 'encrypt', suite.id, at)
    if (key === undefined) throw fault('recipientNoKey', { organ: entry.title })
    return { node: entry.node, addressee: { organ, name, role, key: key.key, publicKey: fromBase64url(key.publicKey) } }
  })
  const byNode = new Map<string, Addressed[]>()
  for (const { node, addressee } of found) {
    const beside = byNode.get(node)
    if (beside === undefined) byNode.set(node, [addressee])
    else beside.push(addressee)
  }
  return [...byNode.values()].flat()
}
