import { createHash } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { type SuiteId, type Suites, base64url, hex } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import type { Config } from '@postroad/kernel/config'
import type { Node, Slot } from '@postroad/kernel/node'
import { decodeBytes } from '@postroad/waybill'
import { openBucket } from './bucket.ts'
import { openHashFolder } from './folder.ts'
import { type HashStore, hasRoom } from './model.ts'
import { filesFaults } from './words.ts'

/** What the disk had when it was last looked at. */
type Disk = { free: number; total: number; seen: number }
export type Storage = { readonly suites: Suites; readonly blobs: HashStore; readonly chunks: HashStore; readonly disk: Disk }
export const storage: Slot<Storage> = { name: 'files.storage' }

/** Opens both stores, under the node's home or in its bucket: blobs by SHA-256, chunks of bodies by the hash of their suite. */
export async function openStorage({ home, blobs: bucket }: Pick<Config, 'home' | 'blobs'>): Promise<Storage> {
  const open = (kind: string): Promise<HashStore> => (bucket === null ? openHashFolder(join(home, 'blobs', kind)) : openBucket(bucket, kind, join(home, 'blobs')))
  return { suites, blobs: await open('files'), chunks: await open('chunks'), disk: { free: 0, total: 0, seen: Number.NEGATIVE_INFINITY } }
}

/** Refuses what the disk should not take any more: `bytes` that are part of something of `size`. @throws files.diskFull */
export async function requireRoom(node: Node, bytes: number, size = bytes): Promise<void> {
  const { disk } = node.slots.get(storage)
  if (performance.now() - disk.seen > LOOK_MS) await look(disk, node.config.home)
  if (!hasRoom(disk, bytes, size)) throw filesFaults.diskFull({ free: disk.free, bytes })
}

/** Every letter asks; the disk's own answer serves all of a moment, in which far less can be written than is kept in reserve. */
const LOOK_MS = 100
async function look(disk: Disk, home: string): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(home)
  Object.assign(disk, { free: bavail * bsize, total: blocks * bsize, seen: performance.now() })
}

/** Stores content under its own SHA-256 (hex); durable when it answers. */
export async function putBlob(node: Node, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<{ hash: string; bytes: number }> {
  const { blobs } = node.slots.get(storage)
  if (content instanceof Uint8Array) {
    await requireRoom(node, content.length)
    const hash = createHash('sha256').update(content).digest('hex')
    await blobs.put([{ name: hash, bytes: content }])
    return { hash, bytes: content.length }
  }
  await requireRoom(node, 0)
  const digest = createHash('sha256')
  let bytes = 0
  const received = await blobs.receive((async function* () {
    for await (const piece of content) {
      digest.update(piece)
      bytes += piece.length
      yield piece
    }
  })())
  const hash = digest.digest('hex')
  await received.keep(hash)
  return { hash, bytes }
}

/** A stream that fails at its end with `files.damaged` if the bytes are not those that were stored. @throws files.noBlob */
export async function openBlob(node: Node, hash: string): Promise<Readable> {
  const file = await node.slots.get(storage).blobs.open(hash)
  if (file === null) throw filesFaults.noBlob()
  const digest = createHash('sha256')
  const check = new Transform({
    transform(piece: Buffer, _, done) {
      digest.update(piece)
      done(null, piece)
    },
    flush: (done) => (digest.digest('hex') === hash ? done() : done(filesFaults.damaged({ hash }))),
  })
  return file.on('error', (error) => check.destroy(error)).pipe(check)
}

export const hasBlob = (node: Node, hash: string): Promise<boolean> => node.slots.get(storage).blobs.has(hash)
export const removeBlob = (node: Node, hash: string): Promise<void> => node.slots.get(storage).blobs.remove([hash])

/** A sealed chunk of a body. `hash` is base64url, of the message's suite. */
export type Chunk = { readonly hash: string; readonly bytes: Uint8Array }

/**
 * Stores chunks in one batch, durable when it answers. Each must be what its hash says, in the suite given or, without one, in either.
 * @throws files.chunkMismatch, files.diskFull
 */
export async function putChunks(node: Node, chunks: readonly Chunk[], suite?: SuiteId): Promise<void> {
  const stores = node.slots.get(storage)
  for (const chunk of chunks) if (!isHashOf(stores.suites, chunk, suite)) throw filesFaults.chunkMismatch({ hash: chunk.hash.slice(0, 64) })
  await requireRoom(node, chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0))
  await stores.chunks.put(chunks.map((chunk) => ({ name: nameOf(chunk.hash), bytes: chunk.bytes })))
}

/** A chunk, checked against its hash. @throws files.noBlob, files.damaged */
export async function readChunk(node: Node, hash: string, suite?: SuiteId): Promise<Uint8Array> {
  const stores = node.slots.get(storage)
  const bytes = await stores.chunks.read(nameOf(hash))
  if (bytes === null) throw filesFaults.noBlob()
  if (!isHashOf(stores.suites, { hash, bytes }, suite)) throw filesFaults.damaged({ hash })
  return bytes
}

/** Which of these chunks are not here, in order. */
export async function missingChunks(node: Node, hashes: readonly string[]): Promise<string[]> {
  const { chunks } = node.slots.get(storage)
  const there = await Promise.all(hashes.map((hash) => chunks.has(nameOf(hash))))
  return hashes.filter((_, i) => there[i] === false)
}

/** Removes chunks; what is not there is no error. Whoever knows the references (the road) decides. */
export const removeChunks = (node: Node, hashes: readonly string[]): Promise<void> => node.slots.get(storage).chunks.remove(hashes.map(nameOf))

/** Removes chunks written before `before` that `inUse` does not name: what a submission stored and never became. Answers how many. */
export async function sweepChunks(node: Node, before: Date, inUse: (hashes: readonly string[]) => Promise<ReadonlySet<string>>): Promise<number> {
  const { chunks } = node.slots.get(storage)
  let [removed, old]: [number, string[]] = [0, []]
  const sweep = async (): Promise<void> => {
    const used = await inUse(old)
    const unused = old.filter((hash) => !used.has(hash))
    await removeChunks(node, unused)
    removed += unused.length
    old = []
  }
  for await (const { name, written } of chunks.list()) {
    if (written < before) old.push(base64url(Buffer.from(name, 'hex')))
    if (old.length === 1000) await sweep()
  }
  if (old.length > 0) await sweep()
  return removed
}

/** Hash texts differ in case, which not every file system keeps apart. */
function nameOf(hash: string): string {
  const bytes = decodeBytes(hash)
  if (bytes === null || bytes.length !== 32) throw filesFaults.noBlob()
  return hex(bytes)
}

function isHashOf({ P256, SM }: Suites, chunk: Chunk, suite: SuiteId | undefined): boolean {
  if (suite !== 'SM' && base64url(P256.hash(chunk.bytes)) === chunk.hash) return true
  return suite !== 'P256' && base64url(SM.hash(chunk.bytes)) === chunk.hash
}
