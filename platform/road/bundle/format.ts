import { directoryId, hashText, batchSignature, instant } from '@postroad/waybill'
import { z } from 'zod'
import { marks } from '../engine/wire.ts'

// What lies on the medium (docs/protocol.md §10): volumes, which together are one stream of parts, and a signed manifest that names both by hash.

/** `followUp` is a shipment that must not overtake an earlier one of its thread. */
export const PART_KINDS = ['greeting', 'directory', 'answer', 'receipts', 'shipment', 'followUp'] as const
export type PartKind = (typeof PART_KINDS)[number]

/** The longest part of a kind that is read into memory; shipments are streamed. */
export const MOST_BYTES: Readonly<Record<Exclude<PartKind, 'shipment' | 'followUp'>, number>> = { greeting: 1024 * 1024, directory: 16 * 1024 * 1024, answer: 64 * 1024 * 1024, receipts: 4 * 1024 * 1024 }
export const isShipment = (kind: PartKind): kind is 'shipment' | 'followUp' => kind === 'shipment' || kind === 'followUp'

export const MOST_PARTS = 50_000
export const MOST_VOLUMES = 999
export const MOST_MANIFEST_BYTES = 16 * 1024 * 1024
export const LAST_NUMBER = 999_999

const count = z.number().int().min(0)
const number = z.number().int().min(1).max(LAST_NUMBER)
const life = z.string().min(1).max(100)
const size = z.number().int().min(0).max(2 ** 50)

export const bundleManifest = z.strictObject({
  v: z.literal(1),
  from: directoryId,
  to: directoryId,
  /** Of the sender's database: another one after it was restored. Numbers count within a life. */
  life,
  number,
  /** The bundle written before this one; 0: none. */
  previous: z.number().int().min(0).max(LAST_NUMBER),
  /** Up to here the sender waits for nothing any more: what mattered goes again. */
  floor: z.number().int().min(0).max(LAST_NUMBER),
  created: instant,
  volumes: z.array(z.strictObject({ bytes: size.min(1), hash: hashText })).min(1).max(MOST_VOLUMES),
  /** Kind, length, hash, and of a shipment its id. */
  parts: z.array(z.tuple([z.enum(PART_KINDS), size.min(1), hashText, z.union([hashText, z.literal('')])])).min(1).max(MOST_PARTS),
})
export type BundleManifest = z.infer<typeof bundleManifest>
export const signedBundleManifest = z.strictObject({ manifest: bundleManifest, seal: batchSignature })
export type SignedBundleManifest = z.infer<typeof signedBundleManifest>

/** The first part of every bundle: what a HELLO says, and which of the other side's bundles are here. */
export const bundleGreeting = z.strictObject({
  v: z.literal(1),
  epoch: life,
  marks,
  given: marks,
  /** Of the other side's newest life: the numbers from `from` to `highest` that are done, and those seen with damage. The others are missing. */
  imported: z.strictObject({ life, highest: count, from: count, done: z.array(number).max(2000), damaged: z.array(number).max(2000) }).nullable(),
})
export type BundleGreeting = z.infer<typeof bundleGreeting>

/** The reply that a request in a bundle of the other side would have got over https. */
export const bundleAnswer = z.strictObject({
  v: z.literal(1),
  request: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('shipment'), id: hashText }),
    z.strictObject({ kind: z.literal('receipts'), life, number, part: count }),
  ]),
  status: z.number().int().min(200).max(599),
  reply: z.unknown(),
})
export type BundleAnswer = z.infer<typeof bundleAnswer>

export const MANIFEST_SUFFIX = '.manifest.postroad'
/** Names on the medium are made from what the manifest says; nothing is ever opened by a name that a medium brings. */
export const nameOf = ({ from, to, number: n }: Pick<BundleManifest, 'from' | 'to' | 'number'>): string => `${from}-${to}-${String(n).padStart(6, '0')}`
export const volumeName = (name: string, index: number, of: number): string => `${name}.v${index + 1}of${of}.postroad`

/** Whether the manifest's volumes hold exactly its parts. */
export const isWhole = ({ volumes, parts }: BundleManifest): boolean => volumes.reduce((sum, { bytes }) => sum + bytes, 0) === parts.reduce((sum, [, bytes]) => sum + bytes, 0)
