import { signBatch } from '../batch.ts'
import { advance, NO_FACTS } from '../delivery.ts'
import { nextHopLine } from '../hops.ts'
import type { BatchSignature, Head } from '../model.ts'
import { type Draft, pack, type Packed } from '../pack.ts'
import { uuidv7 } from '../uuid.ts'
import { base64url } from '@postroad/gm'
import type { StoredMessage } from './disk.ts'
import { actOfPerson, store } from './intake.ts'
import { organKeyName } from './network.ts'
import { commit, instantOf, later, learn, receiptFor, seal, type Station } from './station.ts'

export type Letter = Packed & { readonly chunks: readonly Uint8Array[] }
/** What an organ's terminal still holds: it submits again until accepted, and once more when its node came back without it. */
export type Outbox = { readonly organ: string; readonly station: Station; readonly letters: { readonly letter: Letter; acceptedIn: string | null }[] }

/** Writes and packs a document or a recall request of `organ`, with real keys. */
export async function write(
  station: Station,
  organ: string,
  to: readonly string[],
  about: Pick<Draft, 'kind' | 'ordinal' | 'regarding' | 'urgency'> & { readonly thread: string | null },
): Promise<Letter> {
  const { world, net, suite } = station
  const created = instantOf(world)
  const id = uuidv7(created, world.dice.bytes)
  const draft: Draft = {
    ...about,
    id,
    thread: about.thread ?? id,
    sender: { organ, name: `${organ}.name`, key: organKeyName(organ, 'sign', 'P256') },
    label: 1,
    created,
    expires: new Date(Date.parse(created) + 86_400_000).toISOString(),
    content: { title: '通知', number: '', issuingName: organ, printedTo: '', printedCc: '', note: '' },
  }
  const chunks: Uint8Array[] = []
  const letter = await pack({
    suite,
    draft,
    parts: [{ name: '正文', mediaType: 'text/plain', bytes: world.dice.bytes(64) }],
    addressees: to.map((recipient, i) => {
      const { publicKey } = net.organKeys(recipient, 'P256').encrypt
      return { organ: recipient, name: `${recipient}.name`, role: i === 0 ? 'to' : 'cc', key: organKeyName(recipient, 'encrypt', 'P256'), publicKey }
    }),
    own: { key: organKeyName(organ, 'encrypt', 'P256'), publicKey: net.organKeys(organ, 'P256').encrypt.publicKey },
    sign: net.signManifest(organ, 'P256'),
    random: world.dice.bytes,
    onChunk: ({ sealed }) => void chunks.push(sealed),
  })
  if (!letter.ok) throw new Error(JSON.stringify(letter.fault))
  return { ...letter.value, chunks }
}

/** The organ's terminal sends what its node does not have yet: in the order of each thread, one at a time. */
export function send(outbox: Outbox): void {
  const { station, letters } = outbox
  const busy = new Set<string>()
  for (const entry of letters) {
    const { head } = entry.letter
    if (entry.acceptedIn === station.disk.epoch) continue
    if (entry.acceptedIn !== null && station.disk.sent.has(`${head.id} ${entry.letter.recipients[0]?.leaf.organ ?? ''}`)) {
      entry.acceptedIn = station.disk.epoch
      continue
    }
    if (!busy.has(head.thread)) submit(station, entry)
    busy.add(head.thread)
  }
}

function submit(station: Station, entry: Outbox['letters'][number]): void {
  const { world, node, bug, disk, net, suite } = station
  const { head, recipients, manifest, chunkHashes, chunks } = entry.letter
  const accept = (): void => {
    entry.acceptedIn = disk.epoch
    world.emit('accepted', { node, message: head.id })
  }
  const stored: StoredMessage = { head, manifest: base64url(manifest), chunkHashes, chunks }
  const keep = (): void => {
    if (!disk.sent.has(`${head.id} ${recipients[0]?.leaf.organ ?? ''}`)) {
      const line = nextHopLine(suite, { head, hops: [], node, at: instantOf(world), directory: net.view.checkpoint().hash, random: world.dice.bytes })
      if (!line.ok) throw new Error(line.fault.code)
      markSent(station, head, recipients.map(({ leaf }) => leaf.organ))
      store(station, stored, recipients, [{ line: line.value, seal: signBatch(suite, net.nodeSigner(node, 'P256'), 'hop', [line.value])[0] as BatchSignature }])
    }
    if (bug !== 'acceptBeforeDurable' && !world.dice.chance(world.faults.loss)) accept()
  }
  if (bug !== 'acceptBeforeDurable') return commit(station, keep)
  accept()
  later(station, 400, keep)
}

function markSent(station: Station, head: Head, organs: readonly string[]): void {
  const { disk } = station
  const [submitted] = seal(station, [receiptFor(station, head, { kind: 'submitted', recipient: null })])
  for (const organ of organs) {
    // Receipts that came back before the document did (its node had forgotten it) count now.
    const known = [...disk.receipts.values()].flatMap(({ signed: { receipt } }) => (receipt.message === head.id && receipt.recipient === organ ? [receipt] : []))
    disk.sent.set(`${head.id} ${organ}`, known.reduce(advance, submitted === undefined ? NO_FACTS : advance(NO_FACTS, submitted.receipt)))
  }
  if (submitted !== undefined) learn(station, head, submitted, null)
}

const LOOK_MS = 150
/** People of the organs at a node look at their inbox now and then, and sign for or return what is new. */
export function livePeople(station: Station, diligence: () => number): void {
  const { disk, world } = station
  for (const [key, delivery] of disk.inbox) {
    const [message, organ] = key.split(' ') as [string, string]
    const isNew = delivery.facts.signedFor === undefined && delivery.facts.returned === undefined && delivery.facts.recalled === undefined
    if (isNew && disk.messages.get(message)?.head.kind === 'document' && world.dice.chance(diligence())) actOfPerson(station, message, organ, world.dice.chance(0.12) ? 'returned' : 'signedFor')
  }
  world.at(LOOK_MS, () => livePeople(station, diligence))
}
