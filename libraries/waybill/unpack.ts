import type { SuiteId, Suites } from '@postroad/gm'
import { base64url } from '@postroad/gm'
import { verifyCms } from '@postroad/gm/cms'
import { headCore, readCanonical } from './canonical.ts'
import { bodyRoot, decodeChunk, MAX_MANIFEST_BYTES, manifestHash, openChunk, openManifest } from './chunks.ts'
import { FINE, fail, ok, type Result } from './fault.ts'
import { merkleRoot } from './merkle.ts'
import { CHUNK_BYTES, type Head, type Manifest, manifest as manifestSchema, type Part, type Recipient } from './model.ts'

/** A manifest that was signed by somebody: who that is, the directory says (`checkSigner`). */
export type SignedManifest = { readonly manifest: Manifest; readonly cms: Uint8Array; readonly signer: { readonly suite: SuiteId; readonly publicKey: Uint8Array; readonly certificate: Uint8Array } }

/** Opens the sealed manifest of a head. `own` is the leaf through which the reader was addressed; null for the sender and for verifiers. */
export function unpackManifest(
  suites: Suites,
  message: { readonly head: Head; readonly manifest: Uint8Array; readonly contentKey: Uint8Array; readonly own: Recipient | null },
): Result<SignedManifest> {
  const { head, manifest } = message
  const suite = suites[head.suite]
  if (manifest.length > MAX_MANIFEST_BYTES) return fail('tooLarge', 'manifest')
  if (manifestHash(suite, manifest) !== head.manifest) return fail('manifestHashMismatch')
  const cms = openManifest(suite, head.id, message.contentKey, manifest)
  return cms.ok ? readManifest(suites, { head, cms: cms.value, own: message.own }) : cms
}

/** Checks a manifest's CMS against its head: signature, suite, head core, recipients, parts. */
export function readManifest(suites: Suites, message: { readonly head: Head; readonly cms: Uint8Array; readonly own: Recipient | null }): Result<SignedManifest> {
  const { head, cms, own } = message
  const signed = verifyCms(suites, cms)
  if (!signed.ok) return fail('badManifestSignature', signed.reason)
  if (signed.suite !== head.suite) return fail('wrongSuite', `manifest signed in ${signed.suite}`)
  const read = readCanonical(signed.content, manifestSchema, { maxBytes: MAX_MANIFEST_BYTES })
  if (!read.ok) return read
  if (read.value.headCore !== headCore(suites[head.suite], head)) return fail('headCoreMismatch')
  const listed = checkRecipients(head, read.value, own)
  if (!listed.ok) return listed
  const parts = checkParts(head, read.value.parts)
  if (!parts.ok) return parts
  return ok({ manifest: read.value, cms, signer: { suite: signed.suite, publicKey: signed.publicKey, certificate: signed.certificate } })
}

/** A recipient holds only its slice of the tree, so it checks that the list is as long as the tree, names nobody twice, and names itself as its leaf does. */
function checkRecipients(head: Head, manifest: Manifest, own: Recipient | null): Result<null> {
  const { recipients } = manifest
  if (recipients.length !== head.recipients.count) return fail('recipientsMismatch', `${recipients.length} of ${head.recipients.count}`)
  if (new Set(recipients.map(({ organ }) => organ)).size < recipients.length) return fail('recipientsMismatch', 'twice')
  const listed = own === null || recipients.some(({ organ, name, role }) => organ === own.organ && name === own.name && role === own.role)
  return listed ? FINE : fail('recipientsMismatch', own.organ)
}

/** Parts follow each other without gaps and fill the body exactly; every chunk but a part's last is full. */
function checkParts(head: Head, parts: readonly Part[]): Result<null> {
  let next = 0
  for (const part of parts) {
    if (part.firstChunk !== next || part.chunks !== Math.ceil(part.bytes / CHUNK_BYTES)) return fail('partOutOfOrder', part.name.slice(0, 80))
    next += part.chunks
  }
  return next === head.body.chunks ? FINE : fail('partOutOfOrder', `${next} of ${head.body.chunks} chunks`)
}

/** A body while it is being opened. Plain bytes of a part are good only once its `partEnded` came. */
export type Opener = {
  /** The next sealed chunk, in the order of the body. */
  next(sealed: Uint8Array): Result<{ readonly part: number; readonly plain: Uint8Array; readonly partEnded: boolean }>
  /** Refuses a body that was cut. */
  finish(): Result<null>
}

/** Starts opening a body: the chunk hashes must lead to the head's root. Memory is one chunk, whatever the size. */
export function startOpening(
  suites: Suites,
  message: { readonly head: Head; readonly manifest: Manifest; readonly contentKey: Uint8Array; readonly chunkHashes: readonly string[] },
): Result<Opener> {
  const { head, manifest, contentKey, chunkHashes } = message
  const suite = suites[head.suite]
  const checked = checkChunkHashes(suites, head, chunkHashes)
  if (!checked.ok) return checked
  const layout = checkParts(head, manifest.parts)
  if (!layout.ok) return layout
  const nothing = base64url(suite.hash())
  const hollow = manifest.parts.find((part) => part.chunks === 0 && (part.hash !== nothing || part.encodedRoot !== nothing))
  if (hollow !== undefined) return fail('plaintextHashMismatch', hollow.name.slice(0, 80))
  let index = 0
  let position = 0
  let bytes = 0
  let encodedHashes: Uint8Array[] = []
  let plainHash = suite.createHash()

  function next(sealed: Uint8Array): Result<{ part: number; plain: Uint8Array; partEnded: boolean }> {
    while (manifest.parts[position]?.chunks === 0) position++
    const part = manifest.parts[position]
    const expected = chunkHashes[index]
    if (part === undefined || expected === undefined) return fail('partOutOfOrder', 'after the last chunk')
    const encoded = openChunk(suite, head.id, contentKey, index, expected, sealed)
    if (!encoded.ok) return encoded
    const plain = decodeChunk(encoded.value)
    if (!plain.ok) return plain
    index++
    bytes += plain.value.length
    encodedHashes.push(suite.hash(encoded.value))
    plainHash.update(plain.value)
    const partEnded = index === part.firstChunk + part.chunks
    if (plain.value.length !== CHUNK_BYTES && !partEnded) return fail('partOutOfOrder', `short chunk ${index - 1}`)
    if (partEnded) {
      const ended = endPart(part)
      if (!ended.ok) return ended
    }
    return ok({ part: partEnded ? position - 1 : position, plain: plain.value, partEnded })
  }
  function endPart(part: Part): Result<null> {
    const sameEncoding = base64url(merkleRoot(suite, encodedHashes)) === part.encodedRoot
    const samePlain = bytes === part.bytes && base64url(plainHash.digest()) === part.hash
    if (samePlain && !sameEncoding) return fail('compressedAfterSigning', part.name.slice(0, 80))
    if (!sameEncoding) return fail('encodedRootMismatch', part.name.slice(0, 80))
    if (!samePlain) return fail('plaintextHashMismatch', part.name.slice(0, 80))
    position++
    bytes = 0
    encodedHashes = []
    plainHash = suite.createHash()
    return FINE
  }
  const finish = (): Result<null> => (index === head.body.chunks ? FINE : fail('truncated', `${index} of ${head.body.chunks} chunks`))
  return ok({ next, finish })
}

/** Whether a list of chunk hashes is the head's: every centre checks it before it takes custody. */
export function checkChunkHashes(suites: Suites, head: Head, chunkHashes: readonly string[]): Result<null> {
  if (chunkHashes.length !== head.body.chunks) return fail('bodyRootMismatch', `${chunkHashes.length} of ${head.body.chunks} chunks`)
  return bodyRoot(suites[head.suite], chunkHashes) === head.body.root ? FINE : fail('bodyRootMismatch')
}
