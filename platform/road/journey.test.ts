import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { act, inbox, track } from './service.ts'
import { until } from '@postroad/kernel/testing'
import { type Network, clerk, startNetwork } from './testing/network.ts'
import { letter, organReceipt, send } from './testing/terminal.ts'

let network: Network
beforeAll(async () => {
  network = await startNetwork([
    { id: 'province', parent: null, organs: ['p.party'] },
    { id: 'city', parent: 'province', organs: ['c.party', 'c.gov'] },
    { id: 'county', parent: 'city', organs: ['x.party', 'x.gov'] },
  ])
})
afterAll(async () => network?.stop())

const states = async (message: string): Promise<Record<string, string>> => {
  const { node } = network.at('province')
  const tracking = await node.transaction(clerk('p.party'), (tx) => track(tx, message))
  return Object.fromEntries((tracking?.board ?? []).map(({ organ, state }) => [organ, state]))
}

describe('a document from the province to the county', () => {
  it('passes two hops, is signed for, and the sender sees each step proved', async () => {
    const message = await send(network, network.at('province'), 'p.party', ['x.party'])
    await until(async () => (await states(message))['x.party'] === 'arrived')
    const { node } = network.at('county')
    const [item] = await node.transaction(clerk('x.party'), (tx) => inbox(tx, { limit: 10 }))
    if (item === undefined) return expect.fail('inbox is empty')
    expect(item.hops.map(({ line }) => line.node)).toEqual(['province', 'city', 'county'])
    await act(node, clerk('x.party'), [organReceipt(network, item.head, { kind: 'delivered', recipient: 'x.party', node: 'county' })])
    await act(node, clerk('x.party'), [organReceipt(network, item.head, { kind: 'signedFor', recipient: 'x.party', node: 'county' })])
    await until(async () => (await states(message))['x.party'] === 'signedFor')
    const tracking = await network.at('province').node.transaction(clerk('p.party'), (tx) => track(tx, message))
    expect(tracking?.receipts.map(({ receipt }) => `${receipt.kind} ${receipt.node}`)).toEqual(expect.arrayContaining(['submitted province', 'custody city', 'custody county', 'arrived county', 'signedFor county']))
  })

  it('reaches recipients on every level with one payload per link', async () => {
    const { submission } = await letter(network, 'p.party', ['c.party', 'c.gov', 'x.party', 'x.gov'])
    const message = submission.head.id
    await (await import('./service.ts')).dispatch(network.at('province').node, clerk('p.party'), submission)
    await until(async () => Object.values(await states(message)).every((state) => state === 'arrived') && Object.keys(await states(message)).length === 4)
  })
})
