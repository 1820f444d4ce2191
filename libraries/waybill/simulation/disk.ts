import type { Known, Marks } from '../custody.ts'
import type { Delivery } from '../delivery.ts'
import type { Head, SignedHopLine, SignedReceipt, SlicedRecipient } from '../model.ts'

/** A message as it lies on a node's disk. */
export type StoredMessage = { readonly head: Head; readonly manifest: string; readonly chunkHashes: readonly string[]; readonly chunks: readonly Uint8Array[] }
export type StoredShipment = {
  readonly id: string
  readonly peer: string
  readonly message: string
  readonly slice: readonly SlicedRecipient[]
  readonly hops: readonly SignedHopLine[]
  readonly queued: number
  state: 'waiting' | 'handedOn'
  mark: number
  handedOn: number | null
}
export type StoredReceipt = { readonly signed: SignedReceipt; readonly head: Head; readonly from: string | null; readonly mark: number }
export type StoredRelay = { readonly receipt: string; readonly peer: string; state: 'waiting' | 'sent'; mark: number }
export type StoredLink = { marks: Marks; known: Known }

/** Everything of a node that survives a crash. A backup is a copy of it; a restore puts an old copy in its place under a new epoch. */
export type Disk = {
  epoch: string
  messages: Map<string, StoredMessage>
  /** Message and organ → seen here, on whatever link. Never forgotten. */
  seen: Set<string>
  shipments: Map<string, StoredShipment>
  /** Shipments taken over: the answer is the same every time. */
  taken: Map<string, { readonly mark: number; readonly receipts: readonly SignedReceipt[] }>
  links: Map<string, StoredLink>
  inbox: Map<string, Delivery>
  sent: Map<string, Delivery>
  receipts: Map<string, StoredReceipt>
  relays: StoredRelay[]
  /** Recall requests that came before what they recall: message and organ → the request's id. */
  tombstones: Map<string, string>
}

export const emptyDisk = (epoch: string): Disk => ({
  epoch,
  messages: new Map(),
  seen: new Set(),
  shipments: new Map(),
  taken: new Map(),
  links: new Map(),
  inbox: new Map(),
  sent: new Map(),
  receipts: new Map(),
  relays: [],
  tombstones: new Map(),
})

const copyRows = <T extends object>(rows: ReadonlyMap<string, T>): Map<string, T> => new Map([...rows].map(([key, row]) => [key, { ...row }]))

export const copyDisk = (disk: Disk): Disk => ({
  epoch: disk.epoch,
  messages: new Map(disk.messages),
  seen: new Set(disk.seen),
  shipments: copyRows(disk.shipments),
  taken: new Map(disk.taken),
  links: copyRows(disk.links),
  inbox: new Map(disk.inbox),
  sent: new Map(disk.sent),
  receipts: new Map(disk.receipts),
  relays: disk.relays.map((relay) => ({ ...relay })),
  tombstones: new Map(disk.tombstones),
})
