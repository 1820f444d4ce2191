import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { suites } from '@postroad/gm/node'
import { freePort } from '@postroad/kernel/testing'
import { type Child, childProcess } from '@postroad/road/testing/child'
import { type OrganKeys, codeFor, makeOrganKeys, organBodies } from '@postroad/road/testing/network'
import { anchorFingerprint } from '@postroad/waybill'
import type { Dice } from '@postroad/waybill/simulation'
import { type Disk, makeDisk } from './disk.ts'
import { type Door, openDoor } from './door.ts'
import type { FireOrder } from './station.ts'

export type Place = { readonly id: string; readonly parent: string | null; readonly organs: readonly string[] }
/** A node with a disk and a door of its own. */
export type FireNode = Child<FireOrder> & { readonly id: string; readonly home: string; readonly disk: Disk; readonly door: Door; readonly organs: readonly string[]; /** Where its desk answers; null: it has none. */ readonly desk: string | null }
export type FireNetwork = { readonly nodes: readonly FireNode[]; readonly keys: ReadonlyMap<string, OrganKeys>; hostOf(organ: string): FireNode; at(id: string): FireNode; stop(): Promise<void> }

/** Four centres in a row, and one beside them. */
export const PLACES: readonly Place[] = [
  { id: 'province', parent: null, organs: ['p.party', 'p.government'] },
  { id: 'east', parent: 'province', organs: ['e.party'] },
  { id: 'west', parent: 'province', organs: ['w.party'] },
  { id: 'county', parent: 'east', organs: ['c.party', 'c.government'] },
  { id: 'bureau', parent: 'county', organs: ['b.office'] },
]

/** Who looks at the console of a node that has a desk. */
export const OPERATOR = { id: 'operator', name: '值守' }
const OPERATED = {
  organs: [{ id: 'duty.office', title: '值班室', system: 'government', region: 'duty', regionTitle: '值班', names: [{ id: 'duty.office.name', title: '值班室', code: '值' }], deputies: [] }],
  people: [{ ...OPERATOR, posts: [{ id: 'operator.post', organ: 'duty.office', title: '系统管理员', duties: ['console.watch'] }], clearance: 2 }],
}

export type NetworkOptions = { readonly root: string; readonly dice: Dice; readonly seed: number; /** Of each node's disk. */ readonly diskBytes: number; /** The node that has a desk, with an operator. */ readonly watched: string | null; /** Modules that every node loads first: a planted bug. */ readonly execArgv: readonly string[] }

/** Starts the tree from the root down. Every node's neighbours reach it through its door alone. */
export async function startNetwork(options: NetworkOptions): Promise<FireNetwork> {
  const nodes: FireNode[] = []
  const keys = new Map(PLACES.flatMap(({ organs }) => organs).map((organ) => [organ, makeOrganKeys()] as const))
  const at = (id: string): FireNode => nodes.find((node) => node.id === id) ?? missing(id)
  let anchor = ''
  for (const place of PLACES) {
    const node = await prepare(place, place.parent === null ? null : { node: at(place.parent), anchor }, keys, options)
    nodes.push(node)
    await node.start()
    if (place.parent === null) anchor = fingerprintIn(node.home, place.id)
  }
  while (new Set(await Promise.all(nodes.map((node) => node.ask<string>({ kind: 'checkpoint' }).catch(() => node.id)))).size > 1) await wait(100)
  return {
    nodes, keys, at,
    hostOf: (organ) => nodes.find(({ organs }) => organs.includes(organ)) ?? missing(organ),
    stop: async () => {
      await Promise.all(nodes.map(async (node) => {
        await node.kill()
        await node.door.close()
        await node.disk.remove()
      }))
    },
  }
}

function missing(id: string): never {
  throw new Error(`no node ${id}`)
}

function fingerprintIn(home: string, node: string): string {
  const { keys } = JSON.parse(readFileSync(join(home, 'keys', 'node.json'), 'utf8')) as { keys: { id: string; suite: 'SM' | 'P256'; publicKey: string }[] }
  return anchorFingerprint(suites, node, keys.map(({ id, suite, publicKey }) => ({ id, suite, publicKey })))
}

async function prepare(place: Place, parent: { node: FireNode; anchor: string } | null, keys: ReadonlyMap<string, OrganKeys>, { root, dice, seed, diskBytes, watched, execArgv }: NetworkOptions): Promise<FireNode> {
  const disk = makeDisk(root, place.id, diskBytes)
  const home = join(disk.folder, 'home')
  mkdirSync(home, { mode: 0o711 })
  const door = await openDoor(dice)
  const port = await freePort()
  door.leadTo(port)
  const file = (name: string, content: unknown): string => {
    const path = join(root, `${place.id}.${name}.json`)
    writeFileSync(path, JSON.stringify(content))
    return path
  }
  const bootstrap = {
    node: { id: place.id, title: place.id, level: 'city', region: place.id, regionTitle: place.id, maxLabel: 2, endpoint: `https://127.0.0.1:${door.port}` },
    parent: parent === null ? null : { node: parent.node.id, url: `https://127.0.0.1:${parent.node.door.port}`, code: codeFor(place.id), anchor: parent.anchor },
    invites: PLACES.filter((other) => other.parent === place.id).map(({ id }) => ({ node: id, code: codeFor(id) })), ...(place.id === watched ? OPERATED : {}),
  }
  const env = {
    ...process.env, POSTROAD_NODE: place.id, POSTROAD_HOME: home, POSTROAD_ROAD_PORT: String(port), POSTROAD_BOOTSTRAP: file('bootstrap', bootstrap), POSTROAD_LOG: 'warn',
    STATION_BODIES: file('bodies', place.organs.flatMap((organ) => organBodies(organ, keys.get(organ) as OrganKeys))), FAULT_SEED: String(seed + PLACES.indexOf(place)),
  }
  const desk = place.id === watched ? await freePort() : null
  const output = openSync(join(root, `${place.id}.log`), 'a')
  return { ...childProcess<FireOrder>(new URL('./station.ts', import.meta.url), { ...env, ...(desk === null ? {} : { POSTROAD_DESK_PORT: String(desk) }) }, { execArgv, output }), id: place.id, home, disk, door, organs: place.organs, desk: desk === null ? null : `http://localhost:${desk}` }
}
