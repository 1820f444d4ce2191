import { concat } from '@postroad/gm'
import { nodeKeyOf, receiptKeyOf } from '../authority.ts'
import { answerCounts, hasGreeted, hear, mayForget, nextOffers, remember } from '../custody.ts'
import { verifyHops } from '../hops.ts'
import type { Head, SignedReceipt } from '../model.ts'
import { verifyReceipt } from '../receipts.ts'
import { encodeShipment, frame, type Shipment, startReadingShipment } from '../shipment.ts'
import { copyDisk, type Disk, emptyDisk, type StoredShipment } from './disk.ts'
import { takeOver } from './intake.ts'
import type { Network } from './network.ts'
import { commit, later, learn, linkOf, type PlantedBug, type Station, type Wire } from './station.ts'
import type { World } from './world.ts'

const PUMP_MS = 40
const ANSWER_MS = 160
/** How long what was handed on is kept: longer than the oldest backup that a run restores. */
export const HORIZON_MS = 60_000

/** Puts a node on the wires. */
export function createStation(node: string, net: Network, world: World, verify: Station['verify'], bug: PlantedBug | null): Station {
  const parent = net.view.node(node)?.parent ?? null
  const neighbours = [...net.view.children(node), ...(parent === null ? [] : [parent])]
  const station: Station = { node, net, suite: net.suites.P256, world, bug, verify, neighbours, disk: emptyDisk(`${node}-0`), life: 0, isUp: true, greeted: new Map(), inFlight: new Map() }
  world.connect(node, (from, message) => station.isUp && hearWire(station, from, message as Wire))
  later(station, world.dice.below(PUMP_MS), () => pump(station))
  return station
}

/** kill -9: what is not on disk is gone. Comes back after `down`. With `backup` the disk is put back to that copy, under a new epoch. */
export function crash(station: Station, down: number, backup?: { readonly id: string; readonly disk: Disk }): void {
  const { world, node } = station
  world.emit('crash', { node })
  station.isUp = false
  station.life++
  station.greeted = new Map()
  station.inFlight = new Map()
  world.at(down, () => {
    if (backup !== undefined) {
      station.disk = { ...copyDisk(backup.disk), epoch: `${node}-${station.life}` }
      world.emit('restore', { node, backup: backup.id })
    }
    station.isUp = true
    pump(station)
  })
}

function pump(station: Station): void {
  const { world, disk } = station
  const allWaiting = [...disk.shipments.values()].filter(({ state }) => state === 'waiting')
  const allRelays = disk.relays.filter(({ state }) => state === 'waiting')
  for (const peer of station.neighbours) {
    const waiting = allWaiting.filter((shipment) => shipment.peer === peer)
    const relays = allRelays.filter((entry) => entry.peer === peer)
    const epoch = station.greeted.get(peer)
    // A greeting costs nothing and finds out whether the peer was restored, so idle links greet too, now and then.
    if (epoch === undefined ? true : world.dice.chance(0.02)) greet(station, peer, null)
    if (epoch !== undefined) offer(station, waiting, epoch)
    if (epoch !== undefined && relays.length > 0) relay(station, peer, relays.map((entry) => entry.receipt), epoch)
  }
  forget(station)
  later(station, PUMP_MS + world.dice.below(20), () => pump(station))
}

function offer(station: Station, waiting: readonly StoredShipment[], epoch: string): void {
  const { world, disk, bug } = station
  const offers = waiting.map((shipment) => {
    const { head, chunks } = disk.messages.get(shipment.message) as NonNullable<ReturnType<typeof disk.messages.get>>
    const inFlight = (station.inFlight.get(shipment.id) ?? -ANSWER_MS) + ANSWER_MS > world.now()
    return { shipment, kind: head.kind, thread: head.thread, sender: head.sender.organ, ordinal: head.ordinal, urgency: head.urgency, bytes: chunks.length, queued: shipment.queued, inFlight }
  })
  for (const { shipment } of bug === 'noThreadOrder' ? offers.filter(({ inFlight }) => !inFlight) : nextOffers(offers)) {
    const { head, manifest, chunkHashes, chunks } = disk.messages.get(shipment.message) as NonNullable<ReturnType<typeof disk.messages.get>>
    const front = encodeShipment({ head, hops: shipment.hops, slice: shipment.slice, manifest, chunkHashes, forwarded: [] })
    station.inFlight.set(shipment.id, world.now())
    if (bug === 'forgetOnSend') shipment.state = 'handedOn'
    world.send(station.node, shipment.peer, { w: 'shipment', id: shipment.id, epoch, bytes: concat(front, ...chunks.map(frame)) } satisfies Wire)
  }
}

function relay(station: Station, peer: string, ids: readonly string[], epoch: string): void {
  const name = `receipts ${peer}`
  if ((station.inFlight.get(name) ?? -ANSWER_MS) + ANSWER_MS > station.world.now()) return
  station.inFlight.set(name, station.world.now())
  const list = ids.flatMap((id) => station.disk.receipts.get(id) ?? []).map(({ head, signed }) => ({ head, signed }))
  if (station.bug === 'loseReceipts') for (const entry of station.disk.relays) if (entry.peer === peer) entry.state = 'sent'
  station.world.send(station.node, peer, { w: 'receipts', epoch, list } satisfies Wire)
}

function greet(station: Station, peer: string, answerTo: string | null, tellBackAbove: number | null = null): void {
  const { disk, node } = station
  const { marks, known } = linkOf(station, peer)
  const forgotten = tellBackAbove === null || station.bug === 'noTellBack' ? [] : [...disk.receipts.values()].filter(({ from, mark }) => from === peer && mark > tellBackAbove)
  const hello = { node, epoch: disk.epoch, marks, given: known.marks }
  station.world.send(node, peer, { w: 'hello', hello, answerTo, tellBack: forgotten.map(({ head, signed }) => ({ head, signed })) } satisfies Wire)
}

function hearWire(station: Station, from: string, message: Wire): void {
  const { disk } = station
  if (message.w === 'hello') return commit(station, () => hearHello(station, from, message))
  if (message.w === 'greetFirst') return void station.greeted.delete(from)
  if (message.w === 'custody') return commit(station, () => handedOn(station, from, message))
  if (message.w === 'receiptsTaken') return commit(station, () => relayed(station, from, message))
  if (!hasGreeted(disk.epoch, message.epoch)) return station.world.send(station.node, from, { w: 'greetFirst' } satisfies Wire)
  if (message.w === 'receipts') return commit(station, () => takeReceipts(station, from, message.list))
  const shipment = readShipmentBytes(station, message.bytes)
  if (shipment !== null) takeOver(station, from, message.id, shipment)
}

function hearHello(station: Station, from: string, { hello, answerTo, tellBack }: Wire & { w: 'hello' }): void {
  const { disk } = station
  if (answerTo !== null && answerTo !== disk.epoch) return
  const link = linkOf(station, from)
  const heard = hear(link.known, link.marks, hello, answerTo !== null)
  for (const { head, signed } of tellBack) learn(station, head, signed, null)
  if (station.bug !== 'ignoreHello') {
    if (heard.offerAgainAbove !== null) for (const shipment of disk.shipments.values()) if (shipment.peer === from && shipment.mark > heard.offerAgainAbove) Object.assign(shipment, { state: 'waiting', mark: 0, handedOn: null })
    if (heard.relayAgainAbove !== null) for (const entry of disk.relays) if (entry.peer === from && entry.mark > heard.relayAgainAbove) Object.assign(entry, { state: 'waiting', mark: 0 })
  }
  link.known = heard.known
  if (answerTo === null) greet(station, from, hello.epoch, heard.tellBackAbove)
  else station.greeted.set(from, hello.epoch)
}

function readShipmentBytes(station: Station, bytes: Uint8Array): { readonly shipment: Shipment; readonly chunks: Uint8Array[] } | null {
  const reader = startReadingShipment(station.net.suites)
  const read = reader.push(bytes)
  if (!read.ok || !reader.finish().ok) return null
  const [front, ...rest] = read.value
  if (front?.kind !== 'front') return null
  const { head, hops } = front.shipment
  if (!verifyHops(station.net.suites, { head, hops, keyOf: nodeKeyOf(station.net.view), verify: station.verify }).ok) return null
  return { shipment: front.shipment, chunks: rest.flatMap((event) => (event.kind === 'chunk' ? [event.sealed] : [])) }
}

function handedOn(station: Station, from: string, { epoch, id, mark, receipts }: Wire & { w: 'custody' }): void {
  const link = linkOf(station, from)
  if (!answerCounts(link.known, epoch)) return
  const shipment = station.disk.shipments.get(id)
  if (shipment === undefined || shipment.peer !== from || !receipts.some(({ receipt }) => receipt.kind === 'custody' && receipt.node === from)) return
  Object.assign(shipment, { state: 'handedOn', mark, handedOn: station.world.now() })
  station.inFlight.delete(id)
  link.known = remember(link.known, { taken: mark })
}

function relayed(station: Station, from: string, { epoch, ids, mark }: Wire & { w: 'receiptsTaken' }): void {
  const link = linkOf(station, from)
  if (!answerCounts(link.known, epoch)) return
  for (const entry of station.disk.relays) if (entry.peer === from && ids.includes(entry.receipt)) Object.assign(entry, { state: 'sent', mark })
  station.inFlight.delete(`receipts ${from}`)
  link.known = remember(link.known, { receipts: mark })
}

function takeReceipts(station: Station, from: string, list: readonly { readonly head: Head; readonly signed: SignedReceipt }[]): void {
  const link = linkOf(station, from)
  for (const { head, signed } of list) {
    if (station.disk.receipts.has(signed.receipt.id)) continue
    if (!verifyReceipt(station.net.suites, { signed, head, keyOf: receiptKeyOf(station.net.view), verify: station.verify }).ok) continue
    link.marks = { ...link.marks, receipts: link.marks.receipts + 1 }
    learn(station, head, signed, from)
  }
  station.world.send(station.node, from, { w: 'receiptsTaken', epoch: station.disk.epoch, ids: list.map(({ signed }) => signed.receipt.id), mark: link.marks.receipts } satisfies Wire)
}

function forget(station: Station): void {
  const { disk, world, bug } = station
  for (const [id, shipment] of disk.shipments) if (mayForget(shipment.handedOn, world.now(), bug === 'forgetAtOnce' ? -1 : HORIZON_MS)) disk.shipments.delete(id)
}

