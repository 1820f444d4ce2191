import { base64url, type Suite } from '@postroad/gm'
import { type SealedChunk, uuidv7 } from '@postroad/waybill'
import { MAX_INLINE_BYTES } from '../model.ts'
import { type BodySink, inlineSink, measure, uploadSink } from './body.ts'
import { fault, TerminalFault } from './fault.ts'
import { unwrapAll } from './keys.ts'
import type { Patience } from './persist.ts'
import type { Post } from './post.ts'
import type { DispatchOptions, Draft, PackingState } from './types.ts'
import { beginUpload, resumeUpload, type Upload } from './upload.ts'

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))

/** A body on its way: under which id and key it is sealed, and where its chunks go. */
export type Packing = {
  readonly message: string
  readonly contentKey: Uint8Array
  take(chunk: SealedChunk): Promise<void>
  finish: BodySink['finish']
  /** The node has the document: nothing is kept any more. */
  done(): Promise<void>
  /** It failed. What may be continued is kept; what can never be is taken back. */
  failed(thrown: unknown): Promise<void>
}

/**
 * Begins to pack a draft's files, or goes on where a reload, a cut or a sign-out stopped: the content key was kept wrapped for the organ itself, the upload lies
 * at the node. Every chunk's hash is kept before the chunk is sent, and a chunk that was sent is never sealed with other content under the same key: the file
 * is read again from the start, and one byte of difference ends the attempt.
 */
export async function openPacking(post: Post, draft: Draft, given: { readonly suite: Suite; readonly own: { readonly key: string; readonly publicKey: Uint8Array }; readonly at: string }, options: DispatchOptions): Promise<Packing> {
  const { suite, own, at } = given
  if (draft.files.reduce((sum, file) => sum + file.bytes, 0) <= MAX_INLINE_BYTES) {
    const sink = inlineSink()
    return { message: uuidv7(at, random), contentKey: random(32), take: sink.take, finish: sink.finish, done: async () => undefined, failed: async () => undefined }
  }
  const told = progressOf(options)
  const how: Patience = { signal: options.signal, onWaiting: told.waits }
  const known = await findPacking(post, draft, suite)
  if (known !== null) {
    const kept = await resumeUpload(post.client, known.state.uploadId, known.state.total, how)
    const upload = kept ?? (await beginUpload(post.client, known.state.total, how))
    const state = { ...known.state, uploadId: upload.id }
    if (kept === null) await post.packing?.begin(state)
    return packingOf(post, state, known.contentKey, known.hashes, upload, told)
  }
  const contentKey = random(32)
  const total = await measure(suite, draft.files, options)
  const upload = await beginUpload(post.client, total, how)
  const state: PackingState = {
    clientId: draft.clientId, organ: post.actor().organ, message: uuidv7(at, random), suite: suite.id, uploadId: upload.id, total,
    ownWrap: { key: own.key, wrap: base64url(suite.wrap(own.publicKey, contentKey)) }, files: draft.files.map(({ name, bytes }) => ({ name, bytes })),
  }
  await post.packing?.begin(state)
  return packingOf(post, state, contentKey, [], upload, told)
}

/** What was begun before for the same draft with the same files, with its content key opened again; null where there is none that this organ can go on with. */
async function findPacking(post: Post, draft: Draft, suite: Suite): Promise<{ readonly state: PackingState; readonly hashes: readonly string[]; readonly contentKey: Uint8Array } | null> {
  const found = (await post.packing?.read(draft.clientId)) ?? null
  if (found === null) return null
  const { state } = found
  const same = state.suite === suite.id && state.organ === post.actor().organ && state.files.length === draft.files.length && state.files.every(({ name, bytes }, index) => name === draft.files[index]?.name && bytes === draft.files[index]?.bytes)
  const [contentKey = null] = same ? await unwrapAll(post.keys, [state.ownWrap]) : []
  if (contentKey !== null) return { ...found, contentKey }
  await post.packing?.forget(draft.clientId)
  return null
}

type Reached = Pick<Parameters<NonNullable<DispatchOptions['onProgress']>>[0], 'phase' | 'done' | 'total'>
type Told = { reached(now: Reached): void; waits(now: boolean): void }

/** While the line is cut no byte moves, and yet it must be told: the last progress again, with what it waits for. */
function progressOf({ onProgress }: DispatchOptions): Told {
  let last: Reached | null = null
  let waiting = false
  const tell = (): void => {
    if (last !== null) onProgress?.({ ...last, waiting })
  }
  return {
    reached: (now) => ((last = now), tell()),
    waits: (now) => ((waiting = now), tell()),
  }
}

function packingOf(post: Post, state: PackingState, contentKey: Uint8Array, hashes: readonly string[], upload: Upload, told: Told): Packing {
  const begunAt = upload.offset()
  let framed = 0
  const sink = uploadSink(upload, (bytes) => {
    framed += bytes
    told.reached({ phase: framed < begunAt ? 'checking' : 'sending', done: framed, total: state.total })
  })
  return {
    message: state.message,
    contentKey,
    take: async (chunk) => {
      const before = hashes[chunk.index]
      if (before !== undefined && before !== chunk.hash) throw fault('fileChanged')
      // The node has more than this browser remembers having sealed: what it has may be of another content.
      if (before === undefined && framed < begunAt) throw fault('fileChanged')
      if (before === undefined) await post.packing?.keep(state.clientId, chunk.index, chunk.hash)
      await sink.take(chunk)
    },
    finish: sink.finish,
    done: async () => post.packing?.forget(state.clientId),
    failed: async (thrown) => {
      if (post.packing !== null && !isFinal(thrown)) return
      await post.packing?.forget(state.clientId)
      await sink.abandon().catch(() => undefined) // the upload expires by itself; the first error is the one to tell
    },
  }
}

/** Whether trying again with the same files can never succeed. A lost line, closed keys and an ended session can be mended. */
const isFinal = (thrown: unknown): boolean =>
  thrown instanceof TerminalFault && (thrown.code === 'terminal.fileChanged' || thrown.code.startsWith('waybill.') || (thrown.status >= 400 && thrown.status < 500 && ![401, 408, 423, 429].includes(thrown.status)))

/** Gives up what was begun for a draft: the upload at the node, and what this terminal kept. */
export async function discardPacking(post: Post, clientId: string): Promise<void> {
  const found = (await post.packing?.read(clientId)) ?? null
  if (found === null) return
  await post.packing?.forget(clientId)
  const upload = await resumeUpload(post.client, found.state.uploadId, found.state.total, {})
  await upload?.abandon()
}
