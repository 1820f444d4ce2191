import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suites } from '@postroad/gm/node'
import { freePort, until } from '@postroad/kernel/testing'
import { type TestDatabase, createTestDatabase } from '@postroad/kernel/testing-database'
import { anchorFingerprint } from '@postroad/waybill'
import { type Child, childProcess } from './child.ts'
import { type Network, type OrganKeys, type Place, codeFor, linksFile, makeOrganKeys, organBodies } from './network.ts'
import { ROOMS } from './rooms.ts'
import type { Order } from './orders.ts'

/** Stations in processes of their own, on databases that outlive them. */
export type Stations = Pick<Network, 'keys'> & { at(id: string): Child<Order>; stop(): Promise<void> }

/** A tree of processes. The test keeps the organs' keys and plays their terminals. */
export async function startStations(places: readonly Place[], carry: (at: (id: string) => Child<Order>) => Promise<void> = async () => undefined): Promise<Stations> {
  const keys = new Map<string, OrganKeys>()
  const stations = new Map<string, Child<Order> & { remove(): Promise<void>; readonly port: number; readonly home: string }>()
  let anchor = ''
  for (const place of places) {
    for (const organ of place.organs) keys.set(organ, makeOrganKeys())
    const parent = place.parent === null ? null : { node: place.parent, url: `https://127.0.0.1:${stations.get(place.parent)?.port}`, code: codeFor(place.id), anchor }
    const bootstrap = {
      node: { id: place.id, title: place.id, level: 'city', region: place.id, regionTitle: place.id, maxLabel: place.maxLabel ?? 2 },
      parent, invites: places.filter((other) => other.parent === place.id).map(({ id }) => ({ node: id, code: codeFor(id) })), organs: [], people: [],
    }
    const station = await prepare(place, bootstrap, place.organs.flatMap((organ) => organBodies(organ, keys.get(organ) as OrganKeys)))
    stations.set(place.id, station)
    await station.start()
    if (place.parent === null) anchor = fingerprintIn(station.home, place.id)
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

async function prepare(place: Place, bootstrap: unknown, bodies: unknown) {
  const home = mkdtempSync(join('/tmp', 'postroad-home-'))
  chmodSync(home, 0o711)
  const database = await createTestDatabase(ROOMS)
  const port = await freePort()
  writeFileSync(join(home, 'bootstrap.json'), JSON.stringify(bootstrap))
  writeFileSync(join(home, 'bodies.json'), JSON.stringify(bodies))
  const links = linksFile(place)
  const child = childProcess<Order>(new URL('./station.ts', import.meta.url), { ...envOf(place.id, home, port, database), ...(links === null ? {} : { POSTROAD_LINKS: links }) })
  return {
    ...child,
    home,
    port,
    remove: async () => {
      await child.kill()
      await database.drop()
      rmSync(home, { recursive: true, force: true })
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
