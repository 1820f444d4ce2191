import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import type { PersonPrincipal } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import { type SignedReceipt, advance, isOrganKind, makeReceipt, mayIssue } from '@postroad/waybill'
import { writeJournal } from './engine/commit.ts'
import { type Effect, newJournal, noAftermath } from './engine/effects.ts'
import { factOf } from './engine/recall.ts'
import { type Road, directoryOf, random, roadSlot } from './engine/road.ts'
import { refusalIn, within, writeTraced } from './engine/spans.ts'
import { sealDue } from './engine/seal.ts'
import { type Brought, applyReceipts } from './engine/settle.ts'
import { asRoad } from './store/acting.ts'
import { lockPairs, updateDeliveries } from './store/deliveries.ts'
import { findMessage } from './store/messages.ts'
import { insertDue } from './store/receipts.ts'
import { refusalOf, roadFaults } from './words.ts'

/**
 * Records what an organ's people did with deliveries: delivered, signed for (签收, also 代收), registered, returned. Sealed by the organ's own key.
 * All of them or none. The lock on the inbox's row decides against a recall in the same moment.
 * @throws road.noDelivery, road.notTheActor, road.alreadyRecalled and the like, road.badSeal …
 */
export async function act(node: Node, principal: PersonPrincipal, receipts: readonly SignedReceipt[]): Promise<void> {
  const road = node.slots.get(roadSlot)
  requireActs(receipts)
  const effect: Effect = { kind: 'act', principal, receipts, keys: receipts.map(({ receipt }) => `${receipt.message} ${receipt.recipient}`), weight: receipts.length * 2048, lazy: false }
  const [first] = receipts
  const attributes = { 'postroad.message': first?.receipt.message ?? '', 'postroad.kind': first?.receipt.kind ?? '', 'postroad.receipts': receipts.length }
  const outcome = await within(node, 'road.act', { attributes }, (span) => writeTraced(road, span, effect), refusalIn)
  if (outcome.kind === 'refused') throw outcome.refusal
}

/** The same within the caller's transaction. */
export async function recordOrganReceipts(tx: Tx, node: Node, principal: PersonPrincipal, receipts: readonly SignedReceipt[]): Promise<void> {
  const road = node.slots.get(roadSlot)
  requireActs(receipts)
  const journal = newJournal()
  await asRoad(tx, async () => {
    const brought = receipts.map((signed): Brought => ({ signed, by: { kind: 'organ', principal, together: receipts } }))
    const [unsettled] = await applyReceipts(tx, road, brought, node.now(), journal, noAftermath())
    if (unsettled !== undefined) throw unsettled.refusal
  })
  await writeJournal(tx, road, journal)
  await node.emit(tx, 'road.queued', {})
}

function requireActs(receipts: readonly SignedReceipt[]): void {
  const foreign = receipts.find(({ receipt }) => !isOrganKind(receipt.kind))
  if (foreign !== undefined) throw roadFaults.notTheActor({ kind: foreign.receipt.kind })
}

/**
 * A person at the sender's node ends a delivery by hand (改走纸质): the node seals who did it and why. A late 签收 still wins.
 * @throws road.noDelivery, road.alreadySignedFor …
 */
export async function closeByPerson(node: Node, principal: PersonPrincipal, order: { readonly message: string; readonly organ: string; readonly text: string }): Promise<void> {
  const road = node.slots.get(roadSlot)
  const due = await node.transaction(principal, async (tx) => {
    const message = await findMessage(tx, order.message) // read as the person: what is not theirs is not there
    if (message === null || message.cameFrom !== null || message.head.sender.organ !== principal.acting.organ) throw roadFaults.noDelivery()
    return asRoad(tx, () => close(tx, road, principal, order, message.head))
  })
  await sealDue(road, due)
}

async function close(tx: Tx, road: Road, principal: PersonPrincipal, { message, organ, text }: Parameters<typeof closeByPerson>[2], head: Parameters<typeof makeReceipt>[1]['head']) {
  const [row] = await lockPairs(tx, 'sent', [{ message, organ }])
  if (row === undefined) throw roadFaults.noDelivery()
  const allowed = mayIssue(row.facts, 'closed')
  if (!allowed.ok) throw refusalOf(allowed.fault, { message })
  const now = road.node.now()
  const made = makeReceipt(road.suites[head.suite], {
    kind: 'closed', head, recipient: organ, node: road.self, at: now.toISOString(), directory: directoryOf(road).checkpoint().hash, random,
    actor: { person: principal.person, name: principal.name, post: principal.acting.id, organ: principal.acting.organ, onBehalfOf: null }, reason: { code: 'closedByPerson', text: text.slice(0, 500) },
  })
  if (!made.ok) throw refusalOf(made.fault)
  const due = [{ receipt: made.value, suite: head.suite, route: 'home' as const }]
  await insertDue(tx, due)
  await updateDeliveries(tx, [{ message, side: 'sent', organ, facts: advance(row.facts, factOf(made.value)) }], now)
  await record(tx, road.node, { act: 'road.closed', actor: actorOf(principal), object: message, outcome: 'done', detail: { recipient: organ } })
  return due
}
