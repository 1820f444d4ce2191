import { randomUUID } from 'node:crypto'
import { neighbours } from '@postroad/directory/service'
import type { Node, Slot } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { actorOf, record, verifyLedger } from '@postroad/ledger/service'
import { callPeer } from '@postroad/road/service'
import { RULES, alarmKey, detailsNow, isUrgent, step } from './alarms.ts'
import { LEDGER_READING, gather } from './gather/condition.ts'
import { answerName, probeName } from './gather/links.ts'
import type { Alarm, Condition } from './model.ts'
import { type AlarmRow, clearAlarms, clearedAlarms, insertAlarms, insertSeen, lockAlarms, openAlarms, writeReadings } from './store.ts'
import { watchFaults } from './words.ts'

export { lastBackup } from './gather/condition.ts'

type Kept = { taken: number; cost: number; value: Promise<Condition> | null }
export const keptCondition: Slot<Kept> = { name: 'watch.kept' }
export const nothingKept = (): Kept => ({ taken: Number.NEGATIVE_INFINITY, cost: 0, value: null })

const KEPT_MS = 2_000
/** Looking may cost a twentieth of one connection's time at most: a long queue is counted seldomer. */
const SHARE = 20

/** How this node is doing: gathered anew, or as it was a moment ago. @throws directory.notJoined before the node has joined its tree */
export function conditionOf(node: Node): Promise<Condition> {
  const kept = node.slots.get(keptCondition)
  const started = performance.now()
  if (kept.value !== null && started - kept.taken < Math.max(KEPT_MS, kept.cost * SHARE)) return kept.value
  kept.taken = started
  kept.value = gather(node)
  kept.value.then(() => (kept.cost = performance.now() - started), () => (kept.value = null))
  return kept.value
}

/** Calls every neighbour, looks at everything, raises and clears alarms. Answers what was found and how many of each. @throws directory.notJoined */
export async function look(node: Node): Promise<{ readonly condition: Condition; readonly raised: number; readonly cleared: number }> {
  await callNeighbours(node)
  const condition = await gather(node)
  return node.transaction(service('watch'), async (tx) => {
    await lockAlarms(tx)
    const now = node.now()
    const open = await openAlarms(tx)
    const { raise, clear } = step(condition, open)
    const rows = raise.map((finding) => ({ ...finding, id: randomUUID(), rules: RULES.version }))
    await insertAlarms(tx, rows, now)
    await clearAlarms(tx, clear.map(({ id }) => id), now)
    for (const { code, subject } of rows) await record(tx, node, { act: 'watch.raised', actor: actorOf(service('watch')), object: subject, outcome: 'done', detail: { code, rules: RULES.version } })
    for (const { code, subject } of clear) await record(tx, node, { act: 'watch.cleared', actor: actorOf(service('watch')), object: subject, outcome: 'done', detail: { code } })
    return { condition, raised: raise.length, cleared: clear.length }
  })
}

async function callNeighbours(node: Node): Promise<void> {
  const calls = await Promise.all(neighbours(node).map(async (peer) => [peer, await callPeer(node, peer)] as const))
  const readings = Object.fromEntries(calls.flatMap(([peer, call]) => (call === null ? [] : [[probeName(peer), call], ...(call.outcome === 'good' ? [[answerName(peer), true] as const] : [])])))
  await node.transaction(service('watch'), (tx) => writeReadings(tx, readings, node.now()))
}

/** Alarms that stand, with the numbers of this moment, and the last that were cleared. */
export async function alarmsOf(node: Node, condition: Condition, cleared: number): Promise<{ readonly open: Alarm[]; readonly cleared: Alarm[] }> {
  const now = detailsNow(condition)
  const rows = await node.transaction(service('watch'), async (tx) => ({ open: await openAlarms(tx), cleared: await clearedAlarms(tx, cleared) }))
  return { open: rows.open.map((row) => shown({ ...row, detail: now.get(alarmKey(row)) ?? row.detail })), cleared: rows.cleared.map(shown) }
}

const shown = ({ at, clearedAt, seen, ...row }: AlarmRow): Alarm => ({ ...row, urgent: isUrgent(row.code), at: at.toISOString(), clearedAt: clearedAt?.toISOString() ?? null, detail: { ...row.detail }, seen: seen.map(({ name, note, at: seenAt }) => ({ name, note, at: new Date(seenAt).toISOString() })) })

/** 知晓: a person has seen the alarm and says what is being done. It stands until its cause is gone. @throws watch.noAlarm */
export async function acknowledge(node: Node, person: PersonPrincipal, alarm: string, note: string): Promise<void> {
  await node.transaction(service('watch'), async (tx) => {
    if (!(await insertSeen(tx, { alarm, person: person.person, name: person.name, note, at: node.now() }))) throw watchFaults.noAlarm()
    await record(tx, node, { act: 'watch.acknowledged', actor: actorOf(person), object: alarm, outcome: 'done', detail: {} })
  })
}

/** Verifies the whole ledger and keeps what came of it. */
export async function verifyNow(node: Node): Promise<void> {
  const verdict = await verifyLedger(node)
  await node.transaction(service('watch'), (tx) => writeReadings(tx, { [LEDGER_READING]: { ok: verdict.ok, size: verdict.size } }, node.now()))
}
