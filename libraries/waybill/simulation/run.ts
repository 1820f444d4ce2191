import type { Suites } from '@postroad/gm'
import { batchVerifier } from '../batch.ts'
import { hasEnded, stateOf } from '../delivery.ts'
import { copyDisk, type Disk } from './disk.ts'
import { createNetwork, type Network, type NodeSpec, treeOf } from './network.ts'
import { type Letter, livePeople, type Outbox, send, write } from './people.ts'
import { createDice } from './random.ts'
import type { PlantedBug, Station } from './station.ts'
import { crash, createStation } from './traffic.ts'
import { createWorld, type HistoryEvent, type World } from './world.ts'

export type SimulationOrder = {
  readonly seed: number
  /** 43 nodes unless told. */
  readonly specs?: readonly NodeSpec[]
  /** Keys are costly: a network may be shared by runs. It must have been made of the same specs. */
  readonly network?: Network
  readonly documents?: number
  readonly bug?: PlantedBug
}

const STORM_MS = 10_000
/** Rest comes some 20 seconds after the storm; who is not quiet by now never will be. */
const LIMIT_MS = 30_000

/** The tree that runs when none is given: one province, six cities, six counties in each, two organs everywhere. */
export const SPECS = treeOf(6, 6, 2)
export const simulationNetwork = (suites: Suites, specs: readonly NodeSpec[] = SPECS): Network => createNetwork(suites, specs, { at: '2026-11-01T00:00:00.000Z', suiteIds: ['P256'] })

/**
 * Plays one seeded history: documents and recalls through a tree of nodes while wires lose, double, delay and break, nodes are killed, and centres
 * come back from old backups; then everything heals and comes to rest. Answers the history's events; the checker judges them.
 */
export async function simulate(suites: Suites, order: SimulationOrder): Promise<HistoryEvent[]> {
  const specs = order.specs ?? SPECS
  const net = order.network ?? simulationNetwork(suites, specs)
  const dice = createDice(order.seed)
  const world = createWorld(dice)
  world.faults = { loss: 0.08, duplication: 0.05, delay: [2, 60] }
  const verify = batchVerifier(suites)
  const stations = new Map(specs.map(({ node }) => [node, createStation(node, net, world, verify, order.bug ?? null)]))
  const outboxes = await writeLetters(world, net, stations, order.documents ?? 16)
  let calm = false
  for (const station of stations.values()) livePeople(station, () => (calm ? 0.6 : 0.12))
  for (const outbox of outboxes) world.at(dice.below(80), () => keepSending(world, outbox))
  storm(world, [...stations.values()])
  world.run(STORM_MS + 3000)
  calm = true
  world.faults = { loss: 0, duplication: 0, delay: [2, 10] }
  world.healAll()
  let isQuiet = false
  let looked = 0
  world.run(LIMIT_MS, () => {
    // Looking at every disk is dear, so only now and then.
    if (looked++ % 400 === 0) isQuiet = isAtRest([...stations.values()], outboxes)
    return isQuiet
  })
  report(world, stations, outboxes, isQuiet)
  return world.history
}

function keepSending(world: World, outbox: Outbox): void {
  if (outbox.station.isUp) send(outbox)
  world.at(110, () => keepSending(world, outbox))
}

async function writeLetters(world: World, net: Network, stations: ReadonlyMap<string, Station>, documents: number): Promise<Outbox[]> {
  const { dice } = world
  const organs = net.view.organs().map(({ organ, node }) => ({ organ, station: stations.get(node) as Station }))
  const outboxes = organs.map(({ organ, station }): Outbox => ({ organ, station, letters: [] }))
  const threads = new Map<string, { readonly letters: Letter[]; readonly to: string[]; start: number }>()
  for (let i = 0; i < documents; i++) {
    // A few senders write often, so that threads grow.
    const { organ, station } = dice.pick(organs.slice(0, Math.max(3, documents / 4)))
    const outbox = outboxes.find((other) => other.organ === organ) as Outbox
    const known = threads.get(organ)
    const thread = known !== undefined && dice.chance(0.7) ? known : { letters: [], to: dice.shuffle(organs.map((other) => other.organ).filter((other) => other !== organ)).slice(0, 1 + dice.below(5)), start: dice.below(STORM_MS * 0.6) }
    threads.set(organ, thread)
    const first = thread.letters[0]
    const about = { thread: first?.head.thread ?? null, ordinal: thread.letters.length, regarding: first?.head.id ?? null, urgency: dice.pick(['normal', 'urgent', 'extraUrgent'] as const) }
    const letter = await write(station, organ, thread.to, { kind: 'document', ...about })
    thread.letters.push(letter)
    plan(world, outbox, letter, (thread.start += dice.below(1500)))
    if (dice.chance(0.35)) {
      const recall = await write(station, organ, thread.to, { kind: 'recallRequest', thread: letter.head.thread, ordinal: thread.letters.length, regarding: letter.head.id, urgency: 'urgent' })
      thread.letters.push(recall)
      plan(world, outbox, recall, (thread.start += dice.below(1200)))
    }
  }
  return outboxes
}

function plan(world: World, outbox: Outbox, letter: Letter, delay: number): void {
  const { head, recipients } = letter
  world.at(delay, () => {
    outbox.letters.push({ letter, acceptedIn: null })
    world.emit('submitted', {
      node: outbox.station.node,
      organ: outbox.organ,
      message: head.id,
      kind: head.kind,
      thread: head.thread,
      ordinal: head.ordinal,
      regarding: head.regarding,
      recipients: recipients.map(({ leaf }) => leaf.organ),
    })
  })
}

/** Cuts, kills, backups and restores. Two nodes that were restored in one storm are never neighbours: what both have forgotten, nobody can tell them. */
function storm(world: World, stations: readonly Station[]): void {
  const { dice } = world
  const backups = new Map<string, { readonly id: string; readonly at: number; readonly disk: Disk }[]>()
  for (const station of stations) {
    for (let at = dice.below(2000); at < STORM_MS; at += 2000 + dice.below(1500)) {
      world.at(at, () => {
        if (!station.isUp) return
        const id = `${station.node}@${world.now()}`
        backups.set(station.node, [...(backups.get(station.node) ?? []), { id, at: world.now(), disk: copyDisk(station.disk) }])
        world.emit('backup', { node: station.node, backup: id })
      })
    }
  }
  for (let i = 0; i < stations.length; i++) world.at(dice.below(STORM_MS), () => cutSome(world, dice.pick(stations)))
  for (let i = 0; i < stations.length / 2; i++) {
    world.at(dice.below(STORM_MS), () => {
      const station = dice.pick(stations)
      if (station.isUp) crash(station, 200 + dice.below(1500))
    })
  }
  const restored = new Set<string>()
  for (let i = 0; i < 3; i++) {
    world.at(STORM_MS * 0.4 + dice.below(STORM_MS * 0.6), () => {
      const centres = stations.filter((station) => station.isUp && !restored.has(station.node) && !station.neighbours.some((node) => restored.has(node)) && (station.neighbours.length > 1 || i > 0))
      if (centres.length === 0) return
      const station = dice.pick(centres)
      const backup = dice.pick((backups.get(station.node) ?? []).filter(({ at }) => world.now() - at > 1500))
      if (backup === undefined) return
      restored.add(station.node)
      crash(station, 300 + dice.below(800), backup)
    })
  }
}

function cutSome(world: World, station: Station): void {
  const peer = world.dice.pick(station.neighbours)
  world.cut(station.node, peer)
  world.at(300 + world.dice.below(3000), () => world.heal(station.node, peer))
}

function isAtRest(stations: readonly Station[], outboxes: readonly Outbox[]): boolean {
  const isIdle = stations.every(({ isUp, disk }) => isUp && [...disk.shipments.values()].every(({ state }) => state === 'handedOn') && disk.relays.every(({ state }) => state === 'sent'))
  return isIdle && outboxes.every((outbox) => outbox.letters.every((entry) => entry.acceptedIn === outbox.station.disk.epoch && isOver(outbox.station, entry.letter)))
}

const isOver = (station: Station, { head, recipients }: Letter): boolean =>
  head.kind !== 'document' ||
  recipients.every(({ leaf }) => {
    const delivery = station.disk.sent.get(`${head.id} ${leaf.organ}`)
    return delivery !== undefined && hasEnded(delivery)
  })

function report(world: World, stations: ReadonlyMap<string, Station>, outboxes: readonly Outbox[], isQuiet: boolean): void {
  for (const { letters, station } of outboxes) {
    for (const { letter } of letters) {
      if (letter.head.kind !== 'document') continue
      for (const { leaf } of letter.recipients) {
        const delivery = stations.get(station.node)?.disk.sent.get(`${letter.head.id} ${leaf.organ}`)
        world.emit('end', { message: letter.head.id, organ: leaf.organ, state: delivery === undefined ? 'unknown' : stateOf(delivery) })
        const there = stations.get(station.net.view.organ(leaf.organ)?.node ?? '')?.disk.inbox.get(`${letter.head.id} ${leaf.organ}`)
        world.emit('endThere', { message: letter.head.id, organ: leaf.organ, state: there === undefined ? 'unknown' : stateOf(there) })
      }
    }
  }
  if (isQuiet) world.emit('quiet', {})
}
