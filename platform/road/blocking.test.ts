import { blockNode, isBlocked, refresh, unblockNode, view } from '@postroad/directory/service'
import { service } from '@postroad/kernel/principal'
import { personOf, until } from '@postroad/kernel/testing'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inbox } from './service.ts'
import { auditOf, callerOf, offerAs, shipmentFrom } from './testing/forger.ts'
import { type Network, clerk, startNetwork } from './testing/network.ts'
import { letter, send } from './testing/terminal.ts'

const operator = personOf('operator', ['a'], ['directory.admit'])
const NO_KEY = { node: 'low', key: null }
const said = { compromisedSince: null, reason: '机器失窃' }
let network: Network

beforeAll(async () => {
  network = await startNetwork([{ id: 'top', parent: null, organs: ['a'] }, { id: 'middle', parent: 'top', organs: [] }, { id: 'low', parent: 'middle', organs: ['b'] }])
})
afterAll(() => network.stop())

const arrived = async (): Promise<readonly string[]> => network.at('low').node.transaction(clerk('b'), async (tx) => (await inbox(tx, { limit: 100 })).map((row) => row.head.id))
const custodyAt = async (id: string): Promise<readonly string[]> =>
  network.at(id).node.transaction(service('road'), async (tx) => (await sql<{ id: string }>`select id from road.message`.execute(tx)).rows.map((row) => row.id))
const settledAt = (id: string, blocked: boolean) => until(() => isBlocked(network.at(id).node, 'low') === blocked)

describe('a node that was blocked from two levels above', () => {
  let held = ''

  it('is refused by its neighbour as soon as that knows, for now and not for good', async () => {
    await blockNode(network.at('top').node, operator, NO_KEY, said)
    await settledAt('middle', true)
    const caller = callerOf(network, 'low', 'middle')
    const made = await letter(network, 'b', ['a'])
    const { status, code, reply } = await offerAs(network, caller, shipmentFrom(network, 'low', made), made.chunks)
    expect([status, code, (reply['error'] as { later?: boolean }).later]).toEqual([403, 'road.peerBlocked', true])
    await caller.transport.close()
    expect((await auditOf(network.at('top'), 'directory.block')).map(({ actor, object, detail }) => [actor.id, object, detail['reason']])).toEqual([['operator', 'low', '机器失窃']])
  })

  it('gets nothing: what is for it waits at the neighbour', async () => {
    held = await send(network, network.at('top'), 'a', ['b'])
    await until(async () => (await custodyAt('middle')).includes(held))
    expect(await arrived()).toEqual([])
    const { rows } = await network.at('middle').node.transaction(service('road'), (tx) => sql<{ state: string }>`select state from road.shipment where message = ${held}`.execute(tx))
    expect(rows.map(({ state }) => state)).toEqual(['queued'])
  })

  it('can be let in again only by whoever blocked it, and then gets what was held', async () => {
    await expect(unblockNode(network.at('middle').node, operator, NO_KEY, '误报')).rejects.toMatchObject({ code: 'directory.notBlocked' })
    await expect(blockNode(network.at('middle').node, operator, { node: 'top', key: null }, said)).rejects.toMatchObject({ code: 'directory.notBelow' })
    await expect(blockNode(network.at('top').node, operator, NO_KEY, said)).rejects.toMatchObject({ code: 'directory.blockedAlready' })
    await unblockNode(network.at('top').node, operator, NO_KEY, '机器已找回')
    await settledAt('middle', false)
    await until(async () => (await arrived()).includes(held))
  })

  it('whose keys were compromised: what it signed before holds, what it signs after cannot be judged', async () => {
    const { node } = network.at('top')
    const before = new Date(Date.now() - 3_600_000).toISOString()
    const since = new Date(Date.now() - 60_000).toISOString()
    await blockNode(node, operator, NO_KEY, { compromisedSince: since, reason: '密钥泄露' })
    await refresh(node)
    const state = (at: string) => view(node).nodeKeyState('low', 'low.sm.1', at)
    expect(state(before)).toMatchObject({ fault: { code: 'notYetValidKey' } })
    expect(state(new Date().toISOString())).toMatchObject({ fault: { code: 'compromisedKey' } })
    await unblockNode(node, operator, NO_KEY, '已更换密钥')
    expect(state(new Date().toISOString())).toMatchObject({ fault: { code: 'compromisedKey' } })
  })
})
