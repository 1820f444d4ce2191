import { until } from '@postroad/kernel/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleStatus, dispatch, inbox, track } from '../service.ts'
import { read, ride, write } from '../testing/courier.ts'
import { type Network, type Station, clerk, startNetwork } from '../testing/network.ts'
import { letter } from '../testing/terminal.ts'

let network: Network
let city: Station
let county: Station
let hasWayBack = true
beforeAll(async () => {
  network = await startNetwork([
    { id: 'city', parent: null, organs: ['c.party'], links: { county: { carrier: 'bundle', release: 'onePerson', oneWay: true, again: { bundles: 2, times: 2 } } } },
    { id: 'county', parent: 'city', organs: ['x.party'], links: { city: { carrier: 'bundle', release: 'onePerson' } } },
  ], {}, async (stations) => {
    const [up, down] = [stations.get('city'), stations.get('county')]
    if (hasWayBack && up !== undefined && down !== undefined) await ride(up, down)
  })
  hasWayBack = false // as after the set-up: from now on light goes one way only
  ;[city, county] = [network.at('city'), network.at('county')]
})
afterAll(async () => network?.stop())

describe('a diode: nothing ever comes back', () => {
  it('documents arrive in their thread’s order, go again so often as agreed, arrive once, and what is unconfirmed is shown and raises the alarm', async () => {
    const first = await letter(network, 'c.party', ['x.party'], { expires: new Date(Date.now() + 3000).toISOString() })
    const thread = first.submission.head.id
    const second = await letter(network, 'c.party', ['x.party'], { thread, ordinal: 1, regarding: thread })
    await dispatch(city.node, clerk('c.party'), first.submission)
    expect(await read(county, await write(city, 'county'))).toMatchObject({ outcome: 'imported', parts: { shipment: 1 } })
    await dispatch(city.node, clerk('c.party'), second.submission)
    expect(await read(county, await write(city, 'county'))).toMatchObject({ outcome: 'imported', parts: { followUp: 1 } }) // nobody would ever say that the first has arrived
    expect(await read(county, await write(city, 'county'))).toMatchObject({ parts: { greeting: 1, directory: 1 } })
    expect(await read(county, await write(city, 'county'))).toMatchObject({ parts: { shipment: 1 } })
    const ids = (await county.node.transaction(clerk('x.party'), (tx) => inbox(tx, { limit: 10 }))).map(({ message }) => message)
    expect(ids.toReversed()).toEqual([first, second].map(({ submission }) => submission.head.id))
    expect(await read(county, await write(city, 'county'))).toMatchObject({ parts: { followUp: 1 } })
    for (let i = 0; i < 3; i += 1) expect((await read(county, await write(city, 'county'))).parts).toEqual({ greeting: 1, directory: 1 })
    const [status] = await bundleStatus(city.node, 'county')
    expect(status).toMatchObject({ oneWay: true, out: { waiting: { shipments: 0 } } })
    expect(status?.out.unanswered.map(({ shipments, times }) => [shipments, times])).toEqual([[1, 2], [1, 2]])
    await until(() => Date.now() > Date.parse(first.submission.head.expires))
    await city.runJob('road.late')
    const tracked = () => city.node.transaction(clerk('c.party'), (tx) => track(tx, thread))
    await until(async () => (await tracked())?.board[0]?.late === true)
    expect((await tracked())?.board[0]?.state).toBe('queued') // an alarm, not a loss: a person decides
  })
})
