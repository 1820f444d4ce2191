import { base64url } from '@postroad/gm'
import { decodeChunk, type Head, type Manifest, MAX_SEALED_CHUNK_BYTES, merkleRoot, openChunk, type Part, type WaybillFault } from '@postroad/waybill'
import { fault } from './fault.ts'
import { persist } from './persist.ts'
import type { Post } from './post.ts'
import type { OpenedPart } from './types.ts'

type Body = { readonly head: Head; readonly chunkHashes: readonly string[] }

/** The files inside a verified message. The content key stays in these closures and nowhere else. */
export function openedParts(post: Post, body: Body, manifest: Manifest, contentKey: Uint8Array, chunks: Chunks): OpenedPart[] {
  return manifest.parts.map((part) => ({ name: part.name, mediaType: part.mediaType, bytes: part.bytes, read: (signal) => readPart(post, body, part, contentKey, chunks, signal) }))
}

/** Where sealed chunks come from. */
export type Chunks = (index: number, signal: AbortSignal | undefined) => Promise<Uint8Array>
/** From the node, one by one. */
export const chunksAt = (post: Post, pathOf: (chunk: number) => string): Chunks => (index, signal) => fetchChunk(post, pathOf(index), signal)
/** From memory: they came with the message. */
export const chunksIn = (body: readonly Uint8Array[]): Chunks => async (index) => body[index] ?? new Uint8Array()

/** Fetches, checks and opens one part chunk by chunk, the next chunk already on its way. What was given out is good only when it ends without a fault. */
async function* readPart(post: Post, { head, chunkHashes }: Body, part: Part, contentKey: Uint8Array, chunks: Chunks, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const suite = post.suites[head.suite]
  const plainHash = suite.createHash()
  const encodedHashes: Uint8Array[] = []
  let bytes = 0
  const get = (index: number): Promise<Uint8Array> | null => {
    if (index >= part.firstChunk + part.chunks) return null
    const fetched = chunks(index, signal)
    fetched.catch(() => undefined) // awaited below, unless the reader stops before
    return fetched
  }
  let next = get(part.firstChunk)
  for (let index = part.firstChunk; next !== null; index++) {
    const sealed = await next
    next = get(index + 1)
    const encoded = openChunk(suite, head.id, contentKey, index, chunkHashes[index] ?? '', sealed)
    if (!encoded.ok) throw damaged(encoded.fault)
    const plain = decodeChunk(encoded.value)
    if (!plain.ok) throw damaged(plain.fault)
    encodedHashes.push(suite.hash(encoded.value))
    plainHash.update(plain.value)
    bytes += plain.value.length
    yield plain.value
  }
  if (base64url(merkleRoot(suite, encodedHashes)) !== part.encodedRoot) throw damaged({ code: 'encodedRootMismatch', detail: part.name })
  if (bytes !== part.bytes || base64url(plainHash.digest()) !== part.hash) throw damaged({ code: 'plaintextHashMismatch', detail: part.name })
}

const damaged = (found: WaybillFault): Error => fault('contentDamaged', { reason: found.code, detail: found.detail })

async function fetchChunk(post: Post, path: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  // a large part takes hours on a bad line: a cut costs the chunk under way
  const answer = await persist({ signal }, () => post.client.raw(path, { method: 'GET', headers: { accept: 'application/octet-stream' }, signal }))
  if (!answer.ok) throw await post.client.refusal(answer)
  const length = Number(answer.headers.get('content-length') ?? 0)
  if (length > MAX_SEALED_CHUNK_BYTES) throw damaged({ code: 'tooLarge', detail: path })
  return new Uint8Array(await answer.arrayBuffer())
}
