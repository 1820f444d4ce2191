import { basename } from 'node:path'
import { neighbours, takeExchange } from '@postroad/directory/service'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { record, recordRefusal } from '@postroad/ledger/service'
import { nodeKeyOf, readCanonical } from '@postroad/waybill'
import { CLOCK_SLACK_MS } from '../model.ts'
import { doorway } from '../engine/doorway.ts'
import { type Road, directoryOf, roadSlot } from '../engine/road.ts'
import { faultpoint } from '../faultpoints.ts'
import { lockBundleLink } from '../store/bundles.ts'
import { type Remark, type TakenBundle, findTakenBundle, keepTakenBundle, takenBundles } from '../store/bundles-taken.ts'
import { roadFaults } from '../words.ts'
import { BUNDLE_SUITE, contentHash } from './export.ts'
import { type Medium, lookForBundles } from './find.ts'
import { type BundleManifest, MOST_BYTES, MOST_MANIFEST_BYTES, type SignedBundleManifest, isWhole, nameOf, signedBundleManifest, volumeName } from './format.ts'
import { type Gap, gapsOf } from './model.ts'
import { requireBundleLink } from './prepare.ts'
import { scanVolume } from './scan.ts'
import { type Part, type Taking, WHOLE_BYTES, takePart } from './take.ts'
import { checkVolume, gather, readPlain, streamOf } from './volumes.ts'

/**
 * What became of one bundle. `known`: it was here before, nothing was done. `partial`: what is whole was taken; the rest when it is imported again, or goes again by itself.
 * `parts` counts what was taken now.
 */
export type ImportReport = {
  readonly file: string
  readonly from: string | null
  readonly number: number | null
  readonly outcome: 'imported' | 'known' | 'partial' | 'refused'
  readonly code: string | null
  readonly parts: Readonly<Record<string, number>>
  readonly remarks: readonly Remark[]
  /** Bundles of the same sender that have not come. */
  readonly gaps: readonly Gap[]
}

const AT_ONCE = 32
const MOST_MANIFESTS = 1000
const SEEN = 2000
const REMARKS = 1000

/**
 * Takes in all bundles that lie in folders or are named as files, the lowest number first. In any order, any number of times: the same in the end.
 * @throws road.bundleUnreadable where there is nothing to read
 */
export async function importBundles(node: Node, places: readonly string[]): Promise<readonly ImportReport[]> {
  const road = node.slots.get(roadSlot)
  const medium = await lookForBundles(places)
  if (medium.manifests.length === 0) throw roadFaults.bundleUnreadable({ reason: 'noManifest' })
  const reports: ImportReport[] = []
  for (const path of await byNumber(medium.manifests.slice(0, MOST_MANIFESTS))) {
    const manifest = await judge(road, medium, path).catch((error: unknown) => error)
    reports.push(await importOne(road, medium, path, manifest).catch((error: unknown) => refused(node, path, isManifest(manifest) ? manifest : null, error)))
  }
  return reports
}

/** One manifest is held at a time, however many there are. */
async function byNumber(paths: readonly string[]): Promise<readonly string[]> {
  const numbered: { path: string; number: number }[] = []
  for (const path of paths) numbered.push({ path, number: await readManifest(path).then(({ manifest }) => manifest.number, () => 0) })
  return numbered.toSorted((a, b) => a.number - b.number).map(({ path }) => path)
}

const isManifest = (value: unknown): value is BundleManifest => typeof value === 'object' && value !== null && !(value instanceof Error)

async function refused(node: Node, path: string, manifest: BundleManifest | null, error: unknown): Promise<ImportReport> {
  if (!(error instanceof Refusal)) throw error
  const claimed = typeof error.detail['from'] === 'string' ? error.detail['from'] : '-'
  await recordRefusal(node, null, error, { network: manifest?.from ?? claimed, method: 'IMPORT', route: basename(path).slice(0, 200) })
  return { file: basename(path), from: manifest?.from ?? null, number: manifest?.number ?? null, outcome: 'refused', code: error.code, parts: {}, remarks: [], gaps: [] }
}

/** What a manifest says, before anybody knows whether it is true. @throws road.bundleUnreadable */
async function readManifest(path: string): Promise<SignedBundleManifest> {
  const bytes = await readPlain(path, MOST_MANIFEST_BYTES)
  if (bytes === null) throw roadFaults.bundleUnreadable({ reason: 'file' })
  const read = readCanonical(bytes, signedBundleManifest, { maxBytes: MOST_MANIFEST_BYTES })
  if (!read.ok) throw roadFaults.bundleUnreadable({ fault: read.fault.code, reason: read.fault.detail.slice(0, 200) })
  if (!isWhole(read.value.manifest)) throw roadFaults.bundleUnreadable({ from: read.value.manifest.from, reason: 'lengths' })
  return read.value
}

/** A manifest that a neighbour's node key signed, for us, about a link that is agreed to go by bundle. @throws road.bundleForged and the like */
async function judge(road: Road, medium: Medium, path: string): Promise<BundleManifest> {
  const { manifest, seal } = await readManifest(path)
  const { from, to, number, created } = manifest
  if (directoryOf(road).node(from) === null) throw roadFaults.unknownPeer({ from })
  const find = () => nodeKeyOf(directoryOf(road))(from, seal, created)
  let key = find()
  if (!key.ok && key.fault.code === 'unknownKey' && to === road.self && road.settingOf(from).carrier === 'bundle') {
    await learnKeys(road, medium, path, manifest)
    key = find()
  }
  if (!key.ok || seal.suite !== BUNDLE_SUITE || !road.verify(road.suites, key.value, 'bundle', manifest, seal)) throw roadFaults.bundleForged({ from, number })
  if (to !== road.self) throw roadFaults.bundleNotForUs({ from, to, number })
  if (!neighbours(road.node).includes(from)) throw roadFaults.notNeighbour({ from })
  requireBundleLink(road, from)
  // a time to come would make every later life of the sender look old
  const ahead = Date.parse(created) - road.node.now().getTime()
  if (ahead > CLOCK_SLACK_MS) throw roadFaults.clocksDiffer({ from, told: created, seconds: -Math.round(ahead / 1000) })
  return manifest
}

/**
 * The sender's keys rolled over, and the statement that says so lies in the very bundle that the new key signed: its directory parts are read first, scanned like all others. Statements are
 * good by their own signatures, whoever brings them; nothing else is looked at before the manifest is proved.
 */
async function learnKeys(road: Road, medium: Medium, path: string, manifest: BundleManifest): Promise<void> {
  const { paths } = await checkVolumes(road, medium, path, manifest)
  const stream = streamOf(manifest.volumes.map(({ bytes }, index) => ({ bytes, path: paths[index] ?? null })))
  let from = 0
  for (const [kind, bytes] of manifest.parts) {
    if (kind === 'directory' && bytes <= MOST_BYTES.directory && stream.has(from, bytes)) {
      await takeExchange(road.node, manifest.from, await gather(stream.read(from, bytes)), false).catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error // not readable: the seal then proves nothing either
      })
    }
    from += bytes
  }
}

async function importOne(road: Road, medium: Medium, path: string, manifest: unknown): Promise<ImportReport> {
  if (!isManifest(manifest)) throw manifest
  const { from, life, number } = manifest
  const base = { file: basename(path), from, number, code: null }
  const before = await see(road, manifest)
  if (before.state === 'done') return { ...base, outcome: 'known', parts: {}, remarks: before.remarks, gaps: await gapsFrom(road, from, life) }
  const { remarks: wrong, paths } = await checkVolumes(road, medium, path, manifest)
  const stream = streamOf(manifest.volumes.map(({ bytes }, index) => ({ bytes, path: paths[index] ?? null })))
  const taking: Taking = { road, manifest, stream, suite: road.suites[BUNDLE_SUITE], doorway: doorway(road, 'bundle'), isPresent: false, counts: null }
  const { taken, remarks } = await takeAll(taking)
  const all = [...wrong, ...remarks].slice(0, REMARKS)
  const state = [...wrong, ...remarks].some(({ later }) => later) ? 'partial' : 'done'
  faultpoint('bundle.beforeDone')
  await road.node.transaction(service('road'), async (tx) => {
    await keepTakenBundle(tx, from, { ...before, state, remarks: all })
    await record(tx, road.node, { act: 'road.bundleImported', actor: { kind: 'node', id: from }, object: `${from}/${number}`, outcome: 'done', detail: { ...taken, state, remarks: wrong.length + remarks.length, firstRemark: all[0]?.code ?? '-' } })
  })
  return { ...base, outcome: state === 'done' ? 'imported' : 'partial', parts: taken, remarks: all, gaps: await gapsFrom(road, from, life) }
}

/** Keeps that the bundle came. @throws road.bundleNumberReused for a number that stood for something else */
async function see(road: Road, manifest: BundleManifest): Promise<TakenBundle> {
  const { from, life, number, previous, floor, created } = manifest
  const now = road.node.now()
  const fresh: TakenBundle = { life, number, previous, floor, hash: contentHash(manifest), created: new Date(created), state: 'partial', remarks: [], seenAt: now }
  return road.node.transaction(service('road'), async (tx) => {
    await lockBundleLink(tx, from)
    const known = await findTakenBundle(tx, from, life, number)
    if (known !== null && known.hash !== fresh.hash) throw roadFaults.bundleNumberReused({ from, number, seen: known.hash, offered: fresh.hash })
    if (known === null) await keepTakenBundle(tx, from, fresh)
    return known ?? fresh
  })
}

/** Every volume is compared with the manifest and scanned before anything of the bundle is looked at. What does not pass is left out. */
async function checkVolumes(road: Road, medium: Medium, path: string, manifest: BundleManifest): Promise<{ remarks: readonly Remark[]; paths: readonly (string | null)[] }> {
  const { scan } = road.settingOf(manifest.from)
  const remarks: Remark[] = []
  const paths: (string | null)[] = []
  for (const [index, volume] of manifest.volumes.entries()) {
    const name = volumeName(nameOf(manifest), index, manifest.volumes.length)
    const place = medium.locate(name, path)
    const state = await checkVolume(road.suites[BUNDLE_SUITE], place, volume)
    const verdict = state === 'good' && place !== null ? await scanVolume(scan, place) : null
    if (state !== 'good') remarks.push({ what: name, code: `volume.${state}`, later: true })
    if (verdict?.passed === false) {
      remarks.push({ what: name, code: 'road.volumeQuarantined', later: true })
      await road.node.transaction(service('ledger'), (tx) => record(tx, road.node, {
        act: 'road.volumeQuarantined', actor: { kind: 'node', id: manifest.from }, object: `${manifest.from}/${manifest.number}`, outcome: 'refused', detail: { volume: index + 1, exit: verdict.exit, said: verdict.said, direction: 'in' },
      }))
    }
    paths.push(verdict?.passed === true ? place : null)
  }
  return { remarks, paths }
}

/** Parts in their order: greeting, directory and answers one by one, shipments and receipts side by side except where a thread's order or their size forbids. */
async function takeAll(taking: Taking): Promise<{ taken: Readonly<Record<string, number>>; remarks: readonly Remark[] }> {
  const taken: Record<string, number> = {}
  const remarks: Remark[] = []
  const under = new Set<Promise<void>>()
  let from = 0
  for (const [index, [kind, bytes, hash, name]] of taking.manifest.parts.entries()) {
    const part: Part = { index, kind, from, bytes, hash, name }
    from += bytes
    if (!taking.stream.has(part.from, bytes)) continue // its volume is remarked upon
    const isAlone = kind === 'greeting' || kind === 'directory' || kind === 'followUp' || bytes > WHOLE_BYTES
    if (isAlone) await Promise.all(under)
    if (kind === 'answer') taking.counts ??= await isOfPresentLife(taking)
    const work = takePart(taking, part).then((remark) => {
      if (remark === null) taken[kind] = (taken[kind] ?? 0) + 1
      else remarks.push(remark)
    }).finally(() => under.delete(work))
    under.add(work)
    work.catch(() => undefined) // whoever waits below hears of it
    if (isAlone) await work
    else if (under.size >= AT_ONCE) await Promise.race(under)
  }
  await Promise.all(under)
  return { taken, remarks }
}

async function isOfPresentLife({ road, manifest }: Taking): Promise<boolean> {
  const { heardLife } = await road.node.transaction(service('road'), (tx) => lockBundleLink(tx, manifest.from))
  return heardLife === manifest.life
}

/** What is missing of a sender's present life. */
async function gapsFrom(road: Road, from: string, life: string): Promise<readonly Gap[]> {
  return gapsOf(await road.node.transaction(service('road'), (tx) => takenBundles(tx, from, life, SEEN)))
}
