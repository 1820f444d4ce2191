import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress } from 'node:zlib'
import { replaceFile } from '@postroad/kernel/durable-file'
import type { Timelines } from '@postroad/kernel/timelines'
import { z } from 'zod'
import { currentStream } from './archive.ts'
import { blobCopier, listBlobs, pathOfBlob } from './blobs.ts'
import { readBackupKey } from './keys.ts'
import { type Manifest, isSpent, expired } from './model.ts'
import { identify, openReplication, takeBase } from './protocol.ts'
import { type Signer, createSealed, flushFolder } from './sealed.ts'
import { backupsOf, listBackups, listKeySnapshots, listStreams, names, walOf } from './shelf.ts'
import { type Snapshot, encodeSnapshot, takeAnchor, takeKeys } from './snapshot.ts'

export type MakeOptions = {
  readonly home: string
  readonly folder: string
  readonly signer: Signer
  /** A connection that may replicate. Holds a password. */
  readonly url: string
  readonly kind: 'embedded' | 'external'
  /** Of an external database; null for the home's own. */
  readonly timelines: Timelines | null
  now(): Date
  /** What is being done, for people who wait. */
  say(words: string): void
}

const { version: SOFTWARE } = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')))

/** What a part's seal is bound to. */
export const partLabel = (id: string, part: string): string => `backup/${id}/${part}`

/**
 * Makes a base backup of a running node: database, then keys, then blobs, so that no row lacks its blob and no statement its key. The folder
 * gets its name only when everything in it is durable. @throws backup.noKey, backup.serverUnfit
 */
export async function makeBackup(options: MakeOptions): Promise<Manifest> {
  const { home, folder, signer, say } = options
  const key = readBackupKey(home)
  const startedAt = options.now()
  const id = `${startedAt.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z-${randomBytes(4).toString('hex')}`
  const unfinished = join(backupsOf(folder), `.${id}`)
  mkdirSync(unfinished, { recursive: true, mode: 0o700 })
  const parts: Record<string, number> = {}
  const write = async (part: string, source: AsyncIterable<Uint8Array>): Promise<void> => {
    const path = join(unfinished, `${part}.sealed`)
    const writer = await createSealed(`${path}.new`, path, partLabel(id, part), key, signer)
    try {
      for await (const piece of source) await writer.write(piece)
      parts[part] = await writer.finish()
    } catch (error) {
      await writer.close()
      throw error
    }
  }
  try {
    const anchor = takeAnchor(home)
    const stream = currentStream(home, folder)
    say('正在备份数据库')
    const database = await writeBase(options, id, write)
    const keys = takeKeys(home)
    await write('keys', one(encodeSnapshot({ v: 1, files: [...keys.files, ...anchor.files] })))
    say('正在备份正文文件')
    await blobCopier(home, folder).copy()
    const blobs = await listPresent(home, folder, join(unfinished, 'blobs.txt'))
    const manifest: Manifest = {
      v: 1, id, node: signer.node, software: SOFTWARE, startedAt: startedAt.toISOString(), finishedAt: options.now().toISOString(), database: { kind: options.kind, ...database }, stream, parts, blobs,
      directory: headOf(home), ledger: checkpointIn(anchor),
    }
    writeFileSync(join(unfinished, 'manifest.json'), JSON.stringify({ manifest, seal: signer.sign(manifest) }), { mode: 0o600, flush: true })
    await flushFolder(unfinished)
    renameSync(unfinished, join(backupsOf(folder), id))
    await flushFolder(backupsOf(folder))
    replaceFile(lastFile(home), JSON.stringify({ v: 1, id, folder, at: manifest.finishedAt }))
    return manifest
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    throw error
  }
}

async function writeBase({ url, timelines }: MakeOptions, id: string, write: (part: string, source: AsyncIterable<Uint8Array>) => Promise<void>): Promise<Omit<Manifest['database'], 'kind'>> {
  const line = await openReplication(url, timelines)
  try {
    const server = await identify(line)
    const base = takeBase(line, `postroad ${id}`)
    let bytes = 0
    const packed = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3 } })
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of base.tar) {
        bytes += piece.length
        yield piece
      }
    }
    await pipeline(counted, packed, (source: AsyncIterable<Uint8Array>) => write('base', source))
    await write('pg-manifest', one(base.manifest()))
    return { version: server.version, segmentBytes: server.segmentBytes, bytes, ...base.position() }
  } finally {
    await line.close()
  }
}

/** Writes the names of what is in both, the home and the backup. Names are hashes of sealed bytes: they tell nothing, and the node must read them when it removes what is spent. */
async function listPresent(home: string, folder: string, path: string): Promise<Manifest['blobs']> {
  const hash = createHash('sha256')
  const file = await open(path, 'wx', 0o600)
  let [count, sum] = [0, 0]
  for await (const { name, bytes } of listBlobs(join(folder, 'blobs'))) {
    if (!existsSync(pathOfBlob(join(home, 'blobs'), name))) continue
    count += 1
    sum += bytes
    hash.update(`${name}\n`)
    await file.writeFile(`${name}\n`)
  }
  await file.sync()
  await file.close()
  return { count, bytes: sum, sha256: hash.digest('hex') }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const head = z.object({ seq: z.number(), hash: z.string() })
function headOf(home: string): Manifest['directory'] {
  const path = join(home, 'directory', 'head.json')
  return existsSync(path) ? head.parse(JSON.parse(readFileSync(path, 'utf8'))) : null
}

const checkpoint = z.object({ size: z.number(), root: z.string() })
function checkpointIn(anchor: Snapshot): Manifest['ledger'] {
  const [file] = anchor.files
  return file === undefined ? null : checkpoint.parse(JSON.parse(Buffer.from(file.bytes, 'base64').toString('utf8')))
}

const lastFile = (home: string): string => join(home, 'backup', 'last.json')
const last = z.strictObject({ v: z.literal(1), id: z.string(), folder: z.string(), at: z.string() })
/** The newest good backup of this home, for whoever watches; null when there was none. */
export const lastBackup = (home: string): z.infer<typeof last> | null => (existsSync(lastFile(home)) ? last.parse(JSON.parse(readFileSync(lastFile(home), 'utf8'))) : null)

/**
 * Removes backups that may go, and of log, keys and blobs what no kept backup needs. Answers how many backups went.
 */
export async function removeExpired(folder: string, now: Date, keep: { readonly count: number; readonly days: number }, home: string): Promise<number> {
  const all = listBackups(folder).map(({ manifest }) => manifest)
  const gone = expired(all, now, keep)
  const kept = all.filter((each) => !gone.includes(each))
  for (const { id } of gone) rmSync(join(backupsOf(folder), id), { recursive: true, force: true })
  for (const name of names(backupsOf(folder))) {
    const path = join(backupsOf(folder), name)
    if (name.startsWith('.') && statSync(path).mtimeMs < now.getTime() - 86_400_000) rmSync(path, { recursive: true, force: true })
  }
  if (gone.length > 0) removeSpentLog(folder, kept, currentStream(home, folder))
  if (gone.length > 0) await removeSpentBlobs(folder, kept, home)
  return gone.length
}

function removeSpentLog(folder: string, kept: readonly Manifest[], current: string | null): void {
  for (const stream of listStreams(folder)) {
    const root = walOf(folder, stream)
    if (stream !== current && !kept.some((each) => each.stream === stream)) {
      rmSync(root, { recursive: true, force: true })
      continue
    }
    if (!kept.some((each) => each.stream === stream)) continue // its first backup is being made
    for (const name of names(root)) if (/^[0-9A-F]{24}\./.test(name) && isSpent(name.slice(0, 24), stream, kept)) rmSync(join(root, name))
    for (const name of listKeySnapshots(folder, stream).slice(1)) rmSync(join(root, name)) // keys are always restored from the newest
  }
}

/** A blob may go when the home has deleted it, no kept backup lists it, and it came before the oldest kept one: what came later may belong to a moment in between. */
async function removeSpentBlobs(folder: string, kept: readonly Manifest[], home: string): Promise<void> {
  const oldest = Math.min(...kept.map(({ startedAt }) => Date.parse(startedAt)))
  const listed = new Set(kept.flatMap(({ id }) => readFileSync(join(backupsOf(folder), id, 'blobs.txt'), 'utf8').split('\n')))
  for await (const { name, path, written } of listBlobs(join(folder, 'blobs'))) {
    if (written.getTime() < oldest && !listed.has(name) && !existsSync(pathOfBlob(join(home, 'blobs'), name))) rmSync(path, { force: true })
  }
}
