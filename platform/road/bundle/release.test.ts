import { chmodSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { personOf } from '@postroad/kernel/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleContents, bundleStatus, exportBundle, track } from '../service.ts'
import { filesOn, medium, read, write } from '../testing/courier.ts'
import { auditOf, callerOf, offerAs, shipmentFrom, traceOf } from '../testing/forger.ts'
import { type Network, type Station, clerk, startNetwork } from '../testing/network.ts'
import { letter, send } from '../testing/terminal.ts'

const tools = mkdtempSync(join(tmpdir(), 'postroad-scan-'))
/** A scanner as a site would have it: looks for a word, keeps a list of what it was asked. */
function scanner(name: string): string[] {
  const path = join(tools, name)
  writeFileSync(path, `#!/bin/sh\necho "$2" >> ${path}.log\nif grep -aq "$1" "$2"; then echo "found $1" >&2; exit 7; fi\n`)
  chmodSync(path, 0o755)
  return [path, 'EVIL-ORGAN']
}
const asked = (name: string): readonly string[] => readFileSync(join(tools, `${name}.log`), 'utf8').trim().split('\n')

const DUTIES = ['road.watch', 'road.bundle', 'road.release']
const [anna, bert] = [personOf('anna', ['c.party'], DUTIES), personOf('bert', ['c.party'], DUTIES)]
const low = personOf('low', ['c.party'], DUTIES, 0)
const without = personOf('dora', ['c.party'], ['road.watch'])

type Answer = { readonly status: number; readonly body: { readonly [name: string]: unknown; readonly error?: { readonly code: string } } }
async function call(station: Station, by: typeof anna, method: 'GET' | 'POST', path: string, body: object = {}): Promise<Answer> {
  const reply = await station.injectAs(by, { method, url: `/api/road${path}`, ...(method === 'POST' ? { payload: body } : {}) })
  return { status: reply.statusCode, body: reply.json() as Answer['body'] }
}
const code = async (answer: Promise<Answer>): Promise<string> => (await answer).body.error?.code ?? 'ok'
/** Two people let the next bundle out, and the operator writes it. */
async function letOut(city: Station): Promise<string> {
  const { body } = await call(city, anna, 'POST', '/bundles', { link: 'county' })
  await call(city, bert, 'POST', `/bundles/county/${String(body['number'])}/release`)
  return write(city, 'county')
}

let network: Network
let city: Station
let county: Station
beforeAll(async () => {
  network = await startNetwork([
    { id: 'city', parent: null, organs: ['c.party'], links: { county: { carrier: 'bundle', maxLabel: { out: 1 }, scan: scanner('out') } } },
    { id: 'county', parent: 'city', organs: ['x.party', 'x.gov'], links: { city: { carrier: 'bundle', release: 'onePerson', maxLabel: { in: 0 }, scan: scanner('in') } } },
  ], {}, async (stations) => {
    const [up, down] = [stations.get('city'), stations.get('county')]
    if (up === undefined || down === undefined) return
    await read(up, await write(down, 'city'))
    await read(down, await letOut(up))
  })
  ;[city, county] = [network.at('city'), network.at('county')]
})
afterAll(async () => network?.stop())
const stateOf = async (message: string): Promise<string | undefined> => (await city.node.transaction(clerk('c.party'), (tx) => track(tx, message)))?.board[0]?.state

describe('two people let a bundle out (双人放行)', () => {
  it('prepared by one, released by another, written only then; each step is in the ledger', async () => {
    const message = await send(network, city, 'c.party', ['x.party'])
    await expect(exportBundle(city.node, { link: 'county', to: medium() })).rejects.toMatchObject({ code: 'road.bundleNotReleased' })
    expect(await code(call(city, without, 'POST', '/bundles', { link: 'county' }))).toBe('kernel.forbidden')
    const prepared = await call(city, anna, 'POST', '/bundles', { link: 'county' })
    expect(prepared).toMatchObject({ status: 200, body: { state: 'prepared', preparedBy: 'anna', summary: { shipments: 1, topLabel: 0 } } })
    const path = `/bundles/county/${String(prepared.body['number'])}`
    await expect(exportBundle(city.node, { link: 'county', to: medium() })).rejects.toMatchObject({ code: 'road.bundleNotReleased' })
    expect(await code(call(city, bert, 'POST', '/bundles', { link: 'county' }))).toBe('road.bundleOpen')
    expect(await code(call(city, anna, 'POST', `${path}/release`))).toBe('road.samePerson')
    expect(await code(call(city, without, 'POST', `${path}/release`))).toBe('kernel.forbidden')
    expect(await bundleContents(city.node, 'county', Number(prepared.body['number']), bert.clearance)).toMatchObject({ shipments: [{ message, sender: 'c.party', recipients: ['x.party'], label: 0 }], aboveClearance: 0 })
    expect((await call(city, bert, 'POST', `${path}/release`)).body).toMatchObject({ state: 'released', releasedBy: 'bert' })
    expect(await code(call(city, bert, 'POST', `${path}/release`))).toBe('road.bundleNotOpen')
    expect((await read(county, await write(city, 'county'))).outcome).toBe('imported')
    await read(city, await write(county, 'city'))
    expect(await stateOf(message)).toBe('arrived')
    const steps = await Promise.all(['road.bundlePrepared', 'road.bundleReleased', 'road.bundleWritten'].map((act) => auditOf(city, act)))
    expect(steps.map((records) => records.at(-1)?.actor.id)).toEqual(['anna', 'bert', 'operator'])
  })

  it('a withdrawn one leaves its contents to the next, and no gap', async () => {
    const message = await send(network, city, 'c.party', ['x.party'])
    const { body } = await call(city, anna, 'POST', '/bundles', { link: 'county' })
    expect(await code(call(city, bert, 'POST', `/bundles/county/${String(body['number'])}/withdraw`))).toBe('ok')
    expect(await code(call(city, bert, 'POST', `/bundles/county/${String(body['number'])}/release`))).toBe('road.bundleNotOpen')
    expect(await read(county, await letOut(city))).toMatchObject({ outcome: 'imported', number: Number(body['number']) + 1, parts: { shipment: 1 }, gaps: [] })
    await read(city, await write(county, 'city'))
    expect(await stateOf(message)).toBe('arrived')
  })

  it('whoever may not read the highest label in it may not release it', async () => {
    await send(network, city, 'c.party', ['x.party'], { label: 1 })
    const { body } = await call(city, anna, 'POST', '/bundles', { link: 'county' })
    const path = `/bundles/county/${String(body['number'])}`
    expect(await bundleContents(city.node, 'county', Number(body['number']), low.clearance)).toMatchObject({ shipments: [], aboveClearance: 1 })
    expect(await code(call(city, low, 'POST', `${path}/release`))).toBe('road.aboveClearance')
    await call(city, bert, 'POST', `${path}/withdraw`)
  })
})

describe('labels', () => {
  it('above what may go out stays, is shown, and only a person ends it; below what goes, goes', async () => {
    const secret = await send(network, city, 'c.party', ['x.party'], { label: 2 })
    const folder = await letOut(city)
    expect((await bundleStatus(city.node, 'county'))[0]?.out.held).toMatchObject([{ message: secret, label: 2 }])
    await read(county, folder)
    expect(await traceOf(county, secret)).toBe(false)
    expect(await stateOf(secret)).toBe('queued')
    const shipment = (await bundleStatus(city.node, 'county'))[0]?.out.held[0]?.shipment ?? ''
    expect(await code(call(city, without, 'POST', `/held/county/${shipment}/end`))).toBe('kernel.forbidden')
    expect(await code(call(city, anna, 'POST', `/held/county/${shipment}/end`))).toBe('ok')
    await expect.poll(() => stateOf(secret)).toBe('undeliverable')
    expect(await code(call(city, anna, 'POST', `/held/county/${shipment}/end`))).toBe('road.notHeld')
    const [row] = (await city.node.transaction(clerk('c.party'), (tx) => track(tx, secret)))?.board ?? []
    expect(row?.decided).toMatchObject({ kind: 'undeliverable', reason: { code: 'road.heldByPerson', text: 'county' } })
  })

  it('above what may come in is refused for good, and the sender hears why in the next bundle', async () => {
    const internal = await send(network, city, 'c.party', ['x.party'], { label: 1 })
    expect(await read(county, await letOut(city))).toMatchObject({ outcome: 'imported', remarks: expect.arrayContaining([expect.objectContaining({ code: 'road.labelTooHigh', later: false })]) })
    expect(await traceOf(county, internal)).toBe(false)
    await read(city, await write(county, 'city'))
    await expect.poll(() => stateOf(internal)).toBe('undeliverable')
  })

  it('a peer that is reached by bundle is not let in over the network', async () => {
    const given = await letter(network, 'c.party', ['x.party'])
    expect(await offerAs(network, callerOf(network, 'city', 'county'), shipmentFrom(network, 'city', given), given.chunks)).toMatchObject({ status: 403, code: 'road.otherCarrier' })
    expect(await traceOf(county, given.packed.head.id)).toBe(false)
  })
})

describe('the scanner', () => {
  it('is asked about every volume in both directions', async () => {
    const folder = await letOut(city)
    const [, volume = ''] = filesOn(folder)
    await read(county, folder)
    expect(asked('out').at(-1)).toBe(join(folder, volume.replace('.v1of1.postroad', '.v1.part')))
    expect(asked('in').at(-1)).toBe(join(folder, volume))
    await read(city, await write(county, 'city'))
  })

  it('what it does not let out never gets the name of a volume; nothing is lost', async () => {
    const { body } = await call(city, anna, 'POST', '/bundles', { link: 'county' })
    await call(city, bert, 'POST', `/bundles/county/${String(body['number'])}/release`)
    const folder = medium()
    writeFileSync(join(tools, 'out'), '#!/bin/sh\necho "found something" >&2; exit 7\n')
    await expect(exportBundle(city.node, { link: 'county', to: folder })).rejects.toMatchObject({ code: 'road.volumeQuarantined', detail: { exit: '7', said: 'found something\n' } })
    expect(filesOn(folder)).toEqual([expect.stringMatching(/\.v1\.part\.quarantine$/)])
    expect(await auditOf(city, 'road.volumeQuarantined')).toMatchObject([{ outcome: 'refused', detail: { direction: 'out', exit: '7' } }])
    scanner('out')
    expect((await read(county, await write(city, 'county'))).outcome).toBe('imported') // the same bundle, still released
    await read(city, await write(county, 'city'))
  })

  it('what it does not let in is not looked at; let in later, all of it is taken', async () => {
    const message = await send(network, city, 'c.party', ['x.gov'])
    const folder = await letOut(city)
    for (const verdict of ['exit 1', 'kill -9 $$', 'exit 255']) {
      writeFileSync(join(tools, 'in'), `#!/bin/sh\n${verdict}\n`)
      expect(await read(county, folder)).toMatchObject({ outcome: 'partial', parts: {}, remarks: [{ code: 'road.volumeQuarantined' }] })
    }
    chmodSync(join(tools, 'in'), 0o600) // a scanner that cannot run has let nothing pass
    expect(await read(county, folder)).toMatchObject({ outcome: 'partial', parts: {} })
    expect(await traceOf(county, message)).toBe(false)
    expect((await auditOf(county, 'road.volumeQuarantined')).length).toBe(4)
    scanner('in')
    expect((await read(county, folder)).outcome).toBe('imported')
    await read(city, await write(county, 'city'))
    expect(await stateOf(message)).toBe('arrived')
    expect(readdirSync(folder)).toHaveLength(2)
  })
})

