import { base64url, concat, fromBase64url, utf8 } from '@postroad/gm'
import { describe, expect, it } from 'vitest'
import { checkSigner, nodeKeyOf, receiptKeyOf } from './authority.ts'
import { encodeChunk, MAX_SEALED_CHUNK_BYTES, sealChunk } from './chunks.ts'
import { clerk, dice, draftFrom, hopsAlong, network, packed, receiptOf, suites } from './fixture.ts'
import { verifyHops } from './hops.ts'
import type { SlicedRecipient } from './model.ts'
import { pack } from './pack.ts'
import { verifyReceipt } from './receipts.ts'
import { encodeShipment, frame, readShipment, type Shipment, type ShipmentEvent, shipmentId, startReadingShipment } from './shipment.ts'
import { sliceFor, verifyAllRecipients, verifySlice } from './slices.ts'
import { startOpening, unpackManifest } from './unpack.ts'

const net = network()
const FROM = 'js.o0'
const TO = ['js-c0.o0', 'js-c0-x1.o0', 'js-c1.o1', 'js-c1-x0.o1', 'js.o1']
const film = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 9)) & 255)
const fault = (result: { ok: true } | { ok: false; fault: { code: string } }): string => (result.ok ? 'ok' : result.fault.code)

describe.each(['SM', 'P256'] as const)('a message in %s', (suiteId) => {
  const suite = suites[suiteId]
  const parts = [
    { name: '通知.ofd', mediaType: 'application/ofd', bytes: utf8('正文'.repeat(4000)) },
    { name: '空.txt', mediaType: 'text/plain', bytes: new Uint8Array(0) },
    { name: '附件.bin', mediaType: 'application/octet-stream', bytes: film(1024 * 1024 * 2 + 17) },
  ]
  const made = packed(net, suiteId, FROM, TO, parts)
  const sealedFor = async (organ: string): Promise<{ entry: SlicedRecipient; contentKey: Uint8Array }> => {
    const entry = (await made).recipients.find(({ leaf }) => leaf.organ === organ) as SlicedRecipient
    return { entry, contentKey: suite.unwrap(net.organKeys(organ, suiteId).encrypt, fromBase64url(entry.wrap)) as Uint8Array }
  }

  it('is read by each recipient with its own wrap, part by part', async () => {
    const { head, manifest, chunkHashes, chunks } = await made
    for (const organ of TO) {
      const { entry, contentKey } = await sealedFor(organ)
      const read = unpackManifest(suites, { head, manifest, contentKey, own: entry.leaf })
      if (!read.ok) throw new Error(read.fault.code)
      expect(read.value.manifest.content.title).toBe('关于做好冬季防火工作的通知')
      expect(fault(checkSigner(net.view, head, read.value.signer, head.created))).toBe('ok')
      const opener = startOpening(suites, { head, manifest: read.value.manifest, contentKey, chunkHashes })
      if (!opener.ok) throw new Error(opener.fault.code)
      const plain = parts.map((): Uint8Array[] => [])
      for (const { sealed } of chunks) {
        const opened = opener.value.next(sealed)
        if (!opened.ok) throw new Error(opened.fault.code)
        plain[opened.value.part]?.push(opened.value.plain)
      }
      expect(fault(opener.value.finish())).toBe('ok')
      expect(plain.map((pieces) => base64url(concat(...pieces)))).toEqual(parts.map(({ bytes }) => base64url(bytes)))
    }
  })

  it('opens for its sender', async () => {
    const { head, manifest, ownWrap } = await made
    const contentKey = suite.unwrap(net.organKeys(FROM, suiteId).encrypt, fromBase64url(ownWrap.wrap)) as Uint8Array
    expect(fault(unpackManifest(suites, { head, manifest, contentKey, own: null }))).toBe('ok')
  })

  it('keeps slices to their tree and wraps to their leaves', async () => {
    const { head, recipients } = await made
    const slice = sliceFor(recipients, ({ organ }) => organ.startsWith('js-c0'))
    expect(slice).toHaveLength(2)
    expect(fault(verifySlice(suite, head, slice))).toBe('ok')
    expect(fault(verifyAllRecipients(suite, head, recipients))).toBe('ok')
    const [first, second] = slice as [SlicedRecipient, SlicedRecipient]
    expect(fault(verifySlice(suite, head, [{ ...first, wrap: second.wrap }, second]))).toBe('wrapSwapped')
    expect(fault(verifySlice(suite, head, [{ ...first, leaf: { ...first.leaf, role: 'cc' } }, second]))).toBe('recipientRootMismatch')
    expect(fault(verifySlice(suite, head, [first, first]))).toBe('duplicateRecipient')
    expect(fault(verifySlice(suite, head, []))).toBe('recipientMissing')
    expect(fault(verifyAllRecipients(suite, head, slice))).toBe('recipientMissing')
  })

  it('refuses changes of urgency, label and recipients on the way', async () => {
    const { head, manifest } = await made
    const { entry, contentKey } = await sealedFor('js-c0.o0')
    const read = (changed: Partial<typeof head>): string => fault(unpackManifest(suites, { head: { ...head, ...changed }, manifest, contentKey, own: entry.leaf }))
    expect(read({ urgency: 'normal' })).toBe('headCoreMismatch')
    expect(read({ label: 0 })).toBe('headCoreMismatch')
    expect(read({ recipients: { ...head.recipients, count: 6 } })).toBe('headCoreMismatch')
    expect(read({ manifest: head.body.root })).toBe('manifestHashMismatch')
    expect(fault(unpackManifest(suites, { head, manifest, contentKey: dice.bytes(32), own: entry.leaf }))).toBe('manifestUnreadable')
    expect(fault(unpackManifest(suites, { head, manifest, contentKey, own: { ...entry.leaf, organ: 'js-c1.o0' } }))).toBe('recipientsMismatch')
  })

  it('refuses chunks out of order, cut, foreign or over-long', async () => {
    const { head, manifestContent, contentKey, chunkHashes, chunks } = await made
    const open = (): ReturnType<typeof startOpening> => startOpening(suites, { head, manifest: manifestContent, contentKey, chunkHashes })
    const opener = open()
    if (!opener.ok) throw new Error(opener.fault.code)
    expect(fault(opener.value.next(chunks[1]?.sealed as Uint8Array))).toBe('chunkHashMismatch')
    expect(fault(opener.value.next(chunks[0]?.sealed as Uint8Array))).toBe('ok')
    expect(fault(opener.value.finish())).toBe('truncated')
    expect(fault(opener.value.next(new Uint8Array(MAX_SEALED_CHUNK_BYTES + 1)))).toBe('tooLarge')
    expect(fault(startOpening(suites, { head, manifest: manifestContent, contentKey, chunkHashes: chunkHashes.slice(1) }))).toBe('bodyRootMismatch')
  })

  it('refuses a body that was compressed after it was signed', async () => {
    const plain = utf8('通知'.repeat(500))
    const draft = draftFrom(FROM, suiteId)
    const { head, manifestContent, contentKey } = await packed(net, suiteId, FROM, TO, [{ name: 'a', mediaType: '', bytes: plain }], draft)
    expect(encodeChunk(plain)[0]).toBe(1)
    const raw = sealChunk(suite, head.id, contentKey, 0, concat(Uint8Array.of(0), plain))
    const root = base64url(suite.hash(Uint8Array.of(0), fromBase64url(raw.hash)))
    const opener = startOpening(suites, { head: { ...head, body: { ...head.body, root } }, manifest: manifestContent, contentKey, chunkHashes: [raw.hash] })
    if (!opener.ok) throw new Error(opener.fault.code)
    expect(fault(opener.value.next(raw.sealed))).toBe('compressedAfterSigning')
  })

  it('does not address an organ twice or nobody', async () => {
    const order = { suite, draft: draftFrom(FROM, suiteId), parts: [], own: { key: 'x', publicKey: new Uint8Array(65) }, sign: () => new Uint8Array(0), random: dice.bytes, onChunk: () => undefined }
    const twice = ['a', 'b'].map((name) => ({ organ: 'js.o1', name, role: 'to' as const, key: 'k', publicKey: net.organKeys('js.o1', suiteId).encrypt.publicKey }))
    expect(fault(await pack({ ...order, addressees: twice }))).toBe('duplicateRecipient')
    expect(fault(await pack({ ...order, addressees: [] }))).toBe('recipientMissing')
  })

  it('carries an unbroken chain of custody', async () => {
    const { head } = await made
    const hops = hopsAlong(net, head, ['js', 'js-c0', 'js-c0-x1'])
    const check = (lines: typeof hops, of = head): string => fault(verifyHops(suites, { head: of, hops: lines, keyOf: nodeKeyOf(net.view) }))
    const [a, b, c] = hops as [(typeof hops)[0], (typeof hops)[0], (typeof hops)[0]]
    expect(check(hops)).toBe('ok')
    expect(check([a, c])).toBe('hopChainBroken')
    expect(check([b, c])).toBe('hopChainBroken')
    expect(check([{ ...a, line: { ...a.line, at: '2026-11-02T02:00:00.000Z' } }])).toBe('badSeal')
    expect(check([{ ...a, line: { ...a.line, node: 'js-c1' } }])).toBe('unknownKey')
    expect(check([a, b, { line: { ...a.line, ordinal: 2 }, seal: a.seal }])).toBe('hopLoop')
    expect(check(hops, { ...head, label: 0 })).toBe('hopChainBroken')
    expect(check(Array.from({ length: 17 }, (_, i) => ({ line: { ...a.line, node: `n${i}` }, seal: a.seal })))).toBe('tooManyHops')
  })

  it('seals receipts by who may make them', async () => {
    const { head } = await made
    const check = (signed: ReturnType<typeof receiptOf>): string => fault(verifyReceipt(suites, { signed, head, keyOf: receiptKeyOf(net.view) }))
    const recipient = 'js-c0.o0'
    expect(check(receiptOf(net, head, { kind: 'submitted', recipient: null, node: 'js' }))).toBe('ok')
    expect(check(receiptOf(net, head, { kind: 'arrived', recipient, node: 'js-c0' }))).toBe('ok')
    expect(check(receiptOf(net, head, { kind: 'arrived', recipient, node: 'js-c1' }))).toBe('wrongNode')
    expect(check(receiptOf(net, head, { kind: 'signedFor', recipient, node: 'js-c0', actor: clerk(recipient) }, recipient))).toBe('ok')
    expect(check(receiptOf(net, head, { kind: 'signedFor', recipient, node: 'js-c0', actor: clerk(recipient) }))).toBe('unknownKey')
    expect(check(receiptOf(net, head, { kind: 'signedFor', recipient, node: 'js-c0', actor: clerk(recipient) }, 'js-c1.o0'))).toBe('wrongSigner')
    expect(check(receiptOf(net, head, { kind: 'signedFor', recipient, node: 'js-c0', actor: clerk('js-c1.o0', recipient) }, 'js-c1.o0'))).toBe('notDeputy')
    const good = receiptOf(net, head, { kind: 'signedFor', recipient, node: 'js-c0', actor: clerk(recipient) }, recipient)
    expect(check({ ...good, receipt: { ...good.receipt, actor: clerk(recipient, 'js.o1') } })).toBe('badSeal')
  })

  it('crosses a link byte for byte and refuses what was changed', async () => {
    const { head, recipients, manifest, chunkHashes, chunks } = await made
    const slice = sliceFor(recipients, ({ organ }) => organ.startsWith('js-c1'))
    const shipment: Shipment = { head, hops: hopsAlong(net, head, ['js']), slice, manifest: base64url(manifest), chunkHashes, forwarded: [] }
    const front = encodeShipment(shipment)
    const read = readShipment(suites, front)
    expect(read.ok && read.value.shipment).toEqual(shipment)
    expect(read.ok && base64url(encodeShipment(read.value.shipment)) === base64url(front)).toBe(true)
    expect(shipmentId(suite, head, { from: 'js', to: 'js-c1' }, slice)).not.toBe(shipmentId(suite, head, { from: 'js', to: 'js-c0' }, slice))
    const swapped = slice.map((entry, i) => ({ ...entry, wrap: slice[1 - i]?.wrap ?? '' }))
    expect(fault(readShipment(suites, encodeShipment({ ...shipment, slice: swapped })))).toBe('recipientRootMismatch')
    expect(fault(readShipment(suites, encodeShipment({ ...shipment, manifest: base64url(manifest.subarray(1)) })))).toBe('manifestHashMismatch')
    expect(fault(readShipment(suites, encodeShipment({ ...shipment, chunkHashes: [] })))).toBe('bodyRootMismatch')
    expect(fault(readShipment(suites, front.subarray(0, 900)))).toBe('truncated')
    const reader = startReadingShipment(suites)
    const events: ShipmentEvent[] = []
    const whole = concat(front, ...chunks.map(({ sealed }) => frame(sealed)))
    for (let at = 0; at < whole.length; at += 70_001) {
      const pushed = reader.push(whole.subarray(at, at + 70_001))
      if (!pushed.ok) throw new Error(pushed.fault.code)
      events.push(...pushed.value)
    }
    expect(fault(reader.finish())).toBe('ok')
    expect(events.map(({ kind }) => kind)).toEqual(['front', ...chunks.map(() => 'chunk')])
  })
})
