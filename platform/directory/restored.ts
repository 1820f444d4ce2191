import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { directoryId } from '@postroad/waybill'
import { z } from 'zod'

/** `<home>/directory/restored.json`: this node came back from a backup and does not know yet what it had stated since. */
const restoredFile = z.strictObject({ v: z.literal(1), heard: z.array(directoryId) })
const pathOf = (home: string): string => join(home, 'directory', 'restored.json')

const read = (home: string): z.infer<typeof restoredFile> | null => (existsSync(pathOf(home)) ? restoredFile.parse(JSON.parse(readFileSync(pathOf(home), 'utf8'))) : null)
function write(home: string, heard: readonly string[]): void {
  mkdirSync(dirname(pathOf(home)), { recursive: true, mode: 0o700 })
  writeFileSync(pathOf(home), JSON.stringify({ v: 1, heard }), { mode: 0o600, flush: true })
}

/** From now on nothing is stated in this node's log until every neighbour has told what it knows of it: a line that was published must not be written anew with other words. */
export const markRestored = (home: string): void => write(home, [])

/** Whether neighbours are still to be heard. */
export function isWaiting(home: string, neighbours: readonly string[]): boolean {
  const file = read(home)
  if (file === null) return false
  if (neighbours.some((peer) => !file.heard.includes(peer))) return true
  rmSync(pathOf(home))
  return false
}

/** A neighbour has told, and knows nothing of our log that we do not. */
export function hearOf(home: string, peer: string): void {
  const file = read(home)
  if (file !== null && !file.heard.includes(peer)) write(home, [...file.heard, peer])
}
