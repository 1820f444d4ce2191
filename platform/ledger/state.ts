import type { Suites } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { replaceFile } from '@postroad/kernel/durable-file'
import type { Node, Slot } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import type { BatchSignature } from '@postroad/waybill'
import { existsSync, readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type Checkpoint, checkpoint } from './model.ts'
import { type RefusalGate, openGate } from './refusals.ts'
import { lastCheckpoint, unsequenced } from './store.ts'
import { ledgerFaults } from './words.ts'

/** How the ledger gets its checkpoints signed: by the directory room, which holds the node's keys. */
export type CheckpointSigner = {
  sign(checkpoint: Checkpoint): Promise<BatchSignature>
  verify(checkpoint: Checkpoint, seal: BatchSignature): boolean
}

export type LedgerState = {
  readonly suites: Suites
  readonly macKey: Uint8Array
  readonly gate: RefusalGate
  /** Counts records, so that ids made in one millisecond keep their order. */
  count: number
  /** Transactions below this have ended and what they wrote is sequenced. */
  floor: string
  /** The checkpoint this process saw or signed last. */
  last: Checkpoint | null
  /** Null until the node has keys; nothing is given a position before. */
  signer: CheckpointSigner | null
}
export const ledgerState: Slot<LedgerState> = { name: 'ledger.state' }

const keyFile = (home: string): string => join(home, 'keys', 'ledger.key')
export const anchorFile = (home: string): string => join(home, 'ledger', 'anchor.json')

/** The key of the rows' keyed hashes, or null where the file is missing. */
export const readMacKey = (home: string): Uint8Array | null => (existsSync(keyFile(home)) ? readFileSync(keyFile(home)) : null)

/** The newest checkpoint kept outside the database, or null on the first run. */
export function readAnchor(home: string): Checkpoint | null {
  return existsSync(anchorFile(home)) ? checkpoint.parse(JSON.parse(readFileSync(anchorFile(home), 'utf8'))) : null
}

/** Keeps the newest checkpoint where somebody who only reaches the database cannot take it back. Of several processes the slower does not lower it. */
export function writeAnchor(home: string, value: Checkpoint): void {
  if ((readAnchor(home)?.size ?? 0) <= value.size) replaceFile(anchorFile(home), JSON.stringify(value))
}

/** Makes the state for a node's life. A missing key is made only for an empty ledger: a new key would hide forged rows. */
export async function openLedger(node: Node): Promise<LedgerState> {
  const { home } = node.config
  let macKey = readMacKey(home)
  if (macKey === null) {
    const isEmpty = await node.transaction(service('ledger'), async (tx) => (await lastCheckpoint(tx)) === null && (await unsequenced(tx, '0', 1)).length === 0)
    if (!isEmpty) throw ledgerFaults.keyMissing()
    macKey = randomBytes(32)
    replaceFile(keyFile(home), macKey)
  }
  return { suites, macKey, gate: openGate(), count: 0, floor: '0', last: null, signer: null }
}
