/** Byte helpers that work the same in the browser and in Node. */

const encoder = new TextEncoder()
const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'))
const URL_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const URL_VALUES = new Int8Array(128).fill(-1)
for (let i = 0; i < 64; i++) URL_VALUES[URL_ALPHABET.charCodeAt(i)] = i

type NodeBuffer = { from(bytes: ArrayBufferLike, at: number, length: number): { toString(encoding: 'base64url'): string }; from(text: string, encoding: 'base64url'): Uint8Array }
/** Node's, ten times as quick; browsers do without. */
const nodeBuffer = (globalThis as { readonly Buffer?: NodeBuffer }).Buffer

/** All parts one after another in a fresh array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Whether both hold the same bytes; takes the same time wherever they differ (the length is not secret). */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i++) out += HEX[bytes[i]!]
  return out
}

/** Reads hexadecimal of either case. Throws `RangeError` on anything else. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw new RangeError('not hexadecimal')
  const out = new Uint8Array(text.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return out
}

/** Base64url without padding (RFC 4648 §5). */
export function base64url(bytes: Uint8Array): string {
  return nodeBuffer === undefined ? portableBase64url(bytes) : nodeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
}

/** The same without Node. */
export function portableBase64url(bytes: Uint8Array): string {
  const parts: string[] = []
  // 3 × 8192 input bytes at a time keep the intermediate strings small for bodies of megabytes.
  for (let from = 0; from < bytes.length; from += 24576) parts.push(base64urlBlock(bytes.subarray(from, from + 24576)))
  return parts.join('')
}

function base64urlBlock(block: Uint8Array): string {
  let out = ''
  let i = 0
  for (; i + 2 < block.length; i += 3) {
    const triple = (block[i]! << 16) | (block[i + 1]! << 8) | block[i + 2]!
    out += URL_ALPHABET[triple >>> 18]! + URL_ALPHABET[(triple >>> 12) & 63]! + URL_ALPHABET[(triple >>> 6) & 63]! + URL_ALPHABET[triple & 63]!
  }
  if (block.length - i === 1) return out + URL_ALPHABET[block[i]! >>> 2]! + URL_ALPHABET[(block[i]! & 3) << 4]!
  if (block.length - i === 2) {
    const pair = (block[i]! << 8) | block[i + 1]!
    return out + URL_ALPHABET[pair >>> 10]! + URL_ALPHABET[(pair >>> 4) & 63]! + URL_ALPHABET[(pair & 15) << 2]!
  }
  return out
}

/**
 * Reads base64url without padding. One value has exactly one text: padding, foreign characters and
 * stray bits at the end are refused (`RangeError`), so that hashes over texts and over bytes never part.
 */
export function fromBase64url(text: string): Uint8Array {
  if (nodeBuffer === undefined || !isBase64url(text)) return portableFromBase64url(text)
  return new Uint8Array(nodeBuffer.from(text, 'base64url'))
}

/** The same without Node. */
export function portableFromBase64url(text: string): Uint8Array {
  if (text.length % 4 === 1) throw new RangeError('not base64url: impossible length')
  const out = new Uint8Array(Math.floor((text.length * 3) / 4))
  let bits = 0
  let held = 0
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const value = code < 128 ? URL_VALUES[code]! : -1
    if (value < 0) throw new RangeError('not base64url: foreign character')
    held = ((held << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      out[at++] = (held >>> bits) & 0xff
    }
  }
  if ((held & ((1 << bits) - 1)) !== 0) throw new RangeError('not base64url: stray bits')
  return out
}

// How the last letters may end, by what is left over of groups of four: one letter alone says nothing, the others leave no stray bits.
const ENDS: readonly RegExp[] = [/^$|[A-Za-z0-9_-]$/, /(?!)/, /[AQgw]$/, /[AEIMQUYcgkosw048]$/]

/** Whether `fromBase64url` reads this text, told without reading it: for schemas. */
export const isBase64url = (text: string): boolean => ENDS[text.length % 4]!.test(text) && /^[A-Za-z0-9_-]*$/.test(text)

/** UTF-8 of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Reads UTF-8; throws `TypeError` on malformed input instead of replacing it. */
export function fromUtf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}

/** Four bytes, big endian. */
export function u32be(value: number): Uint8Array {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, value)
  return out
}

/** Eight bytes, big endian; `value` up to 2^53 − 1. */
export function u64be(value: number): Uint8Array {
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigUint64(0, BigInt(value))
  return out
}

/** The whole of `bytes` as one unsigned big-endian number. */
export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${hex(bytes)}`)
}

/** `value` as exactly `length` big-endian bytes. */
export function fromBigInt(value: bigint, length: number): Uint8Array {
  return fromHex(value.toString(16).padStart(2 * length, '0'))
}
