import { base64url } from '@postroad/gm'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import type { BatchSignature } from '@postroad/waybill'
import { exportLedger, verifyLedger } from './audit.ts'
import { type Checkpoint, LEDGER_SUITE, actorOf, logName } from './model.ts'
import { record } from './record.ts'
import { ledgerState } from './state.ts'
import { type FoundRecord, type RecordFilter, checkpointOf, checkpointsAfter, findRecords, leafHashes, newestCheckpoints, positionsFrom } from './store.ts'
import { type Frontier, append, consistencyRanges, emptyFrontier, inclusionRanges, rootOf } from './tree.ts'
import type { LedgerVerdict } from './verify.ts'
import { ledgerFaults } from './words.ts'

const PAGE = 10_000
const NEWEST = 100

/** An auditor's look is written down before anything is shown. */
async function look(node: Node, auditor: PersonPrincipal, act: string, detail: Readonly<Record<string, string | number>>): Promise<void> {
  const entry = { act: `ledger.${act}`, actor: actorOf(auditor), object: logName(node.config.node), outcome: 'done' as const, detail: { ...detail } }
  await node.transaction(auditor, (tx) => record(tx, node, entry))
}

/** Records that match, newest first. `index` is null until the sequencer has placed one. */
export async function listRecords(node: Node, auditor: PersonPrincipal, filter: RecordFilter, limit: number): Promise<FoundRecord[]> {
  await look(node, auditor, 'read', Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)) as Record<string, string>)
  return node.transaction(service('ledger'), (tx) => findRecords(tx, filter, limit))
}

export type SignedCheckpoint = { readonly checkpoint: Checkpoint; readonly seal: BatchSignature }

export async function listCheckpoints(node: Node, auditor: PersonPrincipal): Promise<SignedCheckpoint[]> {
  await look(node, auditor, 'read', {})
  const rows = await node.transaction(service('ledger'), (tx) => newestCheckpoints(tx, NEWEST))
  return rows.map(({ checkpoint, seal }) => ({ checkpoint, seal }))
}

/** A record with its proof under the first checkpoint that covers it: enough to show to somebody who has only the node's public key. */
export async function inclusionOf(node: Node, auditor: PersonPrincipal, index: number): Promise<SignedCheckpoint & { index: number; leaf: unknown; proof: string[] }> {
  await look(node, auditor, 'prove', { index })
  const found = await node.transaction(service('ledger'), async (tx) => {
    const [position] = await positionsFrom(tx, index, 1)
    const [covering] = await checkpointsAfter(tx, index, 1)
    return position?.index === index && covering !== undefined ? { position, covering } : null
  })
  if (found === null) throw ledgerFaults.noRecord()
  const { checkpoint, seal } = found.covering
  return { index, leaf: found.position.leaf, checkpoint, seal, proof: await rootsOf(node, inclusionRanges(index, checkpoint.size)) }
}

/** Two checkpoints and the proof that the older one's leaves are the beginning of the newer one's (RFC 6962 §2.1.2). */
export async function consistencyOf(node: Node, auditor: PersonPrincipal, from: number, to: number): Promise<{ from: SignedCheckpoint; to: SignedCheckpoint; proof: string[] }> {
  await look(node, auditor, 'prove', { from, to })
  const [older, newer] = await node.transaction(service('ledger'), async (tx) => [await checkpointOf(tx, from), await checkpointOf(tx, to)])
  if (older === undefined || newer === undefined || older === null || newer === null || from > to) throw ledgerFaults.noCheckpoint()
  const signed = (row: SignedCheckpoint): SignedCheckpoint => ({ checkpoint: row.checkpoint, seal: row.seal })
  return { from: signed(older), to: signed(newer), proof: await rootsOf(node, consistencyRanges(from, to)) }
}

export async function verifyFor(node: Node, auditor: PersonPrincipal): Promise<LedgerVerdict> {
  await look(node, auditor, 'verify', {})
  return verifyLedger(node)
}

export async function exportFor(node: Node, auditor: PersonPrincipal): Promise<AsyncGenerator<string>> {
  await look(node, auditor, 'export', {})
  return exportLedger(node)
}

/** Roots of subtrees, read page by page. */
async function rootsOf(node: Node, ranges: readonly (readonly [number, number])[]): Promise<string[]> {
  const suite = node.slots.get(ledgerState).suites[LEDGER_SUITE]
  const roots: string[] = []
  for (const [from, to] of ranges) {
    let tree: Frontier = emptyFrontier
    for (let at = from; at < to; at += PAGE) {
      const hashes = await node.transaction(service('ledger'), (tx) => leafHashes(tx, at, Math.min(to, at + PAGE)))
      tree = append(suite, tree, hashes)
    }
    roots.push(base64url(rootOf(suite, tree)))
  }
  return roots
}
