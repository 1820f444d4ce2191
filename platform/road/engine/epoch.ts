import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Tx } from '@postroad/kernel/database'
import { z } from 'zod'
import { type LinkState, formerLives, lockEpoch, readEpoch, readLinks, setLife } from '../store/links.ts'

const marks = z.strictObject({ taken: z.number(), receipts: z.number() })
/** `<home>/road/marks.json`: what the database had counted when we last looked. A database that has counted less was restored. */
const marksFile = z.strictObject({ v: z.literal(1), life: z.string(), links: z.record(z.string(), marks) })
type MarksFile = z.infer<typeof marksFile>

const folderOf = (home: string): string => join(home, 'road')
const pathOf = (home: string): string => join(folderOf(home), 'marks.json')

/** The part of an epoch that only a restore changes. */
export const lifeOf = (epoch: string): string => epoch.split('.')[0] ?? ''

/** Whether the database counts less than the file remembers, or lives a life that is neither the file's nor followed upon it: then it knows of that restore. */
export function wasRestored(file: MarksFile | null, life: string, links: readonly Pick<LinkState, 'peer' | 'taken' | 'receiptsTaken'>[], former: readonly string[] = []): boolean {
  if (file === null || former.includes(file.life)) return false
  if (file.life !== life) return true
  return Object.entries(file.links).some(([peer, { taken, receipts }]) => {
    const now = links.find((link) => link.peer === peer)
    return (now?.taken ?? 0) < taken || (now?.receiptsTaken ?? 0) < receipts
  })
}

/** At the start: gives the database its first life, or a new one if it was restored since the file was written. Answers the epoch. */
export async function beginEpoch(tx: Tx, home: string): Promise<string> {
  const file = await readFile(pathOf(home), 'utf8').then((text) => marksFile.parse(JSON.parse(text)), (error: NodeJS.ErrnoException): null => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  await lockEpoch(tx)
  const before = await readEpoch(tx)
  if (before === null || wasRestored(file, lifeOf(before), await readLinks(tx), await formerLives(tx))) await setLife(tx, randomUUID())
  return (await readEpoch(tx)) ?? ''
}

/** Writes down what the database has counted, durably and as a whole. */
export async function rememberCounts(home: string, epoch: string, links: readonly LinkState[]): Promise<void> {
  const content: MarksFile = { v: 1, life: lifeOf(epoch), links: Object.fromEntries(links.map(({ peer, taken, receiptsTaken }) => [peer, { taken, receipts: receiptsTaken }])) }
  await mkdir(folderOf(home), { recursive: true, mode: 0o700 })
  const aside = `${pathOf(home)}.${randomBytes(6).toString('hex')}.new` // each process writes its own
  const file = await open(aside, 'wx', 0o600)
  try {
    await file.writeFile(JSON.stringify(content))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(aside, pathOf(home))
}

/** For a home that was just restored: its next start gives the database another life, and every neighbour offers, relays and tells back what this node forgot. */
export const markRestored = (home: string): Promise<void> => rememberCounts(home, `restored-${randomUUID()}`, [])
