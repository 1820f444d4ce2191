import type { Suite } from '@postroad/gm'
import { base64url, concat, utf8 } from '@postroad/gm'
import { decodeBytes } from './canonical.ts'
import { deflate, inflate } from './deflate.ts'
import { fail, ok, type Result } from './fault.ts'
import { merkleRoot } from './merkle.ts'
import { CHUNK_BYTES } from './model.ts'

/** A sealed chunk is at most one plain chunk, its encoding byte and the longest tag. */
export const MAX_SEALED_CHUNK_BYTES = CHUNK_BYTES + 1 + 32
/** 100,000 recipients at some 200 bytes, and the parts. */
export const MAX_MANIFEST_BYTES = 24 * 1024 * 1024

const RAW = 0
const DEFLATE = 1
const SAMPLE_BYTES = 32 * 1024

/**
 * Encodes one plain chunk (at most 1 MiB): `0 ‖ bytes`, or `1 ‖ raw deflate` where that is shorter.
 * A sample decides first, so that films and pictures are not compressed in vain.
 */
export function encodeChunk(plain: Uint8Array): Uint8Array {
  if (plain.length > CHUNK_BYTES) throw new Error(`a chunk holds at most ${CHUNK_BYTES} bytes`)
  const raw = concat(Uint8Array.of(RAW), plain)
  if (plain.length > 4 * SAMPLE_BYTES && deflate(plain.subarray(0, SAMPLE_BYTES)).length > SAMPLE_BYTES * 0.95) return raw
  const deflated = deflate(plain)
  return deflated.length < plain.length ? concat(Uint8Array.of(DEFLATE), deflated) : raw
}

/** The plain chunk, or `badEncoding`. */
export function decodeChunk(encoded: Uint8Array): Result<Uint8Array> {
  const payload = encoded.subarray(1)
  if (encoded[0] === RAW && payload.length <= CHUNK_BYTES) return ok(payload)
  if (encoded[0] !== DEFLATE) return fail('badEncoding', `encoding ${encoded[0] ?? 'none'}`)
  const plain = inflate(payload, CHUNK_BYTES)
  return plain === null ? fail('badEncoding') : ok(plain)
}

/** `letter ‖ 0 0 0 ‖ u64be(index)`: body chunks and the manifest never share a nonce under one content key. */
function nonce(letter: 'B' | 'M', index: number): Uint8Array {
  const bytes = new Uint8Array(12)
  bytes[0] = letter.charCodeAt(0)
  new DataView(bytes.buffer).setBigUint64(4, BigInt(index))
  return bytes
}
const associated = (domain: 'body' | 'manifest', messageId: string): Uint8Array => utf8(`postroad/1/${domain}\0${messageId}`)

export type SealedChunk = { readonly index: number; readonly hash: string; readonly sealed: Uint8Array }

/** Name of a sealed chunk on every link and in every store: the suite's hash, base64url. */
export const chunkHash = (suite: Suite, sealed: Uint8Array): string => base64url(suite.hash(sealed))

/** Seals an encoded chunk. `index` counts over the whole body, whatever the part. */
export function sealChunk(suite: Suite, messageId: string, contentKey: Uint8Array, index: number, encoded: Uint8Array): SealedChunk {
  const sealed = suite.seal(contentKey, nonce('B', index), encoded, associated('body', messageId))
  return { index, hash: chunkHash(suite, sealed), sealed }
}

/** Opens one chunk of a body: its hash first, then its seal. Answers the *encoded* chunk. */
export function openChunk(suite: Suite, messageId: string, contentKey: Uint8Array, index: number, expectedHash: string, sealed: Uint8Array): Result<Uint8Array> {
  if (sealed.length > MAX_SEALED_CHUNK_BYTES) return fail('tooLarge', `chunk ${index}`)
  if (chunkHash(suite, sealed) !== expectedHash) return fail('chunkHashMismatch', `chunk ${index}`)
  const encoded = suite.open(contentKey, nonce('B', index), sealed, associated('body', messageId))
  return encoded === null ? fail('chunkUnreadable', `chunk ${index}`) : ok(encoded)
}

export const sealManifest = (suite: Suite, messageId: string, contentKey: Uint8Array, cms: Uint8Array): Uint8Array =>
  suite.seal(contentKey, nonce('M', 0), cms, associated('manifest', messageId))

export function openManifest(suite: Suite, messageId: string, contentKey: Uint8Array, sealed: Uint8Array): Result<Uint8Array> {
  const cms = suite.open(contentKey, nonce('M', 0), sealed, associated('manifest', messageId))
  return cms === null ? fail('manifestUnreadable') : ok(cms)
}

/** Hash of the sealed manifest as it stands in the head. */
export const manifestHash = (suite: Suite, sealed: Uint8Array): string => base64url(suite.hash(sealed))

/** Root over the chunk hashes as it stands in the head; null if one of them is not a hash. */
export function bodyRoot(suite: Suite, chunkHashes: readonly string[]): string | null {
  const hashes = chunkHashes.map(decodeBytes)
  return hashes.every((hash) => hash !== null && hash.length === 32) ? base64url(merkleRoot(suite, hashes as Uint8Array[])) : null
}
