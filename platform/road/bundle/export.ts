import { createHash } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readChunk } from '@postroad/files/service'
import { signAsNode } from '@postroad/directory/service'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { record } from '@postroad/ledger/service'
import { type BatchSignature, type SignedHopLine, type SignedReceipt, type SlicedRecipient, canonical, frame } from '@postroad/waybill'
import { frontOf } from '../engine/offer.ts'
import { type Road, roadSlot } from '../engine/road.ts'
import { faultpoint } from '../faultpoints.ts'
import { type BundleRow, type BundleSummary, contentOf, findBundle, openBundle, partsOf, setWritten } from '../store/bundles.ts'
import { shipmentRow } from '../store/bundles-taken.ts'
import { findMessage } from '../store/messages.ts'
import { roadFaults } from '../words.ts'
import { type BundleManifest, MANIFEST_SUFFIX, type PartKind, nameOf, volumeName } from './format.ts'
import { OPERATOR, prepareBundle, requireBundleLink } from './prepare.ts'
import { scanVolume } from './scan.ts'
import { type Written, freshFile, nameVolumes, syncFolder, temporaryVolume, writeVolumes } from './volumes.ts'

export type ExportOrder = { readonly link: string; readonly to: string; readonly volumeBytes?: number | undefined; /** One that was written before: its medium was lost or broke. */ readonly number?: number | undefined }
export type Exported = { readonly link: string; readonly number: number; readonly files: readonly string[]; readonly bytes: number; readonly summary: BundleSummary }

/** Manifests are hashed and signed in this suite. */
export const BUNDLE_SUITE = 'SM'

/**
 * Writes a bundle's files into a folder: volumes first, then the manifest, all durable before the bundle counts as written. Where one person suffices it is prepared here;
 * otherwise it must have been released. Killed at any step it is written again, with the same contents.
 * @throws road.notByBundle, road.bundleNotReleased, road.noBundle, road.volumeQuarantined, road.mediumFailed, road.bundleDiffers
 */
export async function exportBundle(node: Node, order: ExportOrder): Promise<Exported> {
  const road = node.slots.get(roadSlot)
  const setting = requireBundleLink(road, order.link)
  const bundle = await bundleToWrite(node, order, setting.release === 'onePerson')
  const name = nameOf({ from: road.self, to: bundle.link, number: bundle.number })
  try {
    await rm(join(order.to, `${name}${MANIFEST_SUFFIX}`), { force: true })
    const written = await writeVolumes(road.suites[BUNDLE_SUITE], order.to, name, order.volumeBytes ?? setting.volumeBytes, partsFor(road, bundle))
    faultpoint('bundle.volumesWritten')
    await scanAll(road, bundle, order.to, name, written, setting.scan)
    return await finish(road, bundle, order.to, name, written)
  } catch (error) {
    throw mediumFault(error)
  }
}

async function bundleToWrite(node: Node, { link, number }: ExportOrder, mayPrepare: boolean): Promise<BundleRow> {
  const found = await node.transaction(service('road'), (tx) => (number === undefined ? openBundle(tx, link) : findBundle(tx, link, number)))
  if (found === null && number === undefined && mayPrepare) return prepareBundle(node, link, null)
  if (found === null) throw number === undefined ? roadFaults.bundleNotReleased({ link }) : roadFaults.noBundle()
  if (found.confirmedAt !== null || found.state === 'withdrawn') throw roadFaults.noBundle()
  if (found.state === 'prepared') throw roadFaults.bundleNotReleased({ link, number: found.number })
  return found
}

/** The parts as bytes, read one by one; shipments from their own rows and chunks. */
async function* partsFor(road: Road, { link, number }: BundleRow): AsyncGenerator<AsyncIterable<Uint8Array> | Iterable<Uint8Array>> {
  const parts = await road.node.transaction(service('road'), (tx) => partsOf(tx, link, number))
  for (const { part, shipment } of parts) {
    if (shipment !== null) yield shipmentBytes(road, shipment)
    else {
      const content = await road.node.transaction(service('road'), (tx) => contentOf(tx, link, number, part))
      if (content === null) throw roadFaults.noBundle()
      yield [content]
    }
  }
}

async function* shipmentBytes(road: Road, id: string): AsyncGenerator<Uint8Array> {
  const found = await road.node.transaction(service('road'), async (tx) => {
    const row = await shipmentRow(tx, id)
    return { row, message: row === null ? null : await findMessage(tx, row.message) }
  })
  if (found.row === null || found.message === null) throw roadFaults.noBundle()
  const { slice, hops, forwarded } = found.row as { slice: SlicedRecipient[]; hops: SignedHopLine[]; forwarded: SignedReceipt[] }
  yield frontOf({ slice, hops, forwarded }, found.message)
  if (found.message.framed !== null) return yield found.message.framed
  for (const hash of found.message.chunkHashes) yield frame(await readChunk(road.node, hash, found.message.head.suite))
}

/** What the link's scanner does not let pass never gets the name of a volume. */
async function scanAll(road: Road, { link, number }: BundleRow, folder: string, name: string, { volumes }: Written, command: readonly string[] | null): Promise<void> {
  for (const index of volumes.keys()) {
    const path = temporaryVolume(folder, name, index)
    const verdict = await scanVolume(command, path)
    if (verdict.passed) continue
    await rename(path, `${path}.quarantine`)
    const detail = { volume: index + 1, exit: verdict.exit, said: verdict.said }
    await road.node.transaction(service('ledger'), (tx) => record(tx, road.node, { act: 'road.volumeQuarantined', actor: OPERATOR, object: `${link}/${number}`, outcome: 'refused', detail: { ...detail, direction: 'out' } }))
    throw roadFaults.volumeQuarantined(detail)
  }
}

async function finish(road: Road, bundle: BundleRow, folder: string, name: string, { volumes, parts }: Written): Promise<Exported> {
  const { node } = road
  const kinds = await node.transaction(service('road'), (tx) => partsOf(tx, bundle.link, bundle.number))
  const manifest: BundleManifest = {
    v: 1, from: road.self, to: bundle.link, life: bundle.life, number: bundle.number, previous: bundle.previous, floor: bundle.floor, created: bundle.created.toISOString(),
    volumes: [...volumes], parts: parts.map(({ bytes, hash }, part): BundleManifest['parts'][number] => [kinds[part]?.kind as PartKind, bytes, hash, kinds[part]?.shipment ?? '']),
  }
  const hash = contentHash(manifest)
  if (bundle.hash !== null && bundle.hash !== hash) throw roadFaults.bundleDiffers()
  await nameVolumes(folder, name, volumes.length)
  const bytes = canonical({ manifest, seal: signAsNode(node, BUNDLE_SUITE, 'bundle', [manifest])[0] as BatchSignature })
  const path = join(folder, `${name}${MANIFEST_SUFFIX}`)
  const file = await freshFile(`${path}.part`)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.part`, path)
  await syncFolder(folder)
  faultpoint('bundle.filesWritten')
  const total = volumes.reduce((sum, one) => sum + one.bytes, 0)
  const kept = node.transaction(service('road'), async (tx) => {
    if (!(await setWritten(tx, bundle.link, bundle.number, hash, node.now()))) throw roadFaults.bundleNotOpen({ state: 'withdrawn' })
    await record(tx, node, { act: 'road.bundleWritten', actor: OPERATOR, object: `${bundle.link}/${bundle.number}`, outcome: 'done', detail: { ...bundle.summary, volumes: volumes.length, bytes: total, hash, releasedBy: bundle.releasedBy ?? '-' } })
  })
  await kept.catch(async (error: unknown) => {
    await rm(path, { force: true }) // withdrawn by another process meanwhile: without its manifest nobody can import it
    throw error
  })
  return { link: bundle.link, number: bundle.number, bytes: total, summary: bundle.summary, files: [...volumes.map((_, index) => volumeName(name, index, volumes.length)), `${name}${MANIFEST_SUFFIX}`] }
}

/** What a bundle is known by, however it was cut into volumes. */
export const contentHash = ({ from, to, life, number, previous, floor, created, parts }: BundleManifest): string =>
  createHash('sha256').update(canonical({ from, to, life, number, previous, floor, created, parts })).digest('base64url')

function mediumFault(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return !(error instanceof Refusal) && /^E[A-Z]+$/.test(code) ? roadFaults.mediumFailed({ reason: code }) : error
}
