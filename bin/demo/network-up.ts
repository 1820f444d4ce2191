import { randomInt } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { type ParentAddress, writeBootstrap } from './bootstrap.ts'
import { type DemoNode, NETWORK } from './network.ts'
import { nodeHomeOf } from './people.ts'
import { freePorts, isFree, type NodeProcess, startNodeProcess } from './processes.ts'
import { DemoFault, type DemoState, saveState } from './state.ts'

/** The demo's node processes: those that run so far, and the promise that all do. */
export type Network = { readonly nodes: NodeProcess[]; readonly ready: Promise<void>; stopping: boolean }

const FIRST_PORT = 8101
const JOIN_PATIENCE_MS = 60_000
const anchorAnswer = z.object({ node: z.string(), fingerprint: z.string() })

/** Starts the root first, as its fingerprint goes into the others' settings; then the others together. */
export function startNetwork(home: string, state: DemoState, tell: (words: string) => void): Network {
  const network: { nodes: NodeProcess[]; ready: Promise<void>; stopping: boolean } = { nodes: [], ready: Promise.resolve(), stopping: false }
  network.ready = bringUp(home, state, network, tell)
  network.ready.catch(() => undefined) // whoever awaits it hears of it
  return network
}

async function bringUp(home: string, state: DemoState, network: Network, tell: (words: string) => void): Promise<void> {
  await choosePorts(state)
  saveState(home, state)
  const root = NETWORK.find(({ parent }) => parent === null) as DemoNode
  await start(home, state, network, root, null)
  tell(`${root.title} 已启动`)
  const anchor = (await untilAnchored(state, root.id)).fingerprint
  await Promise.all(NETWORK.filter((node) => node !== root).map(async (node) => {
    const parent = node.parent ?? root.id
    await start(home, state, network, node, { node: parent, url: `https://127.0.0.1:${state.ports[parent]?.road ?? 0}`, anchor })
    await untilAnchored(state, node.id)
    tell(`${node.title} 已启动，已入网`)
  }))
}

async function start(home: string, state: DemoState, network: Network, node: DemoNode, parent: ParentAddress | null): Promise<void> {
  const own = nodeHomeOf(home, node.id)
  const ports = state.ports[node.id]
  if (ports === undefined || network.stopping) throw new Error('the network is being stopped')
  const running = await startNodeProcess({ id: node.id, home: own, deskPort: ports.desk, roadPort: ports.road, bootstrap: writeBootstrap(own, node, parent) })
  network.nodes.push(running)
  if (network.stopping) await running.stop()
}

/** Children first, so that nobody waits for a parent that is gone. */
export async function stopNetwork(network: Network): Promise<void> {
  Object.assign(network, { stopping: true })
  for (const node of network.nodes.toReversed()) await node.stop()
  await network.ready.catch(() => undefined)
  for (const node of network.nodes.toReversed()) await node.stop()
}

/**
 * The ports of the last start, or free ones: the desk's from 8101, the road's behind them. Desks may move; the road's ports are in
 * the network's directory, and neighbours that had all moved at once would not find each other again.
 */
async function choosePorts(state: DemoState): Promise<void> {
  if (Object.keys(state.ports).length === 0) {
    const wanted = Array.from({ length: 2 * NETWORK.length }, (_, i) => FIRST_PORT + i)
    // Where another demo is about to take the next free ones too, a place far from it is safer.
    const isQuiet = (await Promise.all(wanted.map(isFree))).every(Boolean)
    const found = isQuiet ? wanted : await freePorts(randomInt(20_000, 30_000), 2 * NETWORK.length)
    NETWORK.forEach((node, i) => (state.ports[node.id] = { desk: found[i] ?? 0, road: found[i + NETWORK.length] ?? 0 }))
    return
  }
  for (const [node, { desk, road }] of Object.entries(state.ports)) {
    if (!(await isFree(road))) throw new DemoFault('portTaken', `节点 ${node} 的端口 ${road} 已被别的程序占用`, '请停止占用它的程序（也可能是另一个正在运行的演示），或用 --home 另选目录。')
    if (!(await isFree(desk))) state.ports[node] = { desk: (await freePorts(Math.max(...Object.values(state.ports).map((ports) => ports.desk)) + 100, 1))[0] ?? 0, road }
  }
}

/** A node knows the root's fingerprint once it has joined its tree. */
async function untilAnchored(state: DemoState, node: string): Promise<{ fingerprint: string }> {
  const address = `http://127.0.0.1:${state.ports[node]?.desk ?? 0}/api/directory/anchor`
  for (const end = Date.now() + JOIN_PATIENCE_MS; Date.now() < end; await wait(150)) {
    const answer = await fetch(address)
    if (answer.ok) return anchorAnswer.parse(await answer.json())
  }
  throw new Error(`节点 ${node} 等了 ${JOIN_PATIENCE_MS / 1000} 秒仍未加入上级`)
}
