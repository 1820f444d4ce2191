import { type ExchangeRequest, logsSince } from '@postroad/directory/service'
import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { type LedgerActor, actorOf, record } from '@postroad/ledger/service'
import { canonical, signedStatementHash } from '@postroad/waybill'
import { lifeOf } from '../engine/epoch.ts'
import { ownGreeting } from '../engine/greet.ts'
import { type Road, directoryOf, roadSlot } from '../engine/road.ts'
import { type BundleLink, type BundleRow, type BundleSummary, type NewPart, type Patience, answersFor, findBundle, insertBundle, lastWritten, lockBundleLink, lowestOutstanding, openBundle, relaysFor, setReleased, setWithdrawn, shipmentsFor } from '../store/bundles.ts'
import { takenBundles } from '../store/bundles-taken.ts'
import { roadFaults } from '../words.ts'
import type { BundleGreeting } from './format.ts'
import { chooseShipments } from './model.ts'
import type { LinkSetting } from '@postroad/directory/service'

/** One bundle holds so much at most; what is left goes with the next. */
const MOST_SHIPMENTS = 10_000
const MOST_RECEIPTS = 20_000
const RECEIPTS_IN_PART = 400
const MOST_ANSWERS = 10_000
const MOST_DELTAS = 200
const NUMBERS_TOLD = 1000
const DAY_MS = 86_400_000

/** The operator of the machine, at the command line. */
export const OPERATOR: LedgerActor = { kind: 'service', id: 'operator' }

/** The link's setting. @throws road.notByBundle */
export function requireBundleLink(road: Road, link: string): LinkSetting {
  const setting = road.settingOf(link)
  if (setting.carrier !== 'bundle') throw roadFaults.notByBundle({ link: link.slice(0, 64) })
  return setting
}

/**
 * Fixes the contents of the next bundle to a peer: all that waits for it and is in no bundle that is still waited for. One stands open at a time.
 * @throws road.notByBundle, road.bundleOpen
 */
export async function prepareBundle(node: Node, link: string, person: PersonPrincipal | null): Promise<BundleRow> {
  const road = node.slots.get(roadSlot)
  const setting = requireBundleLink(road, link)
  return node.transaction(service('road'), async (tx) => {
    const known = await lockBundleLink(tx, link)
    if ((await openBundle(tx, link)) !== null) throw roadFaults.bundleOpen({ link })
    const now = node.now()
    const patience = patienceOf(setting, link, known.lastNumber + 1, now)
    const greeting = await greetingFor(tx, road, link, known)
    const life = lifeOf(greeting.epoch)
    const { parts, summary } = await contentsFor(tx, road, setting, patience, greeting, known)
    const lowest = await lowestOutstanding(tx, patience, life)
    const bundle = {
      link, number: patience.next, life, previous: await lastWritten(tx, link, life), floor: lowest === null ? known.lastNumber : lowest - 1, created: now, summary, preparedBy: person?.person ?? null,
      state: setting.release === 'onePerson' ? ('released' as const) : ('prepared' as const),
    }
    await insertBundle(tx, bundle, parts)
    await record(tx, node, { act: 'road.bundlePrepared', actor: person === null ? OPERATOR : actorOf(person), object: `${link}/${bundle.number}`, outcome: 'done', detail: { ...summary } })
    return (await findBundle(tx, link, bundle.number)) as BundleRow
  })
}

export const patienceOf = (setting: LinkSetting, link: string, next: number, now: Date): Patience =>
  ({ link, next, bundles: setting.again.bundles, since: new Date(now.getTime() - setting.again.days * DAY_MS), times: setting.oneWay ? setting.again.times : null })

/** What a HELLO says, and which of the peer's bundles are here. The link's row is locked first: no answer in this bundle tells of more than its marks. */
async function greetingFor(tx: Tx, road: Road, link: string, known: BundleLink): Promise<BundleGreeting> {
  const { epoch, marks, given } = await ownGreeting(tx, road, link)
  if (known.heardLife === null) return { v: 1, epoch, marks, given, imported: null }
  const seen = await takenBundles(tx, link, known.heardLife, NUMBERS_TOLD)
  const numbers = (state: string): number[] => seen.flatMap((one) => (one.state === state ? [one.number] : [])).toReversed()
  const from = seen.length < NUMBERS_TOLD ? 1 : (seen.at(-1)?.number ?? 1)
  return { v: 1, epoch, marks, given, imported: { life: known.heardLife, highest: seen[0]?.number ?? 0, from, done: numbers('done'), damaged: numbers('partial') } }
}

async function contentsFor(tx: Tx, road: Road, setting: LinkSetting, patience: Patience, greeting: BundleGreeting, known: BundleLink): Promise<{ parts: readonly NewPart[]; summary: BundleSummary }> {
  const answers = await answersFor(tx, patience, MOST_ANSWERS)
  const relays = await relaysFor(tx, patience, MOST_RECEIPTS)
  const waiting = (await shipmentsFor(tx, patience, MOST_SHIPMENTS)).map((one) => ({ ...one, line: one.kind === 'recallRequest' ? null : `${one.thread} ${one.sender} ${one.urgency}` }))
  const shipments = chooseShipments(waiting.filter(({ idle }) => idle), waiting.filter(({ idle }) => !idle), setting)
  const batches = Array.from({ length: Math.ceil(relays.length / RECEIPTS_IN_PART) }, (_, i) => relays.slice(i * RECEIPTS_IN_PART, (i + 1) * RECEIPTS_IN_PART))
  const parts: NewPart[] = [
    { kind: 'greeting', content: canonical(greeting), items: [] },
    ...deltasFor(road, known.heads).map((delta) => ({ kind: 'directory', content: canonical(delta), items: [] })),
    ...answers.map(({ ref, content }) => ({ kind: 'answer', content, items: [{ kind: 'answer' as const, ref }] })),
    ...batches.map((batch) => ({ kind: 'receipts', content: canonical(batch.map(({ signed }) => signed)), items: batch.map(({ seq }) => ({ kind: 'relay' as const, ref: seq })) })),
    ...shipments.map(({ id, line, ordinal }) => ({ kind: line !== null && ordinal > 0 ? 'followUp' : 'shipment', content: null, items: [{ kind: 'shipment' as const, ref: id }] })),
  ]
  const bytes = shipments.reduce((sum, one) => sum + one.bytes, 0)
  return { parts, summary: { shipments: shipments.length, receipts: relays.length, answers: answers.length, bytes, topLabel: Math.max(0, ...shipments.map(({ label }) => label)) } }
}

/** What the peer lacks of the directory, in messages of the exchange; the first also says what this node knows. */
function deltasFor(road: Road, heads: BundleLink['heads']): readonly ExchangeRequest[] {
  const own = directoryOf(road).checkpoint().logs
  const deltas: ExchangeRequest[] = []
  const known: Record<string, BundleLink['heads'][string]> = { ...heads }
  do {
    const statements = logsSince(road.node, known)
    if (statements.length === 0 && deltas.length > 0) break
    deltas.push({ v: 1, heads: own, statements })
    for (const signed of statements) known[signed.statement.log] = { seq: signed.statement.seq, hash: signedStatementHash(road.suites, signed) }
  } while (deltas.length < MOST_DELTAS && deltas.at(-1)?.statements.length !== 0)
  return deltas
}

/** @throws road.noBundle, road.samePerson, road.bundleNotOpen */
async function changeOpen(node: Node, principal: PersonPrincipal, link: string, number: number, act: 'road.bundleReleased' | 'road.bundleWithdrawn', change: (tx: Tx, bundle: BundleRow) => Promise<void>): Promise<BundleRow> {
  return node.transaction(service('road'), async (tx) => {
    const bundle = await findBundle(tx, link, number)
    if (bundle === null) throw roadFaults.noBundle()
    await change(tx, bundle)
    await record(tx, node, { act, actor: actorOf(principal), object: `${link}/${number}`, outcome: 'done', detail: { ...bundle.summary, preparedBy: bundle.preparedBy ?? '-' } })
    return (await findBundle(tx, link, number)) as BundleRow
  })
}

/**
 * A second person lets a prepared bundle out (双人放行): only now its files can be written.
 * @throws road.noBundle, road.bundleNotOpen, road.samePerson, road.aboveClearance
 */
export const releaseBundle = (node: Node, principal: PersonPrincipal, link: string, number: number): Promise<BundleRow> =>
  changeOpen(node, principal, link, number, 'road.bundleReleased', async (tx, bundle) => {
    if (bundle.state !== 'prepared') throw roadFaults.bundleNotOpen({ state: bundle.state })
    if (bundle.preparedBy === principal.person) throw roadFaults.samePerson()
    if (bundle.summary.topLabel > principal.clearance) throw roadFaults.aboveClearance()
    await setReleased(tx, link, number, principal.person)
  })

/**
 * A bundle that is not written yet is given up; what it would have carried waits for the next. Its number is not used again.
 * @throws road.noBundle, road.bundleNotOpen
 */
export const withdrawBundle = (node: Node, principal: PersonPrincipal, link: string, number: number): Promise<BundleRow> =>
  changeOpen(node, principal, link, number, 'road.bundleWithdrawn', async (tx, bundle) => {
    if (bundle.state !== 'prepared' && bundle.state !== 'released') throw roadFaults.bundleNotOpen({ state: bundle.state })
    await setWithdrawn(tx, link, number)
  })
