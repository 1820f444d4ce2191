import { type Suites, base64url, fromBase64url } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { type Database, type Tx, transaction } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { batchSignature } from '@postroad/waybill'
import { z } from 'zod'
import { checkpoint, logName } from './model.ts'
import { type CheckpointSigner, ledgerState, readAnchor, readMacKey } from './state.ts'
import { type StoredCheckpoint, checkpointsAfter, pauseSequencer, positionsFrom, unsequenced } from './store.ts'
import { type LedgerItem, type LedgerTrust, type LedgerVerdict, verifyItems } from './verify.ts'
import { ledgerFaults } from './words.ts'

const PAGE = 2000
const MAX_PENDING = 100_000

type Read = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>

/** Verifies the running node's ledger, leaves without a position included. */
export async function verifyLedger(node: Node): Promise<LedgerVerdict> {
  const state = node.slots.get(ledgerState)
  const verifySeal = state.signer?.verify ?? (() => false)
  const trust = { suites: state.suites, log: logName(node.config.node), verifySeal, macKey: state.macKey, anchor: readAnchor(node.config.home) }
  return verifyItems(databaseItems((work) => node.transaction(service('ledger'), work)), trust)
}

/** Verifies a node's ledger from its database and home folder alone, for the command line: the node need not run. */
export async function verifyHomeLedger(options: { database: Database; home: string; node: string; verifySeal: CheckpointSigner['verify'] }): Promise<LedgerVerdict> {
  const macKey = readMacKey(options.home)
  if (macKey === null) throw ledgerFaults.keyMissing()
  const trust = { suites, log: logName(options.node), verifySeal: options.verifySeal, macKey, anchor: readAnchor(options.home) }
  return verifyItems(databaseItems((work) => transaction(options.database, service('ledger'), work)), trust)
}

/** The ledger as lines of JSON, one item each, for keeping elsewhere. Nothing keyed goes along: whoever verifies needs the node's public key only. */
export async function* exportLedger(node: Node): AsyncGenerator<string> {
  for await (const item of databaseItems((work) => node.transaction(service('ledger'), work))) {
    if (item.kind === 'leaf') yield `${JSON.stringify({ kind: 'leaf', index: item.index, leaf: item.leaf, leafHash: base64url(item.leafHash) })}\n`
    if (item.kind === 'checkpoint') yield `${JSON.stringify({ kind: 'checkpoint', checkpoint: item.checkpoint, seal: item.seal })}\n`
    if (item.kind === 'pending') yield `${JSON.stringify({ kind: 'pending', leaf: item.leaf })}\n`
  }
}

const exportLine = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('leaf'), index: z.number().int().min(0), leaf: z.unknown(), leafHash: z.string().length(43) }),
  z.strictObject({ kind: z.literal('checkpoint'), checkpoint, seal: batchSignature }),
  z.strictObject({ kind: z.literal('pending'), leaf: z.unknown() }),
])

/** Verifies an export, line by line. @throws ZodError on a line that is none of an export's. */
export function verifyExport(lines: AsyncIterable<string>, trust: Omit<LedgerTrust, 'macKey' | 'suites'> & { suites?: Suites }): Promise<LedgerVerdict> {
  const items = async function* (): AsyncGenerator<LedgerItem> {
    for await (const line of lines) {
      const item = exportLine.parse(JSON.parse(line))
      if (item.kind === 'leaf') yield { ...item, leafHash: fromBase64url(item.leafHash), recordMac: null, positionMac: null }
      else if (item.kind === 'checkpoint') yield item
      else yield { ...item, recordMac: null }
    }
  }
  return verifyItems(items(), { ...trust, suites: trust.suites ?? suites, macKey: null })
}

/** Reads page by page in short transactions: what is behind never changes, and the sequencer waits while a page is read. */
async function* databaseItems(read: Read): AsyncGenerator<LedgerItem> {
  let [next, covered] = [0, -1]
  for (;;) {
    const page = await read(async (tx) => {
      await pauseSequencer(tx)
      const positions = await positionsFrom(tx, next, PAGE)
      const isLast = positions.length < PAGE
      return { positions, isLast, checkpoints: await checkpointsAfter(tx, covered, PAGE + 1), pending: isLast ? await unsequenced(tx, '0', MAX_PENDING) : [] }
    })
    const waiting: StoredCheckpoint[] = page.checkpoints
    for (const position of page.positions) {
      yield { kind: 'leaf', index: position.index, leaf: position.leaf, leafHash: position.leafHash, recordMac: position.recordMac, positionMac: position.mac }
      next = position.index + 1
      while (waiting[0] !== undefined && waiting[0].size <= next) {
        covered = waiting[0].size
        yield { kind: 'checkpoint', checkpoint: waiting[0].checkpoint, seal: waiting[0].seal }
        waiting.shift()
      }
    }
    if (!page.isLast) continue
    for (const { checkpoint: rest, seal } of waiting) yield { kind: 'checkpoint', checkpoint: rest, seal }
    for (const { leaf, mac } of page.pending) yield { kind: 'pending', leaf, recordMac: mac }
    return
  }
}
