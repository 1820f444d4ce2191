import { createHash } from 'node:crypto'
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
