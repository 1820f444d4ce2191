import { once } from 'node:events'
import http2 from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { issueCertificate, pem, privateKeyPem } from '@postroad/gm/certificate'
import { suites } from '@postroad/gm/node'
import type { Node } from '@postroad/kernel/node'
import { type TestNode, type TestOptions, freePort, testNode } from '@postroad/kernel/testing'
import { keys } from '@postroad/keys/plugin'
import { ledger } from '@postroad/ledger/plugin'
import { directory } from './plugin.ts'
import { directoryRoom } from './room.ts'
import { peerRoutes, tls } from './service.ts'

/** A node of a test network, with as much of a road as the directory needs: HTTP/2 over mutual TLS that answers its peer routes. */
export type RoadNode = TestNode & { readonly url: string; readonly port: number; anchor(): Promise<string>; closeRoad(): Promise<void>; openRoad(): Promise<void> }

export type Place = { readonly id: string; readonly title: string; readonly region: string; readonly organs?: readonly unknown[]; readonly people?: readonly unknown[]; readonly invites?: readonly string[] }

/** A code for a child, long enough and the same on both sides. */
export const codeFor = (child: string): string => `code-for-${child}-`.padEnd(40, '7')

export async function roadNode(place: Place, parent: { node: string; url: string; anchor: string; code?: string } | null, options: TestOptions = {}): Promise<RoadNode> {
  const port = await freePort()
  const bootstrap = {
    node: { id: place.id, title: place.title, level: 'city', region: place.id, regionTitle: place.region, maxLabel: 2 },
    parent: parent === null ? null : { code: codeFor(place.id), ...parent },
    invites: (place.invites ?? []).map((node) => ({ node, code: codeFor(node) })),
    organs: place.organs ?? [],
    people: place.people ?? [],
  }
  const test = await testNode([ledger, keys, directory], { node: place.id, bootstrap, ...options, config: { road: { host: '127.0.0.1', port } } })
  let close = await serve(test.node, port)
  return {
    ...test,
    url: `https://127.0.0.1:${port}`,
    port,
    anchor: async () => (await test.server.inject({ method: 'GET', url: '/api/directory/anchor' })).json().fingerprint,
    closeRoad: () => close(),
    openRoad: async () => void (close = await serve(test.node, port)),
    stop: async () => {
      await close()
      await test.stop()
    },
  }
}

/** Makes a node look the other way: what it is told is kept, and not seen before the answer is called. */
export function holdNews(node: Node): () => void {
  const room = node.slots.get(directoryRoom)
  const held = { view: room.view, seen: room.seen }
  const latest: { view: typeof room.view; seen: string } = { ...held }
  Object.defineProperty(room, 'view', { configurable: true, get: () => held.view, set(value: typeof room.view) { latest.view = value } })
  Object.defineProperty(room, 'seen', { configurable: true, get: () => held.seen, set(value: string) { latest.seen = value } })
  return () => {
    Object.defineProperty(room, 'view', { configurable: true, writable: true, enumerable: true, value: latest.view })
    Object.defineProperty(room, 'seen', { configurable: true, writable: true, enumerable: true, value: latest.seen })
    for (const listener of room.listeners) listener()
  }
}

/** Somebody in the middle: answers with a certificate of its own and passes what it hears on to `node`. */
export async function standBetween(node: Node): Promise<{ address: string; close(): Promise<void>; passed: string[] }> {
  const pair = suites.P256.generateKeyPair()
  const name = { commonName: 'between' }
  const certificate = issueCertificate(suites.P256, { name, keyPair: pair }, { ...name, publicKey: pair.publicKey }, { serial: '01', notBefore: new Date('2020-01-01'), notAfter: new Date('2040-01-01'), usage: 'tls' })
  const [port, passed]: [number, string[]] = [await freePort(), []]
  const close = await serve(node, port, { key: privateKeyPem(suites.P256, pair), cert: pem('CERTIFICATE', certificate) }, passed)
  return { address: `https://127.0.0.1:${port}`, close, passed }
}

async function serve(node: Node, port: number, identity: { key: string; cert: string } = tls(node), heard: string[] = []): Promise<() => Promise<void>> {
  const server = http2.createSecureServer({ ...identity, minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: false })
  const sessions = new Set<http2.ServerHttp2Session>()
  server.on('session', (session) => void sessions.add(session))
  server.on('stream', (stream, headers) => {
    heard.push(headers[':path'] ?? '')
    void answer(node, stream, headers[':path'] ?? '')
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return async () => {
    for (const session of sessions) session.destroy()
    if (server.listening) await new Promise<void>((resolve) => void server.close(() => resolve()))
  }
}

async function answer(node: Node, stream: http2.ServerHttp2Stream, path: string): Promise<void> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  const handler = peerRoutes[path as keyof typeof peerRoutes]
  const certificate = (stream.session?.socket as TLSSocket | undefined)?.getPeerX509Certificate()?.raw ?? null
  const reply = await handler(node, { certificate, from: '127.0.0.1', body: Buffer.concat(parts) })
  if (stream.destroyed) return
  stream.respond({ ':status': reply.status, 'content-type': 'application/json' })
  stream.end(reply.body)
}

const organ = (id: string, title: string, regionTitle: string, name: string, code: string, deputies: readonly string[] = []) =>
  ({ id, title, system: 'party', region: id.split('.')[0] ?? id, regionTitle, names: [{ id: `${id}.name`, title: name, code }], deputies })
const clerkOf = (id: string, office: string) => ({ id, name: '文书', posts: [{ id: `${id}.post`, organ: office, title: '文书', duties: ['documents.send', 'documents.sign'] }], clearance: 2 })

/** 江源省 → 临川市 → 望川县; the city also hosts an office of 安澜县 that is a namesake of 望川县's. */
export const PROVINCE: Place = { id: 'jiangyuan', title: '江源省公文交换中心', region: '江源省', invites: ['linchuan'], organs: [organ('jiangyuan.party', '省委办公厅', '江源省', '中共江源省委', '江委')], people: [clerkOf('jy-chen', 'jiangyuan.party')] }
export const CITY: Place = {
  id: 'linchuan', title: '临川市公文交换中心', region: '江源省临川市', invites: ['wangchuan', 'other'],
  organs: [organ('linchuan.party', '市委办公室', '江源省临川市', '中共临川市委', '临委'), organ('anlan.party', '县委办公室', '临川市安澜县', '中共安澜县委办公室', '安委办')],
  people: [clerkOf('lc-xu', 'linchuan.party'), clerkOf('al-pei', 'anlan.party')],
}
export const COUNTY: Place = {
  id: 'wangchuan', title: '望川县公文交换中心', region: '临川市望川县',
  organs: [organ('wangchuan.party', '县委办公室', '临川市望川县', '中共望川县委办公室', '望委办'), organ('wangchuan.cppcc', '县政协办公室', '临川市望川县', '政协望川县委员会办公室', '望协办', ['wangchuan.party'])],
  people: [clerkOf('wc-lin', 'wangchuan.party'), clerkOf('wc-shang', 'wangchuan.cppcc')],
}
