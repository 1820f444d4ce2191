import { base64url, concat } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import type { Slot } from '@postroad/kernel/node'
import { type Head, type Shipment, type SignedHopLine, canonical, encodeShipment, frame, shipmentId, signBatch } from '@postroad/waybill'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NODE_HEADER, SHIPMENT_TYPE, paths } from './engine/wire.ts'
import { auditOf, callerOf, epochOf, hopOf, offerAs, readSent, shipmentFrom, traceOf } from './testing/forger.ts'
import { type Network, keyName, startNetwork } from './testing/network.ts'
import { type Letter, letter } from './testing/terminal.ts'

let network: Network
beforeAll(async () => {
  network = await startNetwork([
    { id: 'province', parent: null, organs: ['p.party'] },
    { id: 'city', parent: 'province', organs: ['c.party'], maxLabel: 1 },
    { id: 'county', parent: 'city', organs: ['x.party', 'x.old'] },
    { id: 'other', parent: 'province', organs: ['o.party'] },
  ])
  await network.state('county', [{ kind: 'keyStatus', key: keyName('x.old', 'SM', 'encrypt'), status: 'revoked', since: '2020-01-01T00:00:00.000Z' }])
})
afterAll(async () => network?.stop())

const refused = async (spoil: (shipment: Shipment, given: Letter) => Shipment | Promise<Shipment>, options: { to?: readonly string[]; label?: number } = {}) => {
  const given = await letter(network, 'p.party', options.to ?? ['x.party'], { bytes: new Uint8Array(100), label: options.label ?? 0 })
  const shipment = await spoil(shipmentFrom(network, 'province', given), given)
  const sent = await offerAs(network, callerOf(network, 'province', 'city'), shipment, given.chunks)
  const audited = (await auditOf(network.at('city'), sent.code)).some(({ outcome, object }) => outcome === 'refused' && object.startsWith('PUT /road/v1/shipments/'))
  return { code: sent.code, audited, kept: await traceOf(network.at('city'), shipment.head.id) }
}
const is = (code: string) => ({ code: `road.${code}`, audited: true, kept: false })
const withHead = (shipment: Shipment, change: Partial<Head>): Shipment => ({ ...shipment, head: { ...shipment.head, ...change } })
const signedBy = (suite: 'SM' | 'P256', line: SignedHopLine['line'], key: string): SignedHopLine => ({ line, seal: signBatch(suites[suite], { key, keyPair: suites[suite].generateKeyPair() }, 'hop', [line])[0] as SignedHopLine['seal'] })

describe('a shipment that is not what its sender made is refused, audited, and leaves no trace', () => {
  it('forged: the line of custody is sealed by somebody else', async () => {
    expect(await refused((s) => ({ ...s, hops: s.hops.map(({ line, seal }) => signedBy('SM', line, seal.key)) }))).toEqual(is('badSeal'))
  })
  it('unknown issuer: the line is sealed with a key that the directory does not know', async () => {
    expect(await refused((s) => ({ ...s, hops: s.hops.map(({ line }) => signedBy('SM', line, 'nobody.sm.1')) }))).toEqual(is('unknownKey'))
  })
  it('stripped: no lines of custody, or not the last one', async () => {
    expect(await refused((s) => ({ ...s, hops: [] }))).toEqual(is('hopNotPeer'))
    expect(await refused((s) => ({ ...s, hops: [hopOf(network, 'other', s.head, [])] }))).toEqual(is('hopNotPeer'))
  })
  it('swapped: another manifest, other chunk hashes', async () => {
    expect(await refused((s) => ({ ...s, manifest: base64url(new Uint8Array(500)) }))).toEqual(is('manifestHashMismatch'))
    expect(await refused((s) => ({ ...s, chunkHashes: [base64url(new Uint8Array(32))] }))).toEqual(is('bodyRootMismatch'))
  })
  it('re-wrapped: the content key wrapped anew', async () => {
    expect(await refused((s) => ({ ...s, slice: s.slice.map((entry) => ({ ...entry, wrap: base64url(new Uint8Array(120)) })) }))).toEqual(is('recipientRootMismatch'))
  })
  it('another recipient in the place of the right one', async () => {
    expect(await refused((s) => ({ ...s, slice: s.slice.map((entry) => ({ ...entry, leaf: { ...entry.leaf, organ: 'c.party' } })) }))).toEqual(is('recipientRootMismatch'))
  })
  it('wrong recipient: an organ that is not behind this link', async () => {
    expect(await refused((s) => s, { to: ['o.party'] })).toEqual(is('wrongRecipient'))
  })
  it('urgency, label or limit changed on the way', async () => {
    expect(await refused((s) => withHead(s, { urgency: 'extraUrgent' }))).toEqual(is('hopChainBroken'))
    expect(await refused((s) => withHead(s, { label: 1 }))).toEqual(is('hopChainBroken'))
    expect(await refused((s) => withHead(s, { expires: '2030-01-01T00:00:00.000Z' }))).toEqual(is('hopChainBroken'))
  })
  it('wrong suite: seals of one in a message of the other', async () => {
    expect(await refused((s) => withHead(s, { suite: 'P256' }))).toMatchObject({ audited: true, kept: false, code: expect.stringMatching(/road\.(recipientRootMismatch|wrongSuite)/) })
    const line = (s: Shipment): SignedHopLine => signedBy('P256', s.hops[0]?.line as SignedHopLine['line'], 'province.p256.1')
    expect(await refused((s) => ({ ...s, hops: [line(s)] }))).toEqual(is('wrongSuite'))
  })
  it('a loop, and more hops than any tree has', async () => {
    expect(await refused((s) => { const own = hopOf(network, 'city', s.head, s.hops); return { ...s, hops: [...s.hops, own, hopOf(network, 'other', s.head, [...s.hops, own])] } })).toMatchObject({ audited: true, kept: false })
  })
  it('a label above this node', async () => {
    expect(await refused((s) => s, { label: 2 })).toEqual(is('labelTooHigh'))
  })
  it('a revoked key of a recipient, an unknown key of the sender, a name it does not hold', async () => {
    expect(await refused((s) => s, { to: ['x.old'] })).toEqual(is('revokedKey'))
    const resign = (s: Shipment, change: Partial<Head['sender']>): Shipment => { const next = withHead(s, { sender: { ...s.head.sender, ...change } }); return { ...next, hops: [hopOf(network, 'province', next.head, [])] } }
    expect(await refused((s) => resign(s, { key: 'p.party.sm.none' }))).toEqual(is('unknownKey'))
    expect(await refused((s) => resign(s, { key: keyName('c.party', 'SM', 'sign') }))).toEqual(is('wrongSigner'))
    expect(await refused((s) => resign(s, { name: 'c.party.name' }))).toEqual(is('nameNotHeld'))
    expect(await refused((s) => resign(s, { organ: 'o.party', name: 'o.party.name', key: keyName('o.party', 'SM', 'sign') }))).toEqual(is('wrongNode'))
  })
  it('a sender whose key was not valid yet, or no longer, when the message was made', async () => {
    const dated = (s: Shipment, created: string): Shipment => { const next = withHead(s, { created }); return { ...next, hops: [hopOf(network, 'province', next.head, [])] } }
    expect(await refused((s) => dated(s, '1999-01-01T00:00:00.000Z'))).toMatchObject({ audited: true, kept: false, code: expect.stringMatching(/road\.(nameNotHeld|notYetValidKey)/) })
  })
  it('the id of another shipment', async () => {
    const given = await letter(network, 'p.party', ['x.party'])
    const sent = await offerAs(network, callerOf(network, 'province', 'city'), shipmentFrom(network, 'province', given), given.chunks, { id: base64url(new Uint8Array(32)) })
    expect([sent.code, await traceOf(network.at('city'), given.packed.head.id)]).toEqual(['road.shipmentIdMismatch', false])
  })
})

describe('a body that is not what was announced', () => {
  const shipmentOf = async () => {
    const given = await letter(network, 'p.party', ['x.party'], { bytes: new Uint8Array(5000).map((_, i) => i * 7) })
    return { given, shipment: shipmentFrom(network, 'province', given) }
  }
  it('is refused by its type, its framing, its length and its chunks', async () => {
    const { given, shipment } = await shipmentOf()
    const caller = callerOf(network, 'province', 'city')
    const offer = (change: Parameters<typeof offerAs>[4]) => offerAs(network, caller, shipment, given.chunks, change)
    expect((await offer({ type: 'application/json' })).code).toBe('road.wrongType')
    expect((await offer({ bytes: new Uint8Array() })).code).toBe('road.truncated')
    expect((await offer({ bytes: new Uint8Array(3) })).code).toBe('road.truncated')
    expect((await offer({ bytes: new Uint8Array(64).fill(0xff) })).code).toBe('road.tooLarge')
    expect((await offer({ bytes: concat(frame(canonical({ v: 2 })), frame(new Uint8Array())) })).code).toBe('road.wrongVersion')
    expect((await offer({ bytes: concat(frame(Buffer.from(`{"v":1,"head":${'['.repeat(50)}${']'.repeat(50)}}`)), frame(new Uint8Array())) })).code).toBe('road.tooDeep')
    expect((await offer({ chunks: [] })).code).toBe('road.bodyMissing')
    expect((await offer({ chunks: [new Uint8Array(5001)] })).code).toBe('road.chunkHashMismatch')
    expect((await offer({ chunks: [...given.chunks, ...given.chunks] })).code).toBe('road.tooLarge')
    for (const code of ['wrongType', 'truncated', 'tooLarge', 'wrongVersion', 'tooDeep', 'bodyMissing', 'chunkHashMismatch']) expect(await auditOf(network.at('city'), `road.${code}`)).not.toEqual([])
    expect(await traceOf(network.at('city'), shipment.head.id)).toBe(false)
  })
  it('head above 8 KB and fields that are not the protocol’s', async () => {
    const { shipment } = await shipmentOf()
    const front = (head: unknown) => concat(frame(canonical({ v: 1, head, hops: [], leaves: [[0, 'x', 'x', 'to', 'k', 'AAAAAAAAAAAAAAAAAAAAAA', 'AA']], proof: [], chunkHashes: [], forwarded: [] })), frame(new Uint8Array()))
    const caller = callerOf(network, 'province', 'city')
    const padded = await offerAs(network, caller, shipment, [], { bytes: front({ ...shipment.head, padding: 'x'.repeat(9000) }) })
    expect(['road.headTooLarge', 'road.malformed']).toContain(padded.code)
    expect((await offerAs(network, caller, shipment, [], { bytes: front({ ...shipment.head, sender: { ...shipment.head.sender, organ: '' } }) })).code).toBe('road.malformed')
  })
  it.each([['before the headers end', 0], ['in the front', 700], ['in the body', -100]])('cut %s: nothing is kept, and the same offer goes through afterwards', async (_where, at) => {
    const { given, shipment } = await shipmentOf()
    const caller = callerOf(network, 'province', 'city')
    const whole = concat(encodeShipment(shipment), ...given.chunks.map(frame))
    const end = at < 0 ? whole.length + at : at
    const before = (await auditOf(network.at('city'), 'road.bodyCut')).length
    const body = async function* () {
      if (end > 0) yield whole.subarray(0, end)
      await new Promise((resolve) => setTimeout(resolve, 30))
      throw new Error('power cut')
    }
    const id = shipmentId(suites.SM, shipment.head, { from: 'province', to: 'city' }, shipment.slice)
    const request = { method: 'PUT' as const, path: paths.shipment(id), type: SHIPMENT_TYPE, length: whole.length, body: body(), headers: { [NODE_HEADER]: 'province', 'postroad-epoch': await epochOf(network.at('city')) } }
    await expect(caller.transport.request(caller.to, request)).rejects.toThrow()
    await expect.poll(async () => (await auditOf(network.at('city'), 'road.bodyCut')).length).toBe(before + 1)
    expect(await traceOf(network.at('city'), shipment.head.id)).toBe(false)
    expect((await offerAs(network, caller, shipment, given.chunks)).status).toBe(200)
  })
})

describe('who may offer', () => {
  it('nobody whose certificate the directory does not know, and nobody under another’s name', async () => {
    const given = await letter(network, 'p.party', ['x.party'])
    const shipment = shipmentFrom(network, 'province', given)
    const posing = await offerAs(network, callerOf(network, 'other', 'city', 'province'), shipment, given.chunks)
    expect(posing).toMatchObject({ status: 403, code: 'road.peerMismatch' })
    expect((await auditOf(network.at('city'), 'road.peerMismatch'))[0]).toMatchObject({ outcome: 'refused', actor: { id: 'other' }, detail: { claimed: 'province', certificate: 'other' } })
    const far = await offerAs(network, callerOf(network, 'other', 'city'), shipment, given.chunks)
    expect(far).toMatchObject({ status: 403, code: 'road.notNeighbour' })
    expect(await auditOf(network.at('city'), 'road.notNeighbour')).toHaveLength(1)
  })
  it('and nobody else is told whether the node is alive, and what time it is there', async () => {
    const ask = async (by: ReturnType<typeof callerOf>, as: string) => readSent(await by.transport.request(by.to, { method: 'POST', path: paths.alive, type: 'application/json', length: 2, body: Buffer.from('{}'), headers: { [NODE_HEADER]: as } }))
    expect(await ask(callerOf(network, 'province', 'city'), 'province')).toMatchObject({ status: 200, reply: { v: 1, node: 'city' } })
    expect(await ask(callerOf(network, 'other', 'city'), 'province')).toMatchObject({ status: 403, code: 'road.peerMismatch' })
    expect(await ask(callerOf(network, 'other', 'city'), 'other')).toMatchObject({ status: 403, code: 'road.notNeighbour' })
  })
  it('only who greeted this epoch', async () => {
    const given = await letter(network, 'p.party', ['x.party'])
    const sent = await offerAs(network, callerOf(network, 'province', 'city'), shipmentFrom(network, 'province', given), given.chunks, { epoch: 'before' })
    expect(sent).toMatchObject({ status: 409, code: 'road.greetFirst', reply: { error: { later: true } } })
  })
  it('on no other route than the protocol’s', async () => {
    const caller = callerOf(network, 'province', 'city')
    for (const path of ['/road/v1/shipments/short', '/road/v1/../etc', '/api/road', '/road/v1/shipments']) {
      const reply = await caller.transport.request(caller.to, { method: 'PUT', path, type: SHIPMENT_TYPE, length: 0, body: new Uint8Array(), headers: { [NODE_HEADER]: 'province' } })
      expect(readSent(reply)).toMatchObject({ status: 404, code: 'road.noSuchRoute' })
    }
  })
})

describe('the same offer again', () => {
  it('is answered with the same receipts and delivers nothing twice; the same id with other content is refused', async () => {
    const given = await letter(network, 'p.party', ['x.party'], { bytes: new Uint8Array(300) })
    const shipment = shipmentFrom(network, 'province', given)
    const caller = callerOf(network, 'province', 'city')
    const ids = (reply: Record<string, unknown>): string[] => (reply['receipts'] as { receipt: { id: string; kind: string } }[]).map(({ receipt }) => `${receipt.kind} ${receipt.id}`)
    const first = await offerAs(network, caller, shipment, given.chunks)
    const again = await Promise.all([1, 2, 3].map(() => offerAs(network, caller, shipment, given.chunks)))
    expect(first.status).toBe(200)
    for (const reply of again) expect([ids(reply.reply), reply.reply['mark']]).toEqual([ids(first.reply), first.reply['mark']])
    const twin = await letter(network, 'p.party', ['x.party'], { id: given.packed.head.id, bytes: new Uint8Array(301) })
    const other = await offerAs(network, caller, shipmentFrom(network, 'province', twin), twin.chunks)
    expect(other).toMatchObject({ status: 409, code: 'road.sameIdOtherContent' })
    expect(await auditOf(network.at('city'), 'road.sameIdOtherContent')).toHaveLength(1)
  })
})

describe('a node whose disk is full', () => {
  it('takes nothing new for now, and says once more what it has taken', async () => {
    const { disk } = network.at('city').node.slots.get({ name: 'files.storage' } as Slot<{ disk: { free: number; total: number; seen: number } }>)
    const [before, after] = [await letter(network, 'p.party', ['x.party']), await letter(network, 'p.party', ['x.party'])]
    const caller = callerOf(network, 'province', 'city')
    const offered = (given: Letter) => offerAs(network, caller, shipmentFrom(network, 'province', given), given.chunks)
    const shipment = shipmentFrom(network, 'province', before)
    const first = await offerAs(network, caller, shipment, before.chunks)
    Object.assign(disk, { free: 0, total: 10 ** 12, seen: Infinity })
    expect(await offered(after)).toMatchObject({ status: 507, code: 'files.diskFull', reply: { error: { later: true } } })
    const again = await offerAs(network, caller, shipment, before.chunks)
    expect([first.status, again.status, again.reply['mark']]).toEqual([200, 200, first.reply['mark']])
    Object.assign(disk, { seen: Number.NEGATIVE_INFINITY })
    expect((await offered(after)).status).toBe(200)
  })
})
