import { personOf, freePort, until } from '@postroad/kernel/testing'
import { clerk, startNetwork, type Network } from '@postroad/road/testing/network'
import { send } from '@postroad/road/testing/terminal'
import { inbox } from '@postroad/road/service'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { linkState } from './model.ts'
import { watch } from './plugin.ts'
import { acknowledge, alarmsOf, conditionOf, lastBackup, look, verifyNow } from './service.ts'
import { gather } from './gather/condition.ts'
import { type Line, lineTo } from './testing-line.ts'

let network: Network
let lines: Line[]
/** Province and city, each reached by the other over a line of its own. */
beforeAll(async () => {
  const ports = [await freePort(), await freePort()]
  lines = await Promise.all(ports.map(lineTo))
  const place = (at: number) => ({ port: ports[at] ?? 0, endpoint: `https://127.0.0.1:${lines[at]?.port}` })
  network = await startNetwork(
    [{ id: 'province', parent: null, organs: ['p.party'], ...place(0) }, { id: 'city', parent: 'province', organs: ['c.party'], ...place(1) }],
    { rooms: [watch], realTime: false, time: new Date().toISOString() },
  )
})
afterAll(async () => {
  await network?.stop()
  await Promise.all(lines.map((line) => line.close()))
})

const pass = (minutes: number): void => {
  for (const { clock } of network.stations.values()) clock.advance(minutes * 60_000)
}
const standing = async (): Promise<readonly string[]> => {
  const { node } = network.at('province')
  return (await alarmsOf(node, await gather(node), 10)).open.map(({ code, subject }) => `${code} ${subject}`).sort()
}
const arrived = async (): Promise<number> => network.at('city').node.transaction(clerk('c.party'), async (tx) => (await inbox(tx, { limit: 10 })).length)

describe('a node of a network', () => {
  it('sees an open link on which nothing waits, and no alarm', async () => {
    const { node } = network.at('province')
    expect(await look(node)).toMatchObject({ raised: 0, cleared: 0 })
    const condition = await conditionOf(node)
    expect(condition.links.map((link) => [link.peer, link.direction, linkState(link, condition.at), link.probe?.outcome, link.probe?.clockSeconds])).toEqual([['city', 'down', 'open', 'good', 0]])
    expect(condition.keyProcess.up).toBe(true)
    expect(condition.certificates.filter(({ kind }) => kind === 'organ').map(({ id }) => id).sort()).toEqual(['p.party.p256.encrypt', 'p.party.p256.sign', 'p.party.sm.encrypt', 'p.party.sm.sign'])
  })

  it('raises alarms when the line is cut, keeps them as long as it is, and clears them by itself when it is mended', async () => {
    const { node } = network.at('province')
    for (const line of lines) line.cut()
    await send(network, network.at('province'), 'p.party', ['c.party'], { urgency: 'extraUrgent' })
    await until(async () => (await gather(node)).links[0]?.failures !== 0)
    expect(await look(node)).toMatchObject({ raised: 0, cleared: 0 }) // not yet: a pause of seconds is nobody's alarm
    pass(6)
    expect(await look(node)).toMatchObject({ raised: 2, cleared: 0 })
    expect(await standing()).toEqual(['extraUrgentWaiting city', 'linkSilent city'])
    pass(7)
    expect(await look(node)).toMatchObject({ raised: 0, cleared: 0 })
    const cut = await gather(node)
    expect(cut.links[0]?.queues).toMatchObject([{ urgency: 'extraUrgent', lane: 'small', waiting: 1 }])
    expect((await alarmsOf(node, cut, 10)).open.find(({ code }) => code === 'extraUrgentWaiting')?.detail).toMatchObject({ minutes: 12, count: 1 })

    for (const line of lines) line.mend()
    await until(async () => {
      await look(node) // calling the neighbour is a sign of life, which wakes the link
      return (await arrived()) === 1 && (await standing()).length === 0
    })
    const { open, cleared } = await alarmsOf(node, await gather(node), 10)
    expect(open).toEqual([])
    expect(cleared.map(({ code, clearedAt }) => [code, clearedAt === null]).sort()).toEqual([['extraUrgentWaiting', false], ['linkSilent', false]])
  })

  it('keeps who took note of an alarm and what they said, and audits it with every raising and clearing', async () => {
    const { node, database } = network.at('city')
    for (const line of lines) line.cut()
    pass(6)
    await look(node)
    const [alarm] = (await alarmsOf(node, await gather(node), 1)).open
    if (alarm === undefined) return expect.fail('no alarm')
    await acknowledge(node, personOf('operator', ['c.party'], ['console.watch']), alarm.id, '已联系省中心，线路抢修中')
    expect((await alarmsOf(node, await gather(node), 1)).open[0]?.seen).toMatchObject([{ name: 'operator', note: '已联系省中心，线路抢修中' }])
    for (const line of lines) line.mend()
    await until(async () => (await look(node), (await alarmsOf(node, await gather(node), 1)).open.length === 0))
    await expect(acknowledge(node, personOf('operator', ['c.party'], ['console.watch']), alarm.id, '迟了')).rejects.toMatchObject({ code: 'watch.noAlarm' })
    const { connect } = await import('@postroad/kernel/database')
    const superuser = connect(database.superuser, 1)
    const { rows } = await superuser.pool.query<{ act: string }>(`select distinct leaf ->> 'act' as act from ledger.record where leaf ->> 'act' like 'watch.%' order by 1`)
    await superuser.close()
    expect(rows.map(({ act }) => act)).toEqual(['watch.acknowledged', 'watch.cleared', 'watch.raised'])
  })

  it('rings for a backup that is older than a day where backups are made, and not where there never was one', async () => {
    const { node } = network.at('city')
    expect((await gather(node)).backup).toBeNull()
    const hoursAgo = (hours: number) => new Date(node.now().getTime() - hours * 3600_000).toISOString()
    node.slots.set(lastBackup, () => hoursAgo(27))
    expect(await look(node)).toMatchObject({ raised: 1 })
    node.slots.set(lastBackup, () => hoursAgo(1))
    expect(await look(node)).toMatchObject({ raised: 0, cleared: 1 })
  })

  it('tells when the audit ledger does not hold any more', async () => {
    const { node, database } = network.at('city')
    await verifyNow(node)
    expect((await gather(node)).ledger).toMatchObject({ ok: true })
    const { connect } = await import('@postroad/kernel/database')
    const superuser = connect(database.superuser, 1)
    await superuser.pool.query(`update ledger.record set leaf = jsonb_set(leaf, '{object}', '"forged"') where leaf ->> 'act' = 'watch.acknowledged'`)
    await superuser.close()
    await verifyNow(node)
    await look(node)
    expect((await alarmsOf(node, await gather(node), 1)).open.map(({ code }) => code)).toEqual(['ledgerBroken'])
  })
})
