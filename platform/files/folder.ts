import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, readFile, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type HashStore, requireHashName } from './model.ts'

const LEFTOVER_MS = 24 * 3600_000
const BUCKETS = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

/**
 * A store in a folder of 256 buckets. A file is there whole and durable or not at all: written aside, flushed, renamed, and its bucket flushed.
 * Makes what is missing; leftovers of an interrupted write are removed.
 */
export async function openHashFolder(path: string): Promise<HashStore> {
  const aside = join(path, 'aside')
  await mkdir(aside, { recursive: true, mode: 0o700 })
  for (const bucket of BUCKETS) await mkdir(join(path, bucket), { recursive: true, mode: 0o700 })
  await flush(path)
  await removeLeftovers(aside)
  const fileOf = (name: string): string => {
    requireHashName(name)
    return join(path, name.slice(0, 2), name.slice(2))
  }
  const has = (name: string): Promise<boolean> => stat(fileOf(name)).then(() => true, missing(false))
  const keepAll = async (files: readonly { aside: string; name: string }[]): Promise<void> => {
    for (const file of files) await rename(file.aside, fileOf(file.name))
    await Promise.all([...new Set(files.map((file) => file.name.slice(0, 2)))].map((bucket) => flush(join(path, bucket))))
  }
  return {
    has,
    async put(files) {
      const there = await Promise.all(files.map((file) => has(file.name)))
      const written = await Promise.all(files.filter((_, i) => there[i] === false).map(async ({ name, bytes }) => ({ name, aside: await writeAside(aside, [bytes]) })))
      await keepAll(written)
      // A file that was there may have been renamed a moment ago by another writer that has not flushed its bucket yet.
      const doubled = files.filter((_, i) => there[i] === true).map((file) => file.name.slice(0, 2))
      await Promise.all([...new Set(doubled)].map((bucket) => flush(join(path, bucket))))
    },
    async receive(source) {
      const file = await writeAside(aside, source)
      return { keep: (name) => keepAll([{ aside: file, name }]), drop: () => rm(file, { force: true }) }
    },
    read: (name) => readFile(fileOf(name)).then((bytes): Uint8Array | null => bytes, missing(null)),
    open: (name) => open(fileOf(name), constants.O_RDONLY).then((file): Readable | null => file.createReadStream(), missing(null)),
    async remove(names) {
      await Promise.all(names.map((name) => unlink(fileOf(name)).catch(missing(undefined))))
    },
    async *list() {
      for (const bucket of BUCKETS) {
        for (const rest of await readdir(join(path, bucket))) {
          const written = await stat(join(path, bucket, rest)).then((found) => found.mtime, missing(null))
          if (written !== null) yield { name: bucket + rest, written }
        }
      }
    },
  }
}

/** Another process of this node may be writing right now, so only what is old goes. */
async function removeLeftovers(aside: string): Promise<void> {
  for (const name of await readdir(aside)) {
    const file = join(aside, name)
    const written = await stat(file).then((found) => found.mtimeMs, missing(Number.POSITIVE_INFINITY))
    if (written < Date.now() - LEFTOVER_MS) await rm(file, { force: true })
  }
}

/** Writes a file of a name of its own, flushed. */
export async function writeAside(folder: string, source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<string> {
  const path = join(folder, randomUUID())
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const bytes of source) await file.writeFile(bytes)
    await file.datasync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
  return path
}

/** A rename is durable once its folder is. */
async function flush(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Answers `value` for a file that is not there and passes every other error on. */
function missing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return value
    throw error
  }
}
