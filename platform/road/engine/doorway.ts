import { MAX_PEER_BODY_BYTES, hasLeft, isBlocked, neighbours, peerOf, peerRoutes } from '@postroad/directory/service'
import { Refusal } from '@postroad/kernel/errors'
import { recordRefusal } from '@postroad/ledger/service'
import { MAX_SEALED_CHUNK_BYTES, canonical, checkSchema } from '@postroad/waybill'
import { type ArrivedRequest, BodyCut, type WireHandler, type WireReply, readAll } from '../transport/port.ts'
import type { LinkSetting } from '@postroad/directory/service'
import { roadFaults } from '../words.ts'
import { answerGreeting } from './greet.ts'
import { CLOCK_SLACK_MS } from '../model.ts'
import { type Announced, Later, type Offerer, receiveChunk, receiveReceipts, receiveShipment } from './inbound.ts'
import type { Road } from './road.ts'
import { CHUNK_TYPE, CLOCK_HEADER, EPOCH_HEADER, JSON_TYPE, NODE_HEADER, SHIPMENT_TYPE, TRACE_HEADER, greeting, paths } from './wire.ts'

const SHIPMENT = /^\/road\/v1\/shipments\/([A-Za-z0-9_-]{43})$/
const CHUNK = /^\/road\/v1\/shipments\/([A-Za-z0-9_-]{43})\/chunks\/(\d{1,7})$/
const MAX_GREETING_BYTES = 4096
const MAX_RECEIPTS_BYTES = 4 * 1024 * 1024

/** What answers other nodes, whatever the transport. Every refusal is audited with the peer that it was said to. */
export function doorway(road: Road, carrier: LinkSetting['carrier'] = 'https'): WireHandler {
  const announced: Announced = new Map()
  return async (request) => {
    const path = request.path.split('?')[0] ?? ''
    try {
      return (await directoryRoute(road, path, request)) ?? (await roadRoute(road, announced, carrier, path, request))
    } catch (error) {
      return refuse(road, path, request, error)
    }
  }
}

/** Joining and the directory's exchange come before anybody is a peer; the directory checks and audits them itself. */
async function directoryRoute(road: Road, path: string, request: ArrivedRequest): Promise<WireReply | null> {
  const handler = Object.hasOwn(peerRoutes, path) ? peerRoutes[path as keyof typeof peerRoutes] : undefined
  if (handler === undefined || request.method !== 'POST') return null
  requireType(request, JSON_TYPE)
  const body = await readAll(request.body, MAX_PEER_BODY_BYTES)
  if (body === null) throw roadFaults.tooLong()
  return handler(road.node, { certificate: request.certificate, from: request.from, body })
}

async function roadRoute(road: Road, announced: Announced, carrier: LinkSetting['carrier'], path: string, request: ArrivedRequest): Promise<WireReply> {
  const shipment = request.method === 'PUT' ? SHIPMENT.exec(path)?.[1] : undefined
  const chunk = request.method === 'PUT' ? CHUNK.exec(path) : null
  const isReceipts = request.method === 'POST' && path === paths.receipts
  const isHello = request.method === 'POST' && path === paths.hello
  const isAlive = request.method === 'POST' && path === paths.alive
  if (shipment === undefined && chunk === null && !isReceipts && !isHello && !isAlive) throw roadFaults.noSuchRoute()
  requireType(request, shipment !== undefined ? SHIPMENT_TYPE : chunk !== null ? CHUNK_TYPE : JSON_TYPE)
  const offerer = requireNeighbour(road, request, carrier)
  road.hands.heard(offerer.peer)
  if (isHello) return hello(road, offerer, request)
  if (isAlive) return { status: 200, body: canonical({ v: 1, node: road.self, at: road.node.now().toISOString() }) }
  // whoever has not greeted this epoch may hold what this database, restored from a backup, has forgotten
  if (offerer.epoch !== road.epoch) throw new Later(roadFaults.greetFirst())
  if (shipment !== undefined || chunk !== null) requireSameTime(road, offerer.peer, request.headers[CLOCK_HEADER])
  if (shipment !== undefined) return receiveShipment(road, announced, offerer, shipment, request.body)
  if (chunk !== null) return receiveChunk(road, announced, offerer, chunk[1] ?? '', Number(chunk[2]), request.body, MAX_SEALED_CHUNK_BYTES)
  const bytes = await readAll(request.body, MAX_RECEIPTS_BYTES)
  if (bytes === null) throw roadFaults.tooLong()
  const { reply, refused } = await receiveReceipts(road, offerer, bytes)
  for (const { id, code } of refused) await audit(road, request, path, roadFaults.badReceipts({ receipt: id, code }), offerer.peer)
  return reply
}

function requireType(request: ArrivedRequest, type: string): void {
  if ((request.type.split(';')[0] ?? '').trim().toLowerCase() !== type) throw roadFaults.wrongType({ type: request.type.slice(0, 100) })
}

/** The caller is the neighbour whose certificate it proved to hold, and it says so itself. */
function requireNeighbour(road: Road, request: ArrivedRequest, carrier: LinkSetting['carrier']): Offerer {
  const peer = peerOf(road.node, request.certificate)
  if (peer === null) throw roadFaults.unknownPeer()
  if (hasLeft(road.node, peer)) throw new Later(roadFaults.peerLeft({ peer }))
  // Whatever it offers it keeps: nothing of it is refused for good.
  if (isBlocked(road.node, peer)) throw new Later(roadFaults.peerBlocked({ peer }))
  const claimed = request.headers[NODE_HEADER] ?? ''
  if (claimed !== peer) throw roadFaults.peerMismatch({ claimed: claimed.slice(0, 64), certificate: peer })
  if (!neighbours(road.node).includes(peer)) throw roadFaults.notNeighbour({ peer })
  if (road.settingOf(peer).carrier !== carrier) throw roadFaults.otherCarrier({ peer, carrier })
  return { peer, epoch: request.headers[EPOCH_HEADER] ?? '', traceparent: request.headers[TRACE_HEADER] }
}

/** Custody is signed with a time that others must believe. Which of two clocks is wrong nobody here can tell: what comes waits until they agree. */
function requireSameTime(road: Road, peer: string, told: string | undefined): void {
  const now = road.node.now()
  const apart = told === undefined ? 0 : now.getTime() - Date.parse(told)
  // NaN, of a time that is none, is not within the slack either
  if (!(Math.abs(apart) <= CLOCK_SLACK_MS)) throw new Later(roadFaults.clocksDiffer({ peer, told: told?.slice(0, 40) ?? '', seconds: Math.round(apart / 1000) }))
}

async function hello(road: Road, { peer }: Offerer, request: ArrivedRequest): Promise<WireReply> {
  const bytes = await readAll(request.body, MAX_GREETING_BYTES)
  if (bytes === null) throw roadFaults.tooLong()
  const told = checkSchema(parse(bytes), greeting)
  if (!told.ok || told.value.node !== peer) throw roadFaults.malformed({ peer })
  return { status: 200, body: canonical(await answerGreeting(road, peer, told.value)) }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw roadFaults.malformed()
  }
}

async function refuse(road: Road, path: string, request: ArrivedRequest, error: unknown): Promise<WireReply> {
  const later = error instanceof Later
  const refusal = later ? error.refusal : error instanceof BodyCut ? roadFaults.bodyCut({ detail: error.message.slice(0, 200) }) : error
  if (!(refusal instanceof Refusal)) {
    road.node.log.error({ err: error, path }, 'road: request failed')
    return { status: 500, body: canonical({ error: { code: 'kernel.unexpected', later: true } }) }
  }
  if (refusal.code !== 'road.greetFirst') await audit(road, request, path, refusal, null)
  const transient = later || refusal.code === 'road.bodyCut' || refusal.code === 'road.notAnnounced' || refusal.status >= 500
  return { status: refusal.status, body: canonical({ error: { code: refusal.code, message: refusal.message, advice: refusal.advice, later: transient } }) }
}

async function audit(road: Road, request: ArrivedRequest, path: string, refusal: Refusal, peer: string | null): Promise<void> {
  let network = peer
  try {
    network ??= peerOf(road.node, request.certificate)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error // before the node has joined nobody is a peer
  }
  await recordRefusal(road.node, null, refusal, { network: network ?? request.from, method: request.method.slice(0, 10), route: path.slice(0, 200) })
}
