import { randomBytes } from 'node:crypto'
import { append, refresh, view } from '@postroad/directory/service'
import { service } from '@postroad/kernel/principal'
import { until } from '@postroad/kernel/testing'
import type { OrganEntry } from '@postroad/waybill'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { act, bundleStatus, chunk, dispatch, inbox, inboxItem, track } from '../service.ts'
import { filesOn, read, ride, write } from '../testing/courier.ts'
import { type Network, clerk, startNetwork } from '../testing/network.ts'
import { letter, organReceipt, send } from '../testing/terminal.ts'

let network: Network
const byBundle = { carrier: 'bundle', release: 'onePerson' }
beforeAll(async () => {
  network = await startNetwork([
    { id: 'province', parent: null, organs: ['p.party'] },
    { id: 'city', parent: 'province', organs: ['c.party'], links: { county: byBundle } },
    { id: 'county', parent: 'city', organs: ['x.party', 'x.gov', 'x.old', 'x.moved'], links: { city: byBundle } },
  ], {}, async (stations) => {
    const [city, county] = [stations.get('city'), stations.get('county')]
    if (city !== undefined && county !== undefined) await ride(city, county)
  })
})
afterAll(async () => network?.stop())

const board = async (message: string): Promise<Readonly<Record<string, string>>> => {
  const tracking = await network.at('province').node.transaction(clerk('p.party'), (tx) => track(tx, message))
  return Object.fromEntries((tracking?.board ?? []).map(({ organ, state }) => [organ, state]))
}
const kinds = async (message: string): Promise<readonly string[]> => {
  const tracking = await network.at('province').node.transaction(clerk('p.party'), (tx) => track(tx, message))
  return (tracking?.receipts ?? []).map(({ receipt }) => `${receipt.kind} ${receipt.node}`).toSorted()
}
const sign = async (message: string, organ: string): Promise<void> => {
  const { node } = network.at('county')
  const item = await node.transaction(clerk(organ), (tx) => inboxItem(tx, message, organ))
  if (item === null) throw new Error('nothing arrived')
  await act(node, clerk(organ), [organReceipt(network, item.head, { kind: 'signedFor', recipient: organ, node: 'county' })])
}
const inCity = (message: string): Promise<void> => until(async () => (await kinds(message)).includes('custody city'))

describe('a document from the province to the county, the last way by courier', () => {
  it('has the same receipts as over https, custody first, 签收 with the bundle after', async () => {
    const [city, county] = [network.at('city'), network.at('county')]
    const message = await send(network, network.at('province'), 'p.party', ['x.party', 'x.gov'])
    await inCity(message)
    const folder = await write(city, 'county')
    expect(filesOn(folder)).toEqual([expect.stringMatching(/^city-county-\d{6}\.manifest\.postroad$/), expect.stringMatching(/^city-county-\d{6}\.v1of1\.postroad$/)])
    expect(await read(county, folder)).toMatchObject({ outcome: 'imported', from: 'city', remarks: [], gaps: [], parts: { greeting: 1, shipment: 1 } })
    expect(await board(message)).toEqual({ 'x.party': 'inCustody', 'x.gov': 'inCustody' })
    await read(city, await write(county, 'city'))
    await until(async () => (await board(message))['x.gov'] === 'arrived')
    await sign(message, 'x.party')
    await ride(county, city)
    await until(async () => (await board(message))['x.party'] === 'signedFor')
    expect(await kinds(message)).toEqual(['arrived county', 'arrived county', 'custody city', 'custody county', 'signedFor county', 'submitted province'])
    const [item] = await county.node.transaction(clerk('x.party'), (tx) => inbox(tx, { limit: 1 }))
    expect(item?.hops.map(({ line }) => line.node)).toEqual(['province', 'city', 'county'])
    await ride(city, county)
    expect(await bundleStatus(city.node)).toMatchObject([{ link: 'county', out: { open: null, waiting: { shipments: 0, receipts: 0 }, held: [], unanswered: [] }, in: { gaps: [], partial: [] } }])
  })

  it('a large body crosses in many volumes, and is the same at the end', async () => {
    const [city, county] = [network.at('city'), network.at('county')]
    const given = await letter(network, 'p.party', ['x.party'], { bytes: new Uint8Array(randomBytes(900_000)) })
    const { message } = await dispatch(network.at('province').node, clerk('p.party'), given.submission)
    await inCity(message)
    const folder = await write(city, 'county', { volumeBytes: 100_000 })
    expect(filesOn(folder).length).toBeGreaterThan(9)
    expect(await read(county, folder)).toMatchObject({ outcome: 'imported', remarks: [] })
    const received = await county.node.transaction(clerk('x.party'), (tx) => chunk(tx, county.node, message, 0))
    expect(Buffer.from(received ?? []).equals(given.chunks[0] ?? Buffer.alloc(0))).toBe(true)
    await read(city, await write(county, 'city'))
    await until(async () => (await board(message))['x.party'] === 'arrived')
  })

  it('what is addressed to an organ that ended while it lay on the medium goes to its heir, once, whoever learns of it first', async () => {
    const [city, county] = [network.at('city'), network.at('county')]
    const merge = async (organ: string): Promise<void> => {
      const { node: _node, ...body } = view(county.node).organ(organ) as OrganEntry
      await county.node.transaction(service('directory'), (tx) => append(tx, county.node, [{ ...body, until: new Date().toISOString(), successors: ['c.party'] }]))
      await refresh(county.node)
    }
    const heirHas = async (message: string) => (await city.node.transaction(clerk('c.party'), (tx) => inbox(tx, { limit: 100 }))).filter((row) => row.message === message).map(({ organ }) => organ)
    // the county knows, the city does not: it comes back with the next bundle
    const first = await send(network, network.at('province'), 'p.party', ['x.old'])
    await inCity(first)
    const one = await write(city, 'county')
    await merge('x.old')
    await read(county, one)
    await read(city, await write(county, 'city'))
    await until(async () => (await heirHas(first)).length === 1)
    // the city hears of it while its own bundle is on the way: nothing is sent twice, and the county brings it back all the same
    const second = await send(network, network.at('province'), 'p.party', ['x.moved'])
    await inCity(second)
    const two = await write(city, 'county')
    await merge('x.moved')
    await read(city, await write(county, 'city'))
    await read(county, two)
    await read(city, await write(county, 'city'))
    await until(async () => (await heirHas(second)).length === 1)
    await until(async () => (await board(second))['x.moved'] === 'arrived' && (await board(first))['x.old'] === 'arrived')
    expect([await kinds(second), await heirHas(second)]).toEqual([expect.arrayContaining(['forwarded county', 'arrived city']), ['x.moved']])
  })

  it('a thread keeps its order within a bundle, and waits for custody across bundles', async () => {
    const [city, county] = [network.at('city'), network.at('county')]
    const first = await letter(network, 'p.party', ['x.gov'])
    const thread = first.submission.head.id
    const more = await Promise.all([1, 2].map((ordinal) => letter(network, 'p.party', ['x.gov'], { thread, ordinal, regarding: thread })))
    const late = await letter(network, 'p.party', ['x.gov'], { thread, ordinal: 3, regarding: thread })
    for (const { submission } of [first, ...more]) await dispatch(network.at('province').node, clerk('p.party'), submission)
    await Promise.all([first, ...more].map(({ submission }) => inCity(submission.head.id)))
    const one = await write(city, 'county')
    await dispatch(network.at('province').node, clerk('p.party'), late.submission)
    await inCity(late.submission.head.id)
    const two = await write(city, 'county')
    expect((await read(county, two)).parts['followUp']).toBeUndefined()
    expect(await read(county, one)).toMatchObject({ outcome: 'imported', parts: { shipment: 1, followUp: 2 } })
    await read(city, await write(county, 'city'))
    expect(await read(county, await write(city, 'county'))).toMatchObject({ outcome: 'imported', parts: { followUp: 1 } })
    const ids = (await county.node.transaction(clerk('x.gov'), (tx) => inbox(tx, { limit: 4 }))).map(({ message }) => message)
    expect(ids.toReversed()).toEqual([first, ...more, late].map(({ submission }) => submission.head.id))
    await read(city, await write(county, 'city'))
  })
})

