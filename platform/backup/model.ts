import { batchSignature, directoryId } from '@postroad/waybill'
import { z } from 'zod'

/** A position in the write-ahead log, as PostgreSQL writes it: `16/B374D848`. */
export const lsnText = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/)
export const backupId = z.string().regex(/^\d{8}T\d{6}Z-[0-9a-f]{8}$/)
export const streamId = z.string().regex(/^[0-9a-f]{16}$/)
const instant = z.iso.datetime({ precision: 3 })

/** What a base backup is: everything that lies in its folder is named here, and the node's signature is over it. */
export const manifest = z.strictObject({
  v: z.literal(1),
  id: backupId,
  node: directoryId,
  /** Version of the software that made it. */
  software: z.string().max(40),
  startedAt: instant,
  finishedAt: instant,
  database: z.strictObject({
    kind: z.enum(['embedded', 'external']),
    version: z.string().max(80),
    timeline: z.number().int().min(1),
    segmentBytes: z.number().int().min(1 << 20),
    start: lsnText,
    end: lsnText,
    /** Bytes of the data directory, unpacked. */
    bytes: z.number().int().min(0),
  }),
  /** The archive of write-ahead log that goes on from here; null: only the moment of this backup can be restored. */
  stream: streamId.nullable(),
  /** Sealed files of the folder, by name, with their sizes. */
  parts: z.record(z.string().regex(/^[a-z-]+$/), z.number().int().min(1)),
  blobs: z.strictObject({ count: z.number().int().min(0), bytes: z.number().int().min(0), sha256: z.string().length(64) }),
  /** The node's newest line of its own directory log and its newest ledger checkpoint, both from before the database was read. */
  directory: z.strictObject({ seq: z.number().int(), hash: z.string().max(64) }).nullable(),
  ledger: z.strictObject({ size: z.number().int(), root: z.string().max(64) }).nullable(),
})
export type Manifest = z.infer<typeof manifest>
export const signedManifest = z.strictObject({ manifest, seal: batchSignature })

/** How far a stream's archive reaches: everything committed by `at` is in it. */
export const reached = z.strictObject({ v: z.literal(1), lsn: lsnText, at: instant })
export type Reached = z.infer<typeof reached>

export const parseLsn = (text: string): bigint => {
  const [high = '0', low = '0'] = text.split('/')
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}
export const formatLsn = (lsn: bigint): string => `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffff_ffffn).toString(16).toUpperCase()}`

const hex8 = (value: bigint): string => value.toString(16).toUpperCase().padStart(8, '0')
/** The name of the segment that holds `lsn`: timeline, then the segment's number in two halves. */
export function segmentName(timeline: number, lsn: bigint, segmentBytes: number): string {
  const number = lsn / BigInt(segmentBytes)
  const perId = 0x1_0000_0000n / BigInt(segmentBytes)
  return hex8(BigInt(timeline)) + hex8(number / perId) + hex8(number % perId)
}
export const segmentStart = (lsn: bigint, segmentBytes: number): bigint => lsn - (lsn % BigInt(segmentBytes))

/** Segments from the one that holds `from`, as far as `has` them without a hole. */
export function unbroken(timeline: number, from: bigint, segmentBytes: number, has: (name: string) => boolean): string[] {
  const found: string[] = []
  for (let at = segmentStart(from, segmentBytes); ; at += BigInt(segmentBytes)) {
    const name = segmentName(timeline, at, segmentBytes)
    if (!has(name)) return found
    found.push(name)
  }
}

/** The newest backup that was finished by `at`, or the newest of all. */
export function choose(backups: readonly Manifest[], at: Date | null): Manifest | null {
  const fit = backups.filter(({ finishedAt }) => at === null || Date.parse(finishedAt) <= at.getTime())
  return fit.toSorted((a, b) => (a.finishedAt < b.finishedAt ? 1 : -1))[0] ?? null
}

/** Backups that may go: all but the newest `count` and those younger than `days`. The newest always stays. */
export function expired(backups: readonly Manifest[], now: Date, keep: { readonly count: number; readonly days: number }): Manifest[] {
  const newestFirst = backups.toSorted((a, b) => (a.finishedAt < b.finishedAt ? 1 : -1))
  return newestFirst.slice(Math.max(1, keep.count)).filter(({ finishedAt }) => Date.parse(finishedAt) < now.getTime() - keep.days * 86_400_000)
}

/** Whether a segment of a stream is before everything that a kept backup starts from. Without a kept backup of the stream all of it is. */
export function isSpent(segment: string, stream: string, kept: readonly Manifest[]): boolean {
  const own = kept.filter((each) => each.stream === stream)
  return own.every(({ database }) => segment < segmentName(database.timeline, parseLsn(database.start), database.segmentBytes))
}
