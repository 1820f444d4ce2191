import { createHash } from 'node:crypto'
import { chownSync, chmodSync, existsSync, mkdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { databaseOwner } from '@postroad/kernel/home'
import { z } from 'zod'
import type { RecoveryKey } from './keys.ts'
import { partLabel } from './make.ts'
import type { Manifest } from './model.ts'
import { openSealed, readSigned } from './sealed.ts'
import { backupsOf } from './shelf.ts'
import { type Taker, type TarEntry, readTar, safePath } from './tar.ts'
import { backupFaults } from './words.ts'

/** PostgreSQL's own list of what a base backup holds. */
const pgManifest = z.object({ Files: z.array(z.object({ Path: z.string().optional(), 'Encoded-Path': z.string().optional(), Size: z.number().int(), Checksum: z.string().length(64).optional() })) })

export const partPath = (folder: string, id: string, part: string): string => join(backupsOf(folder), id, `${part}.sealed`)

/** A small part as a whole. */
export async function readPart(folder: string, id: string, part: string, key: RecoveryKey): Promise<Buffer> {
  const path = partPath(folder, id, part)
  if (!existsSync(path)) throw backupFaults.truncated({ file: part })
  const pieces: Uint8Array[] = []
  for await (const piece of openSealed(path, partLabel(id, part), key)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/**
 * Reads a whole base backup and compares every file with PostgreSQL's list. With `target` it is unpacked there, a folder that must not exist yet,
 * owned by the account that runs the database. @throws backup.tampered, backup.truncated, backup.unsafePath
 */
export async function readBase(folder: string, { id, parts }: Manifest, key: RecoveryKey, target: string | null): Promise<void> {
  const listed = new Map(readSigned(pgManifest, await readPart(folder, id, 'pg-manifest', key), 'pg-manifest').Files.map((file) => [pathIn(file), file]))
  const path = partPath(folder, id, 'base')
  if (!existsSync(path) || parts['base'] === undefined) throw backupFaults.truncated({ file: 'base' })
  if (target !== null) makeFolder(target)
  await pipeline(openSealed(path, partLabel(id, 'base'), key), createZstdDecompress(), (source: AsyncIterable<Uint8Array>) =>
    readTar(source, async (entry) => {
      const taker = await takerOf(target, entry)
      const digest = createHash('sha256')
      return {
        close: taker.close,
        async write(bytes) {
          digest.update(bytes)
          await taker.write(bytes)
        },
        async end() {
          await taker.end()
          const expected = listed.get(entry.path)
          if (entry.kind === 'folder' || (expected === undefined && entry.path.startsWith('pg_wal/'))) return // segments carry checksums of their own
          if (expected === undefined || expected.Size !== entry.bytes || expected.Checksum !== digest.digest('hex')) throw backupFaults.tampered({ file: entry.path })
          listed.delete(entry.path)
        },
      }
    })).catch((error: unknown) => {
    throw (error as { code?: string }).code?.startsWith('ZSTD') === true ? Object.assign(backupFaults.tampered({ file: 'base' }), { cause: error }) : error
  })
  const [missing] = listed.keys()
  if (missing !== undefined) throw backupFaults.truncated({ file: missing })
}

const pathIn = (file: { Path?: string | undefined; 'Encoded-Path'?: string | undefined }): string => file.Path ?? Buffer.from(file['Encoded-Path'] ?? '', 'hex').toString('utf8')

const NOBODY: Taker = { write: async () => undefined, end: async () => undefined, close: async () => undefined }

export async function takerOf(target: string | null, { path, kind, bytes }: TarEntry): Promise<Taker> {
  if (target === null) return NOBODY
  const full = join(target, safePath(path))
  if (kind === 'folder') {
    makeFolder(full)
    return NOBODY
  }
  if (!existsSync(dirname(full))) makeFolder(dirname(full))
  const file = await open(full, 'wx', 0o600)
  const owner = databaseOwner()
  if (owner !== null) await file.chown(owner.uid, owner.gid)
  return {
    write: (piece) => file.writeFile(piece),
    end: async () => (bytes > 0 ? file.datasync() : undefined),
    close: () => file.close(),
  }
}

/** A folder that only the database's account enters. */
export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  chmodSync(path, 0o700)
  const owner = databaseOwner()
  if (owner !== null) chownSync(path, owner.uid, owner.gid)
}
