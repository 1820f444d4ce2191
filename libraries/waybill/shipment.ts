import type { Suite, Suites } from '@postroad/gm'
import { base64url, concat, u32be } from '@postroad/gm'
import { z } from 'zod'
import { canonical, checkHead, decodeBytes, hashOf, headHash, readCanonical } from './canonical.ts'
import { chunkHash, manifestHash, MAX_MANIFEST_BYTES, MAX_SEALED_CHUNK_BYTES } from './chunks.ts'
import { FINE, fail, ok, type Result } from './fault.ts'
import { type Head, hashText, head as headSchema, recipient, type SignedHopLine, type SignedReceipt, type SlicedRecipient, signedHopLine, signedReceipt, VERSION } from './model.ts'
import { pathsFromProof, recipientLeafHash, sharedProof, verifySlice, wrapHash } from './slices.ts'
import { checkChunkHashes } from './unpack.ts'

export const SHIPMENT_MEDIA_TYPE = 'application/vnd.postroad.shipment'
/** Recipients of one shipment; a larger slice is split into several (`splitSlice`). */
export const MAX_SLICE = 10_000
export const MAX_FORWARDS = 4
/** Canonical JSON at the front of a shipment: at most 10,000 recipients and the hashes of a body of 500 GB. */
export const MAX_SHIPMENT_BYTES = 48 * 1024 * 1024

/** One payload for one link: the message, the way it came, and the recipients behind that link. */
export type Shipment = {
  readonly head: Head
  readonly hops: readonly SignedHopLine[]
  readonly slice: readonly SlicedRecipient[]
  /** The sealed manifest, base64url. */
  readonly manifest: string
  readonly chunkHashes: readonly string[]
  /** `forwarded` receipts of organs that had moved: why a node may stand twice on the way. */
  readonly forwarded: readonly SignedReceipt[]
}

/**
 * Name of a shipment: hash over head, link and slice. The same on every retry, another on every link, and another when the same recipients come
 * over the same link once more, because they were forwarded (`forwards` times) in between.
 */
export const shipmentId = (suite: Suite, head: Head, link: { readonly from: string; readonly to: string }, slice: readonly SlicedRecipient[], forwards = 0): string =>
  hashOf(suite, 'shipment', { head: headHash(suite, head), from: link.from, to: link.to, leaves: slice.map(({ leaf }) => base64url(recipientLeafHash(suite, leaf))), ...(forwards === 0 ? {} : { forwards }) })

/** Cuts a slice into pieces that fit shipments. */
export const splitSlice = (slice: readonly SlicedRecipient[], size = MAX_SLICE): SlicedRecipient[][] =>
  Array.from({ length: Math.ceil(slice.length / size) }, (_, i) => slice.slice(i * size, (i + 1) * size))

// On the wire a leaf is a tuple without its wrap hash, and one proof serves all leaves: with both, a recipient stays below 400 bytes.
const { organ, name, role, key, salt } = recipient.shape
const wireLeaf = z.tuple([z.number().int().min(0), organ, name, role, key, salt, z.string().regex(/^[A-Za-z0-9_-]{1,700}$/)])
const wireShipment = z.strictObject({
  v: z.literal(VERSION),
  head: headSchema,
  hops: z.array(signedHopLine).max(64),
  leaves: z.array(wireLeaf).min(1).max(MAX_SLICE),
  proof: z.array(hashText).max(200_000),
  chunkHashes: z.array(hashText).max(500_000),
  forwarded: z.array(signedReceipt).max(MAX_FORWARDS),
})

/** Length-prefixed bytes: `u32be(length) ‖ bytes`. */
export const frame = (bytes: Uint8Array): Uint8Array => concat(u32be(bytes.length), bytes)

/** The front of a shipment: frame(canonical JSON) ‖ frame(sealed manifest). Chunks follow, each in a frame of its own, in order. Byte-identical for equal shipments. */
export function encodeShipment(shipment: Shipment): Uint8Array {
  const { head, hops, slice, chunkHashes, forwarded } = shipment
  const leaves = slice.map(({ leaf, index, wrap }) => [index, leaf.organ, leaf.name, leaf.role, leaf.key, leaf.salt, wrap])
  const front = canonical({ v: VERSION, head, hops, leaves, proof: sharedProof(head.recipients.count, slice), chunkHashes, forwarded })
  const manifest = decodeBytes(shipment.manifest)
  if (manifest === null) throw new Error('a sealed manifest is base64url')
  return concat(frame(front), frame(manifest))
}

/**
 * Reads the front of a shipment from hostile bytes and checks all that needs no directory: limits, canonical form, head, slice, manifest hash, chunk hashes.
 * Answers also how many bytes it took: chunks follow. Hops and forwards are for `verifyHops` and `verifyReceipt`.
 */
export function readShipment(suites: Suites, bytes: Uint8Array): Result<{ readonly shipment: Shipment; readonly used: number }> {
  const front = readFrame(bytes, 0, MAX_SHIPMENT_BYTES)
  if (!front.ok) return front
  const manifest = readFrame(bytes, front.value.next, MAX_MANIFEST_BYTES)
  if (!manifest.ok) return manifest
  const shipment = readFront(suites, front.value.bytes, manifest.value.bytes)
  return shipment.ok ? ok({ shipment: shipment.value, used: manifest.value.next }) : shipment
}

function readFrame(bytes: Uint8Array, at: number, limit: number): Result<{ bytes: Uint8Array; next: number }> {
  if (bytes.length < at + 4) return fail('truncated')
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0)
  if (length > limit) return fail('tooLarge', `${length} bytes, at most ${limit}`)
  if (bytes.length < at + 4 + length) return fail('truncated')
  return ok({ bytes: bytes.subarray(at + 4, at + 4 + length), next: at + 4 + length })
}

function readFront(suites: Suites, front: Uint8Array, manifest: Uint8Array): Result<Shipment> {
  const read = readCanonical(front, wireShipment, { maxBytes: MAX_SHIPMENT_BYTES })
  if (!read.ok) return read
  const { head, hops, leaves, proof, chunkHashes, forwarded } = read.value
  const suite = suites[head.suite]
  const checked = checkHead(head)
  if (!checked.ok) return checked
  const slice = readLeaves(suite, head, leaves, proof)
  if (!slice.ok) return slice
  const verified = verifySlice(suite, head, slice.value)
  if (!verified.ok) return verified
  if (manifestHash(suite, manifest) !== head.manifest) return fail('manifestHashMismatch')
  const chunks = checkChunkHashes(suites, head, chunkHashes)
  if (!chunks.ok) return chunks
  return ok({ head, hops, slice: slice.value, manifest: base64url(manifest), chunkHashes, forwarded })
}

function readLeaves(suite: Suite, head: Head, leaves: readonly z.infer<typeof wireLeaf>[], proof: readonly string[]): Result<SlicedRecipient[]> {
  const slice: SlicedRecipient[] = []
  for (const [index, ofOrgan, ofName, ofRole, ofKey, ofSalt, wrap] of leaves) {
    const bytes = decodeBytes(wrap)
    if (bytes === null) return fail('malformed', `wrap of ${ofOrgan}`)
    slice.push({ leaf: { organ: ofOrgan, name: ofName, role: ofRole, key: ofKey, wrapHash: wrapHash(suite, bytes), salt: ofSalt }, wrap, index, path: [] })
  }
  const hashes = slice.map(({ leaf, index }) => ({ index, hash: recipientLeafHash(suite, leaf) }))
  const paths = pathsFromProof(suite, head.recipients.count, hashes, proof)
  return paths === null ? fail('recipientRootMismatch', 'proof') : ok(slice.map((entry, i) => ({ ...entry, path: paths[i] as string[] })))
}

/** What a stream of a shipment yields. Chunks are verified by hash before they come out; those that never came are asked for by their hash. */
export type ShipmentEvent = { readonly kind: 'front'; readonly shipment: Shipment } | { readonly kind: 'chunk'; readonly index: number; readonly hash: string; readonly sealed: Uint8Array }
export type ShipmentReader = { push(bytes: Uint8Array): Result<ShipmentEvent[]>; finish(): Result<null> }

/** Reads a shipment as it streams in; memory is its front or one chunk. A fault is final. A stream may end after any whole chunk. */
export function startReadingShipment(suites: Suites): ShipmentReader {
  let held: Uint8Array[] = []
  let heldBytes = 0
  let frames = 0
  let front: Uint8Array | null = null
  let shipment: Shipment | null = null
  let fault: ReturnType<typeof fail> | null = null
  let wanted = 4
  let inBody = false

  function onFrame(bytes: Uint8Array): Result<ShipmentEvent | null> {
    if (frames === 0) front = bytes
    if (frames === 1) {
      const read = readFront(suites, front ?? bytes, bytes)
      if (!read.ok) return read
      front = null
      shipment = read.value
    }
    frames++
    if (frames === 1) return ok(null)
    if (frames === 2) return ok({ kind: 'front', shipment: shipment as Shipment })
    const { head, chunkHashes } = shipment as Shipment
    const index = frames - 3
    const hash = chunkHashes[index]
    if (hash === undefined) return fail('tooLarge', 'more chunks than the head counts')
    return chunkHash(suites[head.suite], bytes) === hash ? ok({ kind: 'chunk', index, hash, sealed: bytes }) : fail('chunkHashMismatch', `chunk ${index}`)
  }
  const limit = (): number => (frames === 0 ? MAX_SHIPMENT_BYTES : frames === 1 ? MAX_MANIFEST_BYTES : MAX_SEALED_CHUNK_BYTES)
  const refuse = (refusal: ReturnType<typeof fail>): Result<never> => {
    fault = refusal
    held = []
    return refusal
  }
  return {
    push(bytes) {
      if (fault !== null) return fault
      const events: ShipmentEvent[] = []
      held.push(bytes)
      heldBytes += bytes.length
      while (heldBytes >= wanted) {
        const all = held.length === 1 ? (held[0] as Uint8Array) : concat(...held)
        const piece = all.slice(0, wanted)
        held = [all.subarray(wanted)]
        heldBytes -= wanted
        if (!inBody) {
          const length = new DataView(piece.buffer, piece.byteOffset, 4).getUint32(0)
          if (length > limit()) return refuse(fail('tooLarge', `${length} bytes, at most ${limit()}`))
          wanted = length
        } else {
          const event = onFrame(piece)
          if (!event.ok) return refuse(event)
          if (event.value !== null) events.push(event.value)
          wanted = 4
        }
        inBody = !inBody
      }
      return ok(events)
    },
    finish: () => fault ?? (frames >= 2 && heldBytes === 0 && !inBody ? FINE : fail('truncated')),
  }
}
