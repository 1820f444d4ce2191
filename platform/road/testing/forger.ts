import { randomBytes } from 'node:crypto'
import { signAsNode, tls, tlsCertificate, view } from '@postroad/directory/service'
import { base64url, concat } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { service } from '@postroad/kernel/principal'
import { type BatchSignature, type Head, type HopLine, type Shipment, type SignedHopLine, encodeShipment, frame, nextHopLine, shipmentId } from '@postroad/waybill'
import { sql } from 'kysely'
import { readEpoch } from '../store/links.ts'
import { EPOCH_HEADER, JSON_TYPE, NODE_HEADER, SHIPMENT_TYPE, paths } from '../engine/wire.ts'
import { httpsTransport } from '../transport/https.ts'
import type { LinkTransport, PeerAddress, WireReply } from '../transport/port.ts'
import type { Network, Station } from './network.ts'
import type { Letter } from './terminal.ts'

/** A shipment as an honest node would offer it, to be spoilt by a test. */
export function shipmentFrom(network: Network, from: string, letter: Letter): Shipment {
  const { head, recipients, manifest, chunkHashes } = letter.packed
  return { head, hops: [hopOf(network, from, head, [])], slice: recipients, manifest: base64url(manifest), chunkHashes, forwarded: [] }
}

/** A hop line that a node really signed. */
export function hopOf(network: Network, id: string, head: Head, before: readonly SignedHopLine[], change: Partial<HopLine> = {}): SignedHopLine {
  const { node } = network.at(id)
  const made = nextHopLine(suites[head.suite], { head, hops: before, node: id, at: new Date().toISOString(), directory: view(node).checkpoint().hash, random: (length) => new Uint8Array(randomBytes(length)) })
  if (!made.ok) throw new Error(made.fault.code)
  const line = { ...made.value, ...change }
  return { line, seal: signAsNode(node, head.suite, 'hop', [line])[0] as BatchSignature }
}

export type Caller = { readonly transport: LinkTransport; readonly to: PeerAddress; readonly claims: string }
/** Calls a station with the identity of another; `claims` is what the caller says it is. */
export function callerOf(network: Network, from: string, to: string, claims = from): Caller {
  const station = network.at(to)
  return { transport: httpsTransport({ identity: () => tls(network.at(from).node), host: '127.0.0.1', port: 0 }), to: { node: to, endpoint: station.url, certificates: [tlsCertificate(station.node)] }, claims }
}

export const epochOf = ({ node }: Station): Promise<string> => node.transaction(service('road'), async (tx) => (await readEpoch(tx)) ?? '')

export type Sent = { readonly status: number; readonly code: string; readonly reply: Record<string, unknown> }
export const readSent = ({ status, body }: WireReply): Sent => {
  const reply = JSON.parse(Buffer.from(body).toString()) as { error?: { code: string } }
  return { status, code: reply.error?.code ?? 'ok', reply }
}

export type Spoilt = { readonly id?: string; readonly type?: string; readonly epoch?: string; readonly bytes?: Uint8Array; readonly chunks?: readonly Uint8Array[] }

/** Offers a shipment as `caller`; `change` spoils what is around it. */
export async function offerAs(network: Network, caller: Caller, shipment: Shipment, chunks: readonly Uint8Array[], change: Spoilt = {}): Promise<Sent> {
  const id = change.id ?? shipmentId(suites[shipment.head.suite], shipment.head, { from: caller.claims, to: caller.to.node }, shipment.slice, shipment.forwarded.length)
  const body = change.bytes ?? concat(encodeShipment(shipment), ...(change.chunks ?? chunks).map(frame))
  const reply = await caller.transport.request(caller.to, {
    method: 'PUT', path: paths.shipment(id), type: change.type ?? SHIPMENT_TYPE, length: body.length, body,
    headers: { [NODE_HEADER]: caller.claims, [EPOCH_HEADER]: change.epoch ?? (await epochOf(network.at(caller.to.node))) },
  })
  return readSent(reply)
}

/** Sends receipts as `caller`. */
export async function tellAs(network: Network, caller: Caller, bytes: Uint8Array): Promise<Sent> {
  const reply = await caller.transport.request(caller.to, {
    method: 'POST', path: paths.receipts, type: JSON_TYPE, length: bytes.length, body: bytes, headers: { [NODE_HEADER]: caller.claims, [EPOCH_HEADER]: await epochOf(network.at(caller.to.node)) },
  })
  return readSent(reply)
}

/** Audit records of an act at a node, newest last. */
export async function auditOf({ node }: Station, act: string): Promise<readonly { outcome: string; object: string; detail: Record<string, unknown>; actor: { kind: string; id: string } }[]> {
  const { rows } = await node.transaction(service('ledger'), (tx) => sql<{ leaf: { outcome: string; object: string; detail: Record<string, unknown>; actor: { kind: string; id: string } } }>`select leaf from ledger.record where leaf ->> 'act' = ${act} order by id`.execute(tx))
  return rows.map(({ leaf }) => leaf)
}

/** Whether anything of a message lies at a node. */
export async function traceOf({ node }: Station, message: string): Promise<boolean> {
  const { rows } = await node.transaction(service('road'), (tx) => sql`select from road.message where id = ${message}`.execute(tx))
  return rows.length > 0
}
