import { utf8 } from '@postroad/gm'
import { unzipSync, zipSync } from 'fflate'
import { z } from 'zod'
import { canonical } from '../canonical.ts'
import type { DirectoryView, SignedStatement } from '../directory.ts'
import { fail, ok, type Result } from '../fault.ts'
import { directoryId, type Head, instant, type SignedHopLine, type SignedReceipt, type SlicedRecipient, signedHopLine, suiteId, uuid, VERSION } from '../model.ts'
import { EVIDENCE_README } from '../words.ts'

/** Paths inside an evidence file. A path that is none of these is refused. */
export const EVIDENCE_PATHS = {
  readme: 'README.txt',
  evidence: 'evidence.json',
  head: 'head.json',
  recipients: 'recipients.json',
  manifest: 'manifest.cms',
  sealedManifest: 'manifest.sealed',
  hops: 'hops.json',
  receipts: 'receipts.json',
} as const
export const directoryPath = (node: string): string => `directory/${node}.json`
export const partPath = (index: number): string => `body/${String(index).padStart(3, '0')}`
const VARIABLE_PATH = /^(?:directory\/[a-z0-9][a-z0-9.-]{0,62}\.json|body\/\d{3})$/

/** What the file is about: read first, proves nothing. `created` is when it was exported. */
export const evidenceNote = z.strictObject({ v: z.literal(VERSION), message: uuid, suite: suiteId, created: instant })
/** Custody on the way to some of the recipients. */
export const evidenceWay = z.strictObject({ recipients: z.array(directoryId).min(1).max(100_000), hops: z.array(signedHopLine).max(64) })
export type EvidenceWay = { readonly recipients: readonly string[]; readonly hops: readonly SignedHopLine[] }

export type EvidenceFiles = Readonly<Record<string, Uint8Array>>
export type EvidenceParts = {
  readonly created: string
  readonly head: Head
  /** All recipients (the sender's evidence) or one's own slice (a recipient's). */
  readonly recipients: readonly SlicedRecipient[]
  /** The opened manifest, CMS SignedData. */
  readonly manifest: Uint8Array
  readonly sealedManifest?: Uint8Array
  readonly ways: readonly EvidenceWay[]
  readonly receipts: readonly SignedReceipt[]
  /** Logs of every node that is named, and of all above them: `evidenceLogs`. */
  readonly logs: Readonly<Record<string, readonly SignedStatement[]>>
  /** Plain bytes of the parts in order; left out, the file proves the same about their hashes. */
  readonly body?: readonly Uint8Array[]
}

/** These organs, and all that they lead to: who answers for one that ended is proved by the logs of each step. */
function withHeirs(view: DirectoryView, organs: readonly string[]): ReadonlySet<string> {
  const found = new Set(organs)
  for (const organ of found) for (const { successors } of view.organPeriods(organ)) for (const heir of successors) found.add(heir)
  return found
}

/** The logs that prove these nodes and what they host, or hosted: their own and all above them. */
export function evidenceLogs(view: DirectoryView, parts: Pick<EvidenceParts, 'head' | 'recipients' | 'ways' | 'receipts'>): Record<string, readonly SignedStatement[]> {
  const organs = [parts.head.sender.organ, ...parts.recipients.map(({ leaf }) => leaf.organ), ...parts.receipts.flatMap(({ receipt }) => (receipt.actor === null ? [] : [receipt.actor.organ]))]
  const nodes = [
    ...[...withHeirs(view, organs)].flatMap((organ) => view.organPeriods(organ).map(({ node }) => node)),
    ...parts.ways.flatMap(({ hops }) => hops.map(({ line }) => line.node)),
    ...parts.receipts.map(({ receipt }) => receipt.node),
  ]
  const all = new Set(nodes.flatMap((node) => view.ancestors(node)))
  return Object.fromEntries([...all].sort().map((node) => [node, view.log(node)]))
}

/** Lays the parts out as files under their fixed names, canonical JSON throughout. */
export function buildEvidence(parts: EvidenceParts): Record<string, Uint8Array> {
  const { head } = parts
  return {
    [EVIDENCE_PATHS.readme]: utf8(EVIDENCE_README),
    [EVIDENCE_PATHS.evidence]: canonical({ v: VERSION, message: head.id, suite: head.suite, created: parts.created }),
    [EVIDENCE_PATHS.head]: canonical(head),
    [EVIDENCE_PATHS.recipients]: canonical(parts.recipients),
    [EVIDENCE_PATHS.manifest]: parts.manifest,
    ...(parts.sealedManifest === undefined ? {} : { [EVIDENCE_PATHS.sealedManifest]: parts.sealedManifest }),
    [EVIDENCE_PATHS.hops]: canonical(parts.ways),
    [EVIDENCE_PATHS.receipts]: canonical(parts.receipts),
    ...Object.fromEntries(Object.entries(parts.logs).map(([node, log]) => [directoryPath(node), canonical(log)])),
    ...Object.fromEntries((parts.body ?? []).map((bytes, i) => [partPath(i), bytes])),
  }
}

/** One ZIP; the same files give the same bytes. */
export function zipEvidence(files: EvidenceFiles): Uint8Array {
  const names = Object.keys(files).sort()
  // The time inside says nothing and is fixed; ZIP times have no zone, so noon of the first day it can hold.
  return zipSync(Object.fromEntries(names.map((name) => [name, files[name] as Uint8Array])), { mtime: new Date(1980, 0, 2, 12), level: 6 })
}

const MAX_FILES = 2000
/** Most bytes of an unpacked evidence file. */
export const MAX_EVIDENCE_BYTES = 512 * 1024 * 1024
/** Opens an evidence ZIP from hostile bytes: known names only, none twice, at most `maxBytes` unpacked. */
export function unzipEvidence(bytes: Uint8Array, maxBytes = MAX_EVIDENCE_BYTES): Result<Record<string, Uint8Array>> {
  const seen = new Set<string>()
  let total = 0
  let packed = 0
  let refusal: ReturnType<typeof fail> | null = null
  const refuse = (fault: ReturnType<typeof fail>): false => {
    refusal ??= fault
    return false
  }
  try {
    const files = unzipSync(bytes, {
      filter({ name, size, originalSize }) {
        total += originalSize
        packed += size
        if (refusal !== null) return false
        if (!isKnownPath(name)) return refuse(fail('fileUnknown', name.slice(0, 100)))
        if (seen.has(name)) return refuse(fail('duplicateKey', name.slice(0, 100)))
        seen.add(name)
        // Files that share their bytes would each be unpacked at the price of one.
        if (packed > bytes.length) return refuse(fail('malformed', 'overlapping files'))
        if (seen.size > MAX_FILES || total > maxBytes) return refuse(fail('tooLarge', `${seen.size} files, ${total} bytes`))
        return true
      },
    })
    return refusal ?? ok(files)
  } catch {
    return refusal ?? fail('malformed', 'not a ZIP file')
  }
}

export const isKnownPath = (path: string): boolean => (Object.values(EVIDENCE_PATHS) as string[]).includes(path) || VARIABLE_PATH.test(path)
