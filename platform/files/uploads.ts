import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { SuiteId } from '@postroad/gm'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { FileStore } from '@tus/file-store'
import { MAX_OPEN_UPLOADS, MAX_UPLOAD_BYTES, TAKEN_KEPT_MS, UPLOAD_KEPT_MS, chunkSplitter } from './model.ts'
import { type Chunk, putChunks, requireRoom } from './storage.ts'
import { countOpenUploads, deleteUploads, findUpload, insertUpload, markTaken, staleUploads } from './store.ts'
import { filesFaults } from './words.ts'

/** Chunks are flushed together until they reach this. */
const FLUSH_BYTES = 8 * 1024 * 1024
const EXPIRE_AT_ONCE = 500

const uploadsFolder = (home: string): string => join(home, 'uploads')
/** The tus store's view of the uploads folder: bytes, and beside them its own notes. */
export const uploadStore = (home: string): FileStore => new FileStore({ directory: uploadsFolder(home) })
const isUploadId = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)

/** Starts an upload for a person and answers its id. `bytes` is null where the client knows the length only at the end. @throws files.tooLarge, files.tooManyUploads, files.diskFull */
export async function startUpload(node: Node, person: PersonPrincipal, bytes: number | null): Promise<string> {
  if (bytes !== null && bytes > MAX_UPLOAD_BYTES) throw filesFaults.tooLarge({ bytes, most: MAX_UPLOAD_BYTES })
  await requireRoom(node, bytes ?? 0)
  const id = randomUUID()
  await node.transaction(person, async (tx) => {
    if ((await countOpenUploads(tx)) >= MAX_OPEN_UPLOADS) throw filesFaults.tooManyUploads({ most: MAX_OPEN_UPLOADS })
    await insertUpload(tx, { id, person: person.person, created: node.now() })
  })
  return id
}

/** Where a person's upload lies. @throws files.noUpload for what is not there and for another person's alike */
export async function requireUpload(node: Node, person: PersonPrincipal, id: string): Promise<string> {
  const upload = isUploadId(id) ? await node.transaction(person, (tx) => findUpload(tx, id)) : null
  if (upload === null) throw filesFaults.noUpload()
  return join(uploadsFolder(node.config.home), id)
}

/** Before `bytes` more are written to an upload. @throws files.noUpload, files.diskFull */
export async function continueUpload(node: Node, person: PersonPrincipal, id: string, bytes: number): Promise<void> {
  const received = await sizeOf(await requireUpload(node, person, id))
  await requireRoom(node, bytes, received + bytes)
}

const sizeOf = (file: string): Promise<number> => stat(file).then((found) => found.size, () => 0)

/**
 * Moves a finished upload's chunks to the chunk store: the body is sealed chunks each after its length (u32be), and they must be exactly
 * `chunkHashes`, in order. Durable when it answers. May be repeated, since the submission that needs it may be.
 * @throws files.noUpload, files.uploadIncomplete, files.bodyMalformed, files.chunkMismatch, files.diskFull
 */
export async function takeUpload(node: Node, person: PersonPrincipal, id: string, chunkHashes: readonly string[], suite?: SuiteId): Promise<{ bytes: number }> {
  const file = await requireUpload(node, person, id)
  const upload = await uploadStore(node.config.home).getUpload(id).catch((): null => null)
  if (upload === null) throw filesFaults.noUpload()
  if (upload.size === undefined || upload.size !== upload.offset) throw filesFaults.uploadIncomplete({ received: upload.offset })
  const splitter = chunkSplitter()
  let [count, sealed, batch, waiting]: [number, number, Chunk[], number] = [0, 0, [], 0]
  for await (const piece of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    const chunks = splitter.push(piece as Buffer)
    if (chunks === 'bodyMalformed') throw filesFaults.bodyMalformed()
    for (const chunk of chunks) {
      const hash = chunkHashes[count]
      if (hash === undefined) throw filesFaults.bodyMalformed({ chunks: chunkHashes.length })
      batch.push({ hash, bytes: chunk })
      ;[count, sealed, waiting] = [count + 1, sealed + chunk.length, waiting + chunk.length]
    }
    if (waiting < FLUSH_BYTES) continue
    await putChunks(node, batch, suite)
    ;[batch, waiting] = [[], 0]
  }
  if (!splitter.end() || count !== chunkHashes.length) throw filesFaults.bodyMalformed({ chunks: count })
  await putChunks(node, batch, suite)
  await node.transaction(person, (tx) => markTaken(tx, id, node.now()))
  return { bytes: sealed }
}

/** Removes an upload whose chunks are safe and submitted, or that its owner gave up. */
export async function dropUpload(node: Node, person: PersonPrincipal, id: string): Promise<void> {
  const file = await requireUpload(node, person, id)
  await removeFiles(file)
  await node.transaction(person, (tx) => deleteUploads(tx, [id]))
}

/** Removes uploads that nobody finished in a week, and those taken an hour ago. Answers how many. */
export async function expireUploads(node: Node): Promise<number> {
  const now = node.now().getTime()
  const ids = await node.transaction(service('files'), (tx) => staleUploads(tx, new Date(now - UPLOAD_KEPT_MS), new Date(now - TAKEN_KEPT_MS), EXPIRE_AT_ONCE))
  for (const id of ids) await removeFiles(join(uploadsFolder(node.config.home), id))
  await node.transaction(service('files'), (tx) => deleteUploads(tx, ids))
  return ids.length
}

// The tus store keeps its own notes beside the bytes.
async function removeFiles(file: string): Promise<void> {
  await rm(file, { force: true })
  await rm(`${file}.json`, { force: true })
}
