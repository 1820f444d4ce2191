import { signBatch } from '../batch.ts'
import { answerRecall, mayTellCustody, splitKnown } from '../custody.ts'
import { advance, mayIssue, NO_FACTS } from '../delivery.ts'
import { nextHopLine } from '../hops.ts'
import type { BatchSignature, Head, SignedHopLine, SlicedRecipient } from '../model.ts'
import { shipmentId, type Shipment } from '../shipment.ts'
import type { StoredMessage } from './disk.ts'
import { commit, instantOf, learn, linkOf, receiptFor, seal, type Station, type Wire } from './station.ts'

type Arrival = { readonly shipment: Shipment; readonly chunks: readonly Uint8Array[] }

/** A shipment is at the door: custody of what is new, written down, then told; the same answer for what was taken before. */
export function takeOver(station: Station, from: string, id: string, arrival: Arrival): void {
  const { world, bug, node } = station
  const { head, slice } = arrival.shipment
  const organs = slice.map(({ leaf }) => leaf.organ)
  const tell = (mark: number, receipts: Wire & { w: 'custody' }): void => {
    world.emit('custody', { node, to: from, message: head.id, organs })
    world.send(node, from, { ...receipts, mark })
  }
  const custody = { w: 'custody' as const, epoch: station.disk.epoch, id, mark: 0, receipts: seal(station, [receiptFor(station, head, { kind: 'custody', recipient: null })]) }
  const early = bug === 'custodyBeforeDurable' || mayTellCustody({ payloadDurable: false, rowsDurable: false })
  if (early) tell(linkOf(station, from).marks.taken + 1, custody)
  commit(station, () => {
    const { disk } = station
    const before = bug === 'noDedupe' ? undefined : disk.taken.get(id)
    if (before === undefined) {
      const link = linkOf(station, from)
      link.marks = { ...link.marks, taken: link.marks.taken + 1 }
      const line = nextHopLine(station.suite, { head, hops: arrival.shipment.hops, node, at: instantOf(world), directory: station.net.view.checkpoint().hash, random: world.dice.bytes })
      if (!line.ok) return
      const hop: SignedHopLine = { line: line.value, seal: signBatch(station.suite, station.net.nodeSigner(node, 'P256'), 'hop', [line.value])[0] as BatchSignature }
      const { manifest, chunkHashes } = arrival.shipment
      store(station, { head, manifest, chunkHashes, chunks: arrival.chunks }, slice, [...arrival.shipment.hops, hop])
      disk.taken.set(id, { mark: link.marks.taken, receipts: custody.receipts })
    }
    if (!early) tell(disk.taken.get(id)?.mark ?? 0, { ...custody, receipts: disk.taken.get(id)?.receipts ?? [] })
  })
}

/** The one transaction: payload, rows, and where everything goes next. */
export function store(station: Station, message: StoredMessage, slice: readonly SlicedRecipient[], hops: readonly SignedHopLine[]): void {
  const { disk, node, net, world, suite, bug } = station
  const { head } = message
  const key = (organ: string): string => `${head.id} ${organ}`
  const { fresh } = bug === 'noDedupe' ? { fresh: slice } : splitKnown(slice, ({ leaf }) => disk.seen.has(key(leaf.organ)))
  if (!disk.messages.has(head.id)) disk.messages.set(head.id, message)
  const ways = new Map<string, SlicedRecipient[]>()
  for (const entry of fresh) {
    disk.seen.add(key(entry.leaf.organ))
    const next = net.view.nextHop(node, entry.leaf.organ)
    if (next !== null) ways.set(next, [...(ways.get(next) ?? []), entry])
  }
  world.emit('durable', { node, message: head.id, organs: fresh.map(({ leaf }) => leaf.organ) })
  for (const [peer, entries] of ways) {
    if (peer === node) for (const { leaf } of entries) arrive(station, head, leaf.organ)
    else {
      const id = shipmentId(suite, head, { from: node, to: peer }, entries)
      disk.shipments.set(id, { id, peer, message: head.id, slice: entries, hops, queued: world.now(), state: 'waiting', mark: 0, handedOn: null })
    }
  }
}

function arrive(station: Station, head: Head, addressed: string): void {
  const { disk, node, net, world, bug } = station
  const key = `${head.id} ${addressed}`
  const told = [...disk.receipts.values()].filter(({ signed: { receipt } }) => receipt.message === head.id && receipt.recipient === addressed)
  // What a peer told back after a restore counts before anybody sees the document again.
  const delivery = told.reduce((before, { signed }) => advance(before, signed.receipt), NO_FACTS)
  disk.inbox.set(key, delivery)
  if (head.kind === 'recallRequest') return answer(station, head, addressed)
  if (delivery.facts.recalled !== undefined) return
  if (delivery.facts.arrived === undefined) issue(station, head, addressed, 'arrived')
  if (disk.tombstones.has(key) && bug !== 'noTombstone') return issue(station, head, addressed, 'recalled')
  const organ = bug === 'wrongOrgan' && world.dice.chance(0.3) ? (net.view.organs().find((other) => other.node === node && other.organ !== addressed)?.organ ?? addressed) : addressed
  world.emit('shown', { node, organ, message: head.id, thread: head.thread, sender: head.sender.organ, ordinal: head.ordinal })
}

function issue(station: Station, head: Head, organ: string, kind: 'arrived' | 'recalled' | 'recallRefused'): void {
  const reason = kind === 'recallRefused' ? { code: 'signedFor', text: '' } : null
  const [signed] = seal(station, [receiptFor(station, head, { kind, recipient: organ, reason })])
  if (signed === undefined) return
  if (kind !== 'arrived') station.world.emit('act', { node: station.node, organ, message: head.id, kind, receipt: signed.receipt.id })
  learn(station, head, signed, null)
}

function answer(station: Station, request: Head, organ: string): void {
  const { disk, bug } = station
  const key = `${request.regarding ?? ''} ${organ}`
  const delivery = disk.inbox.get(key) ?? null
  const recalled = disk.messages.get(request.regarding ?? '')
  const verdict = delivery === null || recalled === undefined ? 'tombstone' : bug === 'recallWithoutLock' ? 'recalled' : answerRecall(delivery)
  if (verdict === 'tombstone') return void disk.tombstones.set(key, request.id)
  const answered = delivery?.facts.recalled !== undefined || delivery?.facts.recallRefused !== undefined
  if (recalled !== undefined && !answered) issue(station, recalled.head, organ, verdict)
}

/** A person of the organ signs for, or returns. The destination's row decides whether that is still possible. */
export function actOfPerson(station: Station, message: string, organ: string, kind: 'signedFor' | 'returned'): void {
  const { disk, net, node, world } = station
  const stored = disk.messages.get(message)
  const delivery = disk.inbox.get(`${message} ${organ}`)
  if (stored === undefined || delivery === undefined || !mayIssue(delivery, kind).ok || delivery.facts.signedFor !== undefined) return
  const peer = net.view.nextHop(node, stored.head.sender.organ)
  // After a restore the neighbour towards the sender may hold receipts that this node has forgotten: people wait until it has greeted.
  if (peer !== node && peer !== null && !station.greeted.has(peer)) return
  const actor = { person: 'li', name: '李文书', post: '文书', organ, onBehalfOf: null }
  const [signed] = seal(station, [receiptFor(station, stored.head, { kind, recipient: organ, actor, reason: kind === 'returned' ? { code: 'wrongRecipient', text: '' } : null })], organ)
  if (signed === undefined) return
  world.emit('act', { node, organ, message, kind, receipt: signed.receipt.id })
  learn(station, stored.head, signed, null)
}
