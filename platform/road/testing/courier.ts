import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ImportReport, exportBundle, importBundles } from '../service.ts'
import type { Station } from './network.ts'

/** A fresh medium. */
export const medium = (): string => mkdtempSync(join(tmpdir(), 'postroad-medium-'))

/** Writes the next bundle from one station to another on a medium of its own. */
export async function write(from: Station, to: string, options: { readonly volumeBytes?: number; readonly number?: number; readonly folder?: string } = {}): Promise<string> {
  const { folder = medium(), ...order } = options
  await exportBundle(from.node, { link: to, to: folder, ...order })
  return folder
}

/** Brings a medium to a station; its one report. */
export async function read(at: Station, folder: string): Promise<ImportReport> {
  const [report] = await importBundles(at.node, [folder])
  if (report === undefined) throw new Error('no report')
  return report
}

/** There and back once. */
export async function ride(one: Station, other: Station): Promise<void> {
  await read(other, await write(one, other.id))
  await read(one, await write(other, one.id))
}

export const filesOn = (folder: string): readonly string[] => readdirSync(folder).toSorted()
