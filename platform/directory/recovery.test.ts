import { base64url } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { service } from '@postroad/kernel/principal'
import { type StatementBody, appendStatements, recoveryOrder, signBatch } from '@postroad/waybill'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBootstrap, stateBootstrap } from './bootstrap.ts'
import { directoryRoom } from './room.ts'
import { append, importLogs, refresh, view } from './service.ts'
import { until } from '@postroad/kernel/testing'
import { type RoadNode, roadNode } from './testing.ts'

const ROOT = { id: 'top', title: '上级', region: '省', invites: ['low'] }
const LOW = { id: 'low', title: '下级', region: '市' }
let [top, low]: RoadNode[] = []
const at = (node: RoadNode | undefined): RoadNode => node ?? expect.fail('not started')
const state = ({ node }: RoadNode, body: StatementBody) => node.transaction(service('directory'), (tx) => append(tx, node, body)).then(() => refresh(node))
const heads = (node: RoadNode | undefined) => view(at(node).node).checkpoint().logs

beforeAll(async () => {
  top = await roadNode(ROOT, null)
  low = await roadNode(LOW, { node: 'top', url: top.url, anchor: await top.anchor() })
  await until(() => at(low).node.slots.get(directoryRoom).view !== null)
})
afterAll(async () => {
  await at(low).stop()
  await at(top).stop()
})

describe('a node whose keys were stolen', () => {
  const persons = ['low.ma', 'low.liu'].map((person) => ({ person, keyPair: suites.SM.generateKeyPair() }))

  it('gets new keys by two of the persons it had named; what the thief stated is void, here and in the database', async () => {
    const own = view(at(low).node).node('low')
    if (own === null) throw new Error('not there')
    await state(at(low), { ...own, recoverers: persons.map(({ person, keyPair }) => ({ person, suite: 'SM' as const, publicKey: base64url(keyPair.publicKey) })) })
    const after = heads(low)['low'] ?? expect.fail()
    for (let i = 0; i < 2; i++) await state(at(low), { kind: 'heartbeat' }) // the thief's
    await until(() => heads(top)['low']?.seq === after.seq + 2)

    const fresh = suites.SM.generateKeyPair()
    const order = { node: 'low', keys: [{ id: 'low.sm.2', suite: 'SM' as const, publicKey: base64url(fresh.publicKey) }], after: { seq: after.seq, hash: after.hash }, reason: '密钥失窃' }
    const approvals = persons.map(({ person, keyPair }) => signBatch(suites.SM, { key: person, keyPair }, 'recovery', [recoveryOrder(order)])[0] ?? expect.fail())
    await expect(state(at(top), { kind: 'recovery', ...order, approvals: approvals.slice(0, 1).concat(approvals.slice(0, 1)) })).rejects.toMatchObject({ detail: { fault: 'badRecovery' } })
    await state(at(top), { kind: 'recovery', ...order, approvals })
    expect(heads(top)['low']).toEqual(after)
    await until(() => heads(low)['low']?.hash === after.hash)

    const [last] = view(at(top).node).log('low').slice(-1)
    const { recoverers: _named, ...body } = own
    const next = appendStatements(suites, { log: 'low', last: last ?? null, at: at(top).node.now().toISOString(), signer: { key: 'low.sm.2', keyPair: fresh, suite: 'SM' } }, [{ ...body, keys: order.keys }])
    expect(await importLogs(at(top).node, next, 'low')).toEqual({ accepted: 1, faults: [] })
    await until(() => heads(low)['low']?.seq === after.seq + 1 && heads(low)['low']?.hash === heads(top)['low']?.hash)
    for (const { node } of [at(top), at(low)]) {
      const room = node.slots.get(directoryRoom)
      const before = view(node).checkpoint().hash
      Object.assign(room, { view: null, seen: '0' })
      await refresh(node)
      expect(view(node).checkpoint().hash).toBe(before)
    }
  })
})

describe('first-start settings', () => {
  it('read again, state nothing again', async () => {
    const { node } = at(top)
    const settings = readBootstrap(node)
    const before = heads(top)['top']
    if (settings !== null) await stateBootstrap(node, settings)
    expect(heads(top)['top']).toEqual(before)
  })

  it('of another node are refused', async () => {
    await expect(roadNode(ROOT, null, { node: 'bottom' })).rejects.toMatchObject({ code: 'directory.otherNode' })
  })
})
