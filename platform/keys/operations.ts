import type { SuiteId, Suites } from '@postroad/gm'
import { signCms } from '@postroad/gm/cms'
import { type BatchSignature, canonical, head as headSchema, headCore, type Manifest, manifest as manifestSchema, type Receipt, receipt as receiptSchema, type ReceiptKind, signBatch } from '@postroad/waybill'
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
 * CMS SignedData over a manifest. The key process reads what it signs: canonical bytes of the manifest's schema and nothing else;
 * with `headBytes`, also that the manifest names that head and the head names this organ and its signing key.
 */
export async function signManifest(suites: Suites, keyring: Keyring, organ: UnlockedOrgan, suiteId: SuiteId, manifestBytes: Uint8Array, headBytes: Uint8Array | null): Promise<Uint8Array> {
  const manifest = manifestSchema.safeParse(readJson(manifestBytes))
  if (!manifest.success || !same(canonical(manifest.data), manifestBytes)) throw keysFaults.notAManifest()
  const suite = suites[suiteId]
  const { key, keyPair } = keyFor(organ, 'sign', suiteId)
  if (headBytes !== null) checkHead(suites, organ, key, manifest.data, headBytes)
  const held = { privateKey: keyPair.privateKey.slice(), publicKey: keyPair.publicKey } // the session may be closed while the certificates are read
  try {
    const certificates = await keyring.certificates(organ.organ, key)
    if (certificates.length === 0) throw keysFaults.noCertificate()
    return signCms(suite, { content: manifestBytes, keyPair: held, certificates })
  } finally {
    held.privateKey.fill(0)
  }
}

function checkHead(suites: Suites, organ: UnlockedOrgan, key: string, manifest: Manifest, headBytes: Uint8Array): void {
  const read = headSchema.safeParse(readJson(headBytes))
  if (!read.success) throw keysFaults.notAManifest()
  const head = read.data
  const belongs = head.sender.organ === organ.organ && head.sender.key === key && manifest.headCore === headCore(suites[head.suite], head)
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
