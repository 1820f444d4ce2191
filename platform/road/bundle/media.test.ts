import { randomBytes } from 'node:crypto'
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { append, refresh, signAsNode } from '@postroad/directory/service'
import { type KeyPair, base64url } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { service } from '@postroad/kernel/principal'
import { until } from '@postroad/kernel/testing'
import { canonical, signBatch } from '@postroad/waybill'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ImportReport, bundleStatus, importBundles, inbox, track } from '../service.ts'
import { filesOn, medium, read, ride, write } from '../testing/courier.ts'
import { auditOf, traceOf } from '../testing/forger.ts'
import { type Network, clerk, startNetwork } from '../testing/network.ts'
import { send } from '../testing/terminal.ts'
import type { SignedBundleManifest } from './format.ts'

let network: Network
const byBundle = { carrier: 'bundle', release: 'onePerson', volumeBytes: 3000 }
beforeAll(async () => {
  network = await startNetwork([
    { id: 'city', parent: null, organs: ['c.party'], links: { county: byBundle, town: byBundle } },
    { id: 'county', parent: 'city', organs: ['x.party'], links: { city: byBundle } },
    { id: 'town', parent: 'city', organs: ['t.party'], links: { city: byBundle } },
  ], {}, async (stations) => {
    for (const id of ['county', 'town']) {
      const [city, other] = [stations.get('city'), stations.get(id)]
      if (city !== undefined && other !== undefined) await ride(city, other)
    }
  })
})
afterAll(async () => network?.stop())

const [CITY, COUNTY, TOWN] = ['city', 'county', 'town'] as const
const at = (id: string) => network.at(id)
const post = (bytes = 600): Promise<string> => send(network, at(CITY), 'c.party', ['x.party'], { bytes: new Uint8Array(randomBytes(bytes)) })
const stateOf = async (message: string): Promise<string | undefined> => (await at(CITY).node.transaction(clerk('c.party'), (tx) => track(tx, message)))?.board[0]?.state
const inInbox = async (message: string): Promise<number> => (await at(COUNTY).node.transaction(clerk('x.party'), (tx) => inbox(tx, { limit: 200 }))).filter((item) => item.message === message).length
const copy = (from: string): string => {
  const folder = medium()
  for (const name of readdirSync(from)) copyFileSync(join(from, name), join(folder, name))
  return folder
}
const volumesOf = (folder: string): readonly string[] => filesOn(folder).filter((name) => /\.v\d+of\d+\./.test(name)).toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))
const manifestOf = (folder: string): string => join(folder, filesOn(folder).find((name) => name.endsWith('.manifest.postroad')) ?? '')
const readSigned = (folder: string): SignedBundleManifest => JSON.parse(readFileSync(manifestOf(folder), 'utf8')) as SignedBundleManifest
const flip = (path: string, offset: number): void => {
  const bytes = readFileSync(path)
  bytes[offset] = (bytes[offset] ?? 0) ^ 1
  writeFileSync(path, bytes)
}
const codes = ({ remarks }: ImportReport): readonly string[] => [...new Set(remarks.map(({ code }) => code))]
/** Everything settled: the next tests begin with nothing under way. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 3; i += 1) await ride(at(CITY), at(COUNTY))
}

describe('media that come wrong', () => {
  it('twice: the second time changes nothing; months later neither', async () => {
    const message = await post()
    const folder = await write(at(CITY), COUNTY)
    expect((await read(at(COUNTY), folder)).outcome).toBe('imported')
    expect(await read(at(COUNTY), folder)).toMatchObject({ outcome: 'known', parts: {} })
    await settle()
    expect(await stateOf(message)).toBe('arrived')
    expect((await read(at(COUNTY), folder)).outcome).toBe('known')
    expect([await inInbox(message), await stateOf(message)]).toEqual([1, 'arrived'])
  })

  it('out of order, with one missing: the gap is told on both sides, and closed by the late one or by what goes again', async () => {
    const messages: string[] = []
    const folders: string[] = []
    for (let i = 0; i < 4; i += 1) {
      messages.push(await post())
      folders.push(await write(at(CITY), COUNTY))
    }
    const [first, second, third, fourth] = folders as [string, string, string, string]
    const number = readSigned(second).manifest.number
    expect((await read(at(COUNTY), fourth)).gaps).toEqual([{ from: number - 1, to: number + 1 }])
    expect((await read(at(COUNTY), third)).gaps).toEqual([{ from: number - 1, to: number }])
    expect((await read(at(COUNTY), first)).gaps).toEqual([{ from: number, to: number }])
    await read(at(CITY), await write(at(COUNTY), CITY))
    expect((await bundleStatus(at(CITY).node, COUNTY))[0]?.out).toMatchObject({ waiting: { shipments: 1 }, unconfirmed: [{ number, isMissed: true }] })
    expect(await auditOf(at(CITY), 'road.bundleMissed')).toMatchObject([{ detail: { numbers: String(number) } }])
    expect(await Promise.all(messages.map(stateOf))).toEqual(['arrived', 'queued', 'arrived', 'arrived'])
    const again = await read(at(COUNTY), await write(at(CITY), COUNTY))
    expect(again).toMatchObject({ outcome: 'imported', parts: { shipment: 1 }, gaps: [] }) // replaced: nobody waits for it any more
    expect((await read(at(COUNTY), second)).outcome).toBe('imported') // and late it does no harm
    await settle()
    expect(await Promise.all(messages.map(stateOf))).toEqual(['arrived', 'arrived', 'arrived', 'arrived'])
    expect(await Promise.all(messages.map(inInbox))).toEqual([1, 1, 1, 1])
  })

  it('never answered: what is in nobody’s custody goes again after so many bundles, and status says so', async () => {
    const message = await post()
    const lost = await write(at(CITY), COUNTY)
    for (let i = 0; i < 3; i += 1) rmSync(await write(at(CITY), COUNTY), { recursive: true })
    expect((await bundleStatus(at(CITY).node, COUNTY))[0]?.out.unanswered).toEqual([{ number: readSigned(lost).manifest.number, shipments: 1, times: 1 }])
    expect(await read(at(COUNTY), await write(at(CITY), COUNTY))).toMatchObject({ outcome: 'imported', parts: { shipment: 1 } })
    await settle()
    expect(await stateOf(message)).toBe('arrived')
  })

  it('a lost medium is written again, byte for byte the same contents, in volumes of another size', async () => {
    const message = await post()
    const folder = await write(at(CITY), COUNTY)
    const { number } = readSigned(folder).manifest
    const other = await write(at(CITY), COUNTY, { number, volumeBytes: 1000 })
    expect(readSigned(other).manifest.parts).toEqual(readSigned(folder).manifest.parts)
    expect(readSigned(other).manifest.volumes.length).toBeGreaterThan(readSigned(folder).manifest.volumes.length)
    expect((await read(at(COUNTY), other)).outcome).toBe('imported')
    expect((await read(at(COUNTY), folder)).outcome).toBe('known')
    await settle()
    expect(await stateOf(message)).toBe('arrived')
  })

  it('a medium that is not there, or too many volumes for it, is said before anything counts as written', async () => {
    const message = await post(300_000)
    const { lastWritten } = (await bundleStatus(at(CITY).node, COUNTY))[0]?.out ?? { lastWritten: 0 }
    await expect(write(at(CITY), COUNTY, { folder: '/nowhere/at/all' })).rejects.toMatchObject({ code: 'road.mediumFailed', detail: { reason: 'ENOENT' } })
    await expect(write(at(CITY), COUNTY, { folder: '/dev/full' })).rejects.toMatchObject({ code: 'road.mediumFailed' })
    await expect(write(at(CITY), COUNTY, { volumeBytes: 100 })).rejects.toMatchObject({ code: 'road.mediumFailed', detail: { reason: 'volumes' } })
    const folder = await write(at(CITY), COUNTY)
    expect(readSigned(folder).manifest.number).toBe(lastWritten + 1)
    expect((await read(at(COUNTY), folder)).outcome).toBe('imported')
    await settle()
    expect(await stateOf(message)).toBe('arrived')
  })

  it('any flipped byte of any volume is found and named; what is whole is taken, the rest comes again', async () => {
    const messages = await Promise.all([1, 2, 3, 4, 5, 6].map(() => post()))
    const folder = await write(at(CITY), COUNTY)
    const volumes = volumesOf(folder)
    expect(volumes.length).toBeGreaterThan(3)
    await fc.assert(fc.asyncProperty(fc.nat(volumes.length - 1), fc.nat(2 ** 20), async (index, place) => {
      const bad = copy(folder)
      const name = volumes[index] ?? ''
      flip(join(bad, name), place % statSync(join(bad, name)).size)
      const report = await read(at(COUNTY), bad)
      expect(report).toMatchObject({ outcome: 'partial', remarks: [{ what: name, code: 'volume.tampered' }] })
    }), { numRuns: 12 })
    expect((await read(at(COUNTY), folder)).outcome).toBe('imported')
    await settle()
    expect(await Promise.all(messages.map(stateOf))).toEqual(messages.map(() => 'arrived'))
    expect(await Promise.all(messages.map(inInbox))).toEqual(messages.map(() => 1))
  })

  it('a volume truncated, missing, too long, of another bundle, or a link to elsewhere is named, and nothing of it taken', async () => {
    const other = await write(at(CITY), COUNTY)
    const message = await post(9000)
    const folder = await write(at(CITY), COUNTY)
    const [name = '', second = ''] = volumesOf(folder).slice(1)
    const spoil: readonly (readonly [string, (path: string, bad: string) => void])[] = [
      ['truncated', (path) => truncateSync(path, 100)],
      ['missing', (path) => rmSync(path)],
      ['tooLong', (path) => writeFileSync(path, Buffer.alloc(10), { flag: 'a' })],
      ['tampered', (path, bad) => copyFileSync(join(bad, second), path)],
      ['truncated', (path) => copyFileSync(join(other, volumesOf(other).at(-1) ?? ''), path)],
      ['missing', (path) => (rmSync(path), symlinkSync('/etc/passwd', path))],
      ['missing', (path) => (rmSync(path), mkdirSync(path))],
    ]
    for (const [state, change] of spoil) {
      const bad = copy(folder)
      change(join(bad, name), bad)
      expect(await read(at(COUNTY), bad)).toMatchObject({ outcome: 'partial', remarks: [{ what: name, code: `volume.${state}`, later: true }] })
      expect(await traceOf(at(COUNTY), message)).toBe(false)
    }
    const half = copy(folder)
    rmSync(join(half, name))
    const rest = medium()
    renameSync(join(copy(folder), name), join(rest, name))
    expect((await importBundles(at(COUNTY).node, [half, rest]))[0]).toMatchObject({ outcome: 'imported' }) // two disks in two drives
    await settle()
    expect(await stateOf(message)).toBe('arrived')
  })

  it('a damaged bundle that never comes whole is told back, and its contents go again at once', async () => {
    const message = await post()
    const folder = await write(at(CITY), COUNTY)
    flip(join(folder, volumesOf(folder).at(-1) ?? ''), 3)
    expect((await read(at(COUNTY), folder)).outcome).toBe('partial')
    await read(at(CITY), await write(at(COUNTY), CITY))
    expect((await bundleStatus(at(CITY).node, COUNTY))[0]?.out.waiting.shipments).toBe(1)
    await settle()
    expect([await stateOf(message), await inInbox(message)]).toEqual(['arrived', 1])
    expect((await bundleStatus(at(COUNTY).node))[0]?.in.partial).toHaveLength(1)
  })
})

describe('manifests that come wrong', () => {
  const resign = (folder: string, change: Readonly<Record<string, unknown>>, by = CITY as string): void => {
    const manifest = { ...readSigned(folder).manifest, ...change }
    writeFileSync(manifestOf(folder), canonical({ manifest, seal: signAsNode(at(by).node, 'SM', 'bundle', [manifest])[0] }))
  }
  const refusal = async (station: string, folder: string): Promise<string | null> => {
    const report = await read(at(station), folder)
    expect([report.outcome, report.parts]).toEqual(['refused', {}])
    return report.code
  }

  it('on the wrong link, from an unknown node, signed by another, for a number that stood for something else: refused and audited', async () => {
    const message = await post()
    const folder = await write(at(CITY), COUNTY)
    expect(await refusal(TOWN, folder)).toBe('road.bundleNotForUs')
    expect(await refusal(CITY, folder)).toBe('road.bundleNotForUs')
    const changed = (change: Readonly<Record<string, unknown>>, by?: string): string => {
      const bad = copy(folder)
      resign(bad, change, by)
      return bad
    }
    expect(await refusal(COUNTY, changed({ from: 'nobody' }))).toBe('road.unknownPeer')
    expect(await refusal(COUNTY, changed({ from: TOWN }, TOWN))).toBe('road.notNeighbour')
    expect(await refusal(COUNTY, changed({}, TOWN))).toBe('road.bundleForged')
    expect(await traceOf(at(COUNTY), message)).toBe(false)
    expect((await read(at(COUNTY), folder)).outcome).toBe('imported')
    expect(await refusal(COUNTY, changed({ floor: 0, previous: 0 }))).toBe('road.bundleNumberReused')
    for (const act of ['road.bundleNotForUs', 'road.unknownPeer', 'road.bundleForged', 'road.bundleNumberReused']) {
      const found = await Promise.all([COUNTY, TOWN].map((id) => auditOf(at(id), act)))
      expect(found.flat()).toEqual(expect.arrayContaining([expect.objectContaining({ outcome: 'refused' })]))
    }
    await settle()
    expect(await stateOf(message)).toBe('arrived')
  })

  it('every flipped byte of a manifest is refused', async () => {
    const folder = await write(at(CITY), COUNTY)
    const { size } = statSync(manifestOf(folder))
    await fc.assert(fc.asyncProperty(fc.nat(size - 1), fc.integer({ min: 0, max: 7 }), async (place, bit) => {
      const bad = copy(folder)
      const bytes = readFileSync(manifestOf(bad))
      bytes[place] = (bytes[place] ?? 0) ^ (1 << bit)
      writeFileSync(manifestOf(bad), bytes)
      expect((await read(at(COUNTY), bad)).outcome).toBe('refused')
    }), { numRuns: 60 })
    expect((await read(at(COUNTY), folder)).outcome).toBe('imported')
  })

  it.each([
    ['giant lengths', { volumes: [{ bytes: 2 ** 50, hash: 'A'.repeat(43) }] }, 'road.bundleUnreadable'],
    ['lengths that do not fit', { parts: [['greeting', 2 ** 49, 'A'.repeat(43), '']] }, 'road.bundleUnreadable'],
    ['an empty volume', { volumes: [{ bytes: 0, hash: 'A'.repeat(43) }] }, 'road.bundleUnreadable'],
    ['a number out of range', { number: 1_000_000 }, 'road.bundleUnreadable'],
    ['too many parts', { parts: Array.from({ length: 50_001 }, () => ['greeting', 1, 'A'.repeat(43), '']) }, 'road.bundleUnreadable'],
    ['a path in a name', { from: '../../etc' }, 'road.bundleUnreadable'],
    ['an unknown part', { parts: [['program', 1, 'A'.repeat(43), '']] }, 'road.bundleUnreadable'],
    ['a time to come', { created: '2999-01-01T00:00:00.000Z' }, 'road.clocksDiffer'],
    ['another version', { v: 2 }, 'road.bundleUnreadable'],
  ])('%s, signed by the neighbour itself, costs nothing', async (_, change, code) => {
    const folder = await write(at(CITY), COUNTY)
    const bad = copy(folder)
    resign(bad, change)
    expect(await refusal(COUNTY, bad)).toBe(code)
    expect((await read(at(COUNTY), folder)).outcome).toBe('imported')
  })

  it('a neighbour that says a part is other than it is, or too long for its kind, is remarked upon and taken for the rest', async () => {
    const message = await post()
    const folder = await write(at(CITY), COUNTY)
    const { parts } = readSigned(folder).manifest
    const bad = copy(folder)
    resign(bad, { parts: parts.map(([kind, bytes, hash, name]) => (kind === 'shipment' ? ['answer', bytes, hash, ''] : kind === 'directory' ? ['receipts', bytes, hash, ''] : [kind, bytes, hash, name])) })
    const report = await read(at(COUNTY), bad)
    expect(report.outcome).toBe('imported')
    expect(codes(report).length).toBeGreaterThan(0)
    expect(codes(report).every((code) => code === 'road.malformed' || code === 'road.badReceipts' || code === 'road.receiptIncomplete')).toBe(true)
    expect(await traceOf(at(COUNTY), message)).toBe(false)
    await settle()
    await settle()
    expect([await stateOf(message), await inInbox(message)]).toEqual(['arrived', 1]) // nothing said about it: it went again
  })

  it('a folder without a bundle, a file that is none, and a sparse giant are told from a good one', async () => {
    await expect(importBundles(at(COUNTY).node, [medium()])).rejects.toMatchObject({ code: 'road.bundleUnreadable' })
    await expect(importBundles(at(COUNTY).node, ['/nowhere/at/all'])).rejects.toMatchObject({ code: 'road.bundleUnreadable' })
    const folder = medium()
    writeFileSync(join(folder, '..%2f..%2fx.manifest.postroad'), '{}')
    const giant = openSync(join(folder, 'b.manifest.postroad'), 'w')
    writeSync(giant, Buffer.alloc(1), 0, 1, 2 ** 33)
    closeSync(giant)
    expect((await importBundles(at(COUNTY).node, [folder])).map(({ outcome, code }) => `${outcome} ${code}`)).toEqual(['refused road.bundleUnreadable', 'refused road.bundleUnreadable'])
    await until(async () => (await auditOf(at(COUNTY), 'road.bundleUnreadable')).length > 0)
  })

  it('a key that rolled over is learned from the bundle that it signs', async () => {
    const { node } = at(CITY)
    const keyPair = suites.SM.generateKeyPair()
    const key = 'city.sm.2'
    await node.transaction(service('directory'), (tx) => append(tx, node, { kind: 'nodeKey', keys: [{ id: key, suite: 'SM', publicKey: base64url(keyPair.publicKey) }] }))
    await refresh(node)
    const folder = await write(at(CITY), COUNTY)
    const { manifest } = readSigned(folder)
    const signWith = (pair: KeyPair): void => writeFileSync(manifestOf(folder), canonical({ manifest, seal: signBatch(suites.SM, { key, keyPair: pair }, 'bundle', [manifest])[0] }))
    signWith(suites.SM.generateKeyPair())
    expect(await refusal(COUNTY, folder)).toBe('road.bundleForged')
    signWith(keyPair)
    expect((await read(at(COUNTY), folder)).outcome).toBe('imported')
  })
})
