import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'

/** The account that PostgreSQL runs as when the node is root: `nobody`, which every Linux has; the server refuses to run as root. */
const NOBODY = 65534

export const isRoot = (): boolean => process.getuid?.() === 0
/** Owner of the database's files and process, or null: whoever runs the node. */
export const databaseOwner = (): { readonly uid: number; readonly gid: number } | null => (isRoot() ? { uid: NOBODY, gid: NOBODY } : null)

/**
 * Where a node keeps its data unless told otherwise. Root's data lies outside the clone, because the database's account could not
 * reach it under a folder that only root may enter.
 */
export function defaultHome(cloneFolder: string): string {
  const clone = resolve(cloneFolder)
  if (!isRoot()) return join(clone, '.postroad')
  return join('/var/lib/postroad', `${basename(clone)}-${createHash('sha256').update(clone).digest('hex').slice(0, 8)}`)
}

export type HomeFolders = { readonly postgres: string; readonly keys: string; readonly logs: string; readonly run: string; readonly blobs: string; readonly uploads: string }

/** Makes the node's folders. Others may pass through `home` (the database's account has to) but read nothing in it. */
export function prepareHome(home: string): HomeFolders {
  mkdirSync(home, { recursive: true, mode: 0o711 })
  chmodSync(home, 0o711)
  const folder = (name: string, mode: number): string => {
    const path = join(home, name)
    mkdirSync(path, { recursive: true, mode })
    chmodSync(path, mode)
    return path
  }
  return {
    postgres: folder('postgres', 0o711),
    keys: folder('keys', 0o700),
    logs: folder('logs', 0o700),
    run: folder('run', 0o700),
    blobs: folder('blobs', 0o700),
    uploads: folder('uploads', 0o700),
  }
}
