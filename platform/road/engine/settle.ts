import { hasLeft } from '@postroad/directory/service'
import type { Tx } from '@postroad/kernel/database'
import type { Refusal } from '@postroad/kernel/errors'
import type { PersonPrincipal } from '@postroad/kernel/principal'
import { actorOf } from '@postroad/ledger/service'
import { type Delivery, type DirectoryView, type Receipt, type SignedReceipt, advance, isOrganKind, mayIssue, receiptKeyOf, verifyReceipt } from '@postroad/waybill'
import { type LockedDelivery, lockPairs, sentOrgans, updateDeliveries } from '../store/deliveries.ts'
import { type MessageFacts, messageFacts } from '../store/messages.ts'
import { insertReceipts, insertRelay } from '../store/receipts.ts'
import { isNews } from '../model.ts'
import { refusalOf, roadFaults } from '../words.ts'
import type { Aftermath, Journal } from './effects.ts'
import { factOf } from './recall.ts'
import { type Road, directoryOf } from './road.ts'

/** Receipts that reached this node and who brought them. Those of `own` and `link` were verified (or made) before. */
export type Brought = { readonly signed: SignedReceipt; readonly by: { readonly kind: 'own'; readonly route: 'answer' | 'home' } | { readonly kind: 'link'; readonly peer: string } | { readonly kind: 'peer'; readonly peer: string; readonly mark: number } | OrganAct }
/** Acts of one call stand or fall together. */
export type OrganAct = { readonly kind: 'organ'; readonly principal: PersonPrincipal; readonly together: readonly SignedReceipt[] }
export type Unsettled = { readonly signed: SignedReceipt; readonly refusal: Refusal; readonly later: boolean }

/**
 * What receipts change here: at the origin its deliveries advance and the receipt is kept; at the destination the inbox advances and the receipt is kept;
 * everywhere else it goes on towards the origin. Any order and any repetition leads to the same state.
 * @returns those that were refused; nothing of them is written
 */
export async function applyReceipts(tx: Tx, road: Road, brought: readonly Brought[], now: Date, journal: Journal, aftermath: Aftermath): Promise<readonly Unsettled[]> {
  if (brought.length === 0) return []
  const facts = await messageFacts(tx, brought.map(({ signed }) => signed.receipt.message))
  const unsettled: Unsettled[] = []
  const good = brought.filter((one) => {
    const refusal = refusalFor(road, one, facts.get(one.signed.receipt.message))
    if (refusal !== null) unsettled.push({ signed: one.signed, ...refusal })
    return refusal === null
  })
  const acted = await applyActs(tx, good, now, unsettled, journal)
  const standing = good.filter((one) => one.by.kind !== 'organ' || acted.has(one))
  await advanceToldBack(tx, standing, facts, now)
  await keepAndRelay(tx, road, standing, facts, now, journal, aftermath)
  return unsettled
}

function refusalFor(road: Road, { signed, by }: Brought, facts: MessageFacts | undefined): Omit<Unsettled, 'signed'> | null {
  if (facts === undefined) return { refusal: roadFaults.unknownMessage({ message: signed.receipt.message }), later: false }
  if (by.kind === 'own' || by.kind === 'link') return null
  const verdict = verifyReceipt(road.suites, { signed, head: facts.head, keyOf: receiptKeyOf(directoryOf(road)), verify: road.verify })
  if (verdict.ok) return null
  // a directory that is behind may not know a key, or a merger, yet: it is asked for again, not thrown away
  const behind = signed.receipt.directory !== directoryOf(road).checkpoint().hash
  return { refusal: refusalOf(verdict.fault, { receipt: signed.receipt.id }), later: behind && isNews(verdict.fault.code) }
}

/** Acts of organs, under the lock of the inbox's row. Several acts on one delivery (delivered, then signed for) follow one another. */
async function applyActs(tx: Tx, good: readonly Brought[], now: Date, unsettled: Unsettled[], journal: Journal): Promise<ReadonlySet<Brought>> {
  const acts = good.flatMap((one) => (one.by.kind === 'organ' ? [{ one, by: one.by }] : []))
  if (acts.length === 0) return new Set()
  const locked = await lockPairs(tx, 'inbox', acts.map(({ one: { signed: { receipt } } }) => ({ message: receipt.message, organ: receipt.recipient ?? '' })))
  const facts = new Map(locked.map((row) => [nameOf(row.message, row.organ), row.facts]))
  const done = new Set<Brought>()
  for (const together of new Set(acts.map(({ by }) => by.together))) {
    const group = acts.filter(({ by }) => by.together === together)
    const tried = new Map(facts)
    const refused = unsettled.find(({ signed }) => together.includes(signed))
    const refusal = refused?.refusal ?? tryActs(group, locked, tried)
    if (refusal !== null) {
      for (const { one } of group) unsettled.push({ signed: one.signed, refusal, later: false })
      continue
    }
    for (const [name, after] of tried) facts.set(name, after)
    for (const { one, by } of group) {
      const { receipt } = one.signed
      done.add(one)
      journal.ledger.push({ act: `road.${receipt.kind}`, actor: actorOf(by.principal), object: receipt.message, outcome: 'done', detail: { recipient: receipt.recipient ?? '', receipt: receipt.id, onBehalfOf: receipt.actor?.onBehalfOf ?? '' } })
    }
  }
  await updateDeliveries(tx, locked.flatMap(({ message, side, organ, facts: before }) => {
    const after = facts.get(nameOf(message, organ))
    return after === undefined || after === before ? [] : [{ message, side, organ, facts: after }]
  }), now)
  return done
}

const nameOf = (message: string, organ: string | null): string => `${message} ${organ ?? ''}`

/** Applies the acts of one call one after the other to `facts`; answers the first refusal. */
function tryActs(group: readonly { readonly one: Brought; readonly by: OrganAct }[], locked: readonly LockedDelivery[], facts: Map<string, Delivery>): Refusal | null {
  for (const { one: { signed: { receipt } }, by } of group) {
    const name = nameOf(receipt.message, receipt.recipient)
    const row = locked.find(({ message, organ }) => message === receipt.message && organ === receipt.recipient)
    const before = facts.get(name)
    if (row === undefined || before === undefined) return roadFaults.noDelivery()
    const refusal = actRefusal(row, before, receipt, by.principal)
    if (refusal !== null) return refusal
    facts.set(name, advance(before, factOf(receipt)))
  }
  return null
}

function actRefusal(row: LockedDelivery, facts: Delivery, receipt: Receipt, principal: PersonPrincipal): Refusal | null {
  const { actor } = receipt
  const own = row.keeper === principal.acting.organ
  if (!own && !row.deputies.includes(principal.acting.organ)) return roadFaults.noDelivery()
  if (actor !== null && (actor.person !== principal.person || actor.post !== principal.acting.id || actor.organ !== principal.acting.organ)) return roadFaults.notTheActor()
  if (!own && actor?.onBehalfOf !== row.organ) return roadFaults.notTheActor()
  const allowed = mayIssue(facts, receipt.kind)
  return allowed.ok ? null : refusalOf(allowed.fault, { message: receipt.message })
}

async function keepAndRelay(tx: Tx, road: Road, good: readonly Brought[], facts: ReadonlyMap<string, MessageFacts>, now: Date, journal: Journal, aftermath: Aftermath): Promise<void> {
  const home = (one: Brought): string | null => facts.get(one.signed.receipt.message)?.cameFrom ?? null
  const keeps = (one: Brought): boolean => home(one) === null || one.by.kind === 'own' || one.by.kind === 'organ' || isToldBack(one, facts)
  const kept = await insertReceipts(tx, good.filter(keeps).map((one) => ({ ...one.signed, from: broughtBy(one) })))
  await advanceSent(tx, road, good.filter((one) => home(one) === null && kept.has(one.signed.receipt.id)).map(({ signed }) => signed.receipt), facts, now, journal)
  const onward = good.filter((one) => {
    const link = home(one)
    if (link !== null && hasLeft(road.node, link)) return false // nobody is there to be told
    if (link === null || (one.by.kind === 'own' && one.by.route === 'answer')) return false // what travels in an answer needs no other way
    return !(one.by.kind === 'peer' && one.by.peer === link)
  })
  aftermath.relays.push(...(await insertRelay(tx, onward.map((one) => ({ link: home(one) as string, signed: one.signed, from: broughtBy(one), holder: road.hands.hasRoomForRelays(home(one) as string) ? road.process : null })), now)))
  for (const { signed: { receipt } } of onward) {
    if (isOrganKind(receipt.kind)) journal.receipts.push({ message: receipt.message, kind: receipt.kind, recipient: receipt.recipient, organs: receipt.recipient === null ? [] : [receipt.recipient] })
  }
}

const broughtBy = ({ by }: Brought): { link: string; mark: number } | null => (by.kind === 'peer' ? { link: by.peer, mark: by.mark } : null)

/** An organ's act that comes from where the message came from: this node made it, lost it in a restore, and is told again. */
const isToldBack = ({ signed: { receipt }, by }: Brought, facts: ReadonlyMap<string, MessageFacts>): boolean =>
  by.kind === 'peer' && isOrganKind(receipt.kind) && facts.get(receipt.message)?.cameFrom === by.peer

async function advanceToldBack(tx: Tx, good: readonly Brought[], facts: ReadonlyMap<string, MessageFacts>, now: Date): Promise<void> {
  const told = good.filter((one) => isToldBack(one, facts)).map(({ signed }) => signed.receipt)
  const rows = await lockPairs(tx, 'inbox', told.map(({ message, recipient }) => ({ message, organ: recipient ?? '' })))
  await updateDeliveries(tx, rows.flatMap(({ message, side, organ, facts: before }) => {
    const after = told.filter((receipt) => receipt.message === message && receipt.recipient === organ).reduce((delivery, receipt) => advance(delivery, factOf(receipt)), before)
    return after === before ? [] : [{ message, side, organ, facts: after }]
  }), now)
}

/** The sender's deliveries, under lock in one order. A receipt of custody moves all recipients whose way leads through that centre. */
async function advanceSent(tx: Tx, road: Road, receipts: readonly Receipt[], facts: ReadonlyMap<string, MessageFacts>, now: Date, journal: Journal): Promise<void> {
  const passed = passesIn(directoryOf(road), road.self)
  const isAbout = (receipt: Receipt, message: string, organ: string): boolean => receipt.message === message && (receipt.recipient === null ? passed(organ, receipt) : receipt.recipient === organ)
  const whole = receipts.filter(({ recipient }) => recipient === null)
  const listed = await sentOrgans(tx, [...new Set(whole.map(({ message }) => message))])
  const named = receipts.flatMap(({ message, recipient }) => (recipient === null ? [] : [{ message, organ: recipient }]))
  const onWay = listed.filter(({ message, organ }) => whole.some((receipt) => isAbout(receipt, message, organ)))
  const rows = await lockPairs(tx, 'sent', [...named, ...onWay])
  const aboutMessage = Map.groupBy(receipts, ({ message }) => message)
  const changes = rows.flatMap(({ message, side, organ, facts: before }) => {
    const about = (aboutMessage.get(message) ?? []).filter((receipt) => isAbout(receipt, message, organ))
    const after = about.reduce((delivery, receipt) => advance(delivery, factOf(receipt)), before)
    return after === before ? [] : [{ message, side, organ, facts: after }]
  })
  await updateDeliveries(tx, changes, now)
  for (const { message, kind, recipient } of receipts) {
    journal.receipts.push({ message, kind, recipient, organs: [facts.get(message)?.head.sender.organ ?? ''] })
  }
}

/** Whether a centre lies on the way to an organ, as the directory stands. The way to a node is looked for once. */
function passesIn(directory: DirectoryView, self: string): (organ: string, receipt: Receipt) => boolean {
  const ways = new Map<string, readonly string[]>()
  const wayTo = (host: string): readonly string[] => {
    const known = ways.get(host) ?? directory.path(self, host) ?? []
    ways.set(host, known)
    return known
  }
  return (organ, receipt) => {
    if (receipt.kind === 'submitted') return true
    const keeper = directory.standsFor(organ, receipt.at) ?? organ
    const host = (directory.organ(keeper, receipt.at) ?? directory.organ(keeper))?.node
    return host !== undefined && wayTo(host).includes(receipt.node)
  }
}
