import { backupFaults } from './words.ts'

export type TarEntry = { readonly path: string; readonly kind: 'file' | 'folder'; readonly mode: number; readonly bytes: number }

const BLOCK = 512

/** Who takes an entry's bytes. `close` comes always, also when it breaks off. */
export type Taker = { write(bytes: Uint8Array): Promise<unknown>; end(): Promise<void>; close(): Promise<void> }

/**
 * Reads the tar that PostgreSQL sends (ustar): for each entry `begin` answers who takes its bytes, then gets them in pieces, then the end.
 * Links and devices do not belong into it; a path that leads out of the folder is refused. @throws backup.unsafePath, backup.truncated
 */
export async function readTar(source: AsyncIterable<Uint8Array>, begin: (entry: TarEntry) => Promise<Taker>): Promise<void> {
  const reader = pieces(source)
  for (;;) {
    const header = await reader.exactly(BLOCK)
    if (header === null) throw backupFaults.truncated({ file: 'base.tar' })
    if (header.every((byte) => byte === 0)) break
    const entry = entryOf(header)
    const taker = await begin(entry)
    try {
      for (let left = entry.bytes; left > 0; ) {
        const piece = await reader.some(left)
        if (piece === null) throw backupFaults.truncated({ file: entry.path })
        await taker.write(piece)
        left -= piece.length
      }
      await taker.end()
    } finally {
      await taker.close()
    }
    const padding = (BLOCK - (entry.bytes % BLOCK)) % BLOCK
    if (padding > 0 && (await reader.exactly(padding)) === null) throw backupFaults.truncated({ file: entry.path })
  }
  for (let rest = await reader.some(BLOCK); rest !== null; rest = await reader.some(BLOCK)) if (rest.some((byte) => byte !== 0)) throw backupFaults.tampered({ file: 'base.tar' })
}

function entryOf(header: Buffer): TarEntry {
  const text = (from: number, length: number): string => {
    const field = header.subarray(from, from + length)
    const end = field.indexOf(0)
    return field.subarray(0, end === -1 ? length : end).toString('utf8')
  }
  const prefix = text(345, 155)
  const path = `${prefix === '' ? '' : `${prefix}/`}${text(0, 100)}`.replace(/\/$/, '')
  const type = text(156, 1)
  if (!['0', '', '5'].includes(type)) throw backupFaults.unsafePath({ path, type })
  return { path: safePath(path), kind: type === '5' ? 'folder' : 'file', mode: Number.parseInt(text(100, 8), 8), bytes: sizeOf(header) }
}

/** @throws backup.unsafePath for whatever would leave the folder that it is put into */
export function safePath(path: string): string {
  const parts = path.replace(/^\.\//, '').split('/')
  if (path.startsWith('/') || path.includes('\0') || path.includes('\\') || parts.some((part) => part === '..' || (part === '' && parts.length > 1))) throw backupFaults.unsafePath({ path: path.slice(0, 200) })
  return parts.filter((part) => part !== '.').join('/')
}

/** Octal, or binary where the first bit is set (more than 8 GB). */
function sizeOf(header: Buffer): number {
  const bytes = (header[124] ?? 0) & 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(header.subarray(124, 136).toString('latin1').replace(/[\0 ].*$/, ''), 8)
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw backupFaults.tampered({ file: 'base.tar' })
  return bytes
}

/** Bytes of a stream by number: exactly so many, or whatever is there up to so many. */
function pieces(source: AsyncIterable<Uint8Array>): { exactly(length: number): Promise<Buffer | null>; some(most: number): Promise<Uint8Array | null> } {
  const iterator = source[Symbol.asyncIterator]()
  let held: Uint8Array = new Uint8Array()
  const some = async (most: number): Promise<Uint8Array | null> => {
    while (held.length === 0) {
      const next = await iterator.next()
      if (next.done === true) return null
      held = next.value
    }
    const piece = held.subarray(0, most)
    held = held.subarray(piece.length)
    return piece
  }
  return {
    some,
    async exactly(length) {
      const parts: Uint8Array[] = []
      for (let left = length; left > 0; ) {
        const piece = await some(left)
        if (piece === null) return null
        parts.push(piece)
        left -= piece.length
      }
      return Buffer.concat(parts)
    },
  }
}
