import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { append, nodeKeys, refresh, view } from '@postroad/directory/service'
import { type KeyPair, type SuiteId, base64url } from '@postroad/gm'
import { issueCertificate } from '@postroad/gm/certificate'
import { suites } from '@postroad/gm/node'
import type { Role } from '@postroad/kernel/config'
import { service } from '@postroad/kernel/principal'
import type { Plugin } from '@postroad/kernel/plugin'
import { type TestNode, type TestOptions, freePort, personOf, testNode, until } from '@postroad/kernel/testing'
import { type StatementBody, anchorFingerprint } from '@postroad/waybill'
import { ROOMS } from './rooms.ts'

const ALWAYS = '2000-01-01T00:00:00.000Z'

export type OrganKeys = Readonly<Record<SuiteId, { readonly sign: KeyPair; readonly encrypt: KeyPair }>>
export type Place = { readonly id: string; readonly parent: string | null; readonly organs: readonly string[]; readonly maxLabel?: number; readonly deputies?: Readonly<Record<string, string>>; readonly port?: number; /** Where others reach it, when that is not its own port: a line that the test can cut. */ readonly endpoint?: string; readonly config?: TestOptions['config']; /** As in the file that POSTROAD_LINKS names. */ readonly links?: Readonly<Record<string, unknown>>; /** Several processes of the node, by their roles; default: one that does everything. */ readonly processes?: readonly (readonly Role[])[] }
export type Station = TestNode & { readonly id: string; readonly url: string }
export type Network = {
  readonly stations: ReadonlyMap<string, Station>
  readonly keys: ReadonlyMap<string, OrganKeys>
  at(id: string): Station
  /** States something in a node's log and waits until the whole network knows it. */
  state(id: string, bodies: readonly StatementBody[]): Promise<void>
  settled(): Promise<void>
  stop(): Promise<void>
}

export const codeFor = (child: string): string => `code-for-${child}-`.padEnd(40, '7')
export const clerk = (organ: string, clearance = 2, person = `clerk-${organ}`) => personOf(person, [organ], ['documents.send', 'documents.sign', 'documents.read'], clearance)

export const makeOrganKeys = (): OrganKeys => {
  const pair = (suite: SuiteId) => ({ sign: suites[suite].generateKeyPair(), encrypt: suites[suite].generateKeyPair() })
  return { SM: pair('SM'), P256: pair('P256') }
}

export const keyName = (organ: string, suite: SuiteId, purpose: 'sign' | 'encrypt'): string => `${organ}.${suite.toLowerCase()}.${purpose}`

/** What a node states about an organ: itself, its issuing name, its keys of each suite. */
export function organBodies(organ: string, pairs: Partial<OrganKeys>): StatementBody[] {
  const terms = { serial: '0a', notBefore: new Date('2020-01-01'), notAfter: new Date('2040-01-01') }
  return [
    { kind: 'organ', organ, title: organ, system: 'party', region: 'r', regionTitle: '某地', from: ALWAYS, until: null, successors: [] },
    { kind: 'issuingName', name: `${organ}.name`, title: `中共${organ}委员会`, code: '某委', organ, from: ALWAYS, until: null },
    ...(['SM', 'P256'] as const).flatMap((suite) => (['sign', 'encrypt'] as const).flatMap((purpose): StatementBody[] => {
      const both = pairs[suite]
      if (both === undefined) return []
      const pair = both[purpose]
      const issuer = { name: { commonName: organ }, keyPair: both.sign }
      const certificate = issueCertificate(suites[suite], issuer, { commonName: organ, publicKey: pair.publicKey }, { ...terms, usage: purpose })
      return [{ kind: 'key', key: keyName(organ, suite, purpose), owner: organ, purpose, suite, publicKey: base64url(pair.publicKey), certificate: base64url(certificate), from: ALWAYS, until: null }]
    })),
  ]
}

/** Starts nodes from the root down; each joins its parent over the road itself. `carry` brings along what no network does. Organ keys are the test's, so that it can be the organs' terminals. */
export async function startNetwork(places: readonly Place[], options: TestOptions & { readonly rooms?: readonly Plugin[] } = {}, carry: (stations: ReadonlyMap<string, Station>) => Promise<void> = async () => undefined): Promise<Network> {
  const stations = new Map<string, Station>()
  const organKeys = new Map<string, OrganKeys>()
  let anchor = { node: '', fingerprint: '' }
  const at = (id: string): Station => stations.get(id) ?? fail(id)
  const everywhere = async (): Promise<void> => {
    await until(async () => {
      await carry(stations)
      return new Set([...stations.values()].map(checkpoint)).size === 1
    })
  }
  const network: Network = {
    stations,
    keys: organKeys,
    at,
    async state(id, bodies) {
      const { node } = at(id)
      await node.transaction(service('directory'), (tx) => append(tx, node, bodies))
      await refresh(node)
      await everywhere()
    },
    settled: everywhere,
    stop: async () => void (await Promise.all([...stations.values()].toReversed().map((station) => station.stop()))),
  }
  for (const place of places) {
    const port = place.port ?? (await freePort())
    const parent = place.parent === null ? null : { node: place.parent, url: at(place.parent).url, code: codeFor(place.id), anchor: anchor.fingerprint }
    const bootstrap = {
      node: { id: place.id, title: place.id, level: 'city', region: place.id, regionTitle: place.id, maxLabel: place.maxLabel ?? 2, ...(place.endpoint === undefined ? {} : { endpoint: place.endpoint }) },
      parent, invites: places.filter((other) => other.parent === place.id).map(({ id }) => ({ node: id, code: codeFor(id) })), organs: [], people: [],
    }
    const test = await testNode([...ROOMS, ...(options.rooms ?? [])], { node: place.id, bootstrap, realTime: true, ...options, config: { ...options.config, links: linksFile(place), ...place.config, road: { host: '127.0.0.1', port } } })
    stations.set(place.id, { ...test, id: place.id, url: place.endpoint ?? `https://127.0.0.1:${port}` })
    if (place.parent === null) anchor = { node: place.id, fingerprint: fingerprintOf(test) }
    await until(() => checkpoint(at(place.id)) !== null)
    for (const organ of place.organs) organKeys.set(organ, makeOrganKeys())
    const bodies = [...place.organs.flatMap((organ) => organBodies(organ, organKeys.get(organ) as OrganKeys)),
      ...Object.entries(place.deputies ?? {}).map(([organ, deputy]): StatementBody => ({ kind: 'deputy', organ, deputy, from: ALWAYS, until: null }))]
    if (bodies.length > 0) await network.state(place.id, bodies)
  }
  await everywhere()
  return network
}

/** A place's settings of links as a file; null where all are plain. */
export function linksFile({ links }: Pick<Place, 'links'>): string | null {
  if (links === undefined) return null
  const path = join(mkdtempSync(join(tmpdir(), 'postroad-links-')), 'links.json')
  writeFileSync(path, JSON.stringify(links))
  return path
}

function fail(id: string): never {
  throw new Error(`no station ${id}`)
}

function fingerprintOf({ node }: TestNode): string {
  const own = nodeKeys(node)
  return anchorFingerprint(suites, node.config.node, (['SM', 'P256'] as const).map((suite) => ({ id: own[suite].id, suite, publicKey: base64url(own[suite].keyPair.publicKey) })))
}

/** The directory that a node uses; null before it has joined. */
function checkpoint({ node }: TestNode): string | null {
  try {
    return view(node).checkpoint().hash
  } catch {
    return null
  }
}
