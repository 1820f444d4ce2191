import { blockNode, closeMember, hasLeft, inviteNode, keepMember, neighbours, view } from '@postroad/directory/service'
import { suites } from '@postroad/gm/node'
import { service } from '@postroad/kernel/principal'
import { personOf, until } from '@postroad/kernel/testing'
import { receiptKeyOf, verifyBatch, verifyReceipt } from '@postroad/waybill'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { act, dismiss, farewell, inbox, track, undone, waitingFor } from './service.ts'
import { findMessage } from './store/messages.ts'
import { auditOf } from './testing/forger.ts'
import { type Network, clerk, startNetwork } from './testing/network.ts'
import { organReceipt, send } from './testing/terminal.ts'

const operator = personOf('operator', ['a'], ['directory.admit'])
const second = personOf('second', ['a'], ['directory.admit'])
const local = personOf('local', ['b'], ['directory.admit'])
const REASON = '并入县网络中心'
let network: Network

beforeAll(async () => {
  network = await startNetwork([
    { id: 'top', parent: null, organs: ['a'] },
    { id: 'middle', parent: 'top', organs: ['m'] },
    { id: 'low', parent: 'middle', organs: ['b'] },
    { id: 'lost', parent: 'middle', organs: ['c'] },
    { id: 'stolen', parent: 'middle', organs: ['d'] },
  ], { config: { admission: { twoPersons: true } } })
})
afterAll(() => network.stop())

const nodeOf = (id: string) => network.at(id).node
const knownAt = (id: string, target: string, phase: string | undefined) => until(() => view(nodeOf(id)).leaving(target)?.phase === phase)
const everywhere = async (target: string, phase: string | undefined) => { for (const id of ['top', 'middle', 'low']) await knownAt(id, target, phase) }
const stateOf = (id: string, message: string, organ: string, by: string) =>
  nodeOf(id).transaction(clerk(by), async (tx) => (await track(tx, message))?.board.find((line) => line.organ === organ)?.state)

async function signAt(id: string, organ: string, message: string): Promise<void> {
  const head = await nodeOf(id).transaction(clerk(organ), async (tx) => {
    const found = (await inbox(tx, { limit: 100 })).find((row) => row.head.id === message)
    return found?.head ?? expect.fail('not in the inbox')
  })
  await act(nodeOf(id), clerk(organ), (['delivered', 'signedFor'] as const).map((kind) => organReceipt(network, head, { kind, recipient: organ, node: id })))
}
const arrivedAt = (id: string, organ: string, message: string) => until(async () => (await nodeOf(id).transaction(clerk(organ), (tx) => inbox(tx, { limit: 100 }))).some((row) => row.head.id === message))

describe('a node that is to leave', () => {
  let underWay = ''

  it('is let go by its own centre alone, once nobody is below it', async () => {
    await expect(closeMember(nodeOf('top'), operator, 'low', REASON)).rejects.toMatchObject({ code: 'directory.notBelow' })
    await expect(closeMember(nodeOf('low'), local, 'middle', REASON)).rejects.toMatchObject({ code: 'directory.notBelow' })
    await expect(closeMember(nodeOf('top'), operator, 'middle', REASON)).rejects.toMatchObject({ code: 'directory.membersLeft', detail: { members: 3 } })
    await expect(farewell(nodeOf('low'), local)).rejects.toMatchObject({ code: 'directory.notLeaving' })
  })

  it('gets and sends nothing new from then on, and whoever tries is told', async () => {
    underWay = await send(network, network.at('top'), 'a', ['b'])
    await arrivedAt('low', 'b', underWay)
    await closeMember(nodeOf('middle'), operator, 'low', REASON)
    await everywhere('low', 'closing')
    await expect(send(network, network.at('top'), 'a', ['b', 'm'])).rejects.toMatchObject({ code: 'road.nodeLeaving', detail: { organ: 'b' } })
    await expect(send(network, network.at('low'), 'b', ['a'])).rejects.toMatchObject({ code: 'road.ownNodeLeaving' })
    await expect(inviteNode(nodeOf('low'), local, 'lower', { title: '新', level: 'department', region: 'r', regionTitle: '某地', maxLabel: 0 })).rejects.toMatchObject({ code: 'directory.leavingItself' })
    await expect(closeMember(nodeOf('middle'), operator, 'low', REASON)).rejects.toMatchObject({ code: 'directory.leavingAlready' })
    expect((await auditOf(network.at('middle'), 'directory.close')).map(({ actor, object, detail }) => [actor.id, object, detail['reason']])).toEqual([['operator', 'low', REASON]])
  })

  it('can be kept, and then writes and is written to as before', async () => {
    await keepMember(nodeOf('middle'), operator, 'low', '计划有变')
    await everywhere('low', undefined)
    await expect(keepMember(nodeOf('middle'), operator, 'low', '计划有变')).rejects.toMatchObject({ code: 'directory.notLeaving' })
    const there = await send(network, network.at('top'), 'a', ['b'])
    await arrivedAt('low', 'b', there)
    await signAt('low', 'b', there)
  })

  it('says farewell only when nothing waits there, and is not let go before', async () => {
    await closeMember(nodeOf('middle'), operator, 'low', REASON)
    await everywhere('low', 'closing')
    await expect(dismiss(nodeOf('middle'), operator, 'low', { reason: REASON, forced: false })).rejects.toMatchObject({ code: 'directory.noFarewell' })
    await expect(farewell(nodeOf('low'), local)).rejects.toMatchObject({ code: 'road.notDrained', detail: { unsigned: 1 } })
    await signAt('low', 'b', underWay)
    await until(async () => { const { shipments, receipts, unsigned } = await undone(nodeOf('low')); return shipments + receipts + unsigned === 0 })
    await farewell(nodeOf('low'), local)
    await until(() => view(nodeOf('middle')).leaving('low')?.farewell !== null)
  })

  it('is not let go while it took something over after its farewell', async () => {
    const handed = (by: number) => nodeOf('middle').transaction(service('road'), (tx) => sql`update road.shipment set mark = mark + ${by} where link = 'low' and state = 'handedOn'`.execute(tx))
    await handed(2) // as if two documents of a sender who had not heard of it had followed
    await expect(dismiss(nodeOf('middle'), operator, 'low', { reason: REASON, forced: false })).rejects.toMatchObject({ code: 'road.farewellPassed', detail: { since: 2 } })
    await handed(-2)
  })

  it('once let go is nobody’s neighbour, hears of it, and its organs stand no more; what was signed for stays proved', async () => {
    await until(async () => { const { shipments, receipts } = await waitingFor(nodeOf('middle'), 'low'); return shipments + receipts === 0 })
    await dismiss(nodeOf('middle'), operator, 'low', { reason: REASON, forced: false })
    await everywhere('low', 'gone')
    expect(neighbours(nodeOf('middle')).sort()).toEqual(['lost', 'stolen', 'top'])
    expect(neighbours(nodeOf('low'))).toEqual([])
    expect([hasLeft(nodeOf('low'), 'middle'), hasLeft(nodeOf('middle'), 'top')]).toEqual([true, false])
    await expect(send(network, network.at('top'), 'a', ['b'])).rejects.toMatchObject({ code: 'road.unknownOrgan', detail: { reason: 'nodeLeft' } })
    await expect(keepMember(nodeOf('middle'), operator, 'low', '后悔')).rejects.toMatchObject({ code: 'directory.notLeaving' })
    await until(async () => (await stateOf('top', underWay, 'b', 'a')) === 'signedFor')
    const [receipts, message] = await nodeOf('top').transaction(service('road'), async (tx) => [(await track(tx, underWay))?.receipts ?? [], await findMessage(tx, underWay)] as const)
    const head = message?.head ?? expect.fail('no message')
    const verdicts = receipts.map((signed) => [signed.receipt.kind, verifyReceipt(suites, { signed, head, keyOf: receiptKeyOf(view(nodeOf('top'))), verify: verifyBatch }).ok])
    expect(verdicts).toEqual(expect.arrayContaining([['arrived', true], ['signedFor', true]]))
    expect(verdicts.filter(([, good]) => good === false)).toEqual([])
  })
})

describe('a node that nobody can ask any more', () => {
  it('is let go by force, by another person than who began; what waits for it comes back as undeliverable', async () => {
    await network.at('lost').stop()
    const waiting = await send(network, network.at('top'), 'a', ['c', 'm'])
    await until(async () => (await waitingFor(nodeOf('middle'), 'lost')).shipments === 1)
    await closeMember(nodeOf('middle'), operator, 'lost', '机器损毁')
    await expect(dismiss(nodeOf('middle'), second, 'lost', { reason: '机器损毁', forced: false })).rejects.toMatchObject({ code: 'directory.noFarewell' })
    await expect(dismiss(nodeOf('middle'), operator, 'lost', { reason: '机器损毁', forced: true })).rejects.toMatchObject({ code: 'directory.otherPersonNeeded' })
    await dismiss(nodeOf('middle'), second, 'lost', { reason: '机器损毁', forced: true })
    await until(async () => (await stateOf('top', waiting, 'c', 'a')) === 'undeliverable')
    expect((await auditOf(network.at('middle'), 'directory.dismissByForce')).map(({ actor, object }) => [actor.id, object])).toEqual([['second', 'lost']])
    expect((await waitingFor(nodeOf('middle'), 'lost')).shipments).toBe(0)
  })

  it('also while it is blocked: what was held for it comes back', async () => {
    await blockNode(nodeOf('middle'), operator, { node: 'stolen', key: null }, { compromisedSince: null, reason: '机器失窃' })
    const held = await send(network, network.at('top'), 'a', ['d'])
    await until(async () => (await waitingFor(nodeOf('middle'), 'stolen')).shipments === 1)
    await closeMember(nodeOf('middle'), operator, 'stolen', '机器失窃')
    await dismiss(nodeOf('middle'), second, 'stolen', { reason: '机器失窃', forced: true })
    await until(async () => (await stateOf('top', held, 'd', 'a')) === 'undeliverable')
  })
})
