import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { base64url, fromBase64url } from '@postroad/gm'
import { readCertificate, verifyChain } from '@postroad/gm/certificate'
import { suites } from '@postroad/gm/node'
import { service } from '@postroad/kernel/principal'
import { personOf, until } from '@postroad/kernel/testing'
import { listOrgans } from '@postroad/keys/service'
import { verifyLedger } from '@postroad/ledger/service'
import { canonical, readLogs, signBatch, verifyBatch } from '@postroad/waybill'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directory } from './plugin.ts'
import { directoryRoom } from './room.ts'
import { append, exchangeWith, homeCheckpointVerifier, neighbours, peerOf, peerRoutes, refresh, signAsNode, tls, tlsCertificate, view } from './service.ts'
import { listMisbehaviour } from './store.ts'
import { CITY, COUNTY, PROVINCE, type RoadNode, codeFor, roadNode, standBetween } from './testing.ts'

let [province, city, county]: RoadNode[] = []
const all = (): RoadNode[] => [province, city, county].filter((node) => node !== undefined)
const at = (node: RoadNode | undefined): RoadNode => node ?? expect.fail('not started')
const hash = (node: RoadNode | undefined): string => view(at(node).node).checkpoint().hash
const isJoined = (node: RoadNode | undefined): boolean => at(node).node.slots.get(directoryRoom).view !== null
const clerk = personOf('jy-chen', ['jiangyuan.party'])

beforeAll(async () => {
  province = await roadNode(PROVINCE, null)
  const anchor = await province.anchor()
  city = await roadNode(CITY, { node: 'jiangyuan', url: province.url, anchor })
  county = await roadNode(COUNTY, { node: 'linchuan', url: city.url, anchor })
  await until(() => all().every(isJoined) && new Set(all().map(hash)).size === 1)
})
afterAll(async () => {
  for (const node of all().toReversed()) await node.stop()
})

describe('a network of three levels', () => {
  it('has one directory everywhere, every line of which a terminal can verify from the anchor alone', async () => {
    for (const node of all()) {
      const reply = await node.injectAs(clerk, { method: 'GET', url: '/api/directory/logs' })
      const { anchor, logs, checkpoint } = reply.json()
      const read = readLogs(suites, { node: anchor.node, fingerprint: await at(province).anchor() }, logs)
      expect(read.faults).toEqual([])
      expect(read.view.remarks()).toEqual([])
      expect(read.view.checkpoint().hash).toBe(checkpoint)
      expect(read.view.organs().map(({ organ }) => organ).toSorted()).toEqual(['anlan.party', 'jiangyuan.party', 'linchuan.party', 'wangchuan.cppcc', 'wangchuan.party'])
      const again = await node.injectAs(clerk, { method: 'GET', url: '/api/directory/logs', headers: { 'if-none-match': String(reply.headers['etag']) } })
      expect([again.statusCode, again.body]).toEqual([304, ''])
    }
    expect(view(at(county).node).nextHop('wangchuan', 'jiangyuan.party')).toBe('linchuan')
    expect(view(at(province).node).nextHop('jiangyuan', 'wangchuan.cppcc')).toBe('linchuan')
    expect(neighbours(at(city).node)).toEqual(['jiangyuan', 'wangchuan'])
  })

  it('certifies every organ key from the root down, in both suites', async () => {
    for (const node of all()) {
      const { secrets } = node.node.slots.get(directoryRoom)
      const current = view(node.node)
      for (const organ of current.organs().filter((each) => each.node === node.node.config.node)) {
        for (const suite of ['SM', 'P256'] as const) {
          const root = fromBase64url(secrets.caChains[suite].at(-1) ?? '')
          expect(base64url(readCertificate(root).publicKey)).toBe(current.node('jiangyuan')?.keys.find((key) => key.suite === suite)?.publicKey)
          for (const purpose of ['sign', 'encrypt'] as const) {
            const [key] = current.keysOf(organ.organ, purpose, suite, node.node.now().toISOString())
            const leaf = fromBase64url(key?.certificate ?? '')
            expect(verifyChain(suites, [leaf, ...secrets.caChains[suite].map(fromBase64url)], node.node.now(), root, undefined, purpose)).toEqual({ ok: true })
            expect(base64url(readCertificate(leaf).publicKey)).toBe(key?.publicKey)
          }
        }
      }
      const level = { jiangyuan: 2, linchuan: 3, wangchuan: 4 }[node.node.config.node]
      await until(async () => (await listOrgans(node.node)).flatMap(({ keys }) => keys).every((key) => key.certificates === level))
    }
  })

  it('tells by its TLS certificate which node calls, and nobody else by another', () => {
    expect(peerOf(at(province).node, tlsCertificate(at(city).node))).toBe('linchuan')
    expect(peerOf(at(province).node, tlsCertificate(at(county).node))).toBe('wangchuan')
    expect(peerOf(at(province).node, new Uint8Array(300))).toBeNull()
    expect(peerOf(at(province).node, null)).toBeNull()
    expect(tls(at(county).node).cert.match(/BEGIN CERTIFICATE/g)).toHaveLength(4)
  })

  it('carries a change up and down', async () => {
    const { node } = at(county)
    await node.transaction(service('directory'), (tx) => append(tx, node, { kind: 'issuingName', name: 'wangchuan.flood', title: '望川县防汛指挥部', code: '望防', organ: 'wangchuan.party', from: '2026-05-01T00:00:00.000Z', until: '2026-10-01T00:00:00.000Z' }))
    await until(() => all().every((each) => view(each.node).name('wangchuan.flood') !== null))
    expect(view(at(province).node).name('wangchuan.flood')?.organ).toBe('wangchuan.party')
    const top = at(province).node
    await top.transaction(service('directory'), (tx) => append(tx, top, { kind: 'heartbeat' }))
    await until(() => new Set(all().map(hash)).size === 1)
  })

  it('signs as the node, and everybody can tell', () => {
    const seals = signAsNode(at(city).node, 'SM', 'hop', [{ a: 1 }, { b: 2 }])
    const key = view(at(county).node).nodeKey('linchuan', seals[1]?.key ?? '')
    expect(seals[1] !== undefined && verifyBatch(suites, fromBase64url(key?.publicKey ?? ''), 'hop', { b: 2 }, seals[1])).toBe(true)
  })

  it('keeps its ledgers whole, checked with the keys of the home folder', async () => {
    for (const { node, home } of all()) {
      expect(await verifyLedger(node)).toMatchObject({ ok: true })
      expect(typeof homeCheckpointVerifier(home)).toBe('function')
    }
  })

  it('has node keys that only their owner reads', async () => {
    const { mode } = await stat(join(at(city).home, 'keys', 'node.json'))
    expect(mode & 0o777).toBe(0o600)
    expect(JSON.parse(await readFile(join(at(city).home, 'keys', 'node.json'), 'utf8')).anchor.node).toBe('jiangyuan')
  })
})

describe('the picker', () => {
  const search = async (q: string): Promise<{ title: string; place: string[] }[]> => (await at(city).injectAs(clerk, { method: 'GET', url: `/api/directory/search?q=${encodeURIComponent(q)}` })).json().names

  it('tells namesakes apart by their place', async () => {
    const found = await search('县委办公室')
    expect(found.map(({ title, place }) => [title, place.at(-1)])).toEqual(expect.arrayContaining([['中共望川县委办公室', '临川市望川县'], ['中共安澜县委办公室', '临川市安澜县']]))
    expect((await search('安澜 县委')).map(({ title }) => title)).toEqual(['中共安澜县委办公室'])
  })

  it('finds by code, by initials and by office', async () => {
    expect((await search('江委'))[0]?.title).toBe('中共江源省委')
    expect((await search('zggwcx'))).toEqual([])
    expect((await search('zgwcxw')).map(({ title }) => title)).toEqual(['中共望川县委办公室'])
    expect((await search('市委办'))[0]?.title).toBe('中共临川市委')
    expect(await search('%_')).toEqual([])
  })

  it('shows names only while they are valid', async () => {
    const at2027 = await at(city).injectAs(clerk, { method: 'GET', url: '/api/directory/search?q=%E9%98%B2%E6%B1%9B&at=2027-01-01T00:00:00.000Z' })
    expect((await search('防汛')).map(({ title }) => title)).toEqual(['望川县防汛指挥部'])
    expect(at2027.json().names).toEqual([])
  })

  it('shows the tree to whoever has signed in, and the anchor to everybody', async () => {
    const { root } = (await at(county).injectAs(clerk, { method: 'GET', url: '/api/directory/tree' })).json()
    expect(root).toMatchObject({ node: 'jiangyuan', children: [{ node: 'linchuan', children: [{ node: 'wangchuan', organs: [{ organ: 'wangchuan.party' }, { organ: 'wangchuan.cppcc', deputies: ['wangchuan.party'] }] }] }] })
    for (const url of ['/tree', '/search?q=x', '/logs', '/health', '/misbehaviour']) expect((await at(county).server.inject({ method: 'GET', url: `/api/directory${url}` })).statusCode).toBe(401)
    expect((await at(county).server.inject({ method: 'GET', url: '/api/directory/anchor' })).json()).toMatchObject({ node: 'jiangyuan', self: 'wangchuan' })
  })
})

describe('what is refused', () => {
  const misbehaviour = (node: RoadNode | undefined) => at(node).node.transaction(service('directory'), listMisbehaviour)

  it('a caller that is not in the directory, or is no neighbour', async () => {
    const body = Buffer.from('{}')
    const handler = peerRoutes['/road/v1/directory']
    const code = async (certificate: Uint8Array | null): Promise<string> => JSON.parse(Buffer.from((await handler(at(province).node, { certificate, from: '10.0.0.1', body })).body).toString()).error.code
    expect(await code(null)).toBe('directory.unknownPeer')
    expect(await code(new Uint8Array(99))).toBe('directory.unknownPeer')
    expect(await code(tlsCertificate(at(county).node))).toBe('directory.notNeighbour')
    expect(await code(tlsCertificate(at(city).node))).toBe('directory.malformed')
  })

  it('a fork by a child, which is kept as evidence, while the rest of the message counts', async () => {
    const { node } = at(city)
    const room = node.slots.get(directoryRoom)
    const own = view(node).log('linchuan')
    const line = own.at(-1)?.statement
    if (line === undefined) throw new Error('no line')
    const other = { ...line, at: '2026-06-02T00:00:00.000Z' }
    const forked = { statement: other, seal: signBatch(suites.SM, { key: room.keys.SM.id, keyPair: room.keys.SM.keyPair }, 'statement', [other])[0] ?? expect.fail() }
    const stranger = suites.SM.generateKeyPair()
    const next = { ...line, log: 'wangchuan', seq: view(node).log('wangchuan').length, previous: view(node).checkpoint().logs['wangchuan']?.hash ?? null, body: { kind: 'heartbeat' as const } }
    const stolen = { statement: next, seal: signBatch(suites.SM, { key: 'wangchuan.sm.1', keyPair: stranger }, 'statement', [next])[0] ?? expect.fail() }
    const before = hash(province)
    const send = async () => {
      const asked = { v: 1, heads: view(node).checkpoint().logs, statements: [forked, stolen] }
      return peerRoutes['/road/v1/directory'](at(province).node, { certificate: tlsCertificate(node), from: '127.0.0.1', body: canonical(asked) })
    }
    expect((await send()).status).toBe(200)
    expect((await send()).status).toBe(200)
    expect(hash(province)).toBe(before)
    expect((await misbehaviour(province)).map(({ peer, log, fault }) => [peer, log, fault]).toSorted()).toEqual([['linchuan', 'linchuan', 'fork'], ['linchuan', 'wangchuan', 'badSeal']])
    const found = await at(province).injectAs(personOf('he', ['jiangyuan.party'], ['ledger.read']), { method: 'GET', url: '/api/ledger/records?act=directory.misbehaviour' })
    expect(found.json().records).toHaveLength(2)
  })

  it('statements about what is not ours to state', async () => {
    const { node } = at(city)
    const state = (body: Parameters<typeof append>[2]) => node.transaction(service('directory'), (tx) => append(tx, node, body))
    await expect(state({ kind: 'organ', organ: 'wangchuan.party', title: '冒名', system: 'party', region: 'x', regionTitle: 'x', from: '2020-01-01T00:00:00.000Z', until: null, successors: [] })).rejects.toMatchObject({ code: 'directory.invalidStatement', detail: { fault: 'idTaken' } })
    await expect(state({ kind: 'issuingName', name: 'linchuan.other', title: '冒名', code: '', organ: 'jiangyuan.party', from: '2020-01-01T00:00:00.000Z', until: null })).rejects.toMatchObject({ detail: { fault: 'notOwner' } })
    await expect(node.transaction(clerk, (tx) => append(tx, node, { kind: 'heartbeat' }))).rejects.toThrow('row-level security')
  })
})

describe('joining', () => {
  const place = { id: 'other', title: '另一节点', region: '别处' }
  const codesLogged = (node: RoadNode): string[] => node.lines.flatMap((line) => JSON.parse(line).code ?? [])
  /** Starts a node that tries to join, and answers the first thing that went wrong. */
  const tries = async (parent: Parameters<typeof roadNode>[1]): Promise<string | undefined> => {
    const node = await roadNode(place, parent)
    try {
      await until(() => codesLogged(node).length > 0)
      expect(isJoined(node)).toBe(false)
      expect((await node.server.inject({ method: 'GET', url: '/api/directory/anchor' })).json().error.code).toBe('directory.notJoined')
      return codesLogged(node)[0]
    } finally {
      await node.stop()
    }
  }

  it('fails with a code that was made up, or was given to another node', async () => {
    const anchor = await at(province).anchor()
    expect(await tries({ node: 'linchuan', url: at(city).url, anchor, code: 'made-up-made-up-made-up-made-up' })).toBe('directory.badCode')
    expect(await tries({ node: 'linchuan', url: at(city).url, anchor, code: codeFor('wangchuan') })).toBe('directory.badCode')
  })

  it('fails under a root of another fingerprint, and at an address where somebody else answers', async () => {
    expect(await tries({ node: 'linchuan', url: at(city).url, anchor: 'ab'.repeat(32) })).toBe('directory.wrongAnchor')
    expect(await tries({ node: 'linchuan', url: at(county).url, anchor: await at(province).anchor() })).toBe('directory.badCode')
  })

  it('a proof taken in the middle is worth nothing at the parent', async () => {
    // Somebody stands at the address: shows a certificate of its own, and passes every request on to the city.
    const { node } = at(city)
    const { address, close, passed } = await standBetween(node)
    try {
      expect(await tries({ node: 'linchuan', url: address, anchor: await at(province).anchor() })).toBe('directory.inBetween')
    } finally {
      await close()
    }
    expect(passed).toEqual(expect.arrayContaining(['/road/v1/anchor', '/road/v1/join']))
    expect(view(node).node('other')).toBeNull()
  })

  it('works once; other keys under the same name are refused afterwards', async () => {
    const anchor = await at(province).anchor()
    const first = await roadNode(place, { node: 'linchuan', url: at(city).url, anchor })
    try {
      await until(() => isJoined(first) && all().every((each) => view(each.node).node('other') !== null))
    } finally {
      await first.stop()
    }
    expect(await tries({ node: 'linchuan', url: at(city).url, anchor })).toBe('directory.joinedAlready')
    const found = await at(city).injectAs(personOf('he', ['linchuan.party'], ['ledger.read']), { method: 'GET', url: '/api/ledger/records?act=directory.joinedAlready' })
    expect(found.json().records.length).toBeGreaterThan(0)
  })
})

describe('a node restored from an old backup', () => {
  it('states nothing new before it has its own log back from its neighbours', async () => {
    const { node, home, database } = at(county)
    await node.transaction(service('directory'), (tx) => append(tx, node, { kind: 'heartbeat' }))
    await refresh(node)
    const head = view(node).checkpoint().logs['wangchuan']
    await until(() => view(at(city).node).checkpoint().logs['wangchuan']?.hash === head?.hash)
    await at(county).closeRoad()
    const client = new pg.Client(database.superuser)
    await client.connect()
    await client.query("set session_replication_role = replica; delete from directory.statement where log = 'wangchuan' and seq > 5")
    await client.end()
    const room = node.slots.get(directoryRoom)
    room.view = null
    await refresh(node)
    expect(view(node).checkpoint().logs['wangchuan']?.seq).toBe(5)
    // What the refresh noted must not lower the mark that protects the log.
    expect(JSON.parse(await readFile(join(home, 'directory', 'head.json'), 'utf8')).seq).toBe(head?.seq)
    const state = () => node.transaction(service('directory'), (tx) => append(tx, node, { kind: 'heartbeat' }))
    await expect(state()).rejects.toMatchObject({ code: 'directory.restoring' })
    await exchangeWith(node, 'linchuan')
    expect(view(node).checkpoint().logs['wangchuan']?.hash).toBe(head?.hash)
    await state()
  })
})

describe('the heartbeat', () => {
  it('is stated when a log has been silent for most of a day, and not before', async () => {
    const { node, clock } = at(province)
    const length = () => view(node).log('jiangyuan').length
    clock.advance(21 * 3600_000)
    const before = length()
    await at(province).runJob('directory.heartbeat')
    await at(province).runJob('directory.heartbeat')
    expect(length()).toBe(before + 1)
    expect(directory.jobs?.[0]?.every).toBe('41 * * * *')
  })
})
