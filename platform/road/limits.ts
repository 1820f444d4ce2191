import { removeChunks } from '@postroad/files/service'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { deputiesFor } from './engine/intake.ts'
import { type Road, directoryOf, ownReceipt, roadSlot } from './engine/road.ts'
import { sealDue } from './engine/seal.ts'
import { CUSTODY_KEPT_DAYS } from './model.ts'
import { overdueDeliveries, setDeputies, waitingOrgans } from './store/deliveries.ts'
import { forgetBodies, messageFacts } from './store/messages.ts'
import { type DueReceipt, insertDue, unfinishedLate } from './store/receipts.ts'
import { takeOverdueShipments } from './store/shipments.ts'

const AT_ONCE = 500

/**
 * Time limits that passed: the origin for its open deliveries, a centre for what still waits with it. Each gets one provisional receipt `late`;
 * nothing is ended by it, a person decides. Answers how many.
 */
export async function raiseLate(node: Node): Promise<number> {
  const road = node.slots.get(roadSlot)
  const now = node.now()
  const due = await node.transaction(service('road'), async (tx) => {
    const own = await unfinishedLate(tx, await overdueDeliveries(tx, now, AT_ONCE))
    const waiting = (await takeOverdueShipments(tx, now, AT_ONCE)).flatMap(({ message, slice }) => slice.map(({ leaf }) => ({ message, organ: leaf.organ })))
    const late = [...own, ...waiting]
    const facts = await messageFacts(tx, late.map(({ message }) => message))
    const receipts = late.flatMap(({ message, organ }): DueReceipt[] => {
      const head = facts.get(message)?.head
      return head === undefined ? [] : [{ receipt: ownReceipt(road, head, { kind: 'late', recipient: organ, reason: { code: 'expired', text: head.expires } }, now), suite: head.suite, route: 'home' }]
    })
    await insertDue(tx, receipts)
    return receipts
  })
  await sealDue(road, due)
  return due.length
}

/** A centre forgets bodies that it handed on longer ago than any next centre's backup reaches back; the head, the lines and the receipts stay. */
export async function forgetOldBodies(node: Node): Promise<void> {
  const before = new Date(node.now().getTime() - CUSTODY_KEPT_DAYS * 24 * 3600_000)
  const chunks = await node.transaction(service('road'), (tx) => forgetBodies(tx, before, AT_ONCE))
  await removeChunks(node, chunks)
}

/** Who may sign for whom (代收) follows the directory, also for what has arrived already. */
export async function followDeputies(node: Node): Promise<void> {
  const road: Road = node.slots.get(roadSlot)
  const directory = directoryOf(road)
  const at = node.now().toISOString()
  await node.transaction(service('road'), async (tx) => {
    const organs = [...new Set((await waitingOrgans(tx)).map(({ organ }) => organ))]
    if (organs.length > 0) await setDeputies(tx, organs.map((organ) => ({ organ, deputies: deputiesFor(directory, organ, directory.standsFor(organ, at) ?? organ, at) })))
  })
}
