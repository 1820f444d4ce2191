import { fromBase64url, type Suite, base64url } from '@postroad/gm'
import { takeExchange } from '@postroad/directory/service'
import { Refusal } from '@postroad/kernel/errors'
import { service } from '@postroad/kernel/principal'
import { canonical, readCanonical } from '@postroad/waybill'
import { faultpoint } from '../faultpoints.ts'
import { type Road, directoryOf } from '../engine/road.ts'
import { EPOCH_HEADER, JSON_TYPE, NODE_HEADER, SHIPMENT_TYPE, faultOf, paths } from '../engine/wire.ts'
import { setHeads } from '../store/bundles.ts'
import { type Remark, keepAnswer } from '../store/bundles-taken.ts'
import type { WireHandler, WireReply } from '../transport/port.ts'
import { takeAnswer } from './answers.ts'
import { type BundleManifest, MOST_BYTES, bundleGreeting, isShipment } from './format.ts'
import { hearBundle } from './hear.ts'
import { type Stream, gather } from './volumes.ts'

/** One bundle being taken in. `doorway` is what answers requests over https too: nothing is checked less because it came on a disk. */
export type Taking = {
  readonly road: Road
  readonly manifest: BundleManifest
  readonly stream: Stream
  readonly suite: Suite
  readonly doorway: WireHandler
  /** Whether the greeting was heard: this bundle speaks of the present. */
  isPresent: boolean
  /** Whether the peer's answers are of the life that it greeted with last; null: not asked yet. */
  counts: boolean | null
}
/** What came of a part: what is wrong with it, or null. */
export type Part = { readonly index: number; readonly kind: BundleManifest['parts'][number][0]; readonly from: number; readonly bytes: number; readonly hash: string; readonly name: string }

/** Parts up to here are read whole, verified, and only then looked at; longer ones are shipments with large bodies, which verify themselves chunk by chunk. */
export const WHOLE_BYTES = 1024 * 1024

/** Takes one part. Its bytes are those that the manifest names, or nothing of it counts but what verified by itself. */
export async function takePart(taking: Taking, part: Part): Promise<Remark | null> {
  const what = `${part.kind} ${part.index}`
  try {
    return await takeWhole(taking, part, what)
  } catch (error) {
    if (error instanceof Error && 'syscall' in error && (error.syscall === 'read' || error.syscall === 'open')) return damaged(what) // a scratched disk, or one pulled out
    throw error
  }
}

async function takeWhole(taking: Taking, part: Part, what: string): Promise<Remark | null> {
  if (isShipment(part.kind)) return takeShipment(taking, part, what)
  if (part.bytes > MOST_BYTES[part.kind]) return { what, code: 'road.tooLong', later: false }
  const bytes = await gather(taking.stream.read(part.from, part.bytes))
  if (base64url(taking.suite.hash(bytes)) !== part.hash) return damaged(what)
  const code = await takeSmall(taking, part, bytes)
  return code === null ? null : { what, code, later: false }
}

const damaged = (what: string): Remark => ({ what, code: 'road.partDamaged', later: true })

async function takeSmall(taking: Taking, part: Part, bytes: Uint8Array): Promise<string | null> {
  const { road, manifest } = taking
  if (part.kind === 'greeting') {
    const read = readCanonical(bytes, bundleGreeting, { maxBytes: MOST_BYTES.greeting })
    if (!read.ok) return `road.${read.fault.code}`
    taking.isPresent = await hearBundle(road, manifest, read.value)
    faultpoint('bundle.greetingHeard')
    return null
  }
  if (part.kind === 'answer') return taking.counts === true ? takeAnswer(road, manifest.from, manifest.life, bytes) : 'road.greetFirst'
  if (part.kind === 'directory') return takeDirectory(taking, bytes)
  const reply = await ask(taking, 'POST', paths.receipts, JSON_TYPE, part.bytes, [bytes])
  faultpoint('bundle.partTaken')
  if (reply.status !== 200) return faultOf(reply).code
  const { life, number } = manifest
  await answerLater(taking, 'receipts', `${life} ${number} ${part.index}`, { kind: 'receipts', life, number, part: part.index }, reply)
  return null
}

async function takeDirectory({ road, manifest, isPresent }: Taking, bytes: Uint8Array): Promise<string | null> {
  try {
    const heads = await takeExchange(road.node, manifest.from, bytes, isPresent)
    if (isPresent) await road.node.transaction(service('road'), (tx) => setHeads(tx, manifest.from, heads))
    return null
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

async function takeShipment(taking: Taking, part: Part, what: string): Promise<Remark | null> {
  const { suite, stream } = taking
  const digest = suite.createHash()
  const pieces = stream.read(part.from, part.bytes)
  const isWhole = async (): Promise<boolean> => {
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) digest.update(next.value)
    return base64url(digest.digest()) === part.hash
  }
  let body: Iterable<Uint8Array> | AsyncIterable<Uint8Array> = untilRefused(pieces, digest)
  if (part.bytes <= WHOLE_BYTES) {
    const bytes = await gather(body as AsyncIterable<Uint8Array>)
    if (!(await isWhole())) return damaged(what)
    body = [bytes]
  }
  const reply = await ask(taking, 'PUT', paths.shipment(part.name), SHIPMENT_TYPE, part.bytes, body)
  faultpoint('bundle.partTaken')
  if (reply.status === 202) return { what: part.name, code: 'road.bodyMissing', later: false }
  // refused for what the medium did to it: the sender's shipment is not judged by that
  if (reply.status !== 200 && part.bytes > WHOLE_BYTES && !(await isWhole())) return damaged(part.name)
  await answerLater(taking, 'shipment', part.name, { kind: 'shipment', id: part.name }, reply)
  faultpoint('bundle.answerKept')
  if (reply.status === 200) return null
  const { code, later } = faultOf(reply)
  return { what: part.name, code, later }
}

/** Pieces as far as somebody reads them; whoever stops early leaves the rest to be digested. */
async function* untilRefused(pieces: AsyncGenerator<Uint8Array>, digest: { update(bytes: Uint8Array): unknown }): AsyncGenerator<Uint8Array> {
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    digest.update(next.value)
    yield next.value
  }
}

/** Puts a request to the doorway as the peer whose node key signed the bundle; its greeting was heard, so it names our epoch. */
function ask({ road, manifest, doorway }: Taking, method: 'PUT' | 'POST', path: string, type: string, length: number, body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<WireReply> {
  const certificate = directoryOf(road).node(manifest.from)?.tls.certificate ?? ''
  return doorway({
    method, path, type, length, from: `bundle ${manifest.number}`, certificate: fromBase64url(certificate),
    headers: { [NODE_HEADER]: manifest.from, [EPOCH_HEADER]: road.epoch }, body: oneByOne(body),
  })
}
async function* oneByOne(body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of body) yield piece
}

function answerLater({ road, manifest }: Taking, kind: 'shipment' | 'receipts', ref: string, request: unknown, reply: WireReply): Promise<void> {
  const content = canonical({ v: 1, request, status: reply.status, reply: JSON.parse(Buffer.from(reply.body).toString('utf8')) as unknown })
  return road.node.transaction(service('road'), (tx) => keepAnswer(tx, { link: manifest.from, kind, ref, status: reply.status, content, at: road.node.now() }))
}
