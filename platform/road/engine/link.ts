import { isBlocked } from '@postroad/directory/service'
import { service } from '@postroad/kernel/principal'
import { FAILURES_BEFORE_PAUSE, HEARTBEAT_MS, type Lane, backOff, laneOf, waitsForNews } from '../model.ts'
import { setLinkFailure } from '../store/links.ts'
import { findMessages } from '../store/messages.ts'
import { type Lease, claimShipments, extendLeases, releaseLeases, tryAtOnce } from '../store/shipments.ts'
import { LinkFailure } from '../transport/port.ts'
import { greet } from './greet.ts'
import { type LaneQueue, type Waiting, laneQueue } from './lanes.ts'
import { type OfferResult, offer } from './offer.ts'
import { type RelayQueue, relayQueue } from './relay.ts'
import { isAstray } from './reroute.ts'
import type { HandedShipment } from './effects.ts'
import type { Road } from './road.ts'

type Held = Waiting & HandedShipment
/** One neighbour: its two lanes, its receipts on the way back, and how it is doing. */
export type Link = {
  readonly peer: string
  readonly relays: RelayQueue
  /** Whether it is worth taking anything on: the peer is not being left alone after failures. */
  readonly isOpen: boolean
  hasRoom(lane: Lane): boolean
  hand(shipment: HandedShipment): void
  /** There may be something in the database. */
  wake(): void
  /** Something came from the peer: it is alive. `since`: only if that was after the last failure. */
  heard(since?: Date): void
  state(): LinkReport
  stop(): Promise<void>
}
export type LinkReport = { readonly peer: string; readonly greeted: boolean; readonly failures: number; readonly pausedUntil: Date | null; readonly lastError: string | null; readonly waiting: number; readonly receipts: number }

/** A pause of four seconds at most. */
const NEWS_FAILURES = 4
const CLAIM = 128
/** Some minutes; a write that fails for so long is left to the lease's end and another try. */
const MOST_WRITES = 60

export function openLink(road: Road, peer: string): Link {
  const lanes: Readonly<Record<Lane, LaneQueue<Held>>> = { small: laneQueue<Held>('small'), large: laneQueue<Held>('large') }
  const look: Record<Lane, boolean> = { small: true, large: true }
  const claiming: Record<Lane, boolean> = { small: false, large: false }
  const under = new Set<Promise<unknown>>()
  let epoch: string | null = null
  let greeting = false
  let failures = 0
  let serverFaults = 0
  let pausedUntil = 0
  let failedAt = 0
  let lastError: string | null = null
  let timer: NodeJS.Timeout | null = null
  let stopped = false

  /** Milliseconds of the pause that are left; a clock put forward or back does not change them. */
  const left = (): number => pausedUntil - performance.now()
  /** A blocked neighbour is not called; what is for it waits here until it is let in again. */
  const isHeld = (): boolean => isBlocked(road.node, peer)
  const follow = (work: Promise<unknown>): void => {
    const tracked = work.catch((error: unknown) => road.node.log.error({ err: error, peer }, 'link: unexpected')).finally(() => under.delete(tracked))
    under.add(tracked)
  }
  const pump = (): void => {
    if (stopped || greeting || left() > 0 || isHeld()) return
    if (epoch === null) {
      greeting = true
      return follow(welcome())
    }
    for (const lane of ['small', 'large'] as const) {
      for (let entry = lanes[lane].next(); entry !== null; entry = lanes[lane].next()) follow(deliver(lane, entry, epoch))
      if (look[lane] && !claiming[lane] && lanes[lane].size < CLAIM / 2) {
        claiming[lane] = true
        follow(claim(lane))
      }
    }
    relays.pump()
  }
  /** Greeting is also the probe after a failure: nothing else is risked before the peer answers. */
  const welcome = async (): Promise<void> => {
    try {
      epoch = await greet(road, peer)
      failures = 0
      lastError = null
      look.small = look.large = true
    } catch (error) {
      await fail(error)
    } finally {
      greeting = false
    }
    pump()
  }
  const claim = async (lane: Lane): Promise<void> => {
    try {
      look[lane] = false
      const limit = lane === 'small' ? CLAIM : 2
      const [claimed, messages] = await road.node.transaction(service('road'), async (tx) => {
        const rows = await claimShipments(tx, { link: peer, lane, owner: road.process, now: road.node.now(), limit })
        return [rows, await findMessages(tx, rows.map(({ message }) => message))] as const
      })
      if (claimed.length === limit) look[lane] = true
      for (const row of claimed) {
        const message = messages.get(row.message)
        if (message === undefined) continue
        hold({ shipment: { id: row.id, head: message.head, link: peer, slice: row.slice, hops: row.hops, forwarded: row.forwarded, lane, rank: row.rank, owner: road.process }, message, fence: row.fence, attempts: row.attempts })
      }
    } finally {
      claiming[lane] = false
    }
    pump()
  }
  const hold = (handed: HandedShipment): void => {
    const { shipment, message } = handed
    lanes[shipment.lane].add({ ...handed, id: shipment.id, rank: shipment.rank, bytes: (message.framed?.length ?? 0) + message.manifest.length + 2048 })
  }
  const deliver = async (lane: Lane, entry: Held, peerEpoch: string): Promise<void> => {
    try {
      await settle(entry, { shipment: entry.shipment.id, fence: entry.fence }, await tryOnce(entry, peerEpoch))
    } finally {
      lanes[lane].done(entry) // whatever happens: what a lane held for ever would never be offered again
    }
    pump()
  }
  const tryOnce = async (entry: Held, peerEpoch: string): Promise<OfferResult> => {
    try {
      const result = await offer(road, entry, peerEpoch)
      if (result.kind === 'custody') serverFaults = 0
      return result
    } catch (error) {
      if (!(error instanceof LinkFailure)) road.node.log.error({ err: error, shipment: entry.shipment.id }, 'shipment not offered')
      await fail(error)
      return { kind: 'later', code: error instanceof LinkFailure ? `link.${error.reason}` : 'road.unexpected' }
    }
  }
  /** What the peer answered is worth keeping: while the database is away it is written again and again, and the lease is held. */
  const insist = async (write: () => Promise<unknown>): Promise<void> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return void (await write())
      } catch (error) {
        if (stopped || tries === MOST_WRITES) throw error
        await new Promise((resolve) => setTimeout(resolve, backOff(Math.min(tries, 4), Math.random())))
      }
    }
  }
  const settle = async (entry: Held, lease: Lease, result: OfferResult): Promise<void> => {
    const common = { keys: [entry.shipment.id], weight: 2048, lazy: false }
    const retry = (code: string, pause: number): Promise<unknown> =>
      insist(() => road.writer.write({ ...common, kind: 'failed', failed: { ...lease, nextAt: new Date(road.node.now().getTime() + pause), outcome: 'later', code, detail: lastError ?? '' } }))
    if (result.kind === 'refused' || result.kind === 'later') road.meters.failed(peer, result.code)
    if (result.kind === 'custody') await insist(() => road.writer.write({ ...common, lazy: true, kind: 'handedOn', lease, peer, mark: result.mark, receipts: result.receipts }))
    else if (result.kind === 'refused' && result.code === 'road.wrongRecipient' && isAstray(road, entry.shipment)) await retry(result.code, 0) // it has moved on: ours to bring it there
    else if (result.kind === 'refused') await insist(() => road.writer.write({ ...common, kind: 'refused', lease, message: entry.message, peer, reason: { code: result.code, text: peer } }))
    else if (result.kind === 'greet') {
      epoch = null
      await retry('road.greetFirst', 0)
      look[laneOf(entry.message.bodyBytes)] = true
    } else {
      countServerFault(result.code)
      // whoever waits for news of the directory has it within seconds
      const pause = backOff(waitsForNews(result.code) ? Math.min(entry.attempts + 1, NEWS_FAILURES) : entry.attempts + 1, Math.random())
      await retry(result.code, pause)
      setTimeout(() => ((look[laneOf(entry.message.bodyBytes)] = true), pump()), pause + 5).unref()
    }
    if (result.kind !== 'custody' && isAstray(road, entry.shipment)) road.hands.astray()
  }
  /** One 5xx says nothing about the link; several in a row, with nothing taken between, do. */
  const countServerFault = (code: string): void => {
    if (!/^(http\.5|kernel\.)/.test(code)) return
    serverFaults += 1
    if (serverFaults >= FAILURES_BEFORE_PAUSE * 4) epoch = null
  }
  const fail = async (error: unknown): Promise<void> => {
    if (stopped) return
    const first = left() <= 0
    epoch = null
    lastError = error instanceof Error ? error.message.slice(0, 300) : String(error)
    if (!first) return // the others that were under way fell with the same connection
    failures += 1
    failedAt = road.node.now().getTime()
    pausedUntil = performance.now() + backOff(failures, Math.random())
    plan()
    const waiting = [...lanes.small.clear(), ...lanes.large.clear()]
    try {
      await road.node.transaction(service('road'), async (tx) => {
        await releaseLeases(tx, waiting.map(({ id, fence }) => ({ shipment: id, fence })))
        await setLinkFailure(tx, peer, failures, new Date(road.node.now().getTime() + left()), lastError)
      })
    } catch (failure) {
      road.node.log.warn({ err: failure, peer }, 'link: leases not given back; they run out')
    }
    if (waiting.some(({ shipment }) => isAstray(road, shipment))) road.hands.astray()
  }
  const plan = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = setTimeout(() => ((timer = null), pump()), Math.max(1, left()))
    timer.unref()
  }
  const heartbeat = setInterval(() => {
    const held = [...lanes.small.held(), ...lanes.large.held()].map(({ id, fence }) => ({ shipment: id, fence }))
    if (held.length > 0) follow(road.node.transaction(service('road'), (tx) => extendLeases(tx, held, road.node.now())))
  }, HEARTBEAT_MS)
  heartbeat.unref()
  const relays = relayQueue(road, peer, { epoch: () => (left() > 0 || isHeld() ? null : epoch), follow, fail, greetAgain: () => ((epoch = null), pump()), pump: () => pump() })

  return {
    peer,
    relays,
    get isOpen() {
      return !stopped && left() <= 0 && !isHeld()
    },
    hasRoom: (lane) => !stopped && left() <= 0 && lanes[lane].hasRoom,
    hand(handed) {
      if (handed.shipment.owner === null) look[handed.shipment.lane] = true
      else hold(handed)
      pump()
    },
    wake() {
      look.small = look.large = true
      pump()
    },
    heard(since) {
      if (left() <= 0 || (since !== undefined && since.getTime() <= failedAt)) return
      pausedUntil = 0
      follow(road.node.transaction(service('road'), (tx) => tryAtOnce(tx, peer, road.node.now())).then(() => ((look.small = look.large = true), pump())))
    },
    state: () => ({ peer, greeted: epoch !== null, failures, pausedUntil: left() > 0 ? new Date(road.node.now().getTime() + left()) : null, lastError, waiting: lanes.small.size + lanes.large.size, receipts: relays.size }),
    async stop() {
      stopped = true
      clearInterval(heartbeat)
      if (timer !== null) clearTimeout(timer)
      await Promise.all(under)
    },
  }
}
