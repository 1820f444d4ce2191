import { base64url, concat, fromBase64url, u32be, utf8 } from '@postroad/gm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonical } from './canonical.ts'
import { hopsAlong, network, packed, suites } from './fixture.ts'
import { verifyHops } from './hops.ts'
import { nodeKeyOf } from './authority.ts'
import { inTree, leafHash, merkleTree } from './merkle.ts'
import { MAX_SEALED_CHUNK_BYTES } from './chunks.ts'
import type { Head, SlicedRecipient } from './model.ts'
import { encodeShipment, frame, MAX_SHIPMENT_BYTES, readShipment, type Shipment, type ShipmentEvent, shipmentId, splitSlice, startReadingShipment } from './shipment.ts'
import { sliceFor, verifyAllRecipients, verifySlice } from './slices.ts'

const net = network()
const FROM = 'js.o0'
const TO = ['js-c0.o0', 'js-c0-x0.o0', 'js-c0-x1.o0', 'js-c1.o0', 'js-c1.o1', 'js-c1-x0.o0', 'js-c1-x1.o1']
const suite = suites.P256
const fault = (result: { ok: true } | { ok: false; fault: { code: string } }): string => (result.ok ? 'ok' : result.fault.code)
const part = { name: 'a', mediaType: '', bytes: utf8('正文'.repeat(90)) }
const message = packed(net, 'P256', FROM, TO, [part, part])
const other = packed(net, 'P256', FROM, TO)
type Wire = { head: Head; leaves: unknown[][]; proof: string[]; chunkHashes: string[]; forwarded: unknown[]; hops: unknown[] }

async function shipped(): Promise<{ shipment: Shipment; front: Uint8Array; whole: Uint8Array }> {
  const { head, recipients, manifest, chunkHashes, chunks } = await message
  const slice = sliceFor(recipients, ({ organ }) => organ.startsWith('js-c1'))
  const shipment = { head, hops: hopsAlong(net, head, ['js']), slice, manifest: base64url(manifest), chunkHashes, forwarded: [] }
  const front = encodeShipment(shipment)
  return { shipment, front, whole: concat(front, ...chunks.map(({ sealed }) => frame(sealed))) }
}
const { shipment, front, whole } = await shipped()

/** Reads a stream in pieces: what came out, and how it ended. */
function stream(bytes: Uint8Array, piece: number): { events: ShipmentEvent[]; end: string } {
  const reader = startReadingShipment(suites)
  const events: ShipmentEvent[] = []
  for (let from = 0; from < bytes.length; from += piece) {
    const pushed = reader.push(bytes.subarray(from, from + piece))
    if (!pushed.ok) return { events, end: fault(reader.finish()) }
    events.push(...pushed.value)
  }
  return { events, end: fault(reader.finish()) }
}

describe('a slice', () => {
  it('holds its own leaves only, in the order of the tree', async () => {
    const { head, recipients } = await message
    const all = recipients.length
    const [a, b, c] = recipients as [SlicedRecipient, SlicedRecipient, SlicedRecipient]
    const check = (slice: readonly SlicedRecipient[]): string => fault(verifySlice(suite, head, slice))
    for (const entry of recipients) expect(check([entry])).toBe('ok')
    expect(check([a, c])).toBe('ok')
    expect(check([b, a])).toBe('duplicateRecipient')
    expect(check([a, { ...b, leaf: { ...b.leaf, organ: a.leaf.organ } }])).toBe('duplicateRecipient')
    expect(check([(await other).recipients[0] as SlicedRecipient])).toBe('recipientRootMismatch')
    expect(check([{ ...a, index: 1, path: b.path }])).toBe('recipientRootMismatch')
    expect(check([{ ...a, index: all }])).toBe('recipientRootMismatch')
    expect(check([{ ...a, path: a.path.slice(1) }])).toBe('recipientRootMismatch')
    expect(check([{ ...a, path: ['?', ...a.path.slice(1)] }])).toBe('malformed')
    expect(check([{ ...a, wrap: 'A' }])).toBe('malformed')
    expect(fault(verifySlice(suites.SM, head, [a]))).toBe('wrapSwapped')
  })

  it('at submission is the whole tree: no recipient left out, added, doubled or moved', async () => {
    const { head, recipients } = await message
    const check = (all: readonly SlicedRecipient[], of = head): string => fault(verifyAllRecipients(suite, of, all))
    expect(check(recipients)).toBe('ok')
    expect(check(recipients.slice(1))).toBe('recipientMissing')
    expect(check([...recipients, recipients[0] as SlicedRecipient])).toBe('recipientMissing')
    expect(check([...recipients.slice(1), recipients[0] as SlicedRecipient])).toBe('recipientRootMismatch')
    expect(check(recipients.slice(0, 6), { ...head, recipients: { ...head.recipients, count: 6 } })).toBe('recipientRootMismatch')
  })

  it('takes no inner node of a tree for a leaf', () => {
    const leaves = ['a', 'b', 'c', 'd'].map(utf8)
    const tree = merkleTree(suite, leaves)
    const inner = concat(leafHash(suite, utf8('a')), leafHash(suite, utf8('b')))
    expect(inTree(suite, tree.root, inner, 0, 2, tree.path(0).slice(1))).toBe(false)
  })

  it('is cut into shipments without losing anybody', async () => {
    const { recipients } = await message
    const pieces = splitSlice(recipients, 3)
    expect(pieces.map(({ length }) => length)).toEqual([3, 3, 1])
    expect(pieces.flat()).toEqual(recipients)
    const { head } = await message
    const link = { from: 'js', to: 'js-c0' }
    const names = [...pieces.map((piece) => shipmentId(suite, head, link, piece)), shipmentId(suite, head, link, recipients), shipmentId(suite, head, { from: 'js-c0', to: 'js' }, recipients)]
    expect(new Set(names).size).toBe(names.length)
    expect(shipmentId(suite, head, link, recipients)).toBe(shipmentId(suite, head, link, recipients))
  })
})

describe('a shipment', () => {
  const refused = (change: (wire: Wire) => Wire): string => {
    const length = new DataView(front.buffer, front.byteOffset).getUint32(0)
    const wire = JSON.parse(new TextDecoder().decode(front.subarray(4, 4 + length))) as Wire
    return fault(readShipment(suites, concat(frame(canonical(change(wire))), front.subarray(4 + length))))
  }

  it('comes out of a stream as it went in, in pieces of any size', () => {
    for (const piece of [1, 3, 4, 5, 1000, whole.length]) {
      const { events, end } = stream(whole, piece)
      expect([end, events.map(({ kind }) => kind)]).toEqual(['ok', ['front', 'chunk', 'chunk']])
      expect(events[0]).toEqual({ kind: 'front', shipment })
    }
  })

  it('cut at any place is either whole frames with chunks to ask for, or truncated', () => {
    const [first, second] = [front.length, whole.length - (whole.length - front.length) / 2]
    for (let at = 0; at < whole.length; at += at > first - 40 || at < 40 ? 1 : 61) {
      const { events, end } = stream(whole.subarray(0, at), 512)
      expect([at, end]).toEqual([at, at === first || at === second ? 'ok' : 'truncated'])
      expect(events.length).toBe(at < first ? 0 : at < second ? 1 : 2)
      if (at < first) expect(fault(readShipment(suites, whole.subarray(0, at)))).toBe('truncated')
    }
  })

  it('with any byte changed never passes for another', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const { events, end } = stream(whole.map((byte, i) => (i === at ? byte ^ flip : byte)), 4096)
        const [read] = events
        if (end !== 'ok' || read?.kind !== 'front') return
        // The hashes leave urgency, label, instants and the way itself open: those the nodes on the way have sealed.
        expect(fault(verifyHops(suites, { head: read.shipment.head, hops: read.shipment.hops, keyOf: nodeKeyOf(net.view) }))).not.toBe('ok')
      }),
      { numRuns: 250 },
    )
  })

  it('is refused with leaves stripped, foreign, doubled or reordered, and with another proof', () => {
    expect(refused((wire) => wire)).toBe('ok')
    expect(refused((wire) => ({ ...wire, leaves: wire.leaves.slice(1) }))).toBe('recipientRootMismatch')
    expect(refused((wire) => ({ ...wire, leaves: wire.leaves.toReversed() }))).toBe('recipientRootMismatch')
    expect(refused((wire) => ({ ...wire, leaves: [wire.leaves[0] as unknown[], ...wire.leaves] }))).toBe('recipientRootMismatch')
    expect(refused((wire) => ({ ...wire, leaves: [[0, ...(wire.leaves[0] ?? []).slice(1)], ...wire.leaves] }))).toBe('recipientRootMismatch')
    expect(refused((wire) => ({ ...wire, proof: wire.proof.slice(1) }))).toBe('recipientRootMismatch')
    expect(refused((wire) => ({ ...wire, proof: [...wire.proof, wire.proof[0] as string] }))).toBe('recipientRootMismatch')
    expect(refused((wire) => ({ ...wire, proof: wire.proof.map(() => wire.head.body.root) }))).toBe('recipientRootMismatch')
    expect(refused((wire) => ({ ...wire, leaves: [] }))).toBe('malformed')
  })

  it('is refused with another head, other chunks, or what its form does not know', () => {
    expect(refused((wire) => ({ ...wire, head: { ...wire.head, recipients: { ...wire.head.recipients, count: 9 } } }))).toBe('recipientRootMismatch')
    expect(refused((wire) => ({ ...wire, head: { ...wire.head, manifest: wire.head.body.root } }))).toBe('manifestHashMismatch')
    expect(refused((wire) => ({ ...wire, head: { ...wire.head, expires: wire.head.created } }))).toBe('malformed')
    expect(refused((wire) => ({ ...wire, chunkHashes: wire.chunkHashes.toReversed() }))).toBe('bodyRootMismatch')
    expect(refused((wire) => ({ ...wire, more: 1 }))).toBe('malformed')
    expect(refused((wire) => ({ ...wire, v: 2 }))).toBe('wrongVersion')
    expect(refused((wire) => ({ ...wire, forwarded: [1, 2, 3, 4, 5] }))).toBe('malformed')
  })

  it('too large is refused by its length alone', () => {
    expect(fault(readShipment(suites, u32be(MAX_SHIPMENT_BYTES + 1)))).toBe('tooLarge')
    expect(stream(u32be(MAX_SHIPMENT_BYTES + 1), 4).end).toBe('tooLarge')
    expect(stream(concat(frame(utf8('{}')), u32be(2 ** 32 - 1)), 9).end).toBe('tooLarge')
    expect(stream(concat(front, u32be(MAX_SEALED_CHUNK_BYTES + 1)), 100_000).end).toBe('tooLarge')
    expect(stream(concat(whole, frame(utf8('more'))), 100_000).end).toBe('tooLarge')
    expect(stream(concat(front, frame(utf8('other'))), 100_000).end).toBe('chunkHashMismatch')
    expect(stream(frame(new Uint8Array(0)), 100).end).toBe('truncated')
  })

  it('stays refused once it was refused', () => {
    const reader = startReadingShipment(suites)
    expect(fault(reader.push(u32be(2 ** 32 - 1)))).toBe('tooLarge')
    expect([fault(reader.push(whole)), fault(reader.finish())]).toEqual(['tooLarge', 'tooLarge'])
  })

  it('carries one proof for all its leaves, and wraps byte for byte', () => {
    const read = readShipment(suites, whole)
    if (!read.ok) throw new Error(read.fault.code)
    expect(read.value.used).toBe(front.length)
    expect(read.value.shipment.slice.map(({ wrap }) => fromBase64url(wrap))).toEqual(shipment.slice.map(({ wrap }) => fromBase64url(wrap)))
    expect(() => encodeShipment({ ...shipment, manifest: '?' })).toThrow('base64url')
  })
})
