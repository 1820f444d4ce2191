import { type Suite, type Suites, base64url, concat, equal, utf8 } from '@postroad/gm'
import { type BatchSignature, canonical, leafHash } from '@postroad/waybill'
import { type Checkpoint, LEDGER_SUITE } from './model.ts'
import { type Frontier, append, emptyFrontier, rootOf } from './tree.ts'

/** A ledger as it is read from a database or an export: leaves in order, each checkpoint right after the last leaf it covers, then what has no position yet. */
export type LedgerItem =
  | { readonly kind: 'leaf'; readonly index: number; readonly leaf: unknown; readonly leafHash: Uint8Array; readonly recordMac: Uint8Array | null; readonly positionMac: Uint8Array | null }
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint; readonly seal: BatchSignature }
  | { readonly kind: 'pending'; readonly leaf: unknown; readonly recordMac: Uint8Array | null }

/** What the verifier trusts, none of it from the ledger itself. */
export type LedgerTrust = {
  readonly suites: Suites
  readonly log: string
  /** Whether a key of the node signed this checkpoint. */
  verifySeal(checkpoint: Checkpoint, seal: BatchSignature): boolean
  /** The node's key over every row; null for an export that is verified elsewhere. */
  readonly macKey: Uint8Array | null
  /** The newest checkpoint known from outside the database: cuts and forks below it show. */
  readonly anchor: Checkpoint | null
}

export type LedgerFault =
  | 'edited' // a leaf differs from its position's hash
  | 'missing' // a leaf or a position is gone
  | 'moved' // a position was changed: rows inserted, renumbered or swapped
  | 'forged' // a leaf was written past the node
  | 'rewritten' // leaves and hashes agree with each other, not with what was signed
  | 'badSignature'
  | 'unsigned' // positions that no checkpoint covers
  | 'cut' // shorter than a checkpoint that was seen

/** `firstBadIndex` is exact when rows carry the node's keyed hashes; else it is the first index that no good checkpoint covers. */
export type LedgerVerdict =
  | { readonly ok: true; readonly size: number; readonly root: string; readonly pending: number; readonly checkpoints: number }
  | { readonly ok: false; readonly size: number; readonly firstBadIndex: number; readonly fault: LedgerFault }

/** Keyed hash of a leaf's canonical bytes. */
export const recordMac = (suite: Suite, key: Uint8Array, leaf: unknown): Uint8Array => suite.mac(key, utf8('postroad/ledger/record\0'), canonical(leaf))
/** Keyed hash that ties a leaf hash to its index. */
export function positionMac(suite: Suite, key: Uint8Array, index: number, hash: Uint8Array): Uint8Array {
  const at = new Uint8Array(8)
  new DataView(at.buffer).setBigUint64(0, BigInt(index))
  return suite.mac(key, concat(utf8('postroad/ledger/position\0'), at, hash))
}

/** Reads a whole ledger once, in memory of constant size, and names the first index that is not as it was written. */
export async function verifyItems(items: AsyncIterable<LedgerItem>, trust: LedgerTrust): Promise<LedgerVerdict> {
  const suite = trust.suites[LEDGER_SUITE]
  let tree: Frontier = emptyFrontier
  let [covered, checkpoints, pending] = [0, 0, 0]
  const bad = (firstBadIndex: number, fault: LedgerFault): LedgerVerdict => ({ ok: false, size: tree.size, firstBadIndex, fault })
  for await (const item of items) {
    if (item.kind === 'leaf') {
      const fault = leafFault(suite, trust.macKey, item, tree.size)
      if (fault !== null) return bad(tree.size, fault)
      tree = append(suite, tree, [item.leafHash])
    } else if (item.kind === 'checkpoint') {
      const fault = checkpointFault(suite, trust, item, tree)
      if (fault !== null) return bad(fault === 'cut' ? tree.size : covered, fault)
      covered = tree.size
      checkpoints += 1
    } else {
      if (trust.macKey !== null && !agrees(item.recordMac, recordMac(suite, trust.macKey, item.leaf))) return bad(tree.size + pending, 'forged')
      pending += 1
    }
    // Checkpoints of the same size agree, so comparing at the moment the size is reached covers the anchor.
    if (trust.anchor !== null && item.kind === 'leaf' && trust.anchor.size === tree.size && !isRoot(suite, tree, trust.anchor)) return bad(covered, 'rewritten')
  }
  if (covered < tree.size) return bad(covered, 'unsigned')
  if (trust.anchor !== null && trust.anchor.size > tree.size) return bad(tree.size, 'cut')
  return { ok: true, size: tree.size, root: base64url(rootOf(suite, tree)), pending, checkpoints }
}

function leafFault(suite: Suite, key: Uint8Array | null, item: LedgerItem & { kind: 'leaf' }, expected: number): LedgerFault | null {
  if (item.index !== expected || item.leaf === null) return 'missing'
  if (!equal(leafHash(suite, canonical(item.leaf)), item.leafHash)) return key !== null && agrees(item.recordMac, recordMac(suite, key, item.leaf)) ? 'moved' : 'edited'
  if (key === null) return null
  if (!agrees(item.recordMac, recordMac(suite, key, item.leaf))) return 'forged'
  return agrees(item.positionMac, positionMac(suite, key, item.index, item.leafHash)) ? null : 'moved'
}

function checkpointFault(suite: Suite, trust: LedgerTrust, item: LedgerItem & { kind: 'checkpoint' }, tree: Frontier): LedgerFault | null {
  const { checkpoint, seal } = item
  if (checkpoint.log !== trust.log || checkpoint.suite !== LEDGER_SUITE || !trust.verifySeal(checkpoint, seal)) return 'badSignature'
  if (checkpoint.size > tree.size) return 'cut'
  return checkpoint.size === tree.size && isRoot(suite, tree, checkpoint) ? null : 'rewritten'
}

const isRoot = (suite: Suite, tree: Frontier, checkpoint: Checkpoint): boolean => base64url(rootOf(suite, tree)) === checkpoint.root
const agrees = (stored: Uint8Array | null, computed: Uint8Array): boolean => stored !== null && equal(stored, computed)
