import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import { randomBytes } from 'node:crypto'
import { LEDGER_SUITE, type LedgerEntry, type LedgerLeaf, ledgerEntry } from './model.ts'
import { ledgerState } from './state.ts'
import { insertRecords } from './store.ts'
import { recordMac } from './verify.ts'

/**
 * Writes an audit record in the caller's transaction: if it cannot be written, the act it records fails with it (no audit, no answer).
 * A person's transaction may only write that person's own acts.
 */
export const record = (tx: Tx, node: Node, entry: LedgerEntry): Promise<void> => recordAll(tx, node, [entry])

/** Several records in one statement, in their order. */
export async function recordAll(tx: Tx, node: Node, entries: readonly LedgerEntry[]): Promise<void> {
  if (entries.length === 0) return
  const state = node.slots.get(ledgerState)
  const suite = state.suites[LEDGER_SUITE]
  const now = node.now()
  const leaves = entries.map((entry): LedgerLeaf => ({ ...ledgerEntry.parse(entry), v: 1, id: uuid7(now, state.count++), at: now.toISOString() }))
  await insertRecords(tx, leaves.map((leaf) => ({ leaf, mac: recordMac(suite, state.macKey, leaf) })))
}

/** RFC 9562 §5.7, its 12 bits `rand_a` a counter (§6.2, method 1). */
function uuid7(now: Date, count: number): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now.getTime(), 0, 6)
  bytes.writeUInt16BE(0x7000 | (count & 0x0fff), 6)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
