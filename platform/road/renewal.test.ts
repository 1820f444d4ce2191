import { exchangeWith, nodeKeys, refresh, tlsCertificate, view } from '@postroad/directory/service'
import { base64url } from '@postroad/gm'
import { service } from '@postroad/kernel/principal'
import { until } from '@postroad/kernel/testing'
import { verifyLedger } from '@postroad/ledger/service'
import { uuidv7 } from '@postroad/waybill'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inbox, linkReports } from './service.ts'
import { type Network, type Station, clerk, startNetwork } from './testing/network.ts'
import { send } from './testing/terminal.ts'

const DAY = 24 * 3600_000
const IDS = ['top', 'middle', 'low'] as const
let network: Network
const stations = (): Station[] => IDS.map((id) => network.at(id))
const now = (): Date => network.at('top').node.now()

beforeAll(async () => {
  network = await startNetwork([{ id: 'top', parent: null, organs: ['a'] }, { id: 'middle', parent: 'top', organs: [] }, { id: 'low', parent: 'middle', organs: ['b'] }], { realTime: false, time: new Date().toISOString() })
})
afterAll(() => network.stop())

const sent: string[] = []
let count = 0
/** One document from the top to the bottom, sealed at the nodes' own time. */
async function dispatchOne(): Promise<void> {
  const at = new Date(now().getTime() + count++)
  const id = uuidv7(at.toISOString(), (length) => crypto.getRandomValues(new Uint8Array(length)))
  sent.push(await send(network, network.at('top'), 'a', ['b'], { id, created: at.toISOString(), expires: new Date(at.getTime() + DAY).toISOString(), bytes: new Uint8Array(3000) }))
}

const arrived = async (): Promise<readonly string[]> => {
  const { node } = network.at('low')
  return node.transaction(clerk('b'), async (tx) => (await inbox(tx, { limit: 1000 })).map((row) => row.head.id))
}
/** Every try of a shipment that did not end in custody, at any node. */
const failures = async (): Promise<readonly unknown[]> =>
  (await Promise.all(stations().map(async ({ id, node }) => {
    const { rows } = await node.transaction(service('road'), (tx) => sql<{ outcome: string; code: string | null; detail: string | null }>`select outcome, code, detail from road.attempt where outcome <> 'custody'`.execute(tx))
    return rows.map(({ outcome, code, detail }) => [id, outcome, code, detail])
  }))).flat()

/** A day on which every node looks for what ends, while documents are on the road. */
async function lookAll(days: number): Promise<void> {
  for (const { clock } of stations()) clock.advance(days * DAY)
  const traffic = (async () => {
    for (let i = 0; i < 6; i++) await dispatchOne()
  })()
  await Promise.all([traffic, ...stations().map((station) => station.runJob('directory.renew'))])
  for (const [from, to] of [['low', 'middle'], ['middle', 'top'], ['low', 'middle']] as const) await exchangeWith(network.at(from).node, to)
  for (const { node } of stations()) await refresh(node)
  await network.settled()
  await dispatchOne()
  await until(async () => (await arrived()).length === sent.length)
}

const shown = () => stations().map(({ node }) => base64url(tlsCertificate(node)))
const published = (id: string) => view(network.at('top').node).node(id)?.tls
const keysOf = (id: string) => view(network.at('top').node).state.logs.get(id)?.keys.map((key) => key.id)

describe('what ends is followed by what is new, while documents travel', () => {
  it('a TLS certificate: published, a month later used, a month later the old one is forgotten', async () => {
    await lookAll(1)
    const first = shown()
    expect(IDS.map((id) => published(id)?.also)).toEqual([undefined, undefined, undefined])
    await lookAll(500)
    expect(shown()).toEqual(first)
    expect(IDS.map((id) => published(id)?.also?.length)).toEqual([1, 1, 1])
    await lookAll(31)
    const second = shown()
    expect(second.some((certificate) => first.includes(certificate))).toBe(false)
    expect(IDS.map((id) => [published(id)?.certificate, published(id)?.also])).toEqual(second.map((certificate, index) => [certificate, [first[index]]]))
    await lookAll(31)
    expect(IDS.map((id) => published(id)?.also)).toEqual([undefined, undefined, undefined])
    expect(shown()).toEqual(second)
  })

  it('the nodes’ signing keys: the old one signs the new one, the parent certifies it, ledgers verify across', async () => {
    await lookAll(3 * 366 - 563)
    expect(IDS.map((id) => keysOf(id))).toEqual(IDS.map((id) => [`${id}.sm.1`, `${id}.p256.1`, `${id}.sm.2`, `${id}.p256.2`]))
    expect(nodeKeys(network.at('low').node).SM.id).toBe('low.sm.1')
    await lookAll(31)
    expect(stations().map(({ node }) => nodeKeys(node).SM.id)).toEqual(IDS.map((id) => `${id}.sm.2`))
    await lookAll(31)
    expect(IDS.map((id) => keysOf(id))).toEqual(IDS.map((id) => [`${id}.sm.2`, `${id}.p256.2`]))
    // What the old key signed in its time still holds, what it would sign now does not.
    const directory = view(network.at('low').node)
    expect([directory.nodeKeyState('top', 'top.sm.1', new Date(now().getTime() - 40 * DAY).toISOString()).ok, directory.nodeKeyState('top', 'top.sm.1', new Date(now().getTime() + DAY).toISOString())]).toMatchObject([true, { ok: false, fault: { code: 'retiredKey' } }])
    for (const { node } of stations()) expect(await verifyLedger(node)).toMatchObject({ ok: true })
  })

  it('and no shipment failed because of it', async () => {
    expect((await arrived()).length).toBe(sent.length)
    expect(new Set(await arrived())).toEqual(new Set(sent))
    expect(await failures()).toEqual([])
    expect(stations().flatMap(({ node }) => linkReports(node)).map(({ failures: failed }) => failed).every((failed) => failed === 0)).toBe(true)
  })
})
