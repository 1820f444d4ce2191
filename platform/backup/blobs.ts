import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hex } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { flushFolder } from './sealed.ts'

/** Stores under `<home>/blobs`: files by SHA-256, chunks by the hash of their message's suite. */
const KINDS = ['files', 'chunks'] as const
export type BlobCopier = {
  /** Copies what is new. Content that is not what its name says is left out and counted. */
  copy(): Promise<{ readonly copied: number; readonly damaged: number }>
}

/** A bucket that has not changed since the last look is not read again; its time is trusted once it is so old that no later change could share it. */
const SETTLED_MS = 2_000

/** Copies blobs from a home into the backup, where each lies once whatever the number of backups. What the home deletes stays there until it is spent. */
export function blobCopier(home: string, folder: string): BlobCopier {
  const seen = new Map<string, number>()
  const copyBucket = async (kind: string, bucket: string): Promise<{ copied: number; damaged: number }> => {
    const [from, to] = [join(home, 'blobs', kind, bucket), join(folder, 'blobs', kind, bucket)]
    const changed = await stat(from).then(({ mtimeMs }) => mtimeMs, gone(null))
    if (changed === null || seen.get(from) === changed) return { copied: 0, damaged: 0 }
    await mkdir(to, { recursive: true, mode: 0o700 })
    const there = new Set(await readdir(to))
    let [copied, damaged] = [0, 0]
    for (const rest of await readdir(from)) {
      if (there.has(rest)) continue
      const outcome = await copyOne(join(from, rest), join(to, rest), bucket + rest)
      if (outcome === 'copied') copied += 1
      if (outcome === 'damaged') damaged += 1
    }
    if (copied > 0) await flushFolder(to)
    if (changed < Date.now() - SETTLED_MS) seen.set(from, changed)
    return { copied, damaged }
  }
  return {
    async copy() {
      const sum = { copied: 0, damaged: 0 }
      for (const kind of KINDS) {
        for (const bucket of await buckets(join(home, 'blobs', kind))) {
          const found = await copyBucket(kind, bucket)
          sum.copied += found.copied
          sum.damaged += found.damaged
        }
      }
      return sum
    },
  }
}

/** Copies and compares with the name. `gone`: the home deleted it meanwhile. */
export async function copyOne(from: string, to: string, name: string): Promise<'copied' | 'damaged' | 'gone'> {
  const unfinished = `${to}.new`
  const hashes = [suites.P256.createHash(), suites.SM.createHash()]
  await rm(unfinished, { force: true })
  const file = await open(unfinished, 'wx', 0o600)
  try {
    for await (const piece of createReadStream(from) as AsyncIterable<Buffer>) {
      for (const hash of hashes) hash.update(piece)
      await file.writeFile(piece)
    }
    await file.datasync()
  } catch (error) {
    await rm(unfinished, { force: true })
    return gone('gone' as const)(error)
  } finally {
    await file.close()
  }
  if (!hashes.some((hash) => hex(hash.digest()) === name)) {
    await rm(unfinished, { force: true })
    return 'damaged'
  }
  await rename(unfinished, to)
  return 'copied'
}

/** Names `<kind>/<hash>` of all blobs in a store, with their sizes. */
export async function* listBlobs(root: string): AsyncGenerator<{ readonly name: string; readonly path: string; readonly bytes: number; readonly written: Date }> {
  for (const kind of KINDS) {
    for (const bucket of await buckets(join(root, kind))) {
      for (const rest of await readdir(join(root, kind, bucket))) {
        const path = join(root, kind, bucket, rest)
        const found = await stat(path).catch(gone(null))
        if (found !== null && /^[0-9a-f]{62}$/.test(rest)) yield { name: `${kind}/${bucket}${rest}`, path, bytes: found.size, written: found.mtime }
      }
    }
  }
}

/** Where a blob of this name lies in a store. */
export const pathOfBlob = (root: string, name: string): string => {
  const [kind = '', hash = ''] = name.split('/')
  return join(root, kind, hash.slice(0, 2), hash.slice(2))
}
export const isBlobName = (name: string): boolean => /^(files|chunks)\/[0-9a-f]{64}$/.test(name)

const buckets = async (folder: string): Promise<string[]> => (await readdir(folder).catch(gone([] as string[]))).filter((name) => /^[0-9a-f]{2}$/.test(name))

function gone<T>(value: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return value
    throw error
  }
}
