import type { Suite } from '@postroad/gm'
import { base64url } from '@postroad/gm'
import { canonical, checkHead, headCore } from './canonical.ts'
import { bodyRoot, encodeChunk, manifestHash, type SealedChunk, sealChunk, sealManifest } from './chunks.ts'
import { fail, ok, type Result } from './fault.ts'
import { merkleRoot } from './merkle.ts'
import { CHUNK_BYTES, type Head, head as headSchema, type Manifest, manifest as manifestSchema, type Part, type SlicedRecipient, VERSION } from './model.ts'
import { addressTo, type Addressee, type Random, type WrapAll } from './slices.ts'

/** A body while it is being packed, part after part; memory is one chunk and 32 bytes per chunk gone by. */
export type Packer = {
  openPart(name: string, mediaType: string): void
  /** Takes plain bytes of any length; answers the chunks that became full. */
  write(plain: Uint8Array): SealedChunk[]
  closePart(): SealedChunk[]
  /** The body's figures for the head and its parts for the manifest. */
  finish(): { readonly body: Head['body']; readonly parts: Part[]; readonly chunkHashes: string[] }
}

/** Starts a body. The content key is fresh for every message: nonces are chunk numbers. */
export function startPacking(suite: Suite, messageId: string, contentKey: Uint8Array): Packer {
  const chunkHashes: string[] = []
  const parts: Part[] = []
  let total = 0
  let open: { name: string; mediaType: string; bytes: number; firstChunk: number; encoded: Uint8Array[]; hash: ReturnType<Suite['createHash']> } | null = null
  let buffer = new Uint8Array(FIRST_BUFFER_BYTES)
  let filled = 0

  function flush(): SealedChunk[] {
    if (open === null || filled === 0) return []
    const encoded = encodeChunk(buffer.subarray(0, filled))
    const chunk = sealChunk(suite, messageId, contentKey, chunkHashes.length, encoded)
    open.encoded.push(suite.hash(encoded))
    chunkHashes.push(chunk.hash)
    total += chunk.sealed.length
    filled = 0
    return [chunk]
  }
  return {
    openPart(name, mediaType) {
      if (open !== null) throw new Error('close the part before')
      open = { name, mediaType, bytes: 0, firstChunk: chunkHashes.length, encoded: [], hash: suite.createHash() }
    },
    write(plain) {
      if (open === null) throw new Error('open a part first')
      const full: SealedChunk[] = []
      open.hash.update(plain)
      open.bytes += plain.length
      for (let at = 0; at < plain.length; ) {
        const take = Math.min(CHUNK_BYTES - filled, plain.length - at)
        buffer = roomFor(buffer, filled + take)
        buffer.set(plain.subarray(at, at + take), filled)
        filled += take
        at += take
        if (filled === CHUNK_BYTES) full.push(...flush())
      }
      return full
    },
    closePart() {
      if (open === null) throw new Error('no part is open')
      const last = flush()
      const { name, mediaType, bytes, firstChunk, encoded, hash } = open
      const encodedRoot = base64url(merkleRoot(suite, encoded))
      parts.push({ name, mediaType, bytes, hash: base64url(hash.digest()), firstChunk, chunks: chunkHashes.length - firstChunk, encodedRoot })
      open = null
      return last
    },
    finish() {
      if (open !== null) throw new Error('close the part before')
      buffer = new Uint8Array(0)
      return { body: { root: bodyRoot(suite, chunkHashes) as string, chunks: chunkHashes.length, bytes: total }, parts, chunkHashes }
    },
  }
}

/** Most bodies are small: the buffer starts so and grows up to one chunk. */
const FIRST_BUFFER_BYTES = 16 * 1024

function roomFor(buffer: Uint8Array<ArrayBuffer>, bytes: number): Uint8Array<ArrayBuffer> {
  if (bytes <= buffer.length) return buffer
  const grown = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(bytes, buffer.length * 4)))
  grown.set(buffer)
  return grown
}

/** What the sender decides; everything else in the head is computed. */
export type Draft = Pick<Head, 'id' | 'kind' | 'thread' | 'ordinal' | 'regarding' | 'sender' | 'urgency' | 'label' | 'created' | 'expires'> & { readonly content: Manifest['content'] }
export type Source = { readonly name: string; readonly mediaType: string; readonly bytes: Uint8Array | AsyncIterable<Uint8Array> }
export type Packed = {
  readonly head: Head
  readonly recipients: SlicedRecipient[]
  /** The sealed manifest as it travels. */
  readonly manifest: Uint8Array
  readonly manifestContent: Manifest
  readonly chunkHashes: string[]
  readonly contentKey: Uint8Array
  /** The content key wrapped for the sender itself, so that it can read what it sent. It does not travel. */
  readonly ownWrap: { readonly key: string; readonly wrap: string }
}

/**
 * Packs a message: parts are compressed, then signed, then encrypted. Sealed chunks leave through `onChunk` in order, as soon as they are full.
 * `sign` answers a CMS SignedData (attached) over the manifest's canonical bytes, made with `draft.sender.key`; the head it is given lacks the manifest's hash.
 */
export async function pack(order: {
  readonly suite: Suite
  readonly draft: Draft
  /** Fresh for every message: default. One that was begun before and cut goes on under its own, with the same content or not at all. */
  readonly contentKey?: Uint8Array
  readonly parts: readonly Source[]
  readonly addressees: readonly Addressee[]
  readonly own: { readonly key: string; readonly publicKey: Uint8Array }
  readonly sign: (manifest: Uint8Array, head: Head) => Promise<Uint8Array> | Uint8Array
  readonly random: Random
  /** Default: one after the other, here. */
  readonly wrapAll?: WrapAll
  readonly onChunk: (chunk: SealedChunk) => Promise<void> | void
}): Promise<Result<Packed>> {
  const { suite, draft, own, random } = order
  const { content, ...chosen } = draft
  const contentKey = order.contentKey ?? random(32)
  const addressed = await addressTo(suite, order.addressees, contentKey, random, order.wrapAll)
  if (!addressed.ok) return addressed
  const { body, parts, chunkHashes } = await packParts(startPacking(suite, draft.id, contentKey), order.parts, order.onChunk)
  const recipients = { root: addressed.value.root, count: order.addressees.length }
  const core: Head = { v: VERSION, suite: suite.id, ...chosen, recipients, body, manifest: 'A'.repeat(43) }
  const manifest: Manifest = {
    v: VERSION,
    headCore: headCore(suite, core),
    recipients: order.addressees.map(({ organ, name, role }) => ({ organ, name, role })),
    content,
    parts,
  }
  const readable = manifestSchema.safeParse(manifest)
  if (!readable.success) return fail('malformed', readable.error.issues[0]?.path.join('.'))
  const sealed = sealManifest(suite, draft.id, contentKey, await order.sign(canonical(manifest), core))
  const head = headSchema.safeParse({ ...core, manifest: manifestHash(suite, sealed) })
  if (!head.success) return fail('malformed', head.error.issues[0]?.path.join('.'))
  const checked = checkHead(head.data)
  if (!checked.ok) return checked
  const ownWrap = { key: own.key, wrap: base64url(suite.wrap(own.publicKey, contentKey)) }
  return ok({ head: head.data, recipients: addressed.value.recipients, manifest: sealed, manifestContent: manifest, chunkHashes, contentKey, ownWrap })
}

async function packParts(packer: Packer, parts: readonly Source[], onChunk: (chunk: SealedChunk) => Promise<void> | void): Promise<ReturnType<Packer['finish']>> {
  for (const { name, mediaType, bytes } of parts) {
    packer.openPart(name, mediaType)
    const pieces = bytes instanceof Uint8Array ? [bytes] : bytes
    for await (const piece of pieces) for (const chunk of packer.write(piece)) await onChunk(chunk)
    for (const chunk of packer.closePart()) await onChunk(chunk)
  }
  return packer.finish()
}
