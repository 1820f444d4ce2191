import { base64url } from '@postroad/gm'
import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { canonical, leafHash } from '@postroad/waybill'
import { existsSync, renameSync } from 'node:fs'
import { type Checkpoint, LEDGER_SUITE, type LedgerActor, logName } from './model.ts'
import { record } from './record.ts'
import { type CheckpointSigner, type LedgerState, anchorFile, ledgerState, readAnchor, writeAnchor } from './state.ts'
import { type StoredCheckpoint, checkpointOf, insertCheckpoint, insertPositions, lastCheckpoint, lockSequencer, oldestRunning, unsequenced } from './store.ts'
import { append, emptyFrontier, rootOf } from './tree.ts'
import { positionMac } from './verify.ts'
import { ledgerFaults } from './words.ts'

/** Leaves given positions under one checkpoint. */
const BATCH = 5000

/**
 * Gives every visible leaf its position, in one transaction with the signed checkpoint over them. Returns the new checkpoint, or null
 * when there was nothing to do, another process is at it, or nobody can sign yet. Refuses to go on from a log that is shorter than,
 * or differs from, what was signed before.
 */
export async function sequence(node: Node): Promise<Checkpoint | null> {
  const state = node.slots.get(ledgerState)
  const { signer } = state
  if (signer === null) return null
  const signed = await node.transaction(service('ledger'), async (tx) => ((await lockSequencer(tx)) ? extend(tx, node, state, signer) : null))
  if (signed === null) return null
  state.last = signed.checkpoint
  if (signed.floor !== null) state.floor = signed.floor
  if (signed.isNew) writeAnchor(node.config.home, signed.checkpoint)
  return signed.isNew ? signed.checkpoint : null
}

type Extended = { readonly checkpoint: Checkpoint; readonly isNew: boolean; readonly floor: string | null }

async function extend(tx: Tx, node: Node, state: LedgerState, signer: CheckpointSigner): Promise<Extended | null> {
  const suite = state.suites[LEDGER_SUITE]
  const previous = await lastCheckpoint(tx)
  await requireContinuity(tx, node, state, signer, previous)
  // Taken before looking: whatever ended before this moment is seen below, so it need not be looked for again.
  const floor = await oldestRunning(tx)
  const records = await unsequenced(tx, state.floor, BATCH)
  const reached = records.length < BATCH ? floor : null
  if (records.length === 0) return previous === null ? null : { checkpoint: previous.checkpoint, isNew: false, floor: reached }
  const before = previous === null ? emptyFrontier : { size: previous.size, peaks: previous.peaks }
  const hashes = records.map((row) => leafHash(suite, canonical(row.leaf)))
  const tree = append(suite, before, hashes)
  const checkpoint: Checkpoint = {
    v: 1, log: logName(node.config.node), suite: LEDGER_SUITE, size: tree.size, root: base64url(rootOf(suite, tree)), at: node.now().toISOString(),
  }
  await insertPositions(tx, records.map((row, i) => {
    const [index, hash] = [before.size + i, hashes[i] ?? new Uint8Array()]
    return { index, record: row.id, leafHash: hash, mac: positionMac(suite, state.macKey, index, hash) }
  }))
  await insertCheckpoint(tx, { size: tree.size, checkpoint, seal: await signer.sign(checkpoint), peaks: tree.peaks })
  return { checkpoint, isNew: true, floor: reached }
}

/** A log must not sign a checkpoint that contradicts one it signed before (C2SP tlog). What is known: this process's last one, and the anchor file. */
async function requireContinuity(tx: Tx, node: Node, state: LedgerState, signer: CheckpointSigner, previous: StoredCheckpoint | null): Promise<void> {
  const suite = state.suites[LEDGER_SUITE]
  if (state.last !== null && previous !== null && previous.size === state.last.size && previous.checkpoint.root === state.last.root) return requirePeaks(suite, previous)
  const known = [state.last, readAnchor(node.config.home)].filter((checkpoint) => checkpoint !== null)
  for (const checkpoint of known) {
    if (previous === null || previous.size < checkpoint.size) throw ledgerFaults.cut({ signed: checkpoint.size, found: previous?.size ?? 0 })
    if ((await checkpointOf(tx, checkpoint.size))?.checkpoint.root !== checkpoint.root) throw ledgerFaults.forked({ size: checkpoint.size })
  }
  if (previous === null) return
  if (!signer.verify(previous.checkpoint, previous.seal)) throw ledgerFaults.forked({ size: previous.size })
  requirePeaks(suite, previous)
}

function requirePeaks(suite: LedgerState['suites']['SM'], { size, peaks, checkpoint }: StoredCheckpoint): void {
  if (checkpoint.size !== size || base64url(rootOf(suite, { size, peaks })) !== checkpoint.root) throw ledgerFaults.forked({ size })
}

/**
 * After a restore from a backup the ledger is shorter than what was signed. An auditor's decision lets it go on: the anchor is put
 * aside, never deleted, and what was lost is written down as the ledger's next record.
 */
export async function acceptRestore(node: Node, actor: LedgerActor, reason: string): Promise<void> {
  const state = node.slots.get(ledgerState)
  const anchor = readAnchor(node.config.home)
  const found = await node.transaction(service('ledger'), async (tx) => {
    const last = await lastCheckpoint(tx)
    const detail = { reason, anchorSize: anchor?.size ?? 0, anchorRoot: anchor?.root ?? '', foundSize: last?.size ?? 0 }
    await record(tx, node, { act: 'ledger.acceptRestore', actor, object: logName(node.config.node), outcome: 'done', detail })
    return last
  })
  const file = anchorFile(node.config.home)
  if (anchor !== null && existsSync(file)) renameSync(file, file.replace('anchor.json', `anchor-${anchor.size}-${node.now().getTime()}.json`))
  state.last = found?.checkpoint ?? null
  state.floor = '0'
}
