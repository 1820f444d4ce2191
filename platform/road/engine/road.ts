import { randomBytes } from 'node:crypto'
import type { SuiteId, Suites } from '@postroad/gm'
import { view } from '@postroad/directory/service'
import { Refusal } from '@postroad/kernel/errors'
import type { Node, Slot } from '@postroad/kernel/node'
import { type BatchSignature, type DirectoryView, type Head, type Receipt, makeReceipt, type verifyBatch } from '@postroad/waybill'
import type { LinkSettings } from '@postroad/directory/service'
import type { LinkTransport } from '../transport/port.ts'
import type { RoadMeters } from './meters.ts'
import type { GroupCommit } from './writer.ts'
import type { Effect, HandedShipment, Outcome } from './effects.ts'

/** Signs structures as this node: one private-key operation for all of them. */
export type NodeSigner = (suite: SuiteId, domain: 'hop' | 'receipt', structures: readonly unknown[]) => Promise<readonly BatchSignature[]> | readonly BatchSignature[]

/** What the road's parts share for the life of the process. */
export type Road = {
  readonly node: Node
  /** This node's id. */
  readonly self: string
  /** Who holds leases: this process. */
  readonly process: string
  readonly suites: Suites
  /** Remembers good signatures: the members of one batch cost one public-key operation together. */
  readonly verify: typeof verifyBatch
  readonly sign: NodeSigner
  readonly transport: LinkTransport
  /** What carries the link to a peer, and within which limits. */
  readonly settingOf: LinkSettings
  readonly writer: GroupCommit<Effect, Outcome>
  /** Known after the first transaction; changes when the database was restored (store/links.ts). */
  epoch: string
  readonly hands: Hands
  readonly meters: RoadMeters
}

/** Where what was committed is handed to, so that it goes on without being looked up. */
export type Hands = {
  shipments(shipments: readonly HandedShipment[]): void
  relays(relays: readonly import('../store/receipts.ts').Relayed[]): void
  /** Whether a link's lane has room in memory for so many bytes; what has none waits in the database. */
  hasRoom(link: string, lane: import('../model.ts').Lane): boolean
  /** A shipment's recipients are no longer behind its link. */
  astray(): void
  /** The same for receipts on their way back. */
  hasRoomForRelays(link: string): boolean
  /** Something was heard from a peer: it may be tried at once. */
  heard(peer: string): void
}
export const roadSlot: Slot<Road> = { name: 'road.road' }

export const random = (length: number): Uint8Array => randomBytes(length)
export const directoryOf = (road: Pick<Road, 'node'>): DirectoryView => view(road.node)

/** A receipt of this node about a message; incomplete ones are programming errors. */
export function ownReceipt(road: Road, head: Head, fact: Pick<Receipt, 'kind' | 'recipient'> & Partial<Pick<Receipt, 'reason'>>, at: Date): Receipt {
  const made = makeReceipt(road.suites[head.suite], { ...fact, head, node: road.self, at: at.toISOString(), directory: directoryOf(road).checkpoint().hash, random })
  if (!made.ok) throw new Error(`receipt ${fact.kind}: ${made.fault.code} ${made.fault.detail}`)
  return made.value
}

/** What the directory answers; `otherwise` before the node has joined its tree. */
export function onceJoined<T, O>(ask: () => T, otherwise: O): T | O {
  try {
    return ask()
  } catch (error) {
    if (error instanceof Refusal) return otherwise
    throw error
  }
}
