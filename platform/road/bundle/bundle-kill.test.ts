import { until } from '@postroad/kernel/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUNDLE_FAULT_POINTS, type FaultPoint } from '../faultpoints.ts'
import type { ImportReport, InboxItem, Submitted, Tracking } from '../service.ts'
import { medium } from '../testing/courier.ts'
import { clerk } from '../testing/network.ts'
import type { Child } from '../testing/child.ts'
import type { Order } from '../testing/orders.ts'
import { type Stations, startStations } from '../testing/processes.ts'
import { letter } from '../testing/terminal.ts'

const byBundle = { carrier: 'bundle', release: 'onePerson', volumeBytes: 5000 }
let stations: Stations
beforeAll(async () => {
  stations = await startStations([
    { id: 'city', parent: null, organs: ['c.party'], links: { county: byBundle } },
    { id: 'county', parent: 'city', organs: ['x.party'], links: { city: byBundle } },
  ], async (at) => {
    await carry(at('city'), 'county', at('county')).catch(() => undefined) // it may not have joined yet
    await carry(at('county'), 'city', at('city')).catch(() => undefined)
  })
})
afterAll(async () => stations?.stop())

/** Repeats what the operator would: start the node again, and give the command again. */
async function insist<T>(station: Child<Order>, order: Order): Promise<T> {
  try {
    return await station.ask<T>(order)
  } catch (error) {
    if (!(error instanceof Error) || error.message !== 'station died') throw error
    await station.died()
    await station.start()
    return insist(station, order)
  }
}

async function carry(from: Child<Order>, link: string, to: Child<Order>): Promise<readonly ImportReport[]> {
  const folder = medium()
  await insist(from, { kind: 'export', link, to: folder })
  return insist(to, { kind: 'import', from: folder })
}

const EXPORTS: readonly FaultPoint[] = ['bundle.volumesWritten', 'bundle.filesWritten']

describe('kill -9 while a bundle is written or read loses nothing and doubles nothing', () => {
  it.each(BUNDLE_FAULT_POINTS)('at %s, at either end', async (point) => {
    const letters = await Promise.all([1, 2, 3].map(() => letter(stations, 'c.party', ['x.party'], { bytes: new Uint8Array(2000) })))
    const [city, county] = [stations.at('city'), stations.at('county')]
    for (const { submission } of letters) await city.ask<Submitted>({ kind: 'dispatch', by: clerk('c.party'), submission })
    for (const station of [city, county]) await station.ask({ kind: 'fault', point, passings: 1 })
    const deaths = Promise.all([city, county].map((station) => station.died()))
    await carry(city, 'county', county)
    await carry(county, 'city', city)
    await carry(city, 'county', county)
    // an answer needs no shipment or receipt of the way up: make one pass there too
    if (!EXPORTS.includes(point)) {
      const back = await letter(stations, 'x.party', ['c.party'])
      await county.ask({ kind: 'dispatch', by: clerk('x.party'), submission: back.submission })
      await carry(county, 'city', city)
    }
    await deaths
    for (let i = 0; i < 2; i += 1) {
      await carry(city, 'county', county)
      await carry(county, 'city', city)
    }
    const items = await county.ask<readonly InboxItem[]>({ kind: 'inbox', by: clerk('x.party') })
    for (const { packed: { head } } of letters) {
      expect(items.filter(({ message }) => message === head.id)).toHaveLength(1)
      const track = () => city.ask<Tracking | null>({ kind: 'track', by: clerk('c.party'), message: head.id })
      await until(async () => (await track())?.board[0]?.state === 'arrived')
      expect((await track())?.receipts.map(({ receipt }) => `${receipt.kind} ${receipt.node}`).toSorted()).toEqual(['arrived county', 'custody county', 'submitted city'])
    }
  })
})
