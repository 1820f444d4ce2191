import { linkSettings, neighbours, signAsNode, view } from '@postroad/directory/service'
import type { Suites } from '@postroad/gm'
import type { Node } from '@postroad/kernel/node'
import { Refusal } from '@postroad/kernel/errors'
import { service } from '@postroad/kernel/principal'
import { batchVerifier } from '@postroad/waybill'
import { readLinks } from '../store/links.ts'
import { waitingRelays } from '../store/receipts.ts'
import { releaseGone, waitingLinks } from '../store/shipments.ts'
import type { LinkTransport } from '../transport/port.ts'
import { openBundleLink } from './bundle-link.ts'
import { commitBatch } from './commit.ts'
import { doorway } from './doorway.ts'
import { beginEpoch, rememberCounts } from './epoch.ts'
import type { Effect, Outcome } from './effects.ts'
import { holderName, isGone } from './holder.ts'
import { type Link, type LinkReport, openLink } from './link.ts'
import { roadMeters } from './meters.ts'
import type { Hands, Road } from './road.ts'
import { forwardInboxes, placesOf, rerouteWaiting } from './reroute.ts'
import { sealLeftovers } from './seal.ts'
import { groupCommit } from './writer.ts'

/** Everything that runs by itself. The look into the database finds what a crash, another process or a full memory left. */
export type Engine = { readonly road: Road; readonly address: string; wake(): void; links(): readonly LinkReport[]; stop(): Promise<void> }

const LOOK_MS = 2_000
/** Rows that this long after they were written still wait were left by a process that died. */
const LEFT_MS = 4_000
const RELAYS_AT_ONCE = 2_000
const FOLLOW_MS = 30_000
/** No transaction of the road lasts as long: what one that began before the news left in an inbox is found by the looks after it. */
const SETTLED_MS = 20_000

/** Starts to take in, to hand on and to look for what was left behind. */
export async function startEngine(node: Node, suites: Suites, transport: LinkTransport, options: { readonly lingerMs?: number } = {}): Promise<Engine> {
  const links = new Map<string, Link>()
  const hands: Hands = {
    shipments: (handed) => handed.forEach((one) => linkTo(one.shipment.link)?.hand(one)),
    relays: (relays) => {
      for (const peer of new Set(relays.map(({ link }) => link))) linkTo(peer)?.relays.add(relays.filter(({ link }) => link === peer))
    },
    hasRoom: (peer, lane) => linkTo(peer)?.hasRoom(lane) ?? false,
    astray: () => ((isAstray = true), watch.wake()),
    heard: (peer) => linkTo(peer)?.heard(),
  }
  const holder = holderName()
  const epoch = await node.transaction(service('road'), async (tx) => {
    await releaseGone(tx, (other) => isGone(other, holder))
    return beginEpoch(tx, node.config.home)
  })
  const settingOf = linkSettings(node)
  const isByBundle = (peer: string): boolean => settingOf(peer).carrier === 'bundle'
  const road: Road = {
    node, settingOf, self: node.config.node, process: holder, suites, verify: batchVerifier(suites), transport, epoch, hands, meters: roadMeters(node),
    sign: (suite, domain, structures) => (structures.length === 0 ? [] : signAsNode(node, suite, domain, structures)),
    writer: groupCommit<Effect, Outcome>((batch) => commitBatch(road, batch), options),
  }
  /** Links are opened to neighbours as the directory names them. */
  const linkTo = (peer: string): Link | null => {
    const known = links.get(peer)
    if (known !== undefined) return known
    if (!neighboursOf(node).includes(peer)) return null
    const link = isByBundle(peer) ? openBundleLink(peer) : openLink(road, peer)
    links.set(peer, link)
    return link
  }
  let first = true
  let remembered = ''
  const look = async (): Promise<void> => {
    // what lies here at the start was left by a process that died; later on, fresh rows are in somebody's hands
    const age = first ? 0 : LEFT_MS
    const [waiting, relays, counts] = await node.transaction(service('road'), async (tx) =>
      [await waitingLinks(tx), await waitingRelays(tx, new Date(node.now().getTime() - age), RELAYS_AT_ONCE, neighboursOf(node).filter(isByBundle)), await readLinks(tx)] as const)
    // at the start every neighbour is greeted: whoever gave us up hears at once that we are back
    for (const peer of first ? neighboursOf(node) : waiting) linkTo(peer)?.wake()
    hands.relays(relays)
    await sealLeftovers(road, age)
    await followOrgans()
    const told = JSON.stringify(counts.map(({ peer, taken, receiptsTaken }) => [peer, taken, receiptsTaken]))
    if (told !== remembered) await rememberCounts(node.config.home, road.epoch, counts)
    remembered = told
    first = false
  }
  /** Organs merge and move: looked at on news of the directory, and from time to time as a stated day comes. What waits is only walked when they did. */
  let isAstray = false
  let followed = { checkpoint: '', places: '', movedAt: 0, at: 0 }
  const followOrgans = async (): Promise<void> => {
    const now = performance.now()
    const checkpoint = onceJoined(() => view(node).checkpoint().hash, null)
    if (checkpoint === null) return
    const isDue = isAstray || checkpoint !== followed.checkpoint || now - followed.at >= FOLLOW_MS
    const places = isDue ? placesOf(road) : followed.places
    const haveMoved = places !== followed.places
    const movedAt = haveMoved ? now : followed.movedAt
    if (isAstray || haveMoved) {
      isAstray = false
      await rerouteWaiting(road)
    }
    if (now < movedAt + SETTLED_MS) await forwardInboxes(road)
    followed = { checkpoint, places, movedAt, at: isDue ? now : followed.at }
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
    },
  }
}

/** Nobody is a neighbour before the node has joined its tree. */
const neighboursOf = (node: Node): readonly string[] => onceJoined(() => neighbours(node), [])

function onceJoined<T, O>(ask: () => T, otherwise: O): T | O {
  try {
    return ask()
  } catch (error) {
    if (error instanceof Refusal) return otherwise
    throw error
  }
}

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
