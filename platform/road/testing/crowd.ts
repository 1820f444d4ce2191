import { randomBytes, randomUUID } from 'node:crypto'
import { append, importLogs, refresh } from '@postroad/directory/service'
import { type KeyPair, base64url } from '@postroad/gm'
import { issueCertificate, pem, privateKeyPem } from '@postroad/gm/certificate'
import { suites } from '@postroad/gm/node'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { type BatchSignature, type Head, type Receipt, type Shipment, type SignedReceipt, type SignedStatement, type StatementBody, appendStatements, canonical, chunkHash, makeReceipt, signBatch, startReadingShipment } from '@postroad/waybill'
import { JSON_TYPE, NODE_HEADER, EPOCH_HEADER, paths } from '../engine/wire.ts'
import { httpsTransport } from '../transport/https.ts'
import type { ArrivedRequest, LinkTransport, PeerAddress, WireReply } from '../transport/port.ts'
import { type OrganKeys, keyName, organBodies } from './network.ts'

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))
const RECEIPTS_AT_ONCE = 400
const START = '2020-01-01T00:00:00.000Z'

/** What went over one link, in the origin's sight. Bytes are those of bodies of requests. */
export type LinkLoad = { readonly node: string; shipments: number; recipients: number; bytes: number; receiptBytes: number }
/** A peer's end of its link: what it serves with, and the certificate that the directory is to name. */
export type CrowdLine = { readonly transport: LinkTransport; readonly certificate: Uint8Array }
export type Crowd = {
  /** What the parent states about its children, and what they state themselves. */
  readonly children: readonly StatementBody[]
  readonly logs: readonly SignedStatement[]
  /** Organs with their encryption keys. */
  readonly organs: ReadonlyMap<string, Uint8Array>
  readonly loads: readonly LinkLoad[]
  /** What the organs do once a document is with them: it is opened and signed for, and the receipts go back. */
  signForAll(origin: PeerAddress): Promise<void>
  close(): Promise<void>
}

export type CrowdSize = { readonly nodes: number; readonly organsEach: number }
type OrganPairs = Readonly<Record<'sign' | 'encrypt', KeyPair>>
type Peer = CrowdLine & { readonly node: string; readonly load: LinkLoad; readonly pair: KeyPair; readonly arrived: Shipment[]; readonly announced: Map<string, { readonly shipment: Shipment; left: number }>; mark: number; readonly epoch: string }

/**
 * Child nodes of one real node, each with its organs, as neighbours who keep the protocol and hold nothing: they verify what comes, take custody, and their
 * organs sign for it. So a node can be watched with a province under it on one machine. SM suite throughout.
 */
export async function gatherCrowd(parent: string, size: CrowdSize, lineOf: (node: string) => CrowdLine): Promise<Crowd> {
  const keys = new Map<string, OrganPairs>()
  const peers = Array.from({ length: size.nodes }, (_, place): Peer => {
    const node = `x${place}`
    return { ...lineOf(node), node, pair: suites.SM.generateKeyPair(), arrived: [], announced: new Map(), mark: 0, epoch: `${randomUUID()}.1`, load: { node, shipments: 0, recipients: 0, bytes: 0, receiptBytes: 0 } }
  })
  const logs: SignedStatement[] = []
  for (const peer of peers) {
    const endpoint = await peer.transport.serve((request) => answer(peer, request))
    logs.push(...logOf(peer, parent, endpoint, Array.from({ length: size.organsEach }, (_, place) => `${peer.node}.o${place}`), keys))
  }
  return {
    children: peers.map((peer) => ({ kind: 'child', node: peer.node, keys: keysOf(peer) })),
    logs,
    organs: new Map([...keys].map(([organ, { encrypt }]) => [organ, encrypt.publicKey])),
    loads: peers.map(({ load }) => load),
    signForAll: async (origin) => void (await Promise.all(peers.map((peer) => signFor(peer, origin, keys)))),
    close: async () => void (await Promise.all(peers.map(({ transport }) => transport.close()))),
  }
}

/** Makes a real node the parent of a crowd. */
export async function adoptCrowd(node: Node, { children, logs }: Pick<Crowd, 'children' | 'logs'>): Promise<void> {
  await node.transaction(service('directory'), (tx) => append(tx, node, children))
  await refresh(node)
  const { faults } = await importLogs(node, logs, 'crowd')
  if (faults.length > 0) throw new Error(JSON.stringify(faults[0]))
}

/** The organs' keys as a terminal that writes to them needs them. */
export const writersKeys = (sender: string, pairs: OrganKeys, organs: Crowd['organs']): { readonly keys: ReadonlyMap<string, OrganKeys> } => {
  const publicOnly = (publicKey: Uint8Array): OrganPairs => ({ sign: { publicKey, privateKey: new Uint8Array() }, encrypt: { publicKey, privateKey: new Uint8Array() } })
  return { keys: new Map([[sender, pairs], ...[...organs].map(([organ, key]) => [organ, { SM: publicOnly(key), P256: publicOnly(key) }] as const)]) }
}

/** Invented counties, ninety to a city. */
const placeOf = ({ node }: Pick<Peer, 'node'>): number => Number(node.slice(1))
const regionOf = (peer: Pick<Peer, 'node'>): string => `32${String(1 + Math.floor(placeOf(peer) / 90)).padStart(2, '0')}${String(1 + (placeOf(peer) % 90)).padStart(2, '0')}`
const regionTitleOf = (peer: Pick<Peer, 'node'>): string => `第${placeOf(peer) + 1}县`
const nodeKey = (id: string): string => `${id}.node.sm`
const keysOf = ({ node, pair }: Peer): Extract<StatementBody, { kind: 'node' }>['keys'] => [{ id: nodeKey(node), suite: 'SM', publicKey: base64url(pair.publicKey) }]

function logOf(peer: Peer, parent: string, endpoint: string, organs: readonly string[], keys: Map<string, OrganPairs>): SignedStatement[] {
  const own: StatementBody = {
    kind: 'node', node: peer.node, title: `${regionTitleOf(peer)}公文交换中心`, level: 'county', region: regionOf(peer), regionTitle: regionTitleOf(peer), maxLabel: 2, parent, keys: keysOf(peer),
    tls: { certificate: base64url(peer.certificate) }, endpoint,
  }
  const bodies = organs.flatMap((organ) => {
    const pairs = { sign: suites.SM.generateKeyPair(), encrypt: suites.SM.generateKeyPair() }
    keys.set(organ, pairs)
    return organBodies(organ, { SM: pairs }).map((body) => (body.kind === 'organ' ? { ...body, region: regionOf(peer), regionTitle: regionTitleOf(peer), title: `${regionTitleOf(peer)}第${organ.slice(organ.lastIndexOf('.o') + 2)}办公室` } : body))
  })
  return appendStatements(suites, { log: peer.node, last: null, at: START, signer: { key: nodeKey(peer.node), keyPair: peer.pair, suite: 'SM' } }, [own, ...bodies])
}

async function answer(peer: Peer, request: ArrivedRequest): Promise<WireReply> {
  if (request.path === paths.hello) {
    const told = JSON.parse(Buffer.from(await whole(request.body)).toString()) as { marks: { taken: number; receipts: number } }
    return { status: 200, body: canonical({ v: 1, node: peer.node, epoch: peer.epoch, marks: { taken: peer.mark, receipts: 0 }, given: told.marks, at: new Date().toISOString() }) }
  }
  if (request.method !== 'PUT') return { status: 404, body: canonical({ error: { code: 'road.noSuchRoute', later: false } }) }
  peer.load.bytes += request.length ?? 0
  const [id = '', chunk] = request.path.slice(paths.shipment('').length).split('/chunks/')
  const announced = peer.announced.get(id)
  if (chunk !== undefined && announced !== undefined) {
    const bytes = await whole(request.body)
    if (chunkHash(suites[announced.shipment.head.suite], bytes) !== announced.shipment.chunkHashes[Number(chunk)]) throw new Error('another chunk')
    announced.left -= 1
    return announced.left > 0 ? { status: 200, body: canonical({ v: 1 }) } : takeCustody(peer, announced.shipment)
  }
  const reader = startReadingShipment(suites)
  let shipment: Shipment | null = null
  let chunks = 0
  for await (const piece of request.body) {
    const events = reader.push(piece)
    if (!events.ok) throw new Error(events.fault.code)
    for (const event of events.value) {
      if (event.kind === 'front') shipment = event.shipment
      else chunks += 1
    }
  }
  const end = reader.finish()
  if (!end.ok || shipment === null) throw new Error(end.ok ? 'no front' : end.fault.code)
  if (chunks === shipment.chunkHashes.length) return takeCustody(peer, shipment)
  peer.announced.set(id, { shipment, left: shipment.chunkHashes.length })
  return { status: 202, body: canonical({ v: 1, missing: [...shipment.chunkHashes.keys()] }) }
}

function takeCustody(peer: Peer, shipment: Shipment): WireReply {
  const { head, slice } = shipment
  peer.arrived.push(shipment)
  peer.load.shipments += 1
  peer.load.recipients += slice.length
  peer.mark += 1
  const receipts = [receiptOf(head, peer.node, 'custody', null), ...slice.map(({ leaf }) => receiptOf(head, peer.node, 'arrived', leaf.organ))]
  return { status: 200, body: canonical({ v: 1, epoch: peer.epoch, mark: peer.mark, receipts: sealed(nodeKey(peer.node), peer.pair, receipts) }) }
}

async function whole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** As `delivered` and `signedFor` come one by one from each organ's terminal and leave the node in batches. */
async function signFor(peer: Peer, origin: PeerAddress, keys: ReadonlyMap<string, OrganPairs>): Promise<void> {
  const say = async (path: string, content: unknown, epoch: string): Promise<Record<string, unknown>> => {
    const body = canonical(content)
    if (path === paths.receipts) peer.load.receiptBytes += body.length
    const reply = await peer.transport.request(origin, { method: 'POST', path, type: JSON_TYPE, headers: { [NODE_HEADER]: peer.node, [EPOCH_HEADER]: epoch }, length: body.length, body })
    if (reply.status !== 200) throw new Error(Buffer.from(reply.body).toString())
    return JSON.parse(Buffer.from(reply.body).toString()) as Record<string, unknown>
  }
  const greeting = await say(paths.hello, { v: 1, node: peer.node, epoch: peer.epoch, marks: { taken: peer.mark, receipts: 0 }, given: { taken: 0, receipts: 0 }, at: new Date().toISOString() }, '')
  const receipts = peer.arrived.splice(0).flatMap(({ head, slice }) => slice.flatMap(({ leaf: { organ } }) => {
    const actor = { person: `clerk-${organ}`, name: '王文书', post: 'clerk', organ, onBehalfOf: null }
    const acts = (['delivered', 'signedFor'] as const).map((kind) => receiptOf(head, peer.node, kind, organ, actor))
    return sealed(keyName(organ, 'SM', 'sign'), keys.get(organ)?.sign as KeyPair, acts)
  }))
  for (let at = 0; at < receipts.length; at += RECEIPTS_AT_ONCE) {
    const told = await say(paths.receipts, receipts.slice(at, at + RECEIPTS_AT_ONCE), String(greeting['epoch']))
    if ((told['refused'] as unknown[]).length > 0) throw new Error(JSON.stringify(told['refused']))
  }
}

function receiptOf(head: Head, node: string, kind: Receipt['kind'], recipient: string | null, actor: Receipt['actor'] = null): Receipt {
  const made = makeReceipt(suites.SM, { head, kind, recipient, node, at: new Date().toISOString(), directory: base64url(new Uint8Array(32)), random, actor, reason: null })
  if (!made.ok) throw new Error(made.fault.code)
  return made.value
}

function sealed(key: string, keyPair: KeyPair, receipts: readonly Receipt[]): SignedReceipt[] {
  const seals = signBatch(suites.SM, { key, keyPair }, 'receipt', receipts)
  return receipts.map((receipt, place) => ({ receipt, seal: seals[place] as BatchSignature }))
}

/** A peer's line over mutual TLS on a free port of the loopback. */
export function crowdLine(node: string): CrowdLine {
  const pair = suites.P256.generateKeyPair()
  const name = { commonName: node }
  const terms = { serial: '0a', notBefore: new Date('2020-01-01'), notAfter: new Date('2040-01-01'), usage: 'tls' as const, dnsNames: ['localhost'] }
  const certificate = issueCertificate(suites.P256, { name, keyPair: pair }, { ...name, publicKey: pair.publicKey }, terms)
  const identity = { key: privateKeyPem(suites.P256, pair), cert: pem('CERTIFICATE', certificate) }
  return { certificate, transport: httpsTransport({ identity: () => identity, host: '127.0.0.1', port: 0 }) }
}
