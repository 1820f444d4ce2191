import type { SuiteId, Suites } from '@postroad/gm'
import { signCms } from '@postroad/gm/cms'
import { type BatchSignature, canonical, head as headSchema, headCore, manifest as manifestSchema, type Receipt, receipt as receiptSchema, type ReceiptKind, signBatch } from '@postroad/waybill'
import type { Keyring, UnlockedKey, UnlockedOrgan } from './keyring.ts'
import { MAX_BATCH } from './model.ts'
import { keysFaults } from './words.ts'

/** What only an organ's people can state. Receipts of custody, arrival and the like are the node's to sign and are refused here. */
const ORGAN_RECEIPTS: ReadonlySet<ReceiptKind> = new Set<ReceiptKind>(['delivered', 'signedFor', 'registered', 'returned', 'recalled', 'recallRefused', 'closed', 'forwarded'])
/** Receipts in which an organ speaks as the recipient, or on its behalf (代收); the others speak as the sender. */
const AS_RECIPIENT: ReadonlySet<ReceiptKind> = new Set<ReceiptKind>(['delivered', 'signedFor', 'registered', 'returned', 'recalled', 'recallRefused'])

/** The organ's newest key for a purpose; the key ring lists them in the order they were made. */
function keyFor(organ: UnlockedOrgan, purpose: 'sign' | 'encrypt', suite: SuiteId): UnlockedKey {
  const key = organ.keys.findLast((each) => each.purpose === purpose && each.suite === suite)
  if (key === undefined) throw keysFaults.notThisOrgans({ suite })
  return key
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return null // fails the schema that every caller applies
  }
}

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, index) => byte === b[index])

/**
 * CMS SignedData over each manifest. `pairs` are manifest, head, manifest, head … The key process reads what it signs: canonical bytes of the
 * manifest's schema and nothing else, and a head that the manifest names and that names this organ and its signing key.
 */
export async function signManifests(suites: Suites, keyring: Keyring, organ: UnlockedOrgan, suiteId: SuiteId, pairs: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  if (pairs.length === 0 || pairs.length % 2 === 1 || pairs.length > 2 * MAX_BATCH) throw keysFaults.tooMany({ count: pairs.length })
  const { key, keyPair } = keyFor(organ, 'sign', suiteId)
  const manifests = pairs.filter((_bytes, index) => index % 2 === 0)
  for (const [index, bytes] of manifests.entries()) checkManifest(suites, organ, key, bytes, pairs[index * 2 + 1] ?? new Uint8Array())
  const held = { privateKey: keyPair.privateKey.slice(), publicKey: keyPair.publicKey } // the session may be closed while the certificates are read
  try {
    const certificates = await keyring.certificates(organ.organ, key)
    if (certificates.length === 0) throw keysFaults.noCertificate()
    return manifests.map((content) => signCms(suites[suiteId], { content, keyPair: held, certificates }))
  } finally {
    held.privateKey.fill(0)
  }
}

function checkManifest(suites: Suites, organ: UnlockedOrgan, key: string, manifestBytes: Uint8Array, headBytes: Uint8Array): void {
  const manifest = manifestSchema.safeParse(readJson(manifestBytes))
  if (!manifest.success || !same(canonical(manifest.data), manifestBytes)) throw keysFaults.notAManifest()
  const read = headSchema.safeParse(readJson(headBytes))
  if (!read.success) throw keysFaults.notAManifest()
  const head = read.data
  const belongs = head.sender.organ === organ.organ && head.sender.key === key && manifest.data.headCore === headCore(suites[head.suite], head)
  if (!belongs) throw keysFaults.notThisOrgans()
}

/** One batch signature over receipts, each naming this organ and this person as who acted. */
export function signReceipts(suites: Suites, organ: UnlockedOrgan, suiteId: SuiteId, receipts: readonly Uint8Array[]): readonly BatchSignature[] {
  if (receipts.length === 0 || receipts.length > MAX_BATCH) throw keysFaults.tooMany({ count: receipts.length })
  const read = receipts.map((bytes) => receiptOf(organ, bytes))
  const { key, keyPair } = keyFor(organ, 'sign', suiteId)
  return signBatch(suites[suiteId], { key, keyPair }, 'receipt', read)
}

function receiptOf(organ: UnlockedOrgan, bytes: Uint8Array): Receipt {
  const read = receiptSchema.safeParse(readJson(bytes))
  if (!read.success || !ORGAN_RECEIPTS.has(read.data.kind) || read.data.actor === null) throw keysFaults.notAReceipt()
  const { actor, kind, recipient } = read.data
  if (actor.organ !== organ.organ || actor.person !== organ.person) throw keysFaults.notThisOrgans()
  if (AS_RECIPIENT.has(kind) && recipient !== (actor.onBehalfOf ?? actor.organ)) throw keysFaults.notThisOrgans()
  return read.data
}

/** Content keys in the order of the wraps; empty bytes for one that this organ cannot open. */
export function unwrap(suites: Suites, organ: UnlockedOrgan, keys: readonly string[], wraps: readonly Uint8Array[]): readonly Uint8Array[] {
  if (keys.length !== wraps.length) throw keysFaults.malformed()
  return wraps.map((wrap, index) => {
    const key = organ.keys.find((each) => each.key === keys[index] && each.purpose === 'encrypt')
    return (key && suites[key.suite].unwrap(key.keyPair, wrap)) ?? new Uint8Array()
  })
}
