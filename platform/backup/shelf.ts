import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '@postroad/kernel/durable-file'
import { type Manifest, type Reached, backupId, reached, signedManifest, streamId } from './model.ts'
import { readSigned } from './sealed.ts'

// How a backup folder is laid out:
//   backups/<id>/manifest.json, base.sealed, pg-manifest.sealed, keys.sealed, blobs.txt
//   wal/<stream>/<segment>.sealed, <segment>.<n>.partial, keys-<ms>.sealed, reached.json
//   blobs/files/…, blobs/chunks/…

export const backupsOf = (folder: string): string => join(folder, 'backups')
export const walOf = (folder: string, stream: string): string => join(folder, 'wal', stream)

export type Shelved = { readonly manifest: Manifest; readonly reached: Reached | null }

/** Finished backups, oldest first. Signatures are checked where something is done with them. @throws backup.tampered */
export function listBackups(folder: string): Shelved[] {
  const ids = names(backupsOf(folder)).filter((name) => backupId.safeParse(name).success)
  return ids.map((id) => {
    const { manifest } = readManifest(folder, id)
    return { manifest, reached: manifest.stream === null ? null : readReached(folder, manifest.stream) }
  }).toSorted((a, b) => (a.manifest.finishedAt < b.manifest.finishedAt ? -1 : 1))
}

export const readManifest = (folder: string, id: string): ReturnType<typeof signedManifest.parse> => readSigned(signedManifest, readFileSync(join(backupsOf(folder), id, 'manifest.json')), id)

export function readReached(folder: string, stream: string): Reached | null {
  const path = join(walOf(folder, stream), 'reached.json')
  return existsSync(path) ? readSigned(reached, readFileSync(path), 'reached.json') : null
}

export const writeReached = (folder: string, stream: string, value: Reached): void => replaceFile(join(walOf(folder, stream), 'reached.json'), JSON.stringify(value))

export const listStreams = (folder: string): string[] => names(join(folder, 'wal')).filter((name) => streamId.safeParse(name).success)

/** Where each segment lies: whole, or the largest of what was begun. */
export function listSegments(folder: string, stream: string): Map<string, { readonly path: string; readonly whole: boolean }> {
  const found = new Map<string, { path: string; whole: boolean }>()
  const root = walOf(folder, stream)
  for (const name of names(root)) {
    const [, segment, ending] = /^([0-9A-F]{24})\.(sealed|[0-9a-f]{8}\.partial)$/.exec(name) ?? []
    if (segment === undefined) continue
    const before = found.get(segment)
    const [path, whole] = [join(root, name), ending === 'sealed']
    if (before === undefined || whole || (!before.whole && statSync(path).size > statSync(before.path).size)) found.set(segment, { path, whole })
  }
  return found
}

/** Sealed snapshots of the keys that the stream holds, newest first: file names. */
export const listKeySnapshots = (folder: string, stream: string): string[] => names(walOf(folder, stream)).filter((name) => /^keys-\d+\.sealed$/.test(name)).toSorted().toReversed()

export const names = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : [])
