import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new temporary folder for a node's home: as root its database runs as another user, who must be able to pass through. */
export function temporaryHome(purpose: string): string {
  const folder = mkdtempSync(join(tmpdir(), `postroad-${purpose}-`))
  chmodSync(folder, 0o711)
  return folder
}
