import { linkSettings, neighbours, signAsNode } from '@postroad/directory/service'
import type { Suites } from '@postroad/gm'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { batchVerifier } from '@postroad/waybill'
import { readEpoch, readLinks } from '../store/links.ts'
import { claimRelays, releaseRelaysOf } from '../store/receipts.ts'
import { releaseLeasesOf, releaseLeasesTo, waitingLinks } from '../store/shipments.ts'
import type { LinkTransport } from '../transport/port.ts'
import { openBundleLink } from './bundle-link.ts'
import { commitBatch } from './commit.ts'
import { doorway } from './doorway.ts'
import { beginEpoch, lifeOf, rememberCounts } from './epoch.ts'
import type { Effect, Outcome } from './effects.ts'
import { followOrgans } from './follow.ts'
import { type Link, type LinkReport, openLink } from './link.ts'
import { roadMeters } from './meters.ts'
import { type Hands, type Road, onceJoined } from './road.ts'
import { sealLeftovers } from './seal.ts'
import { groupCommit } from './writer.ts'

/** Everything that runs by itself. The look into the database finds what a crash, another process or a full memory left. */
export type Engine = { readonly road: Road; readonly address: string | null; wake(): void; links(): readonly LinkReport[]; stop(): Promise<void> }

const LOOK_MS = 2_000
/** Receipts that this long after they became true are unsigned were left by a process that died. */
const LEFT_MS = 4_000
const RELAYS_AT_ONCE = 2_000
/** Heard by every process of the node: something waits to be claimed. */
export const QUEUED = 'road.queued'

type Options = { readonly lingerMs?: number }

/** Starts to take in, to hand on and to look for what was left behind. */
export async function startEngine(node: Node, suites: Suites, transport: LinkTransport, options: Options = {}): Promise<Engine> {
  const links = new Map<string, Link>()
  const hands: Hands = {
    shipments: (handed) => handed.forEach((one) => linkTo(one.shipment.link)?.hand(one)),
    relays: (relays) => {
      const mine = relays.filter(({ holder }) => holder === node.processes.self)
      for (const peer of new Set(mine.map(({ link }) => link))) linkTo(peer)?.relays.add(mine.filter(({ link }) => link === peer))
    },
    hasRoom: (peer, lane) => linkTo(peer)?.hasRoom(lane) ?? false,
    hasRoomForRelays: (peer) => linkTo(peer)?.relays.hasRoom ?? false,
    astray: () => (organs.astray(), watch.wake()),
    heard: (peer) => linkTo(peer)?.heard(),
  }
  const epoch = await node.transaction(service('road'), (tx) => beginEpoch(tx, node.config.home))
  const road = roadOf(node, suites, transport, options, hands, epoch)
  const organs = followOrgans(road)
  /** Links are opened to neighbours as the directory names them, and each is greeted at once: whoever gave us up hears that we are back, whoever is new that we are here. */
  const linkTo = (peer: string): Link | null => {
    const known = links.get(peer)
    if (known !== undefined) return known
    if (!neighboursOf(node).includes(peer)) return null
    const link = road.settingOf(peer).carrier === 'bundle' ? openBundleLink(peer) : openLink(road, peer)
    links.set(peer, link)
    link.wake()
    return link
  }
  /** Takes up what nobody holds: what came through a process without links, what was given back, what had no room in memory. */
  const claim = async (): Promise<void> => {
    const open = neighboursOf(node).filter((peer) => linkTo(peer)?.isOpen === true)
    const [waiting, relays] = await node.transaction(service('road'), async (tx) =>
      [await waitingLinks(tx, open), await claimRelays(tx, { links: open.filter((peer) => hands.hasRoomForRelays(peer)), holder: road.process, now: node.now(), limit: RELAYS_AT_ONCE })] as const)
    for (const peer of waiting) linkTo(peer)?.wake()
    hands.relays(relays)
  }
  let lastTended = Number.NEGATIVE_INFINITY
  let remembered = ''
  const tend = async (): Promise<void> => {
    const isFirst = lastTended === Number.NEGATIVE_INFINITY
    lastTended = performance.now()
    const [counts, present] = await node.transaction(service('road'), async (tx) => [await readLinks(tx), await readEpoch(tx)] as const)
    road.epoch = present ?? road.epoch
    for (const { peer, heardAt } of counts) if (heardAt !== null) links.get(peer)?.heard(heardAt) // perhaps by another process
    // what is unsigned at the start was left by a process that died; later on, or with others about, fresh rows are in somebody's hands
    if (node.processes.isEldest('road')) await sealLeftovers(road, isFirst && !node.processes.hasOthers() ? 0 : LEFT_MS)
    const told = JSON.stringify([lifeOf(road.epoch), counts.map(({ peer, taken, receiptsTaken }) => [peer, taken, receiptsTaken])])
    if (told !== remembered) await rememberCounts(node.config.home, road.epoch, counts)
    remembered = told
  }
  /** A neighbour that has left is called no more; what its link held in memory goes where the directory says now. */
  const closeLeft = async (): Promise<void> => {
    for (const [peer, link] of links) {
      if (neighboursOf(node).includes(peer)) continue
      links.delete(peer)
      await link.stop()
      await node.transaction(service('road'), (tx) => releaseLeasesTo(tx, peer, road.process))
      organs.astray()
    }
  }
  const look = async (): Promise<void> => {
    await closeLeft()
    await claim()
    if (performance.now() - lastTended >= LOOK_MS) await tend()
    if (organs.isNeeded || node.processes.isEldest('road')) await organs.look()
  }
  const watch = repeat(look, LOOK_MS, (error) => node.log.error({ err: error }, 'road: look failed'))
  const address = await transport.serve(doorway(road))
  watch.wake()
  return {
    road,
    address,
    wake: watch.wake,
    links: () => [...links.values()].map((link) => link.state()),
    async stop() {
      await watch.stop()
      const open = [...links.values()]
      await transport.close()
      await Promise.all(open.map((link) => link.stop()))
      await road.writer.stop()
      await giveBack(node, [road.process]).catch((error: unknown) => node.log.warn({ err: error }, 'road: the others will find what this process held'))
    },
  }
}

/** In a process without the road's role: what it commits it hands to those that have it. */
export async function startQuietEngine(node: Node, suites: Suites, transport: LinkTransport): Promise<Engine> {
  const tell = (some: readonly unknown[]): void => void (some.length > 0 && node.hint(QUEUED))
  const hands: Hands = { shipments: tell, relays: tell, hasRoom: () => false, hasRoomForRelays: () => false, astray: () => undefined, heard: () => undefined }
  const epoch = await node.transaction(service('road'), readEpoch)
  const road = roadOf(node, suites, transport, {}, hands, epoch ?? '')
  return { road, address: null, wake: () => undefined, links: () => [], stop: () => road.writer.stop() }
}

function roadOf(node: Node, suites: Suites, transport: LinkTransport, options: Options, hands: Hands, epoch: string): Road {
  const road: Road = {
    node, settingOf: linkSettings(node), self: node.config.node, process: node.processes.self, suites, verify: batchVerifier(suites), transport, epoch, hands, meters: roadMeters(node),
    sign: (suite, domain, structures) => (structures.length === 0 ? [] : signAsNode(node, suite, domain, structures)),
    writer: groupCommit<Effect, Outcome>((batch) => commitBatch(road, batch), options),
  }
  return road
}

/** Gives back what these processes were to send. Other processes claim it at once. */
export async function giveBack(node: Node, holders: readonly string[]): Promise<void> {
  await node.transaction(service('road'), async (tx) => {
    await releaseLeasesOf(tx, holders)
    await releaseRelaysOf(tx, holders)
  })
  node.hint(QUEUED)
}

/** Nobody is a neighbour before the node has joined its tree. */
const neighboursOf = (node: Node): readonly string[] => onceJoined(() => neighbours(node), [])

type Repeated = { wake(): void; stop(): Promise<void> }

/** Runs `work` again and again: after a pause, or at once when woken; never twice at the same time. */
function repeat(work: () => Promise<void>, pauseMs: number, onError: (error: unknown) => void): Repeated {
  let stopping = false
  let woken = false
  let resume = (): void => undefined
  const run = async (): Promise<void> => {
    while (!stopping) {
      if (!woken) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, pauseMs)
          resume = () => (clearTimeout(timer), resolve())
        })
      }
      woken = false
      if (!stopping) await work().catch(onError)
    }
  }
  const running = run()
  const wake = (): void => {
    woken = true
    resume()
  }
  return { wake, stop: async () => ((stopping = true), wake(), await running) }
}
