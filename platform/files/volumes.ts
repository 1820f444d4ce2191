import { stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { watermarks } from './model.ts'

/** A disk that a node's home lies on, by the folder that was looked at; `low` and `full` are free bytes below which it takes no large things, and nothing. */
export type Volume = { readonly folder: string; readonly free: number; readonly total: number; readonly low: number; readonly full: number }
const FOLDERS = ['.', 'blobs', 'postgres', 'uploads'] as const

/** The disks under a node's home, each once. The node need not run. */
export async function volumesOf(home: string): Promise<readonly Volume[]> {
  const seen = new Map<number, Volume>()
  for (const folder of FOLDERS) {
    const path = join(home, folder)
    const found = await stat(path).catch(() => null) // an external database or store has no folder here
    if (found === null || seen.has(found.dev)) continue
    const { bavail, blocks, bsize } = await statfs(path)
    const total = blocks * bsize
    seen.set(found.dev, { folder: folder === '.' ? 'home' : folder, free: bavail * bsize, total, ...watermarks(total) })
  }
  return [...seen.values()]
}
