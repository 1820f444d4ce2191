import { append, refresh, view } from '@postroad/directory/service'
import { holdNews } from '@postroad/directory/testing'
import type { Tx } from '@postroad/kernel/database'
import { service } from '@postroad/kernel/principal'
import { until } from '@postroad/kernel/testing'
import type { OrganEntry, Receipt, StatementBody } from '@postroad/waybill'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LONGEST_PAUSE_MS } from './model.ts'
import { act, inboxItem, submit, track } from './service.ts'
import { type Road, roadSlot } from './engine/road.ts'
import { asRoad } from './store/acting.ts'
import { markRelayed } from './store/receipts.ts'
import { type Network, clerk, makeOrganKeys, organBodies, startNetwork } from './testing/network.ts'
import { letter, organReceipt, send } from './testing/terminal.ts'

let network: Network
beforeAll(async () => {
  network = await startNetwork([
    { id: 'province', parent: null, organs: ['p.party', 'p.old', 'p.new'] },
    { id: 'city', parent: 'province', organs: ['c.party', 'c.gov', 'c.mass', 'c.union', 'c.party2'] },
    { id: 'county', parent: 'city', organs: ['x.party', 'x.gov', 'x.mass', 'x.bureau', 'x.office', 'x.again', 'x.heir'] },
    { id: 'town', parent: 'province', organs: ['t.party', 't.gov'] },
  ])
})
afterAll(async () => network?.stop())

const sender = clerk('p.party')
const tracking = (message: string, by = sender) => network.at('province').node.transaction(by, (tx) => track(tx, message))
const rowOf = async (message: string, organ: string) => (await tracking(message))?.board.find((row) => row.organ === organ)
const reaches = (message: string, organ: string, state: string) => until(async () => (await rowOf(message, organ))?.state === state)
const itemAt = (station: string, keeper: string, message: string, organ: string) => network.at(station).node.transaction(clerk(keeper), (tx) => inboxItem(tx, message, organ))
const signs = async (station: string, heir: string, message: string, organ: string, kind: Receipt['kind'] = 'signedFor') => {
  const item = await itemAt(station, heir, message, organ)
  if (item === null) throw new Error('nothing arrived')
  await act(network.at(station).node, clerk(heir), [organReceipt(network, item.head, { kind, recipient: organ, node: station, by: clerk(heir), onBehalfOf: organ, reason: kind === 'returned' ? { code: 'other', text: '退回' } : null })])
}
const arrivedAt = async (station: string, message: string): Promise<readonly { organ: string; keeper: string }[]> =>
  (await network.at(station).node.transaction(service('road'), (tx) => sql<{ organ: string; keeper: string }>`select organ, keeper from road.delivery where message = ${message} and side = 'inbox'`.execute(tx))).rows

const restated = (organ: string, changes: Partial<OrganEntry>): StatementBody => {
  const { node: _node, ...body } = view(network.at('province').node).organ(organ) as OrganEntry
  return { ...body, ...changes }
}
const merge = (station: string, organ: string, ...heirs: string[]) => network.state(station, [restated(organ, { until: new Date().toISOString(), successors: heirs })])

const stateUnheard = async (station: string, bodies: readonly StatementBody[]): Promise<void> => {
  const { node } = network.at(station)
  await node.transaction(service('directory'), (tx) => append(tx, node, bodies))
  await refresh(node)
}

/** Submits and keeps the shipments from going, as a cut link would. */
async function submitHeld(to: readonly string[]): Promise<string> {
  const { submission } = await letter(network, 'p.party', to)
  const { node } = network.at('province')
  // no pause is longer: what lies farther off is taken for a clock's mistake, and due
  const hold = (tx: Tx) => asRoad(tx, () => sql`update road.shipment set next_at = ${new Date(Date.now() + LONGEST_PAUSE_MS)} where message = ${submission.head.id}`.execute(tx))
  await node.transaction(sender, (tx) => submit(tx, node, sender, submission).then(() => hold(tx)))
  return submission.head.id
}

describe('an organ that merged', () => {
  it('has its mail forwarded by its old host where a centre had not heard of it; the heir signs, the sender sees for whom', async () => {
    const releases = ['province', 'city'].map((station) => holdNews(network.at(station).node))
    await stateUnheard('county', [restated('x.gov', { until: new Date().toISOString(), successors: ['t.party'] })])
    const message = await send(network, network.at('province'), 'p.party', ['x.gov', 'x.party'])
    await until(async () => (await arrivedAt('county', message)).length === 1)
    expect(await arrivedAt('county', message)).toEqual([{ organ: 'x.party', keeper: 'x.party' }])
    for (const release of releases) release()
    await reaches(message, 'x.gov', 'arrived')
    expect((await rowOf(message, 'x.gov'))?.forwardedTo).toBe('t.party')
    expect((await rowOf(message, 'x.party'))?.forwardedTo).toBe(null)
    expect((await itemAt('town', 't.party', message, 'x.gov'))?.hops.map(({ line }) => line.node)).toEqual(['province', 'city', 'county', 'city', 'province', 'town'])
    await signs('town', 't.party', message, 'x.gov')
    await reaches(message, 'x.gov', 'signedFor')
    await signs('town', 't.party', message, 'x.gov', 'registered')
    await reaches(message, 'x.gov', 'registered')
    expect((await rowOf(message, 'x.gov'))?.decided?.actor).toMatchObject({ organ: 't.party', onBehalfOf: 'x.gov' })
    expect((await tracking(message))?.receipts.filter(({ receipt }) => receipt.kind === 'forwarded' && receipt.recipient === 'x.gov').map(({ receipt }) => receipt.node)).toEqual(['county'])
  })

  it('gets what waits for a link by another one, with a receipt, once', async () => {
    const message = await submitHeld(['x.mass', 'x.party'])
    await merge('county', 'x.mass', 't.party')
    await reaches(message, 'x.mass', 'arrived')
    await reaches(message, 'x.party', 'arrived')
    expect([await arrivedAt('town', message), await arrivedAt('county', message)]).toEqual([[{ organ: 'x.mass', keeper: 't.party' }], [{ organ: 'x.party', keeper: 'x.party' }]])
    expect((await rowOf(message, 'x.mass'))?.forwardedTo).toBe('t.party')
    // a greeting in this moment may let the held shipment go first: then the next centre sends it the other way
    expect((await tracking(message))?.receipts.filter(({ receipt }) => receipt.kind === 'forwarded').map(({ receipt }) => receipt.recipient)).toEqual(['x.mass'])
  })

  it('is forwarded also by its sender’s own node, and into an organ that this node hosts', async () => {
    const held = await submitHeld(['x.office'])
    await merge('county', 'x.office', 'p.new')
    await reaches(held, 'x.office', 'arrived')
    expect(await arrivedAt('province', held)).toEqual([{ organ: 'x.office', keeper: 'p.new' }])
    const later = await send(network, network.at('province'), 'p.party', ['x.office'])
    await reaches(later, 'x.office', 'arrived')
    expect((await rowOf(later, 'x.office'))?.forwardedTo).toBe('p.new')
    await signs('province', 'p.new', later, 'x.office', 'returned')
    await reaches(later, 'x.office', 'returned')
  })

  it('without heirs ends what waits for it, as undeliverable', async () => {
    const message = await submitHeld(['p.old', 'x.party'])
    await reaches(message, 'p.old', 'arrived')
    const waiting = await submitHeld(['x.bureau'])
    await merge('county', 'x.bureau')
    await reaches(waiting, 'x.bureau', 'undeliverable')
    expect((await rowOf(waiting, 'x.bureau'))?.decided?.reason?.code).toBe('organEnded')
  })
})

describe('an organ that moves to another node', () => {
  it('is found there from that day on, what waited for its old link included; its receipts hold before and after', async () => {
    const before = await send(network, network.at('province'), 'p.party', ['c.party'])
    await reaches(before, 'c.party', 'arrived')
    const waiting = await submitHeld(['c.party'])
    const day = new Date().toISOString()
    const [organ, ...rest] = organBodies('c.party', makeOrganKeys())
    await stateUnheard('town', [{ ...(organ as Extract<StatementBody, { kind: 'organ' }>), from: day }]).then(() => expect.fail('the new home cannot take what is not given'), () => undefined)
    expect(rest.length).toBeGreaterThan(0)
    await network.state('city', [restated('c.party', { until: day, movedTo: 'town' })])
    // its new home has not spoken yet, and nothing is undeliverable
    await reaches(waiting, 'c.party', 'arrived')
    await network.state('town', [restated('c.party', { from: day, until: null, movedTo: undefined })])
    const later = await send(network, network.at('province'), 'p.party', ['c.party'])
    await reaches(later, 'c.party', 'arrived')
    expect((await arrivedAt('town', later)).length).toBe(1)
    expect([await arrivedAt('town', waiting), await arrivedAt('city', waiting)]).toEqual([[{ organ: 'c.party', keeper: 'c.party' }], []])
    await until(async () => (await tracking(waiting))?.receipts.some(({ receipt }) => receipt.kind === 'forwarded') === true)
    const moved = (await tracking(waiting))?.receipts.find(({ receipt }) => receipt.kind === 'forwarded')
    expect(moved?.receipt).toMatchObject({ reason: { code: 'moved', text: 'c.party' } })
    // what lay unsigned at its old home followed it, though the centre in between had the news later
    await until(async () => (await arrivedAt('town', before)).length === 1)
    expect([await arrivedAt('city', before), (await rowOf(before, 'c.party'))?.state]).toEqual([[], 'arrived'])
  })
})

describe('news between the check at the door and the books', () => {
  /** Runs `news` once, when the node's road next does this. */
  const before = <K extends 'sign' | 'writer'>(station: string, part: K, wrap: (first: () => Promise<void>, real: Road[K]) => Road[K], news: () => Promise<void>): void => {
    const road = network.at(station).node.slots.get(roadSlot)
    const real = road[part]
    let told: Promise<void> | null = null
    Object.assign(road, { [part]: wrap(() => (told ??= (Object.assign(road, { [part]: real }), news())), real) })
  }
  const beforeSigning = (station: string, news: () => Promise<void>) => before(station, 'sign', (first, real) => async (suite, domain, structures) => (await first(), real(suite, domain, structures)), news)
  const beforeWriting = (station: string, news: () => Promise<void>) => before(station, 'writer', (first, real) => Object.create(real, { write: { value: async (effect: Parameters<typeof real.write>[0]) => (effect.kind === 'intake' && (await first()), real.write(effect)) } }), news)

  it('sends nobody into the void: an organ that moved meanwhile is not taken over, nor ended', async () => {
    beforeWriting('city', () => stateUnheard('city', [restated('c.gov', { until: new Date().toISOString(), movedTo: 'town' })]))
    const message = await send(network, network.at('province'), 'p.party', ['c.gov'])
    await reaches(message, 'c.gov', 'arrived')
    expect([await arrivedAt('city', message), await arrivedAt('town', message)]).toEqual([[], [{ organ: 'c.gov', keeper: 'c.gov' }]])
  })
  it('is told of with a receipt, whichever part of the work it meets', async () => {
    beforeSigning('city', () => stateUnheard('city', [restated('c.mass', { until: new Date().toISOString(), successors: ['t.party'] })]))
    const message = await send(network, network.at('province'), 'p.party', ['c.mass'])
    await until(async () => (await arrivedAt('town', message)).length === 1)
    await until(async () => (await rowOf(message, 'c.mass'))?.forwardedTo === 't.party')
    expect((await rowOf(message, 'c.mass'))?.state).toBe('arrived')
  })
  it('leaves nothing with an organ that has ended: its heir at the same node finds it', async () => {
    beforeSigning('city', () => stateUnheard('city', [restated('c.union', { until: new Date().toISOString(), successors: ['c.party2'] })]))
    const message = await send(network, network.at('province'), 'p.party', ['c.union'])
    await until(async () => (await arrivedAt('city', message))[0]?.keeper === 'c.party2')
    await reaches(message, 'c.union', 'arrived')
  })
})

describe('a document that comes over a link for the second time', () => {
  it('is taken over again when it was forwarded in between', async () => {
    const message = await send(network, network.at('province'), 'p.party', ['x.again'])
    await reaches(message, 'x.again', 'arrived')
    await merge('county', 'x.again', 't.gov')
    await until(async () => (await arrivedAt('town', message)).length === 1)
    await merge('town', 't.gov', 'x.heir')
    await until(async () => (await arrivedAt('county', message)).length === 1)
    expect(await arrivedAt('county', message)).toEqual([{ organ: 'x.again', keeper: 'x.heir' }])
    expect((await itemAt('county', 'x.heir', message, 'x.again'))?.hops.map(({ line }) => line.node)).toEqual(['province', 'city', 'county', 'city', 'province', 'town', 'province', 'city', 'county'])
    await merge('county', 'x.heir', 't.party')
    await until(async () => (await arrivedAt('town', message)).length === 1)
    await signs('town', 't.party', message, 'x.again')
    await reaches(message, 'x.again', 'signedFor')
  })
})

describe('receipts that the peer cannot take yet', () => {
  it('wait, however often they were tried', async () => {
    const { node } = network.at('city')
    const { rows } = await node.transaction(service('road'), (tx) => sql<{ seq: string }>`select seq from road.relay limit 1`.execute(tx))
    const seq = Number(rows[0]?.seq)
    const look = () => node.transaction(service('road'), async (tx) => (await sql<{ state: string; tries: number; waits: boolean }>`select state, tries, next_at > now() + interval '5 minutes' as waits from road.relay where seq = ${seq}`.execute(tx)).rows[0])
    await node.transaction(service('road'), async (tx) => {
      await sql`update road.relay set state = 'queued', tries = 5000 where seq = ${seq}`.execute(tx)
      await markRelayed(tx, [{ seq, state: 'retry', mark: 0 }])
    })
    expect(await look()).toEqual({ state: 'queued', tries: 5001, waits: true })
  })
})
