import { base64url } from '@postroad/gm'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { recordRefusal } from '@postroad/ledger/service'
import { type DirectoryView, type LogHead, canonical, readCanonical, tlsCertificates } from '@postroad/waybill'
import type { z } from 'zod'
import { isBlocked } from './blocking.ts'
import { acceptJoin, describeInvitation } from './admission/accept.ts'
import { firstLine } from './join.ts'
import { type ExchangeAnswer, MAX_MESSAGE_BYTES, anchorRequest, certificatesRequest, exchangeRequest, invitationRequest, joinRequest } from './model.ts'
import { certifyChild } from './renewal/renew.ts'
import { hearOf } from './restored.ts'
import { directoryRoom, hasLeft, neighboursIn, view } from './room.ts'
import { importLogs, judgeHeads, logsSince } from './statements.ts'
import { directoryFaults } from './words.ts'

/** What the road's server knows of a request: the certificate that the caller proved to hold, its address, the body's bytes. */
export type PeerRequest = { readonly certificate: Uint8Array | null; readonly from: string; readonly body: Uint8Array }
export type PeerReply = { readonly status: number; readonly body: Uint8Array }
export type PeerHandler = (node: Node, request: PeerRequest) => Promise<PeerReply>

/** Bodies of peer routes may not be longer. */
export const MAX_PEER_BODY_BYTES = MAX_MESSAGE_BYTES

/** The directory's share of the road's server: POST routes by path. Replies are canonical JSON; refusals are audited here. */
export const peerRoutes: Readonly<Record<'/road/v1/anchor' | '/road/v1/invitation' | '/road/v1/join' | '/road/v1/certificates' | '/road/v1/directory', PeerHandler>> = {
  '/road/v1/anchor': (node, request) => answer(node, request, '/road/v1/anchor', async () => read(anchorRequest, request.body) && firstLine(node)),
  '/road/v1/invitation': (node, request) => answer(node, request, '/road/v1/invitation', async () => describeInvitation(node, read(invitationRequest, request.body))),
  '/road/v1/join': (node, request) => answer(node, request, '/road/v1/join', async () => acceptJoin(node, read(joinRequest, request.body), request)),
  '/road/v1/certificates': (node, request) =>
    answer(node, request, '/road/v1/certificates', async () => ({ v: 1, caChains: certifyChild(node, requirePeer(node, request), read(certificatesRequest, request.body).keys) })),
  '/road/v1/directory': (node, request) => answer(node, request, '/road/v1/directory', () => exchange(node, request)),
}

/** The node of the directory whose TLS certificate this is, or null. The comparison is with the whole certificate, so another member's does not do. */
export function peerOf(node: Node, certificate: Uint8Array | null): string | null {
  if (certificate === null) return null
  const current = view(node)
  const owners = certificateOwners.get(current) ?? new Map(current.nodes().flatMap((body) => tlsCertificates(body).map((each) => [each, body.node])))
  certificateOwners.set(current, owners)
  return owners.get(base64url(certificate)) ?? null
}
const certificateOwners = new WeakMap<DirectoryView, ReadonlyMap<string, string>>()

/** Nodes one hop away: the parent and the children. */
export function neighbours(node: Node): string[] {
  return neighboursIn(view(node), node.config.node)
}

/** Heads that each peer showed last. A step back is a peer restored from a backup, or one that wants to forget. */
const shown = new WeakMap<Node, Map<string, Readonly<Record<string, LogHead>>>>()

/** Remembers and judges what a peer says it knows. */
export async function hearHeads(node: Node, peer: string, heads: Readonly<Record<string, LogHead>>): Promise<void> {
  const seen = shown.get(node) ?? new Map<string, Readonly<Record<string, LogHead>>>()
  shown.set(node, seen)
  const before = seen.get(peer) ?? {}
  seen.set(peer, heads)
  await judgeHeads(node, peer, before, heads)
  const own = node.config.node
  if ((heads[own]?.seq ?? -1) < view(node).log(own).length) hearOf(node.config.home, peer)
}

/**
 * Takes what a neighbour's bundle brings of the directory; answers the heads that it showed. Only `isPresent` ones are judged: an older bundle, imported late,
 * shows less and accuses nobody.
 */
export async function takeExchange(node: Node, peer: string, bytes: Uint8Array, isPresent: boolean): Promise<Readonly<Record<string, LogHead>>> {
  const { heads, statements } = read(exchangeRequest, bytes)
  await importLogs(node, statements, peer)
  if (isPresent) await hearHeads(node, peer, heads)
  return heads
}

function requirePeer(node: Node, request: PeerRequest): string {
  const peer = peerOf(node, request.certificate)
  if (peer === null) throw directoryFaults.unknownPeer()
  if (hasLeft(node, peer)) throw directoryFaults.hasLeft({ peer })
  if (isBlocked(node, peer)) throw directoryFaults.peerBlocked({ peer })
  return peer
}

async function exchange(node: Node, request: PeerRequest): Promise<ExchangeAnswer> {
  const peer = requirePeer(node, request)
  if (!neighbours(node).includes(peer)) throw directoryFaults.notNeighbour({ peer })
  const asked = read(exchangeRequest, request.body)
  await importLogs(node, asked.statements, peer)
  await hearHeads(node, peer, asked.heads)
  return { v: 1, heads: view(node).checkpoint().logs, statements: logsSince(node, asked.heads) }
}

function read<T>(schema: z.ZodType<T>, body: Uint8Array): T {
  const found = readCanonical(body, schema, { maxBytes: MAX_MESSAGE_BYTES })
  if (!found.ok) throw directoryFaults.malformed({ fault: found.fault.code })
  return found.value
}

async function answer(node: Node, request: PeerRequest, route: string, work: () => Promise<unknown>): Promise<PeerReply> {
  try {
    return { status: 200, body: canonical(await work()) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const peer = node.slots.get(directoryRoom).view === null ? null : peerOf(node, request.certificate)
    await recordRefusal(node, null, error, { network: peer ?? request.from, method: 'POST', route })
    return { status: error.status, body: canonical({ error: { code: error.code, message: error.message, advice: error.advice, detail: error.detail } }) }
  }
}
