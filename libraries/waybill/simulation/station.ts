import type { Suite } from '@postroad/gm'
import { type batchVerifier, signBatch } from '../batch.ts'
import { type Hello, NO_MARKS, STRANGER } from '../custody.ts'
import { advance } from '../delivery.ts'
import type { BatchSignature, Head, Receipt, SignedReceipt } from '../model.ts'
import { makeReceipt } from '../receipts.ts'
import type { Disk, StoredLink } from './disk.ts'
import type { Network } from './network.ts'
import type { World } from './world.ts'

/** Mistakes that may be built in, to see whether the checker finds them. */
export const PLANTED_BUGS = [
  'custodyBeforeDurable',
  'acceptBeforeDurable',
  'noDedupe',
  'forgetOnSend',
  'ignoreHello',
  'noThreadOrder',
  'recallWithoutLock',
  'noTombstone',
  'wrongOrgan',
  'loseReceipts',
  'forgetAtOnce',
  'noTellBack',
] as const
export type PlantedBug = (typeof PLANTED_BUGS)[number]

/** One node at work: its disk, and what a crash takes away. */
export type Station = {
  readonly node: string
  readonly net: Network
  readonly suite: Suite
  readonly world: World
  readonly bug: PlantedBug | null
  readonly verify: ReturnType<typeof batchVerifier>
  readonly neighbours: readonly string[]
  disk: Disk
  life: number
  isUp: boolean
  /** Peer → the epoch of the peer that we have greeted and that has heard us. */
  greeted: Map<string, string>
  inFlight: Map<string, number>
}
export type Wire =
  | { readonly w: 'hello'; readonly hello: Hello; readonly answerTo: string | null; readonly tellBack: readonly { readonly head: Head; readonly signed: SignedReceipt }[] }
  | { readonly w: 'shipment'; readonly id: string; readonly epoch: string; readonly bytes: Uint8Array }
  | { readonly w: 'custody'; readonly epoch: string; readonly id: string; readonly mark: number; readonly receipts: readonly SignedReceipt[] }
  | { readonly w: 'receipts'; readonly epoch: string; readonly list: readonly { readonly head: Head; readonly signed: SignedReceipt }[] }
  | { readonly w: 'receiptsTaken'; readonly epoch: string; readonly ids: readonly string[]; readonly mark: number }
  | { readonly w: 'greetFirst' }

const START = Date.parse('2026-11-02T01:00:00.000Z')
export const instantOf = (world: World): string => new Date(START + world.now()).toISOString()

/** A task that dies with the process. */
export function later(station: Station, delay: number, task: () => void): void {
  const { life } = station
  station.world.at(delay, () => station.isUp && station.life === life && task())
}

/** Runs `change` when the disk has it: a few milliseconds later, unless the process dies before. */
export const commit = (station: Station, change: () => void): void => later(station, 1 + station.world.dice.below(6), change)

export const linkOf = (station: Station, peer: string): StoredLink => {
  const known = station.disk.links.get(peer) ?? { marks: NO_MARKS, known: STRANGER }
  station.disk.links.set(peer, known)
  return known
}

export function seal(station: Station, receipts: readonly Receipt[], organ?: string): SignedReceipt[] {
  if (receipts.length === 0) return []
  const signer = organ === undefined ? station.net.nodeSigner(station.node, 'P256') : station.net.organSigner(organ, 'P256')
  const seals = signBatch(station.suite, signer, 'receipt', receipts)
  return receipts.map((receipt, i) => ({ receipt, seal: seals[i] as BatchSignature }))
}

export function receiptFor(station: Station, head: Head, fact: Pick<Receipt, 'kind' | 'recipient'> & Partial<Pick<Receipt, 'actor' | 'reason'>>): Receipt {
  const { suite, node, world, net } = station
  const made = makeReceipt(suite, { ...fact, head, node, at: instantOf(world), directory: net.view.checkpoint().hash, random: world.dice.bytes })
  if (!made.ok) throw new Error(JSON.stringify(made.fault))
  return made.value
}

/** Keeps a receipt, lets it count where its delivery is shown, and passes it on towards the sender. `from` is null for one's own and for those told back. */
export function learn(station: Station, head: Head, signed: SignedReceipt, from: string | null): void {
  const { disk, node, net, world } = station
  const { receipt } = signed
  if (disk.receipts.has(receipt.id)) return
  disk.receipts.set(receipt.id, { signed, head, from, mark: from === null ? 0 : linkOf(station, from).marks.receipts })
  const key = `${receipt.message} ${receipt.recipient ?? ''}`
  const here = disk.inbox.get(key)
  if (here !== undefined) disk.inbox.set(key, advance(here, receipt))
  const home = net.view.organ(head.sender.organ)?.node
  if (home === node) {
    world.emit('told', { node, message: receipt.message, organ: receipt.recipient, kind: receipt.kind, receipt: receipt.id })
    // A receipt for what a restore made this node forget waits until the terminal has submitted it again.
    const sent = disk.sent.get(key)
    if (sent !== undefined) disk.sent.set(key, advance(sent, receipt))
    return
  }
  const peer = net.view.nextHop(node, head.sender.organ)
  if (peer !== null) disk.relays.push({ receipt: receipt.id, peer, state: 'waiting', mark: 0 })
}
