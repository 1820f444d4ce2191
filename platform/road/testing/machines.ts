import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suites } from '@postroad/gm/node'
import { readPidFile } from '@postroad/kernel/postgres-pid'
import { freePort, until } from '@postroad/kernel/testing'
import { createTestDatabase } from '@postroad/kernel/testing-database'
import { anchorFingerprint } from '@postroad/waybill'
import { type Child, childProcess } from './child.ts'
import { type Network, type OrganKeys, type Place, codeFor, linksFile, makeOrganKeys, organBodies } from './network.ts'
import { ROOMS } from './rooms.ts'
import type { Order } from './orders.ts'

/** A station in a process of its own, on a database that outlives it. */
export type Station = Child<Order> & {
  /** Where the node keeps everything. */
  home(): string
  /** Another folder from the next start on: after a restore. */
  moveTo(home: string): void
  /** Kills the node and its own database outright, as a burnt machine would. */
  destroy(): Promise<void>
}
export type Stations = Pick<Network, 'keys'> & { at(id: string): Station; stop(): Promise<void> }
export type StationOptions = {
  /** What a station's process runs, instead of the road's rooms alone. */
  readonly entry?: URL
  /** Every station has a PostgreSQL of its own in its home, instead of a database in the test run's. */
  readonly ownDatabase?: boolean
  /** More environment for a station. */
  env?(id: string): Readonly<Record<string, string>>
}

/** A tree of processes. The test keeps the organs' keys and plays their terminals. */
export async function startStations(places: readonly Place[], carry: (at: (id: string) => Child<Order>) => Promise<void> = async () => undefined, options: StationOptions = {}): Promise<Stations> {
  const keys = new Map<string, OrganKeys>()
  const stations = new Map<string, Station & { remove(): Promise<void>; readonly port: number }>()
  let anchor = ''
  for (const place of places) {
    for (const organ of place.organs) keys.set(organ, makeOrganKeys())
    const parent = place.parent === null ? null : { node: place.parent, url: `https://127.0.0.1:${stations.get(place.parent)?.port}`, code: codeFor(place.id), anchor }
    const bootstrap = {
      node: { id: place.id, title: place.id, level: 'city', region: place.id, regionTitle: place.id, maxLabel: place.maxLabel ?? 2 },
      parent, invites: places.filter((other) => other.parent === place.id).map(({ id }) => ({ node: id, code: codeFor(id) })), organs: [], people: [],
    }
    const station = await prepare(place, bootstrap, place.organs.flatMap((organ) => organBodies(organ, keys.get(organ) as OrganKeys)), options)
    stations.set(place.id, station)
    await station.start()
    if (place.parent === null) anchor = fingerprintIn(station.home(), place.id)
  }
  const all = [...stations.values()]
  await until(async () => {
    await carry((id) => stations.get(id) ?? missing(id))
    return new Set(await Promise.all(all.map((station) => station.ask({ kind: 'checkpoint' }).catch(() => Math.random())))).size === 1
  })
  return {
    keys,
    at: (id) => stations.get(id) ?? missing(id),
    stop: async () => void (await Promise.all(all.map((station) => station.remove()))),
  }
}

function missing(id: string): never {
  throw new Error(`no station ${id}`)
}

function fingerprintIn(home: string, node: string): string {
  const { keys } = JSON.parse(readFileSync(join(home, 'keys', 'node.json'), 'utf8')) as { keys: { id: string; suite: 'SM' | 'P256'; publicKey: string }[] }
  return anchorFingerprint(suites, node, keys.map(({ id, suite, publicKey }) => ({ id, suite, publicKey })))
}

async function prepare(place: Place, bootstrap: unknown, bodies: unknown, options: StationOptions) {
  let home = mkdtempSync(join('/tmp', 'postroad-home-'))
  chmodSync(home, 0o711)
  const settings = mkdtempSync(join('/tmp', 'postroad-station-')) // outside the home, which a drill destroys
  const folders = [home, settings]
  const database = options.ownDatabase === true ? null : await createTestDatabase(ROOMS)
  const port = await freePort()
  writeFileSync(join(settings, 'bootstrap.json'), JSON.stringify(bootstrap))
  writeFileSync(join(settings, 'bodies.json'), JSON.stringify(bodies))
  const links = linksFile(place)
  const env: NodeJS.ProcessEnv = {
    ...envOf(place.id, home, settings, port), ...(database === null ? {} : { DATABASE_URL: database.app, DATABASE_MIGRATOR_URL: database.migrator }),
    ...(links === null ? {} : { POSTROAD_LINKS: links }), ...options.env?.(place.id),
  }
  const child = childProcess<Order>(options.entry ?? new URL('./station.ts', import.meta.url), env)
  const destroy = async (): Promise<void> => {
    await child.kill()
    const server = readPidFile(join(home, 'postgres', 'data'))
    if (server === null) return
    process.kill(server.pid, 'SIGKILL')
    await until(() => readPidFile(join(home, 'postgres', 'data')) === null)
  }
  return {
    ...child,
    home: () => home,
    moveTo: (folder: string) => {
      home = folder
      env['POSTROAD_HOME'] = folder
      folders.push(folder)
    },
    destroy,
    port,
    remove: async () => {
      await destroy()
      await database?.drop()
      for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}

const envOf = (id: string, home: string, settings: string, port: number): NodeJS.ProcessEnv => ({
  ...process.env,
  POSTROAD_NODE: id,
  POSTROAD_HOME: home,
  POSTROAD_ROAD_PORT: String(port),
  POSTROAD_BOOTSTRAP: join(settings, 'bootstrap.json'),
  POSTROAD_LOG: 'silent',
  STATION_BODIES: join(settings, 'bodies.json'),
})
