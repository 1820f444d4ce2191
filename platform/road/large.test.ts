import { randomBytes } from 'node:crypto'
import { suites } from '@postroad/gm/node'
import { encodeShipment, shipmentId } from '@postroad/waybill'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CHUNK_TYPE, EPOCH_HEADER, NODE_HEADER, paths } from './engine/wire.ts'
import { chunk, inboxItem } from './service.ts'
import { auditOf, callerOf, epochOf, offerAs, readSent, shipmentFrom, traceOf } from './testing/forger.ts'
import { until } from '@postroad/kernel/testing'
import { type Network, clerk, startNetwork } from './testing/network.ts'
import { letter } from './testing/terminal.ts'

let network: Network
beforeAll(async () => {
  network = await startNetwork([
    { id: 'province', parent: null, organs: ['p.party'] },
    { id: 'city', parent: 'province', organs: ['c.party'] },
    { id: 'county', parent: 'city', organs: ['x.party'] },
  ])
})
afterAll(async () => network?.stop())

describe('a large body', () => {
  it('is asked for chunk by chunk, resumes after a cut with nothing sent twice, and is the same two hops on', async () => {
    const given = await letter(network, 'p.party', ['x.party'], { bytes: new Uint8Array(randomBytes(3_300_000)) })
    const shipment = shipmentFrom(network, 'province', given)
    const caller = callerOf(network, 'province', 'city')
    const epoch = await epochOf(network.at('city'))
    const { head, slice } = shipment
    const id = shipmentId(suites.SM, head, { from: 'province', to: 'city' }, slice)
    const offer = () => offerAs(network, caller, shipment, [], { bytes: encodeShipment(shipment) })
    const put = async (index: number, bytes: Uint8Array | AsyncIterable<Uint8Array>, length: number) =>
      readSent(await caller.transport.request(caller.to, { method: 'PUT', path: paths.chunk(id, index), type: CHUNK_TYPE, length, body: bytes, headers: { [NODE_HEADER]: 'province', [EPOCH_HEADER]: epoch } }))
    const chunkAt = (index: number): Uint8Array => given.chunks[index] ?? new Uint8Array()

    expect((await put(0, chunkAt(0), chunkAt(0).length)).code).toBe('road.notAnnounced')
    expect(await offer()).toMatchObject({ status: 202, reply: { missing: [0, 1, 2, 3] } })
    expect((await put(0, chunkAt(0), chunkAt(0).length)).status).toBe(200)
    const cut = async function* () {
      yield chunkAt(1).subarray(0, 300_000)
      await new Promise((resolve) => setTimeout(resolve, 30))
      throw new Error('power cut')
    }
    await expect(put(1, cut(), chunkAt(1).length)).rejects.toThrow()
    expect((await put(2, chunkAt(1), chunkAt(1).length)).code).toBe('files.chunkMismatch')
    expect(await auditOf(network.at('city'), 'files.chunkMismatch')).toHaveLength(1)
    expect(await offer()).toMatchObject({ status: 202, reply: { missing: [1, 2, 3] } })
    expect(await traceOf(network.at('city'), head.id)).toBe(false)
    for (const index of [1, 2, 3]) expect((await put(index, chunkAt(index), chunkAt(index).length)).status).toBe(200)
    expect((await offer()).status).toBe(200)

    const county = network.at('county')
    await until(async () => (await county.node.transaction(clerk('x.party'), (tx) => inboxItem(tx, head.id))) !== null)
    for (const [index, bytes] of given.chunks.entries()) {
      const received = await county.node.transaction(clerk('x.party'), (tx) => chunk(tx, county.node, head.id, index))
      expect(Buffer.from(received ?? []).equals(bytes)).toBe(true)
    }
  })
})

describe('many recipients', () => {
  it('cost one payload per link and less than 400 bytes each', async () => {
    const bytes = new Uint8Array(randomBytes(50_000))
    const given = await letter(network, 'p.party', ['x.party', 'c.party'], { bytes })
    const whole = encodeShipment(shipmentFrom(network, 'province', given)).length + given.chunks.reduce((sum, { length }) => sum + length + 4, 0)
    expect(whole).toBeLessThanOrEqual(1.02 * bytes.length + 400 * 2 + 16 * 1024)
    const sent = await offerAs(network, callerOf(network, 'province', 'city'), shipmentFrom(network, 'province', given), given.chunks)
    expect((sent.reply['receipts'] as { receipt: { kind: string; recipient: string | null } }[]).map(({ receipt }) => `${receipt.kind} ${receipt.recipient}`).toSorted()).toEqual(['arrived c.party', 'custody null'])
    await until(async () => (await network.at('county').node.transaction(clerk('x.party'), (tx) => inboxItem(tx, given.packed.head.id))) !== null)
  })
})
