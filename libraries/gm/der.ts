import { concat, fromUtf8, toBigInt, utf8 } from './bytes.ts'

/** Thrown by every reader in this file on bytes that are not the DER they should be. */
export class DerError extends Error {
  override readonly name = 'DerError'
}

/** One TLV: `tag` is the identifier octet (numbers above 30 are not used by anything we read), `raw` the whole TLV. */
export type DerNode = { readonly tag: number; readonly content: Uint8Array; readonly raw: Uint8Array }

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31
} as const

const LENGTH_LIMIT = 0x7fffffff

// ---- writing

/** One TLV around its contents. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of contents) length += part.length
  return concat(new Uint8Array([tag, ...lengthOctets(length)]), ...contents)
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length]
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest & 0xff)
  return [0x80 | octets.length, ...octets]
}

export const sequence = (...contents: readonly Uint8Array[]): Uint8Array => tlv(TAG.sequence, ...contents)
export const octetString = (bytes: Uint8Array): Uint8Array => tlv(TAG.octetString, bytes)
export const bitString = (bytes: Uint8Array, unusedBits = 0): Uint8Array => tlv(TAG.bitString, new Uint8Array([unusedBits]), bytes)
export const boolean = (value: boolean): Uint8Array => tlv(TAG.boolean, new Uint8Array([value ? 0xff : 0]))
export const nothing = (): Uint8Array => tlv(TAG.null)
export const utf8String = (text: string): Uint8Array => tlv(TAG.utf8String, utf8(text))
/** Explicit (constructed) context tag `[number]`. */
export const context = (number: number, ...contents: readonly Uint8Array[]): Uint8Array => tlv(0xa0 | number, ...contents)
/** Implicit primitive context tag `[number]`. */
export const contextPrimitive = (number: number, bytes: Uint8Array): Uint8Array => tlv(0x80 | number, bytes)

/** SET OF: the encodings in ascending order (X.690 §11.6). */
export function setOf(...contents: readonly Uint8Array[]): Uint8Array {
  return tlv(TAG.set, ...contents.toSorted(compareBytes))
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** A non-negative INTEGER from big-endian bytes of any width (or a small number). */
export function integer(value: Uint8Array | number): Uint8Array {
  const bytes = typeof value === 'number' ? new Uint8Array([value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]) : value
  let from = 0
  while (from < bytes.length - 1 && bytes[from] === 0) from++
  const trimmed = bytes.length === 0 ? new Uint8Array(1) : bytes.subarray(from)
  return trimmed[0]! >= 0x80 ? tlv(TAG.integer, new Uint8Array(1), trimmed) : tlv(TAG.integer, trimmed)
}

/** OBJECT IDENTIFIER from dotted text. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const octets: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const group = [arc & 0x7f]
    for (let high = Math.floor(arc / 128); high > 0; high = Math.floor(high / 128)) group.unshift(0x80 | (high & 0x7f))
    octets.push(...group)
  }
  return tlv(TAG.oid, new Uint8Array(octets))
}

// ---- reading (strict: definite minimal lengths, nothing left over)

/** Reads exactly one TLV that fills `bytes`. */
export function readDer(bytes: Uint8Array): DerNode {
  const node = readAt(bytes, 0)
  if (node.raw.length !== bytes.length) throw new DerError('bytes after the end')
  return node
}

function readAt(bytes: Uint8Array, at: number): DerNode {
  if (at + 2 > bytes.length) throw new DerError('cut short')
  const tag = bytes[at]!
  if ((tag & 0x1f) === 0x1f) throw new DerError('long tag')
  const { length, from } = readLength(bytes, at + 1)
  if (from + length > bytes.length) throw new DerError('cut short')
  return { tag, content: bytes.subarray(from, from + length), raw: bytes.subarray(at, from + length) }
}

function readLength(bytes: Uint8Array, at: number): { length: number; from: number } {
  const first = bytes[at]!
  if (first < 0x80) return { length: first, from: at + 1 }
  const octets = first & 0x7f
  if (octets === 0 || octets > 4 || at + 1 + octets > bytes.length) throw new DerError('length not definite or too long')
  let length = 0
  for (let i = 1; i <= octets; i++) length = length * 256 + bytes[at + i]!
  if (length < 0x80 || (octets > 1 && bytes[at + 1] === 0) || length > LENGTH_LIMIT) throw new DerError('length not minimal')
  return { length, from: at + 1 + octets }
}

/** The TLVs inside a constructed value, which must have this tag. */
export function children(node: DerNode | undefined, tag: number = TAG.sequence): DerNode[] {
  const inside = content(node, tag)
  const out: DerNode[] = []
  for (let at = 0; at < inside.length; ) {
    const child = readAt(inside, at)
    out.push(child)
    at += child.raw.length
  }
  return out
}

/** A field that must be there. */
export function required(node: DerNode | undefined): DerNode {
  if (node === undefined) throw new DerError('a field is missing')
  return node
}

/** The content octets of a value that must be there and have this tag. */
export function content(node: DerNode | undefined, tag: number): Uint8Array {
  const { tag: found, content: octets } = required(node)
  if (found !== tag) throw new DerError(`tag ${found.toString(16)} where ${tag.toString(16)} was due`)
  return octets
}

/** A non-negative INTEGER as minimal big-endian bytes (zero is one zero byte). */
export function readInteger(node: DerNode | undefined): Uint8Array {
  const bytes = content(node, TAG.integer)
  if (bytes.length === 0 || bytes[0]! >= 0x80) throw new DerError('integer empty or negative')
  if (bytes[0] !== 0) return bytes
  if (bytes.length === 1) return bytes
  if (bytes[1]! < 0x80) throw new DerError('integer not minimal')
  return bytes.subarray(1)
}

/** A non-negative INTEGER left-padded to `width` bytes. */
export function readFixedInteger(node: DerNode | undefined, width: number): Uint8Array {
  const bytes = readInteger(node)
  if (bytes.length > width) throw new DerError('integer too wide')
  const out = new Uint8Array(width)
  out.set(bytes, width - bytes.length)
  return out
}

/** A small INTEGER, at most 2^31 − 1. */
export function readSmallInteger(node: DerNode | undefined): number {
  const value = toBigInt(readInteger(node))
  if (value > 0x7fffffffn) throw new DerError('integer too large')
  return Number(value)
}

export function readBoolean(node: DerNode | undefined): boolean {
  const bytes = content(node, TAG.boolean)
  if (bytes.length !== 1 || (bytes[0] !== 0 && bytes[0] !== 0xff)) throw new DerError('boolean not canonical')
  return bytes[0] === 0xff
}

/** The octets of a BIT STRING without unused bits. */
export function readBitString(node: DerNode | undefined): Uint8Array {
  const bytes = content(node, TAG.bitString)
  if (bytes[0] !== 0) throw new DerError('bit string with unused bits')
  return bytes.subarray(1)
}

/** An OBJECT IDENTIFIER as dotted text. */
export function readOid(node: DerNode | undefined): string {
  const bytes = content(node, TAG.oid)
  const arcs: number[] = []
  let arc = 0
  for (let i = 0; i < bytes.length; i++) {
    const octet = bytes[i]!
    if (arc === 0 && octet === 0x80) throw new DerError('object identifier not minimal')
    arc = arc * 128 + (octet & 0x7f)
    if (!Number.isSafeInteger(arc)) throw new DerError('object identifier too large')
    if (octet >= 0x80) continue
    arcs.push(arc)
    arc = 0
  }
  if (arcs.length === 0 || bytes[bytes.length - 1]! >= 0x80) throw new DerError('object identifier cut short')
  const first = Math.min(2, Math.floor(arcs[0]! / 40))
  return [first, arcs[0]! - 40 * first, ...arcs.slice(1)].join('.')
}

/** A UTF8String, PrintableString or IA5String. */
export function readText(node: DerNode | undefined): string {
  const { tag, content: octets } = required(node)
  if (tag !== TAG.utf8String && tag !== TAG.printableString && tag !== TAG.ia5String) throw new DerError('not a text')
  return readUtf8(octets)
}

/** Octets as UTF-8 text. */
export function readUtf8(octets: Uint8Array): string {
  try {
    return fromUtf8(octets)
  } catch (cause) {
    throw new DerError('text is not UTF-8', { cause })
  }
}

/** Runs a reader and answers `null` when the bytes are not what it expects; other errors pass through. */
export function orNull<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof DerError) return null
    throw error
  }
}
