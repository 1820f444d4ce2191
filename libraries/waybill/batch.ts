import type { KeyPair, Suite, SuiteId, Suites } from '@postroad/gm'
import { base64url, concat, utf8 } from '@postroad/gm'
import { canonical, decodeBytes } from './canonical.ts'
import { leafHash, merkleTree, rootFromPath } from './merkle.ts'
import type { BatchSignature } from './model.ts'

/** What a signature speaks about; a seal of one domain never verifies in another. */
export type SealDomain = 'hop' | 'receipt' | 'statement' | 'checkpoint' | 'recovery' | 'bundle' | 'backup'

/** Who signs a batch: a key pair at hand, or a function in front of a key process. `key` is the key's name in the directory. */
export type BatchSigner = { readonly key: string } & ({ readonly keyPair: KeyPair } | { readonly sign: (message: Uint8Array) => Uint8Array })

/** Most structures under one signature: paths stay within 20 hashes. */
export const MAX_BATCH = 2 ** 20

const message = (domain: SealDomain, root: Uint8Array, size: number): Uint8Array =>
  concat(utf8(`postroad/1/${domain}\0`), root, Uint8Array.of(size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255))

/** A batch waiting for its one signature: sign `message`, then `seal` it. For signers that are far away or asynchronous. */
export type PreparedBatch = { readonly message: Uint8Array; seal(key: string, signature: Uint8Array): BatchSignature[] }

/** Lays structures (salted by themselves) under one root. Empty and over-long batches are programming errors. */
export function prepareBatch(suite: Suite, domain: SealDomain, structures: readonly unknown[]): PreparedBatch {
  if (structures.length === 0 || structures.length > MAX_BATCH) throw new Error(`a batch holds 1 to ${MAX_BATCH} structures`)
  const tree = merkleTree(suite, structures.map(canonical))
  return {
    message: message(domain, tree.root, tree.size),
    seal: (key, signature) =>
      structures.map((_, index) => ({ suite: suite.id, key, size: tree.size, index, path: tree.path(index).map(base64url), signature: base64url(signature) })),
  }
}

/** One private-key operation over many structures; answers one seal for each, in order. */
export function signBatch(suite: Suite, signer: BatchSigner, domain: SealDomain, structures: readonly unknown[]): BatchSignature[] {
  const batch = prepareBatch(suite, domain, structures)
  return batch.seal(signer.key, 'keyPair' in signer ? suite.sign(signer.keyPair, batch.message) : signer.sign(batch.message))
}

/** What a seal claims to have signed, or null if its path does not fit: lets the signature itself be checked elsewhere (a worker, a cache). */
export function sealedMessage(suites: Suites, domain: SealDomain, structure: unknown, seal: BatchSignature): { suite: SuiteId; message: Uint8Array; signature: Uint8Array } | null {
  const suite = suites[seal.suite]
  const path = seal.path.map(decodeBytes)
  const signature = decodeBytes(seal.signature)
  if (signature === null || signature.length !== 64 || !path.every((hash) => hash !== null)) return null
  const root = rootFromPath(suite, leafHash(suite, canonical(structure)), seal.index, seal.size, path)
  return root === null ? null : { suite: seal.suite, message: message(domain, root, seal.size), signature }
}

/** Whether `publicKey` (of the seal's suite) signed the batch in which `structure` lies. */
export function verifyBatch(suites: Suites, publicKey: Uint8Array, domain: SealDomain, structure: unknown, seal: BatchSignature): boolean {
  const claimed = sealedMessage(suites, domain, structure, seal)
  return claimed !== null && suites[claimed.suite].verify(publicKey, claimed.message, claimed.signature)
}

/** `verifyBatch` that remembers up to `capacity` good signatures, so that the members of one batch cost one public-key operation together. */
export function batchVerifier(suites: Suites, capacity = 4096): typeof verifyBatch {
  const good = new Set<string>()
  return (_, publicKey, domain, structure, seal) => {
    const claimed = sealedMessage(suites, domain, structure, seal)
    if (claimed === null) return false
    const name = `${claimed.suite} ${base64url(publicKey)} ${base64url(claimed.message)} ${seal.signature}`
    if (good.has(name)) return true
    if (!suites[claimed.suite].verify(publicKey, claimed.message, claimed.signature)) return false
    if (good.size >= capacity) good.clear()
    good.add(name)
    return true
  }
}
