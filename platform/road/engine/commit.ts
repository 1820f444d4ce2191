import type { Tx } from '@postroad/kernel/database'
import { service } from '@postroad/kernel/principal'
import { recordAll } from '@postroad/ledger/service'
import type { SuiteId } from '@postroad/gm'
import { type Head, type SignedHopLine, type SignedReceipt, nextHopLine } from '@postroad/waybill'
import { faultpoint } from '../faultpoints.ts'
import { type Marks, isSaid } from '../model.ts'
import { countTaken, rememberMarks } from '../store/links.ts'
import { type DueReceipt, deleteDue, insertDue, markRelayed, receiptsById } from '../store/receipts.ts'
import { markEnded, markFailed, markHandedOn } from '../store/shipments.ts'
import { clockFault } from './clock.ts'
import { DONE, type Aftermath, type Effect, type EffectOf, type Intake, type Journal, type Outcome, newJournal, noAftermath } from './effects.ts'
import { type IntakeResult, type SignedIntake, applyIntakes } from './intake.ts'
import { type Road, directoryOf, ownReceipt, random } from './road.ts'
import { sealDue } from './seal.ts'
import { type Brought, type Unsettled, applyReceipts } from './settle.ts'

/**
 * One transaction for everything that waits to be written. Afterwards, and only afterwards, our receipts about it are signed and handed out,
 * and shipments and receipts go on to their links.
 */
export async function commitBatch(road: Road, effects: readonly Effect[]): Promise<readonly Outcome[]> {
  const now = road.node.now()
  const wrong = clockFault(road, now)
  if (wrong !== null) throw wrong
  const begun = performance.now()
  const intakes = await signIntakes(road, effectsOf(effects, 'intake').map(({ intake }) => intake), now)
  const work = { journal: newJournal(), aftermath: noAftermath() }
  const written = await road.node.transaction(service('road'), async (tx) => {
    const done = await writeAll(tx, road, effects, intakes, now, work.journal, work.aftermath)
    passPoints(effects, 'beforeCommit')
    return done
  })
  road.epoch = work.aftermath.epoch ?? road.epoch
  passPoints(effects, 'afterCommit')
  road.meters.batch(effects.length, (performance.now() - begun) / 1000)
  for (const { peer } of effectsOf(effects, 'handedOn')) road.meters.handedOn(peer)
  for (const { kind } of work.journal.receipts) road.meters.recorded(kind)
  const signed = await sealDue(road, work.aftermath.due)
  road.hands.shipments(work.aftermath.shipments)
  road.hands.relays(work.aftermath.relays)
  return answer(effects, intakes, written, new Map([...written.stored, ...signed].map((one) => [one.receipt.id, one])))
}

const effectsOf = <K extends Effect['kind']>(effects: readonly Effect[], kind: K): readonly EffectOf<K>[] => effects.filter((effect): effect is EffectOf<K> => effect.kind === kind)

/**
 * Our hop lines, receipts of forwarding, and at the origin the receipts of submission: one signature per suite and domain for all of them.
 * They leave this process only after the commit.
 */
export async function signIntakes(road: Road, intakes: readonly Intake[], now: Date): Promise<readonly SignedIntake[]> {
  if (intakes.length === 0) return []
  const at = now.toISOString()
  const directory = directoryOf(road)
  const { hash } = directory.checkpoint()
  const lines = intakes.map(({ message: { head, hops }, forwarded }) => {
    const line = nextHopLine(road.suites[head.suite], { head, hops, node: road.self, at, directory: hash, random, forwards: forwarded.length })
    if (!line.ok) throw new Error(`hop line: ${line.fault.code}`) // verified before the intake was accepted
    return line.value
  })
  const lineSeals = await sealBySuite(road, 'hop', intakes.map(({ message }) => message.head), lines)
  const receipts = intakes.flatMap(({ message: { head }, recipients, forwarded, from }) => [
    ...(from.kind === 'person' ? [{ head, receipt: ownReceipt(road, head, { kind: 'submitted', recipient: null }, now) }] : []),
    ...recipients.flatMap(({ leaf }) => {
      const keeper = directory.standsFor(leaf.organ, at)
      return keeper === null || keeper === leaf.organ || isSaid(forwarded, leaf.organ, keeper) ? [] : [{ head, receipt: ownReceipt(road, head, { kind: 'forwarded', recipient: leaf.organ, reason: { code: 'forwarded', text: keeper } }, now) }]
    }),
  ])
  const seals = await sealBySuite(road, 'receipt', receipts.map(({ head }) => head), receipts.map(({ receipt }) => receipt))
  const signed = receipts.map(({ receipt }, i): SignedReceipt => ({ receipt, seal: seals[i] as SignedReceipt['seal'] }))
  return intakes.map((intake, i) => {
    const { message } = intake
    const line = { line: lines[i] as SignedHopLine['line'], seal: lineSeals[i] as SignedHopLine['seal'] }
    const about = signed.filter(({ receipt }) => receipt.message === message.head.id)
    return { ...intake, directory, message: { ...message, hops: [...message.hops, line] }, submitted: about.find(({ receipt }) => receipt.kind === 'submitted') ?? null, ownForwards: about.filter(({ receipt }) => receipt.kind === 'forwarded') }
  })
}

/** Seals structures in their head's suite, with one signature for each suite that occurs. */
export async function sealBySuite(road: Road, domain: 'hop' | 'receipt', heads: readonly Head[], structures: readonly unknown[]) {
  const seals: Awaited<ReturnType<Road['sign']>>[number][] = []
  for (const suite of new Set(heads.map((head) => head.suite)) as ReadonlySet<SuiteId>) {
    const places = heads.flatMap((head, i) => (head.suite === suite ? [i] : []))
    const batch = await road.sign(suite, domain, places.map((i) => structures[i]))
    for (const [at, place] of places.entries()) seals[place] = batch[at] as (typeof seals)[number]
  }
  return seals
}

type Written = { readonly intakes: readonly IntakeResult[]; readonly unsettled: readonly Unsettled[]; readonly marks: ReadonlyMap<string, Marks>; readonly stored: Awaited<ReturnType<typeof receiptsById>>['signed'] }

async function writeAll(tx: Tx, road: Road, effects: readonly Effect[], intakes: readonly SignedIntake[], now: Date, journal: Journal, aftermath: Aftermath): Promise<Written> {
  const links = linksOf(effects)
  const results = await applyIntakes(tx, road, intakes, now, journal, aftermath, true, links)
  const stored = await answersToRepeats(tx, results, aftermath)
  const marks = await markReceipts(tx, effects, now, aftermath, links)
  await writeShipments(tx, road, effects, now, journal, aftermath)
  const unsettled = await applyReceipts(tx, road, receiptsIn(effects, marks), now, journal, aftermath)
  await deleteDue(tx, effectsOf(effects, 'sealed').flatMap(({ due }) => due.map(({ receipt }) => receipt.id)))
  await writeJournal(tx, road, journal)
  return { intakes: results, unsettled, marks, stored }
}

/** Links whose rows a batch changes. */
const linksOf = (effects: readonly Effect[]): readonly string[] => [...new Set(effects.flatMap((effect) => {
  if (effect.kind === 'intake') return effect.intake.from.kind === 'peer' ? [effect.intake.from.peer] : []
  return effect.kind === 'handedOn' || effect.kind === 'relayed' || effect.kind === 'receipts' ? [effect.peer] : []
}))]

/** A repeated offer or submission is answered with what was signed then, or what is still to be signed. */
async function answersToRepeats(tx: Tx, results: readonly IntakeResult[], aftermath: Aftermath): Promise<Written['stored']> {
  const fresh = new Set(aftermath.due.map(({ receipt }) => receipt.id))
  const wanted = results.flatMap((result) => (result.kind === 'taken' ? result.receipts.filter((id) => !fresh.has(id)) : []))
  const found = await receiptsById(tx, wanted)
  aftermath.due.push(...found.due)
  return found.signed
}

async function writeShipments(tx: Tx, road: Road, effects: readonly Effect[], now: Date, journal: Journal, aftermath: Aftermath): Promise<void> {
  const handed = effectsOf(effects, 'handedOn')
  await markHandedOn(tx, handed.map(({ lease, mark }) => ({ ...lease, mark })), now)
  await markFailed(tx, effectsOf(effects, 'failed').map(({ failed }) => failed), now)
  const told = new Map<string, Marks>()
  for (const { peer, mark } of handed) told.set(peer, { taken: Math.max(mark, told.get(peer)?.taken ?? 0), receipts: told.get(peer)?.receipts ?? 0 })
  const relayed = effectsOf(effects, 'relayed')
  for (const { peer, relays } of relayed) told.set(peer, { taken: told.get(peer)?.taken ?? 0, receipts: Math.max(told.get(peer)?.receipts ?? 0, ...relays.map(({ mark }) => mark)) })
  await rememberMarks(tx, told, now)
  await markRelayed(tx, relayed.flatMap(({ relays }) => relays))
  const refused = effectsOf(effects, 'refused')
  const ended = await markEnded(tx, refused.map(({ lease }) => lease))
  const due = refused.flatMap(({ lease, message, reason, peer }): DueReceipt[] => {
    const row = ended.find(({ id }) => id === lease.shipment)
    if (row === undefined) return []
    journal.ledger.push({ act: 'road.undeliverable', actor: { kind: 'node', id: peer }, object: row.message, outcome: 'refused', detail: { code: reason.code, shipment: row.id, recipients: row.slice.length } })
    return row.slice.map(({ leaf }) => ({ receipt: ownReceipt(road, message.head, { kind: 'undeliverable', recipient: leaf.organ, reason }, now), suite: message.head.suite, route: 'home' }))
  })
  await insertDue(tx, due)
  aftermath.due.push(...due)
}

function receiptsIn(effects: readonly Effect[], marks: ReadonlyMap<string, Marks>): Brought[] {
  return effects.flatMap((effect): Brought[] => {
    if (effect.kind === 'handedOn') return effect.receipts.map((signed) => ({ signed, by: { kind: 'link', peer: effect.peer } }))
    if (effect.kind === 'receipts') return effect.receipts.map((signed) => ({ signed, by: { kind: 'peer', peer: effect.peer, mark: marks.get(effect.peer)?.receipts ?? 0 } }))
    if (effect.kind === 'act') return effect.receipts.map((signed) => ({ signed, by: { kind: 'organ', principal: effect.principal, together: effect.receipts } }))
    if (effect.kind === 'sealed') return effect.signed.map((signed) => ({ signed, by: { kind: 'own', route: effect.due.find(({ receipt }) => receipt.id === signed.receipt.id)?.route ?? 'home' } }))
    return []
  })
}

/** Counts receipts taken over from each peer; every call of a peer gets the mark after its own. */
async function markReceipts(tx: Tx, effects: readonly Effect[], now: Date, aftermath: Aftermath, links: readonly string[]): Promise<ReadonlyMap<string, Marks>> {
  const brought = effectsOf(effects, 'receipts')
  const counts = new Map(brought.length === 0 ? [] : links.map((peer) => [peer, { shipments: 0, receipts: 0 }]))
  for (const { peer, receipts } of brought) counts.set(peer, { shipments: 0, receipts: (counts.get(peer)?.receipts ?? 0) + receipts.length })
  const { before, epoch } = await countTaken(tx, counts, now)
  aftermath.epoch ??= epoch
  return new Map([...before].map(([peer, marks]) => [peer, { ...marks, receipts: marks.receipts + (counts.get(peer)?.receipts ?? 0) }]))
}

/** Audit and announcements of the batch. Event `road.arrived` {organs, deliveries}, `road.receipt` {organs, receipts}. */
export async function writeJournal(tx: Tx, road: Pick<Road, 'node'>, { ledger, arrived, receipts }: Journal): Promise<void> {
  await recordAll(tx, road.node, ledger)
  if (arrived.length > 0) {
    await road.node.emit(tx, 'road.arrived', { organs: [...new Set(arrived.map(({ keeper }) => keeper))], deliveries: arrived.map(({ message, organ }) => ({ message, organ })) })
  }
  if (receipts.length > 0) {
    const organs = [...new Set(receipts.flatMap((receipt) => receipt.organs))]
    await road.node.emit(tx, 'road.receipt', { organs, receipts: receipts.map(({ message, kind, recipient }) => ({ message, kind, recipient })) })
  }
}

function answer(effects: readonly Effect[], intakes: readonly SignedIntake[], written: Written, signed: ReadonlyMap<string, Written['stored'][number]>): readonly Outcome[] {
  let next = 0
  return effects.map((effect): Outcome => {
    if (effect.kind === 'intake') {
      const result = written.intakes[next] as IntakeResult
      if (intakes[next++] === undefined || result.kind === 'refused') return result as Outcome
      return { kind: 'taken', message: result.message, mark: result.mark, receipts: result.receipts.flatMap((id) => signed.get(id) ?? []) }
    }
    const unsettled = 'receipts' in effect ? written.unsettled.filter((one) => effect.receipts.includes(one.signed)) : []
    if (effect.kind === 'act') return unsettled[0] === undefined ? DONE : { kind: 'refused', refusal: unsettled[0].refusal }
    if (effect.kind !== 'receipts') return DONE
    return { kind: 'receipts', mark: written.marks.get(effect.peer)?.receipts ?? 0, refused: unsettled.map(({ signed: one, refusal, later }) => ({ id: one.receipt.id, code: refusal.code, later })) }
  })
}

/** Steps at which a process may be killed by a test. */
function passPoints(effects: readonly Effect[], when: 'beforeCommit' | 'afterCommit'): void {
  const before = when === 'beforeCommit'
  for (const effect of effects) {
    if (effect.kind === 'intake') faultpoint(effect.intake.from.kind === 'peer' ? (before ? 'custody.beforeCommit' : 'custody.beforeReceipt') : before ? 'submit.beforeCommit' : 'submit.beforeAnswer')
    if (effect.kind === 'handedOn') faultpoint(before ? 'handedOn.beforeCommit' : 'handedOn.afterCommit')
    if (effect.kind === 'receipts') faultpoint(before ? 'receipts.beforeCommit' : 'receipts.beforeAnswer')
    if (effect.kind === 'sealed' && before) faultpoint('seal.beforeCommit')
    if (effect.kind === 'act') faultpoint(before ? 'act.beforeCommit' : 'act.beforeAnswer')
  }
}
