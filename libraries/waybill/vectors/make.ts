import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyPair, Suite, SuiteId } from '@postroad/gm'
import { base64url, utf8 } from '@postroad/gm'
import { canonicalText, headCore, headHash } from '../canonical.ts'
import { encodeChunk, openManifest } from '../chunks.ts'
import { signedStatementHash } from '../directory.ts'
import { buildEvidence, evidenceLogs, verifyEvidence } from '../evidence.ts'
import { clerk, draftFrom, hopsAlong, packed, receiptOf, suites } from '../fixture.ts'
import { hopLineHash } from '../hops.ts'
import type { Head } from '../model.ts'
import { receiptHash } from '../receipts.ts'
import { encodeShipment, shipmentId } from '../shipment.ts'
import { createNetwork, type Network, organKeyName } from '../simulation/network.ts'
import { recipientLeafHash, sharedProof, sliceFor } from '../slices.ts'

/**
 * Makes the frozen examples for a second implementation: `node libraries/waybill/vectors/make.ts` writes them anew.
 * Signatures and wraps are random, so new files differ; do it only when the protocol itself changes. Binary values are base64url.
 */
const FROM = 'js.o0'
const TO = ['js-c0.o0', 'js-c0.o1', 'js-c0.o2', 'js-c1.o0', 'js-c1.o1']
const AT = '2026-11-01T00:00:00.000Z'
const PARTS = [
  { name: '通知.txt', mediaType: 'text/plain', plain: '各市委：现就做好冬季防火工作通知如下。'.repeat(40) },
  { name: '空.txt', mediaType: 'text/plain', plain: '' },
  { name: '附件.txt', mediaType: 'text/plain', plain: '附件' },
]
/** Keys anybody can make again: the hash of a text is the private key. */
export const keyOf = (suite: Suite, name: string): KeyPair => {
  const privateKey = suite.hash(utf8(`postroad test key ${name}`))
  return { privateKey, publicKey: suite.publicKeyOf(privateKey) }
}

function networkOf(suiteId: SuiteId): Network {
  const specs = [
    { node: 'js', parent: null, organs: [FROM] },
    { node: 'js-c0', parent: 'js', organs: TO.slice(0, 3) },
    { node: 'js-c1', parent: 'js', organs: TO.slice(3) },
  ]
  return createNetwork(suites, specs, {
    at: AT,
    suiteIds: [suiteId],
    keyOf,
    statements: {
      js: [{ kind: 'heartbeat' }],
      'js-c0': [{ kind: 'keyStatus', key: organKeyName('js-c0.o2', 'encrypt', suiteId), status: 'retired', since: '2026-12-01T00:00:00.000Z' }],
      'js-c1': [{ kind: 'deputy', organ: 'js-c1.o1', deputy: 'js-c1.o0', from: AT, until: null }],
    },
  })
}

/** What a reader must say to a head's bytes. */
function refusedHeads(head: Head): { why: string; text: string; fault: string }[] {
  const text = canonicalText(head)
  return [
    { why: 'a space', text: text.replace('{', '{ '), fault: 'notCanonical' },
    { why: 'a number in another form', text: text.replace('"label":1', '"label":1.0'), fault: 'notCanonical' },
    { why: 'an escaped character', text: text.replace('"sender"', '"s\\u0065nder"'), fault: 'notCanonical' },
    { why: 'members in another order', text: `{"v":1,${text.slice(1).replace(',"v":1', '')}`, fault: 'notCanonical' },
    { why: 'a member twice', text: text.replace('"label":1', '"label":0,"label":1'), fault: 'duplicateKey' },
    { why: 'a member nobody knows', text: canonicalText({ ...head, more: null }), fault: 'malformed' },
    { why: 'another version', text: canonicalText({ ...head, v: 2 }), fault: 'wrongVersion' },
    { why: 'another suite', text: canonicalText({ ...head, suite: 'RSA' }), fault: 'malformed' },
    { why: 'an instant of another zone', text: canonicalText({ ...head, created: '2026-11-02T09:00:00.000+08:00' }), fault: 'malformed' },
    { why: 'more than 8192 bytes', text: canonicalText({ ...head, more: 'x'.repeat(8192) }), fault: 'headTooLarge' },
    { why: 'too deep', text: `${'['.repeat(17)}${']'.repeat(17)}`, fault: 'tooDeep' },
    { why: 'cut', text: text.slice(0, -1), fault: 'malformed' },
  ]
}

/** The message that all examples are about. */
async function messageOf(net: Network, suiteId: SuiteId) {
  const sources = PARTS.map(({ name, mediaType, plain }) => ({ name, mediaType, bytes: utf8(plain) }))
  const message = await packed(net, suiteId, FROM, TO, sources, draftFrom(FROM, suiteId))
  const { head } = message
  const cms = openManifest(suites[suiteId], head.id, message.contentKey, message.manifest)
  if (!cms.ok) throw new Error(cms.fault.code)
  const ways = [
    { recipients: TO.slice(0, 3), hops: hopsAlong(net, head, ['js', 'js-c0']) },
    { recipients: TO.slice(3), hops: hopsAlong(net, head, ['js', 'js-c1']) },
  ]
  const reason = { code: 'wrongRecipient', text: '不属本单位职责' }
  const receipts = [
    receiptOf(net, head, { kind: 'submitted', recipient: null, node: 'js', at: '2026-11-02T01:00:01.000Z' }),
    receiptOf(net, head, { kind: 'custody', recipient: null, node: 'js-c1' }),
    receiptOf(net, head, { kind: 'arrived', recipient: 'js-c0.o0', node: 'js-c0' }),
    receiptOf(net, head, { kind: 'signedFor', recipient: 'js-c0.o0', node: 'js-c0', actor: clerk('js-c0.o0') }, 'js-c0.o0'),
    receiptOf(net, head, { kind: 'signedFor', recipient: 'js-c1.o1', node: 'js-c1', actor: clerk('js-c1.o0', 'js-c1.o1') }, 'js-c1.o0'),
    receiptOf(net, head, { kind: 'returned', recipient: 'js-c0.o1', node: 'js-c0', actor: clerk('js-c0.o1'), reason }, 'js-c0.o1'),
  ]
  return { ...message, cms: cms.value, ways, receipts, plain: sources.map(({ bytes }) => bytes) }
}
type Message = Awaited<ReturnType<typeof messageOf>>

function directoryOf(net: Network, suiteId: SuiteId) {
  const { pinned, logs, view } = net
  const hashes = Object.fromEntries(Object.entries(logs).map(([node, log]) => [node, log.map((line) => signedStatementHash(suites, line))]))
  const nodeKeys = view.nodes().flatMap(({ keys }) => keys.map(({ id }) => id))
  const organKeys = [FROM, ...TO].flatMap((organ) => [organKeyName(organ, 'sign', suiteId), organKeyName(organ, 'encrypt', suiteId)])
  const names = [...nodeKeys, ...organKeys]
  const keys = names.map((name) => [name, keyOf(suites[suiteId], name)] as const)
  return {
    keys: Object.fromEntries(keys.map(([name, { privateKey, publicKey }]) => [name, { privateKey: base64url(privateKey), publicKey: base64url(publicKey) }])),
    directory: { pinned, logs, hashes, checkpoint: view.checkpoint().hash },
  }
}

function evidenceOf(net: Network, { head, recipients, manifest, cms, ways, receipts, plain }: Message) {
  const logs = evidenceLogs(net.view, { head, recipients, ways, receipts })
  const files = buildEvidence({ created: '2026-12-01T00:00:00.000Z', head, recipients, manifest: cms, sealedManifest: manifest, ways, receipts, logs, body: plain })
  const { verdict, steps } = verifyEvidence(suites, files, net.pinned.fingerprint)
  return { files: Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, base64url(bytes)])), verdict, steps: steps.map(({ step, reason }) => [step, reason]) }
}

/** One message of a suite with everything that travels, and what is computed on the way. */
export async function makeVector(suiteId: SuiteId) {
  const suite = suites[suiteId]
  const net = networkOf(suiteId)
  const message = await messageOf(net, suiteId)
  const { head, recipients, manifest, manifestContent, chunkHashes, chunks, receipts } = message
  const slice = sliceFor(recipients, ({ organ }) => organ.startsWith('js-c1'))
  const way = message.ways[1]?.hops ?? []
  const link = { from: 'js', to: 'js-c1' }
  const front = encodeShipment({ head, hops: way.slice(0, 1), slice, manifest: base64url(manifest), chunkHashes, forwarded: [] })
  const full = PARTS.filter(({ plain }) => plain !== '')
  return {
    about: 'Frozen examples of the protocol of the road, version 1 (docs/protocol.md). Binary values are base64url. The private keys are public: never use them.',
    suite: suiteId,
    ...directoryOf(net, suiteId),
    contentKey: base64url(message.contentKey),
    body: {
      parts: PARTS,
      chunks: chunks.map(({ hash, sealed }, i) => ({ encoded: base64url(encodeChunk(utf8(full[i]?.plain ?? ''))), sealed: base64url(sealed), hash })),
      root: head.body.root,
    },
    recipients: {
      tree: recipients,
      leafHashes: recipients.map(({ leaf }) => base64url(recipientLeafHash(suite, leaf))),
      root: head.recipients.root,
      slice: slice.map(({ index }) => index),
      sharedProof: sharedProof(TO.length, slice),
      ownWrap: message.ownWrap,
    },
    manifest: { canonical: canonicalText(manifestContent), cms: base64url(message.cms), sealed: base64url(manifest), hash: head.manifest },
    head: { value: head, canonical: canonicalText(head), hash: headHash(suite, head), core: headCore(suite, head), refused: refusedHeads(head) },
    hops: { signed: way, hashes: way.map(({ line }) => hopLineHash(suite, line)) },
    receipts: { signed: receipts, hashes: receipts.map(({ receipt }) => receiptHash(suite, receipt)) },
    shipment: { link, id: shipmentId(suite, head, link, slice), front: base64url(front) },
    evidence: evidenceOf(net, message),
  }
}
export type Vector = Awaited<ReturnType<typeof makeVector>>

if (import.meta.main) {
  for (const suiteId of ['SM', 'P256'] as const) {
    const text = JSON.stringify(await makeVector(suiteId), null, 1)
    writeFileSync(join(import.meta.dirname, `${suiteId.toLowerCase()}.json`), `${text}\n`)
  }
}
