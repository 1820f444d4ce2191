import { concat } from '@postroad/gm'
import { deflateSync, Inflate } from 'fflate'

type Zlib = { deflateRawSync(bytes: Uint8Array): Uint8Array; inflateRawSync(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array }
type Runtime = { readonly process?: { getBuiltinModule?(name: string): unknown } }
/** Node's own is four times as quick as any in JavaScript; a browser has none that is synchronous. Both write streams that the other reads. */
const zlib = (globalThis as Runtime).process?.getBuiltinModule?.('node:zlib') as Zlib | undefined

/** A raw deflate stream (RFC 1951). */
export const deflate = (plain: Uint8Array): Uint8Array => (zlib === undefined ? deflateSync(plain) : view(zlib.deflateRawSync(plain)))

/** A Buffer as a plain array over the same memory. */
const view = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)

/** What a raw deflate stream holds, or null: damaged, cut, or more than `most` bytes. Output is capped while inflating, so that a few bytes cannot unfold into gigabytes. */
export function inflate(stream: Uint8Array, most: number): Uint8Array | null {
  try {
    return zlib === undefined ? inflatePortably(stream, most) : view(zlib.inflateRawSync(stream, { maxOutputLength: most }))
  } catch {
    return null
  }
}

/** The same in JavaScript alone; throws what `inflate` answers with null. */
export function inflatePortably(stream: Uint8Array, most: number): Uint8Array | null {
  const out: Uint8Array[] = []
  let total = 0
  let ended = false
  const unfolding = new Inflate((piece, final) => {
    total += piece.length
    if (total > most) throw new RangeError('more than allowed')
    out.push(piece)
    ended = final
  })
  for (let at = 0; at < stream.length; at += 4096) unfolding.push(stream.subarray(at, at + 4096), at + 4096 >= stream.length)
  return ended ? concat(...out) : null
}
