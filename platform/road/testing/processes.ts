import { type ChildProcess, fork } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suites } from '@postroad/gm/node'
import { freePort, until } from '@postroad/kernel/testing'
import { type TestDatabase, createTestDatabase } from '@postroad/kernel/testing-database'
import { anchorFingerprint } from '@postroad/waybill'
import { type Network, type OrganKeys, type Place, codeFor, makeOrganKeys, organBodies } from './network.ts'
import { ROOMS } from './rooms.ts'
import type { Answer, Order } from './station.ts'

/** A station in a process of its own, on a database that outlives it. */
export type StationProcess = {
  ask<T>(order: Order): Promise<T>
  /** Waits until the process is dead. */
  died(): Promise<void>
  start(): Promise<void>
  kill(): Promise<void>
}
export type Stations = Pick<Network, 'keys'> & { at(id: string): StationProcess; stop(): Promise<void> }

/** A tree of processes. The test keeps the organs' keys and plays their terminals. */
export async function startStations(places: readonly Place[]): Promise<Stations> {
  const keys = new Map<string, OrganKeys>()
  const stations = new Map<string, StationProcess & { remove(): Promise<void>; readonly port: number; readonly home: string }>()
  let anchor = ''
  for (const place of places) {
    for (const organ of place.organs) keys.set(organ, makeOrganKeys())
    const parent = place.parent === null ? null : { node: place.parent, url: `https://127.0.0.1:${stations.get(place.parent)?.port}`, code: codeFor(place.id), anchor }
    const bootstrap = {
      node: { id: place.id, title: place.id, level: 'city', region: place.id, regionTitle: place.id, maxLabel: place.maxLabel ?? 2 },
      parent, invites: places.filter((other) => other.parent === place.id).map(({ id }) => ({ node: id, code: codeFor(id) })), organs: [], people: [],
    }
    const station = await prepare(place.id, bootstrap, place.organs.flatMap((organ) => organBodies(organ, keys.get(organ) as OrganKeys)))
    stations.set(place.id, station)
    await station.start()
    if (place.parent === null) anchor = fingerprintIn(station.home, place.id)
  }
  const all = [...stations.values()]
  await until(async () => new Set(await Promise.all(all.map((station) => station.ask({ kind: 'checkpoint' }).catch(() => Math.random())))).size === 1)
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

async function prepare(id: string, bootstrap: unknown, bodies: unknown) {
  const home = mkdtempSync(join('/tmp', 'postroad-home-'))
  chmodSync(home, 0o711)
  const database = await createTestDatabase(ROOMS)
  const port = await freePort()
  writeFileSync(join(home, 'bootstrap.json'), JSON.stringify(bootstrap))
  writeFileSync(join(home, 'bodies.json'), JSON.stringify(bodies))
  const env = envOf(id, home, port, database)
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let child: ChildProcess | null = null
  let dead: Promise<void> = Promise.resolve()
  let count = 0
  const start = async (): Promise<void> => {
    const born = fork(new URL('./station.ts', import.meta.url), { env, serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    child = born
    const ready = new Promise<unknown>((resolve, reject) => waiting.set(0, { resolve, reject }))
    born.on('message', (answer: Answer) => {
      const asked = waiting.get(answer.number)
      waiting.delete(answer.number)
      if (answer.code === undefined) asked?.resolve(answer.value)
      else asked?.reject(Object.assign(new Error(answer.code), { code: answer.code }))
    })
    dead = new Promise((resolve) => born.once('exit', () => {
      for (const { reject } of waiting.values()) reject(new Error('station died'))
      waiting.clear()
      resolve()
    }))
    await ready
  }
  const kill = async (): Promise<void> => {
    child?.kill('SIGKILL')
    await dead
  }
  return {
    home,
    port,
    start,
    kill,
    died: () => dead,
    ask: <T>(order: Order): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        count += 1
        waiting.set(count, { resolve: (value) => resolve(value as T), reject })
        if (child === null || child.exitCode !== null || child.signalCode !== null) return reject(new Error('station died'))
        child.send({ number: count, order }, (error) => error !== null && reject(new Error('station died')))
      }),
    remove: async () => {
      await kill()
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
