import type { Readable } from 'node:stream'
import { MAX_SEALED_CHUNK_BYTES } from '@postroad/waybill'

/** One upload: the 5 GB film of a meeting passes, a runaway does not. */
export const MAX_UPLOAD_BYTES = 8 * 1024 ** 3
/** Uploads that one person may have open. */
export const MAX_OPEN_UPLOADS = 10
/** An unfinished upload is kept so long after its start; days may pass between two tries. */
export const UPLOAD_KEPT_MS = 7 * 24 * 3600_000
/** One that was taken is kept so long, in case the submission that took it is repeated. */
export const TAKEN_KEPT_MS = 3600_000

/** What is below this is small: receipts, directory, letters, urgent documents. */
const SMALL_BYTES = 1024 * 1024
const MEBIBYTE = 1024 ** 2

/**
 * Whether `bytes` more of something of `size` may be stored. Large things stop at the watermark (a tenth of the disk, between 512 MiB and 5 GiB); small ones
 * may use most of what is reserved below it, since a tree of nodes with full disks that cannot even take receipts would never drain.
 */
export function hasRoom(disk: { readonly free: number; readonly total: number }, bytes: number, size = bytes): boolean {
  const { low, full } = watermarks(disk.total)
  return disk.free - bytes >= (size > SMALL_BYTES ? low : full)
}

/** Free bytes below which large things stop (`low`), and everything (`full`). */
export function watermarks(total: number): { readonly low: number; readonly full: number } {
  const low = Math.min(Math.max(total / 10, 512 * MEBIBYTE), 5120 * MEBIBYTE)
  return { low, full: low / 5 }
}

/**
 * Splits an uploaded body, sealed chunks each after its length (u32be), as it is read: give bytes, get whole chunks.
 * `end` tells whether nothing was left over.
 */
export function chunkSplitter(): { push(bytes: Uint8Array): Uint8Array[] | 'bodyMalformed'; end(): boolean } {
  let rest: Uint8Array = new Uint8Array()
  return {
    push(bytes) {
      const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
      const chunks: Uint8Array[] = []
      let at = 0
      while (all.length - at >= 4) {
        const length = new DataView(all.buffer, all.byteOffset + at, 4).getUint32(0)
        if (length === 0 || length > MAX_SEALED_CHUNK_BYTES) return 'bodyMalformed'
        if (all.length - at - 4 < length) break
        chunks.push(all.subarray(at + 4, at + 4 + length))
        at += 4 + length
      }
      rest = all.slice(at)
      return chunks
    },
    end: () => rest.length === 0,
  }
}

/** Contents named by their hash (hex), in a folder or a bucket. Content is there whole and durable or not at all. */
export type HashStore = {
  /** Durable when the promise resolves. The same again changes nothing. */
  put(files: readonly { readonly name: string; readonly bytes: Uint8Array }[]): Promise<void>
  /** Writes a stream aside; `keep` gives it its name, the hex of its SHA-256; `drop` forgets it. */
  receive(source: AsyncIterable<Uint8Array>): Promise<{ keep(name: string): Promise<void>; drop(): Promise<void> }>
  read(name: string): Promise<Uint8Array | null>
  open(name: string): Promise<Readable | null>
  has(name: string): Promise<boolean>
  /** What is not there is no error. */
  remove(names: readonly string[]): Promise<void>
  /** All names with the time of writing. */
  list(): AsyncGenerator<{ readonly name: string; readonly written: Date }>
}

/** Names reach paths and addresses: nothing but a hash may. */
export function requireHashName(name: string): void {
  if (!/^[0-9a-f]{64}$/.test(name)) throw new Error('the name of a stored file is 64 hex digits')
}
