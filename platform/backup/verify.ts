import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hex } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { keysLabel, segmentLabel } from './archive.ts'
import { readBase, readPart } from './base.ts'
import { isBlobName, pathOfBlob } from './blobs.ts'
import type { RecoveryKey } from './keys.ts'
import { type Manifest, type Reached, choose, parseLsn, segmentName, unbroken } from './model.ts'
import { openSealed, requireSigner } from './sealed.ts'
import { backupsOf, listBackups, listKeySnapshots, listSegments, readManifest, readReached, walOf } from './shelf.ts'
import { type Snapshot, decodeSnapshot } from './snapshot.ts'
import { backupFaults } from './words.ts'

/** What a restore would use. */
export type Plan = {
  readonly folder: string
  readonly manifest: Manifest
  /** Segments of the archive from the backup's beginning on, without a hole. */
  readonly segments: readonly { readonly name: string; readonly path: string; readonly whole: boolean }[]
  readonly reached: Reached | null
  /** The newest keys and the ledger's anchor from the backup itself. */
  readonly files: Snapshot
  readonly blobs: readonly { readonly name: string; readonly path: string }[]
}

/**
 * Chooses the backup from which `at` (null: the newest moment there is) is reached and checks what is cheap to check: signature, node, key, moment, log without a hole.
 * @throws backup.notFound, momentTooEarly, momentTooLate, walMissing, wrongNode, unknownSigner, tampered, truncated
 */
export async function planRestore(folder: string, key: RecoveryKey, at: Date | null): Promise<Plan> {
  const shelved = listBackups(folder).map(({ manifest }) => manifest)
  if (shelved.length === 0) throw backupFaults.notFound()
  const manifest = choose(shelved, at)
  if (manifest === null) throw backupFaults.momentTooEarly({ earliest: shelved[0]?.finishedAt ?? '' })
  checkManifest(folder, manifest, key)
  const { database, stream } = manifest
  const reached = stream === null ? null : readReached(folder, stream)
  const latest = reached !== null && reached.at > manifest.finishedAt ? reached.at : manifest.finishedAt
  if (at !== null && at.getTime() > Date.parse(latest)) throw backupFaults.momentTooLate({ latest })
  const there = stream === null ? new Map<string, { path: string; whole: boolean }>() : listSegments(folder, stream)
  const names = unbroken(database.timeline, parseLsn(database.start), database.segmentBytes, (name) => there.has(name))
  requireUnbroken(manifest, names, [...there.keys()])
  const segments = names.flatMap((name) => {
    const found = there.get(name)
    return found === undefined ? [] : [{ name, ...found }]
  })
  return { folder, manifest, segments, reached, files: await readFiles(folder, manifest, key), blobs: blobsFor(folder, manifest) }
}

function checkManifest(folder: string, { id }: Manifest, key: RecoveryKey): void {
  const { manifest, seal } = readManifest(folder, id)
  requireSigner(manifest, seal, key, `${id}/manifest.json`)
  if (manifest.node !== key.node) throw backupFaults.wrongNode({ node: manifest.node })
  if (manifest.id !== id) throw backupFaults.tampered({ file: 'manifest.json' })
  const list = join(backupsOf(folder), id, 'blobs.txt')
  if (!existsSync(list)) throw backupFaults.truncated({ file: 'blobs.txt' })
  if (createHash('sha256').update(readFileSync(list)).digest('hex') !== manifest.blobs.sha256) throw backupFaults.tampered({ file: 'blobs.txt' })
}

/** Segments after a hole are of no use: what they hold cannot be reached. The newest may be wanting only if nothing follows it. */
function requireUnbroken({ database }: Manifest, names: readonly string[], there: readonly string[]): void {
  const start = segmentName(database.timeline, parseLsn(database.start), database.segmentBytes)
  const after = there.filter((name) => name >= start && !names.includes(name)).toSorted()
  if (after[0] !== undefined) throw backupFaults.walMissing({ before: after[0], reached: names.at(-1) ?? '-' })
}

/** Keys are always the newest; the ledger's anchor is the backup's own, so that no restored database is behind it. */
async function readFiles(folder: string, { id, stream }: Manifest, key: RecoveryKey): Promise<Snapshot> {
  const own = decodeSnapshot(await readPart(folder, id, 'keys', key), 'keys')
  const [newest] = stream === null ? [] : listKeySnapshots(folder, stream)
  if (stream === null || newest === undefined) return own
  const pieces: Uint8Array[] = []
  for await (const piece of openSealed(join(walOf(folder, stream), newest), keysLabel(stream, newest), key)) pieces.push(piece)
  const later = decodeSnapshot(Buffer.concat(pieces), newest)
  return { v: 1, files: [...later.files, ...own.files.filter(({ path }) => path.startsWith('ledger/'))] }
}

/** Blobs that the backup lists. Those that came later are found by the restore itself. */
function blobsFor(folder: string, { id }: Manifest): Plan['blobs'] {
  return readFileSync(join(backupsOf(folder), id, 'blobs.txt'), 'utf8').split('\n').filter((name) => name !== '').map((name) => {
    if (!isBlobName(name)) throw backupFaults.unsafePath({ path: name.slice(0, 200) })
    return { name, path: pathOfBlob(join(folder, 'blobs'), name) }
  })
}

/** One segment of the log; the newest may be unfinished and is filled up with zeros, which is how PostgreSQL knows an end. */
export async function readSegment(plan: Plan, segment: Plan['segments'][number], key: RecoveryKey): Promise<Buffer> {
  const content = Buffer.alloc(plan.manifest.database.segmentBytes)
  let at = 0
  for await (const piece of openSealed(segment.path, segmentLabel(plan.manifest.stream ?? '', segment.name), key, { growing: !segment.whole })) {
    if (at + piece.length > content.length) throw backupFaults.tampered({ file: segment.name })
    content.set(piece, at)
    at += piece.length
  }
  if (segment.whole && at < content.length) throw backupFaults.truncated({ file: segment.name })
  return content
}

/**
 * Reads everything that a restore would read and compares it with what was signed. Answers what it found whole. Only a restore proves more.
 * @throws the first thing that is wrong
 */
export async function verifyBackup(folder: string, key: RecoveryKey, say: (words: string) => void): Promise<{ readonly backups: number; readonly segments: number; readonly blobs: number }> {
  const all = listBackups(folder).map(({ manifest }) => manifest)
  if (all.length === 0) throw backupFaults.notFound()
  const sum = { backups: 0, segments: 0, blobs: 0 }
  for (const manifest of all) {
    say(`正在核验 ${manifest.id}`)
    checkManifest(folder, manifest, key)
    await readBase(folder, manifest, key, null)
    decodeSnapshot(await readPart(folder, manifest.id, 'keys', key), 'keys')
    for (const { name, path } of blobsFor(folder, manifest)) await checkBlob(name, path)
    sum.backups += 1
    sum.blobs += manifest.blobs.count
  }
  const plan = await planRestore(folder, key, null)
  for (const segment of plan.segments) await readSegment(plan, segment, key)
  return { ...sum, segments: plan.segments.length }
}

async function checkBlob(name: string, path: string): Promise<void> {
  if (!existsSync(path)) throw backupFaults.blobMissing({ file: name })
  const hashes = [suites.P256.createHash(), suites.SM.createHash()]
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) for (const hash of hashes) hash.update(piece)
  if (!hashes.some((hash) => hex(hash.digest()) === name.split('/')[1])) throw backupFaults.tampered({ file: name })
}
