import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyPair, SuiteId, Suites } from '@postroad/gm'
import { base64url, concat, fromBase64url, fromUtf8, hex, utf8 } from '@postroad/gm'
import { suites as native } from '@postroad/gm/node'
import { suites as portable } from '@postroad/gm/portable'
import { describe, expect, it } from 'vitest'
import { checkSigner, nodeKeyOf, receiptKeyOf } from '../authority.ts'
import { canonicalText, headCore, headHash, readHead } from '../canonical.ts'
import { bodyRoot, chunkHash, decodeChunk, sealChunk, sealManifest } from '../chunks.ts'
import { anchorFingerprint, readLogs, signedStatementHash } from '../directory.ts'
import { verifyEvidence } from '../evidence.ts'
import { hopLineHash, verifyHops } from '../hops.ts'
import { receiptHash, verifyReceipt } from '../receipts.ts'
import { encodeShipment, readShipment, shipmentId } from '../shipment.ts'
import { pathsFromProof, recipientLeafHash, recipientTree, sharedProof, sliceFor, verifyAllRecipients } from '../slices.ts'
import { startOpening, unpackManifest } from '../unpack.ts'
import { keyOf, makeVector, type Vector } from './make.ts'

const frozen = (suiteId: SuiteId): Vector => JSON.parse(readFileSync(join(import.meta.dirname, `${suiteId.toLowerCase()}.json`), 'utf8')) as Vector
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf)
  if (value === null || typeof value !== 'object') return typeof value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]))
}
const fault = (result: { ok: true } | { ok: false; fault: { code: string } }): string => (result.ok ? 'ok' : result.fault.code)

const cases: [SuiteId, string, Suites][] = [
  ['SM', 'native', native],
  ['SM', 'portable', portable],
  ['P256', 'native', native],
  ['P256', 'portable', portable],
]

describe.each(cases)('the frozen examples of %s, %s', (suiteId, _, suites) => {
  const suite = suites[suiteId]
  const vector = frozen(suiteId)
  const { head: frozenHead, recipients, directory } = vector
  const head = frozenHead.value
  const view = readLogs(suites, directory.pinned, directory.logs).view
  const contentKey = fromBase64url(vector.contentKey)
  const pairOf = (name: string): KeyPair => keyOf(suite, name)

  it('keys come from their names', () => {
    expect(Object.keys(vector.keys)).toHaveLength(15)
    for (const [name, { privateKey, publicKey }] of Object.entries(vector.keys)) {
      expect([base64url(pairOf(name).privateKey), base64url(pairOf(name).publicKey)]).toEqual([privateKey, publicKey])
    }
  })

  it('statements lead from the pinned root to one checkpoint', () => {
    const read = readLogs(suites, directory.pinned, directory.logs)
    expect([read.faults, read.view.remarks()]).toEqual([[], []])
    expect(read.view.checkpoint().hash).toBe(directory.checkpoint)
    for (const [node, log] of Object.entries(directory.logs)) expect(log.map((line) => signedStatementHash(suites, line))).toEqual(directory.hashes[node])
    expect(anchorFingerprint(suites, 'js', view.node('js')?.keys ?? [])).toBe(directory.pinned.fingerprint)
  })

  it('the head has these bytes and hashes, and what is not a head is refused', () => {
    expect(canonicalText(head)).toBe(frozenHead.canonical)
    expect(headHash(suite, head)).toBe(frozenHead.hash)
    expect(headCore(suite, head)).toBe(frozenHead.core)
    expect(readHead(utf8(frozenHead.canonical))).toEqual({ ok: true, value: head })
    for (const { why, text, fault: code } of frozenHead.refused) expect([why, fault(readHead(utf8(text)))]).toEqual([why, code])
  })

  it('recipients stand in one tree, and slices share their proof', () => {
    const salts = recipients.tree.map(({ leaf }) => fromBase64url(leaf.salt))
    const wraps = recipients.tree.map(({ wrap }) => fromBase64url(wrap))
    const tree = recipientTree(suite, recipients.tree.map(({ leaf }) => leaf), wraps, () => salts.shift() as Uint8Array)
    expect(tree).toEqual({ ok: true, value: { root: recipients.root, recipients: recipients.tree } })
    expect(recipients.root).toBe(head.recipients.root)
    expect(recipients.tree.map(({ leaf }) => base64url(recipientLeafHash(suite, leaf)))).toEqual(recipients.leafHashes)
    expect(fault(verifyAllRecipients(suite, head, recipients.tree))).toBe('ok')
    const slice = recipients.tree.filter(({ index }) => recipients.slice.includes(index))
    expect(sharedProof(head.recipients.count, slice)).toEqual(recipients.sharedProof)
    const leaves = slice.map(({ leaf, index }) => ({ index, hash: recipientLeafHash(suite, leaf) }))
    expect(pathsFromProof(suite, head.recipients.count, leaves, recipients.sharedProof)).toEqual(slice.map(({ path }) => path))
    const wrapped = [...recipients.tree.map(({ leaf, wrap }) => ({ key: leaf.key, wrap })), recipients.ownWrap]
    for (const { key, wrap } of wrapped) expect(suite.unwrap(pairOf(key), fromBase64url(wrap))).toEqual(contentKey)
  })

  it('the manifest opens, is the sender’s and seals to the same bytes', () => {
    const { canonical, cms, sealed, hash } = vector.manifest
    expect(base64url(sealManifest(suite, head.id, contentKey, fromBase64url(cms)))).toBe(sealed)
    const opened = unpackManifest(suites, { head, manifest: fromBase64url(sealed), contentKey, own: recipients.tree[0]?.leaf ?? null })
    if (!opened.ok) throw new Error(opened.fault.code)
    expect(base64url(opened.value.cms)).toBe(cms)
    expect(canonicalText(opened.value.manifest)).toBe(canonical)
    expect(fault(checkSigner(view, head, opened.value.signer, head.created))).toBe('ok')
    expect(base64url(suite.hash(fromBase64url(sealed)))).toBe(hash)
  })

  it('the body seals to the same bytes and opens part by part', () => {
    const { parts, chunks, root } = vector.body
    const manifest = JSON.parse(vector.manifest.canonical)
    expect(bodyRoot(suite, chunks.map(({ hash }) => hash))).toBe(root)
    expect(chunks.map(({ encoded }) => fromBase64url(encoded)[0])).toEqual([1, 0])
    const opener = startOpening(suites, { head, manifest, contentKey, chunkHashes: chunks.map(({ hash }) => hash) })
    if (!opener.ok) throw new Error(opener.fault.code)
    const plain = parts.map((): Uint8Array => new Uint8Array(0))
    for (const [index, { encoded, sealed, hash }] of chunks.entries()) {
      expect(sealChunk(suite, head.id, contentKey, index, fromBase64url(encoded))).toEqual({ index, hash, sealed: fromBase64url(sealed) })
      expect(chunkHash(suite, fromBase64url(sealed))).toBe(hash)
      expect(decodeChunk(fromBase64url(encoded)).ok).toBe(true)
      const opened = opener.value.next(fromBase64url(sealed))
      if (!opened.ok) throw new Error(opened.fault.code)
      plain[opened.value.part] = concat(plain[opened.value.part] as Uint8Array, opened.value.plain)
    }
    expect(fault(opener.value.finish())).toBe('ok')
    expect(plain.map(fromUtf8)).toEqual(parts.map((part) => part.plain))
  })

  it('custody lines form a chain that its nodes sealed', () => {
    expect(vector.hops.signed.map(({ line }) => hopLineHash(suite, line))).toEqual(vector.hops.hashes)
    expect(vector.hops.signed.map(({ line }) => line.previous)).toEqual([frozenHead.hash, vector.hops.hashes[0]])
    expect(fault(verifyHops(suites, { head, hops: vector.hops.signed, keyOf: nodeKeyOf(view) }))).toBe('ok')
  })

  it('receipts were sealed by whom the directory allows', () => {
    expect(vector.receipts.signed.map(({ receipt }) => receiptHash(suite, receipt))).toEqual(vector.receipts.hashes)
    for (const signed of vector.receipts.signed) {
      const { kind } = signed.receipt
      expect([kind, fault(verifyReceipt(suites, { signed, head, keyOf: receiptKeyOf(view) }))]).toEqual([kind, 'ok'])
    }
  })

  it('the shipment is read and written to the same bytes', () => {
    const { link, id, front } = vector.shipment
    const read = readShipment(suites, fromBase64url(front))
    if (!read.ok) throw new Error(read.fault.code)
    expect(read.value.shipment.slice).toEqual(sliceFor(recipients.tree, ({ organ }) => organ.startsWith('js-c1')))
    expect(base64url(encodeShipment(read.value.shipment))).toBe(front)
    expect(shipmentId(suite, head, link, read.value.shipment.slice)).toBe(id)
  })

  it('evidence verifies from the pinned root', () => {
    const files = Object.fromEntries(Object.entries(vector.evidence.files).map(([path, bytes]) => [path, fromBase64url(bytes)]))
    const judged = verifyEvidence(suites, files, directory.pinned.fingerprint)
    expect([judged.verdict, judged.steps.map(({ step, reason }) => [step, reason])]).toEqual([vector.evidence.verdict, vector.evidence.steps])
    expect(vector.evidence.verdict).toBe('valid')
    expect(judged.summary.recipients.map(({ state, actor }) => [state, actor?.onBehalfOf])).toContainEqual(['signedFor', 'js-c1.o1'])
  })
})

describe.each(['SM', 'P256'] as const)('making the examples of %s anew', (suiteId) => {
  it('gives files of the same shape', async () => {
    const made = JSON.parse(JSON.stringify(await makeVector(suiteId)))
    expect(shapeOf({ ...made, evidence: {} })).toEqual(shapeOf({ ...frozen(suiteId), evidence: {} }))
    expect(hex(fromBase64url(made.head.hash))).toHaveLength(64)
  })
})
