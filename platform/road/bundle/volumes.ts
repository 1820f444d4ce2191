import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Suite, base64url } from '@postroad/gm'
import { roadFaults } from '../words.ts'
import { MOST_VOLUMES, volumeName } from './format.ts'

/** One volume as the manifest names it. */
export type Volume = { readonly bytes: number; readonly hash: string }
export type Written = { readonly volumes: readonly Volume[]; readonly parts: readonly { readonly bytes: number; readonly hash: string }[] }

const PIECE = 1024 * 1024
const temporary = (folder: string, name: string, index: number): string => join(folder, `${name}.v${index + 1}.part`)

/** A file that nobody else prepared: what a medium already holds under this name, a link for instance, is never written through. */
export async function freshFile(path: string): Promise<FileHandle> {
  await rm(path, { force: true })
  return open(path, 'wx', 0o640)
}

/** Writes parts one after the other as volumes of at most `limit` bytes, under temporary names, durable when it answers. Memory is one piece. */
export async function writeVolumes(suite: Suite, folder: string, name: string, limit: number, parts: AsyncIterable<AsyncIterable<Uint8Array> | Iterable<Uint8Array>>): Promise<Written> {
  const volumes: Volume[] = []
  const sizes: { bytes: number; hash: string }[] = []
  let current: { file: FileHandle; digest: ReturnType<Suite['createHash']>; bytes: number } | null = null
  const close = async (): Promise<void> => {
    if (current === null) return
    const { file, digest, bytes } = current
    current = null
    await file.sync()
    await file.close()
    volumes.push({ bytes, hash: base64url(digest.digest()) })
  }
  try {
    for await (const part of parts) {
      const digest = suite.createHash()
      let bytes = 0
      for await (const whole of part) {
        digest.update(whole)
        bytes += whole.length
        for (let piece = whole; piece.length > 0; ) {
          if (current === null && volumes.length === MOST_VOLUMES) throw roadFaults.mediumFailed({ reason: 'volumes', most: MOST_VOLUMES })
          current ??= { file: await freshFile(temporary(folder, name, volumes.length)), digest: suite.createHash(), bytes: 0 }
          const now = piece.subarray(0, limit - current.bytes)
          await current.file.writeFile(now)
          current.digest.update(now)
          current.bytes += now.length
          piece = piece.subarray(now.length)
          if (current.bytes === limit) await close()
        }
      }
      sizes.push({ bytes, hash: base64url(digest.digest()) })
    }
    await close()
  } finally {
    await (current as { file: FileHandle } | null)?.file.close()
  }
  return { volumes, parts: sizes }
}

/** Gives the volumes their names, now that their number is known. */
export async function nameVolumes(folder: string, name: string, of: number): Promise<void> {
  for (let index = 0; index < of; index += 1) await rename(temporary(folder, name, index), join(folder, volumeName(name, index, of)))
  await syncFolder(folder)
}
export const temporaryVolume = temporary

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A plain file of a medium, or null: no link, pipe or device is ever followed or waited for. */
export async function openPlain(path: string): Promise<FileHandle | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ELOOP' || error.code === 'ENXIO') return null
    throw error
  })
  if (file === null || (await file.stat()).isFile()) return file
  await file.close()
  return null
}

/** Reads a whole small file; null where there is none or it is longer than `limit`. */
export async function readPlain(path: string, limit: number): Promise<Uint8Array | null> {
  const file = await openPlain(path)
  if (file === null) return null
  try {
    const { size } = await file.stat()
    return size > limit ? null : await gather(readFrom(file, 0, size))
  } finally {
    await file.close()
  }
}

/** All pieces as one. */
export async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return all.length === 1 ? (all[0] as Uint8Array) : Buffer.concat(all)
}

/** Bytes of a file; ends early where the file does. A piece is a buffer of its own: whoever takes it may keep it. */
async function* readFrom(file: FileHandle, from: number, length: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < from + length; ) {
    const wanted = Math.min(PIECE, from + length - at)
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, at)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}

export type VolumeState = 'good' | 'missing' | 'truncated' | 'tooLong' | 'tampered' | 'unreadable'

/** Compares a volume with what the manifest says of it. */
export async function checkVolume(suite: Suite, path: string | null, { bytes, hash }: Volume): Promise<VolumeState> {
  try {
    const file = path === null ? null : await openPlain(path)
    if (file === null) return 'missing'
    try {
      const { size } = await file.stat()
      if (size !== bytes) return size < bytes ? 'truncated' : 'tooLong'
      const digest = suite.createHash()
      for await (const piece of readFrom(file, 0, bytes)) digest.update(piece)
      return base64url(digest.digest()) === hash ? 'good' : 'tampered'
    } finally {
      await file.close()
    }
  } catch {
    return 'unreadable' // a scratched disk fails while it is read
  }
}

/** The one stream that volumes are together. Only those with a path can be read; each is opened while it is read, so that many volumes need no many handles. */
export type Stream = { has(from: number, length: number): boolean; read(from: number, length: number): AsyncGenerator<Uint8Array> }

export function streamOf(volumes: readonly { readonly bytes: number; readonly path: string | null }[]): Stream {
  let at = 0
  const places = volumes.map(({ bytes, path }) => ({ path, from: at, to: (at += bytes) }))
  const within = (from: number, length: number) => places.filter((one) => one.from < from + length && one.to > from)
  return {
    has: (from, length) => within(from, length).every(({ path }) => path !== null),
    async *read(from, length) {
      for (const one of within(from, length)) {
        const file = one.path === null ? null : await openPlain(one.path)
        if (file === null) return // taken out since it was checked: too short, and noticed
        try {
          const start = Math.max(from, one.from)
          yield* readFrom(file, start - one.from, Math.min(from + length, one.to) - start)
        } finally {
          await file.close()
        }
      }
    },
  }
}
