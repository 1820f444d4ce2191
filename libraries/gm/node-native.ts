import { createHash, hash } from 'node:crypto'
import { concat } from './bytes.ts'
import type { Digest } from './suite.ts'

/** OpenSSL drops leading zeros of private keys. */
export function leftPad(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(32)
  out.set(bytes, 32 - bytes.length)
  return out
}

/** A Buffer as a plain array of its own, not a view into Node's pool. */
export function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer)
}

/** A Buffer as a plain array over the same memory, for bulk data. */
export function view(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

type Hasher = { update(bytes: Uint8Array): unknown; digest(): Buffer }

export function digestOf(hasher: Hasher, parts: readonly Uint8Array[]): Uint8Array {
  for (const part of parts) hasher.update(part)
  return plain(hasher.digest())
}

/** One call instead of three objects; small inputs, of which the road hashes dozens per message, are put together first. */
export function hashOnce(algorithm: 'sm3' | 'sha256', parts: readonly Uint8Array[]): Uint8Array {
  const [first = new Uint8Array()] = parts
  if (parts.length <= 1) return plain(hash(algorithm, first, 'buffer'))
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return length > TOGETHER_BYTES ? digestOf(createHash(algorithm), parts) : plain(hash(algorithm, concat(...parts), 'buffer'))
}
const TOGETHER_BYTES = 4096

/** Node's hash behind `Digest`. */
export function nativeDigest(algorithm: 'sm3' | 'sha256'): Digest {
  const hasher = createHash(algorithm)
  const self: Digest = {
    update(bytes: Uint8Array) {
      hasher.update(bytes)
      return self
    },
    digest: () => plain(hasher.digest())
  }
  return self
}
