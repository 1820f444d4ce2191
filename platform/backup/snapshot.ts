import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { readSigned } from './sealed.ts'
import { safePath } from './tar.ts'
import { backupFaults } from './words.ts'

/** Small files of a home that no database holds: keys above all. They are sealed together, always the newest of them. */
const snapshot = z.strictObject({ v: z.literal(1), files: z.array(z.strictObject({ path: z.string().max(400), mode: z.number().int(), bytes: z.base64() })) })
export type Snapshot = z.infer<typeof snapshot>

const ROOTS = ['keys', 'first-sign-in', 'first-sign-in.json', 'bootstrap.json']
/** The newest signed checkpoint of the ledger: taken before the database is read, so that no restored database is behind it. */
const ANCHOR = 'ledger/anchor.json'

function list(home: string, path: string): string[] {
  const full = join(home, path)
  if (!existsSync(full)) return []
  if (statSync(full).isFile()) return /\.(new|\d+)$/.test(path) ? [] : [path]
  return readdirSync(full).toSorted().flatMap((name) => list(home, join(path, name)))
}

const read = (home: string, paths: readonly string[]): Snapshot => ({
  v: 1,
  files: paths.flatMap((path) => {
    try {
      return [{ path, mode: statSync(join(home, path)).mode & 0o777, bytes: readFileSync(join(home, path)).toString('base64') }]
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [] // used up in this moment
      throw error
    }
  }),
})

export const takeKeys = (home: string): Snapshot => read(home, ROOTS.flatMap((root) => list(home, root)))
export const takeAnchor = (home: string): Snapshot => read(home, list(home, ANCHOR))
export const digestOf = (taken: Snapshot): string => createHash('sha256').update(JSON.stringify(taken)).digest('hex')
export const encodeSnapshot = (taken: Snapshot): Uint8Array => Buffer.from(JSON.stringify(taken))

/** @throws backup.tampered, backup.unsafePath */
export function decodeSnapshot(bytes: Uint8Array, name: string): Snapshot {
  const taken = readSigned(snapshot, bytes, name)
  for (const { path } of taken.files) {
    const root = safePath(path).split('/')[0] ?? ''
    if (!ROOTS.includes(root) && path !== ANCHOR) throw backupFaults.unsafePath({ path })
  }
  return taken
}

/** Puts the files into a new home; none may be there. */
export function putSnapshot(home: string, taken: Snapshot): void {
  for (const { path, mode, bytes } of taken.files) {
    mkdirSync(dirname(join(home, path)), { recursive: true, mode: 0o700 })
    writeFileSync(join(home, path), Buffer.from(bytes, 'base64'), { mode: 0o600, flag: 'wx', flush: true })
    chmodSync(join(home, path), mode & 0o700)
  }
}
