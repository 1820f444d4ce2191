import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { readPidFile } from '@postroad/kernel/postgres-pid'
import type { History } from './history.ts'
import { handedTo, heldOf, receiptsHeldOf, resourcesOf, withBooks, withFallenBooks } from './inspection.ts'
import { type FireNetwork, type FireNode, PLACES } from './network.ts'
import type { Crew } from './people.ts'
import type { Fault, Planned } from './schedule.ts'

/** Plays a schedule against the network. What happens to one node happens one after the other; different nodes are hit at the same time. */
export type Storm = { readonly over: Promise<void>; /** Nobody is started again from now on. */ stop(): Promise<void> }
export type StormOrder = { readonly network: FireNetwork; readonly crew: Crew; readonly history: History; readonly schedule: readonly Planned[] }

/** One power cut at a time: neighbours' books are read while a node lies down. */
type Struck = StormOrder & { cutInTurn(work: () => Promise<void>): Promise<void> }

/** How long a process is waited for that is to die at a point which it may never pass. */
const POINT_PATIENCE_MS = 12_000

export function startStorm(given: StormOrder): Storm {
  let lastCut: Promise<void> = Promise.resolve()
  const order: Struck = { ...given, cutInTurn: (work) => (lastCut = lastCut.then(work, work)) }
  const turns = new Map<string, Promise<void>>(order.network.nodes.map(({ id }) => [id, Promise.resolve()]))
  /** What the storm itself cannot go on after ends the run at once, and in order. */
  const failed = Promise.withResolvers<never>()
  const next = (id: string, work: () => Promise<void>): void => {
    const turn = (turns.get(id) ?? Promise.resolve()).then(work)
    turns.set(id, turn)
    turn.catch(failed.reject)
  }
  /** What a service manager does: whoever ends without having been struck is started again, and it is told. */
  const watch = setInterval(() => {
    for (const node of order.network.nodes) next(node.id, async () => void (isUp(node) || (await revive(order, node))))
  }, WATCH_MS)
  const play = async (): Promise<void> => {
    const begun = performance.now()
    for (const { at, fault } of order.schedule) {
      await wait(Math.max(0, at - (performance.now() - begun)))
      next(fault.node, () => strike(order, fault))
    }
    await Promise.all(turns.values())
  }
  return {
    over: Promise.race([play(), failed.promise]),
    stop: async () => {
      clearInterval(watch)
      await Promise.all(turns.values())
    },
  }
}

const WATCH_MS = 3_000
const isUp = (node: FireNode): boolean => resourcesOf(node.pid() ?? 0)?.isRunning === true

async function revive({ history }: StormOrder, node: FireNode): Promise<void> {
  history.emit('diedByItself', { node: node.id })
  await bringUp({ history }, node)
}

/** Starts a node until it is up. */
async function bringUp({ history }: Pick<StormOrder, 'history'>, node: FireNode): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await node.start()
    } catch (error) {
      history.emit('diedByItself', { node: node.id, atStart: tries })
      if (tries === MOST_STARTS) throw error
      await wait(WATCH_MS)
    }
  }
}
const MOST_STARTS = 5

async function strike(order: Struck, fault: Fault): Promise<void> {
  const node = order.network.at(fault.node)
  order.history.emit('fault', { ...fault })
  if (fault.kind === 'kill') await killNode(order, node, fault)
  if (fault.kind === 'killDatabase') killDatabase(node)
  if (fault.kind === 'powerCut') await order.cutInTurn(() => cutPower(order, node, fault.forMs))
  if (fault.kind === 'fillDisk') await during(() => node.disk.fill(), fault.forMs, () => node.disk.free())
  if (fault.kind === 'door') await during(() => node.door.trouble(fault.fault), fault.forMs, () => node.door.trouble(null))
  if (fault.kind === 'post') await during(() => tell(node, { kind: 'post', troubled: true }), fault.forMs, () => tell(node, { kind: 'post', troubled: false }))
  if (fault.kind === 'clock') await during(() => tell(node, { kind: 'clock', byMs: fault.byMs }), fault.forMs, () => tell(node, { kind: 'clock', byMs: 0 }))
  if (fault.kind === 'pause') await during(() => signal(node, 'SIGSTOP'), fault.forMs, () => signal(node, 'SIGCONT'))
  order.history.emit('healed', { kind: fault.kind, node: fault.node })
}

async function during(begin: () => unknown, forMs: number, end: () => unknown): Promise<void> {
  await begin()
  await wait(forMs)
  await end()
}

const tell = (node: FireNode, what: Parameters<FireNode['ask']>[0]): Promise<unknown> => node.ask(what).catch(() => undefined) // it may be down: then nothing is wrong with it

function signal(node: FireNode, name: NodeJS.Signals): void {
  const pid = node.pid()
  if (pid !== null && isUp(node)) process.kill(pid, name)
}

async function killNode(order: StormOrder, node: FireNode, { point, passings }: Extract<Fault, { kind: 'kill' }>): Promise<void> {
  if (point === null) await node.kill()
  else {
    await tell(node, { kind: 'fault', point, passings })
    await Promise.race([node.died(), wait(POINT_PATIENCE_MS)])
    await tell(node, { kind: 'fault', point: null, passings: 0 })
    const died = !isUp(node) // perhaps only while it was told to go on
    order.history.emit(died ? 'diedAt' : 'notPassed', { node: node.id, point })
    if (!died) return
  }
  await bringUp(order, node)
}

/** The server's first process; its children end when they notice. */
function killDatabase(node: FireNode): void {
  const pid = serverOf(node)
  if (pid !== null) process.kill(pid, 'SIGKILL')
}

const serverOf = (node: FireNode): number | null => readPidFile(join(node.home, 'postgres', 'data'))?.pid ?? null

/** Everything that works on the disk dies, and what was not flushed is gone. Before the node comes back it is asked what it still holds. */
async function cutPower(order: StormOrder, node: FireNode, forMs: number): Promise<void> {
  const { history, network, crew } = order
  const [accepted, acted] = [crew.accepted.length, crew.acted.length]
  await Promise.all([node.disk.cutPower(), node.died()])
  await wait(forMs / 2)
  const own = crew.accepted.slice(0, accepted).filter((sent) => sent.node === node.id).slice(-200).map(({ letter }) => letter.packed.head.id)
  const receipts = crew.acted.slice(0, acted).filter((one) => one.node === node.id).slice(-200).map(({ receipt }) => receipt)
  const handed = await Promise.all(neighboursOf(network, node).map((peer) => withBooks(peer, (books) => handedTo(books, node.id)).catch((error: Error) => {
    history.emit('notRead', { node: peer.id, why: error.message }) // whether it recovers is judged at the end
    return []
  })))
  const messages = [...new Set([...own, ...handed.flat()])]
  const held = await withFallenBooks(node, async (books) => ({ messages: await heldOf(books, node, messages), receipts: await receiptsHeldOf(books, receipts) }))
  history.emit('countedOn', { node: node.id, messages, receipts })
  history.emit('holds', { node: node.id, ...held })
  await bringUp(order, node)
}

const neighboursOf = (network: FireNetwork, node: FireNode): FireNode[] => PLACES.filter(({ id, parent }) => parent === node.id || PLACES.find((place) => place.id === node.id)?.parent === id).map(({ id }) => network.at(id))
