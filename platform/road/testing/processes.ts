import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { suites } from '@postroad/gm/node'
import { ALL_ROLES } from '@postroad/kernel/config'
import { freePort, until } from '@postroad/kernel/testing'
import { type TestDatabase, createTestDatabase } from '@postroad/kernel/testing-database'
import { anchorFingerprint } from '@postroad/waybill'
import { type Child, childProcess } from './child.ts'
import { type Network, type OrganKeys, type Place, codeFor, linksFile, makeOrganKeys, organBodies } from './network.ts'
import { ROOMS } from './rooms.ts'
import type { Order } from './orders.ts'

/** A station in a process of its own, on a database that outlives it. */
export type StationProcess = Child<Order>
/** Stations in processes of their own. `at`: the first process of a node; `all`: every one. */
export type Stations = Pick<Network, 'keys'> & { at(id: string): StationProcess; all(id: string): readonly StationProcess[]; stop(): Promise<void> }

type Prepared = { readonly processes: readonly StationProcess[]; readonly url: string; readonly home: string; remove(): Promise<void> }

/** A tree of nodes, each one process or several. The test keeps the organs' keys and plays their terminals. */
export async function startStations(places: readonly Place[], carry: (at: (id: string) => StationProcess) => Promise<void> = async () => undefined): Promise<Stations> {
  const keys = new Map<string, OrganKeys>()
  const stations = new Map<string, Prepared>()
  let anchor = ''
  for (const place of places) {
    for (const organ of place.organs) keys.set(organ, makeOrganKeys())
    const parent = place.parent === null ? null : { node: place.parent, url: stations.get(place.parent)?.url ?? '', code: codeFor(place.id), anchor }
    const settings = (endpoint: string) => ({
      node: { id: place.id, title: place.id, level: 'city', region: place.id, regionTitle: place.id, maxLabel: place.maxLabel ?? 2, endpoint },
      parent, invites: places.filter((other) => other.parent === place.id).map(({ id }) => ({ node: id, code: codeFor(id) })), organs: [], people: [],
    })
    const station = await prepare(place, settings, place.organs.flatMap((organ) => organBodies(organ, keys.get(organ) as OrganKeys)))
    stations.set(place.id, station)
    await Promise.all(station.processes.map((process) => process.start()))
    if (place.parent === null) anchor = fingerprintIn(station.home, place.id)
  }
  const all = [...stations.values()].flatMap(({ processes }) => processes)
  const allOf = (id: string): readonly StationProcess[] => stations.get(id)?.processes ?? missing(id)
  const first = (id: string): StationProcess => allOf(id)[0] ?? missing(id)
  await until(async () => {
    await carry(first)
    return new Set(await Promise.all(all.map((station) => station.ask({ kind: 'checkpoint' }).catch(() => Math.random())))).size === 1
  })
  return {
    keys,
    all: allOf,
    at: first,
    stop: async () => void (await Promise.all([...stations.values()].map((station) => station.remove()))),
  }
}

function missing(id: string): never {
  throw new Error(`no station ${id}`)
}

function fingerprintIn(home: string, node: string): string {
  const { keys } = JSON.parse(readFileSync(join(home, 'keys', 'node.json'), 'utf8')) as { keys: { id: string; suite: 'SM' | 'P256'; publicKey: string }[] }
  return anchorFingerprint(suites, node, keys.map(({ id, suite, publicKey }) => ({ id, suite, publicKey })))
}

/** One database and one home for all processes of a node; before several roads stands a balancer, as `endpoint` tells the others. */
async function prepare(place: Place, settings: (endpoint: string) => unknown, bodies: unknown): Promise<Prepared> {
  const { id, processes = [ALL_ROLES] } = place
  const home = mkdtempSync(join('/tmp', 'postroad-home-'))
  chmodSync(home, 0o711)
  const database = await createTestDatabase(ROOMS)
  const ports: number[] = []
  for (const roles of processes) ports.push(roles.includes('road') ? await freePort() : 0)
  const roads = ports.filter((port) => port !== 0)
  const balancer = roads.length > 1 ? await balance(roads) : null
  const url = `https://127.0.0.1:${balancer?.port ?? roads[0]}`
  writeFileSync(join(home, 'bootstrap.json'), JSON.stringify(settings(url)))
  writeFileSync(join(home, 'bodies.json'), JSON.stringify(bodies))
  const links = linksFile(place)
  writeFileSync(join(home, 'nothing.json'), '[]')
  const stations = processes.map((roles, at) => childProcess<Order>(new URL('./station.ts', import.meta.url), { ...envOf(id, home, ports[at] ?? 0, database), POSTROAD_ROLES: roles.join(','), ...(links === null ? {} : { POSTROAD_LINKS: links }), ...(at === 0 ? {} : { STATION_BODIES: join(home, 'nothing.json') }) }))
  return {
    home,
    url,
    processes: stations,
    remove: async () => {
      await Promise.all(stations.map((station) => station.kill()))
      await balancer?.close()
      await database.drop()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** What stands before several road processes: every connection goes to the next of them that answers. */
async function balance(ports: readonly number[]): Promise<{ readonly port: number; close(): Promise<void> }> {
  let turn = 0
  const open = new Set<Socket>()
  const lead = (client: Socket, [port, ...others]: readonly number[]): void => {
    if (port === undefined) return void client.destroy()
    const server = connect(port, '127.0.0.1')
    let isOpen = false
    server.once('connect', () => {
      isOpen = true
      client.pipe(server).pipe(client)
    })
    server.on('error', () => server.destroy()).once('close', () => (isOpen ? client.destroy() : lead(client, others)))
    client.once('close', () => server.destroy())
  }
  const server = createServer((client) => {
    open.add(client)
    client.on('error', () => client.destroy()).once('close', () => open.delete(client))
    turn = (turn + 1) % ports.length
    lead(client, [...ports.slice(turn), ...ports.slice(0, turn)])
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close()
      for (const client of open) client.destroy()
      await once(server, 'close')
    },
  }
}

const envOf = (id: string, home: string, port: number, database: TestDatabase): NodeJS.ProcessEnv => ({
  ...process.env,
  POSTROAD_NODE: id,
  POSTROAD_HOME: home,
  POSTROAD_ROAD_PORT: String(port),
  POSTROAD_BOOTSTRAP: join(home, 'bootstrap.json'),
  DATABASE_URL: database.app,
  DATABASE_MIGRATOR_URL: database.migrator,
  POSTROAD_LOG: 'silent',
  STATION_BODIES: join(home, 'bodies.json'),
})
