import type { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { type Principal, service } from '@postroad/kernel/principal'
import type { RefusalSource } from '@postroad/kernel/seams'
import { type LedgerActor, type LedgerEntry, actorOf } from './model.ts'
import { record, recordAll } from './record.ts'
import { type CheckpointSigner, ledgerState } from './state.ts'

export { exportLedger, verifyExport, verifyHomeLedger, verifyLedger } from './audit.ts'
export { type LedgerActor, actorOf } from './model.ts'
export { record, recordAll } from './record.ts'
export { acceptRestore, sequence } from './sequencer.ts'
export type { CheckpointSigner } from './state.ts'
export { type LedgerFault, type LedgerVerdict } from './verify.ts'

/** Gives the ledger the node's hand: from now on its checkpoints are signed. */
export function signCheckpointsWith(node: Node, signer: CheckpointSigner): void {
  node.slots.get(ledgerState).signer = signer
}

/**
 * Writes a refusal in a transaction of its own, since the refused act's was rolled back. One source repeating itself is counted
 * rather than written each time; `flushSuppressed` writes the counts. `network` of the source is an address, or a peer's node id.
 */
export async function recordRefusal(node: Node, principal: Principal | null, refusal: Refusal, source: RefusalSource): Promise<void> {
  const actor: LedgerActor = principal === null ? { kind: 'anonymous', id: clean(source.network, 128) } : actorOf(principal)
  if (!node.slots.get(ledgerState).gate.admits(`${actor.kind}:${actor.id}`, refusal.code, node.now().getTime())) return
  const detail = Object.fromEntries(Object.entries(refusal.detail).slice(0, 16).map(([key, value]) => [clean(key, 64), typeof value === 'string' ? clean(value, 512) : value]))
  const object = clean(`${source.method} ${source.route}`, 256)
  await node.transaction(service('ledger'), (tx) =>
    record(tx, node, { act: refusal.code, actor, object, outcome: 'refused', detail: { ...detail, network: clean(source.network, 128) } }))
}

/** Writes how many refusals of each code were counted instead of written. */
export async function flushSuppressed(node: Node): Promise<void> {
  const counts = node.slots.get(ledgerState).gate.takeSuppressed()
  const actor: LedgerActor = { kind: 'service', id: 'ledger' }
  const entries = [...counts].map(([code, count]): LedgerEntry => ({ act: 'ledger.suppressed', actor, object: code, outcome: 'refused', detail: { count } }))
  await node.transaction(service('ledger'), (tx) => recordAll(tx, node, entries))
}

// What a stranger sent may hold what PostgreSQL's jsonb refuses (NUL, lone surrogates) or be of any length.
const clean = (text: string, length: number): string => text.toWellFormed().replaceAll('\0', '\uFFFD').slice(0, length).toWellFormed() || '-'
