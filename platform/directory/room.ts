import type { SuiteId, Suites } from '@postroad/gm'
import type { Tx } from '@postroad/kernel/database'
import type { Node, Slot } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { type DirectoryView, type LogHead, type SignedStatement, extend, readLogs, signedStatementHash } from '@postroad/waybill'
import { type NodeKey, type SecretsFile, loadedPair, readOwnHead, readSecrets, writeOwnHead } from './secrets.ts'
import { lastStatement, statementsAfter } from './store.ts'
import { directoryFaults } from './words.ts'

/** What the room keeps for the life of the process. */
export type DirectoryRoom = {
  readonly suites: Suites
  secrets: SecretsFile
  readonly keys: Readonly<Record<SuiteId, NodeKey>>
  /** Null until the node has joined its tree. */
  view: DirectoryView | null
  /** Number of the last stored line that `view` shows. */
  seen: string
  refreshing: Promise<void>
  /** Called when the view has changed: the loops towards neighbours. */
  readonly listeners: Set<() => void>
}
export const directoryRoom: Slot<DirectoryRoom> = { name: 'directory.room' }

export function openRoom(suites: Suites, secrets: SecretsFile): DirectoryRoom {
  const keyOf = (suite: SuiteId): NodeKey => {
    const found = secrets.keys.find((key) => key.suite === suite)
    if (found === undefined) throw new Error(`the node has no ${suite} key`)
    return { id: found.id, suite, keyPair: loadedPair(found) }
  }
  return { suites, secrets, keys: { SM: keyOf('SM'), P256: keyOf('P256') }, view: null, seen: '0', refreshing: Promise.resolve(), listeners: new Set() }
}

/** The directory as this node knows it. @throws directory.notJoined before the node has joined its tree */
export function view(node: Node): DirectoryView {
  const { view: current } = node.slots.get(directoryRoom)
  if (current === null) throw directoryFaults.notJoined()
  return current
}

/** Reads what was stated since the last look, by whichever process; answers once `view` shows it. */
export function refresh(node: Node): Promise<void> {
  const room = node.slots.get(directoryRoom)
  const next = room.refreshing.then(() => lookAgain(node, room))
  room.refreshing = next.catch(() => undefined)
  return next
}

async function lookAgain(node: Node, room: DirectoryRoom): Promise<void> {
  if (room.secrets.anchor === null) room.secrets = readSecrets(node.config.home) ?? room.secrets // another process may have joined for all
  const { last, read } = await node.transaction(service('directory'), async (tx) => ({ last: await lastStatement(tx, room.secrets.node), read: await readView(tx, node) }))
  const current = read?.view ?? null
  // Kept before anybody can be told of it: after a restore nothing else may take this line's place.
  if (last !== null) keepOwnHead(node, room, { seq: last.statement.seq, hash: signedStatementHash(room.suites, last) }, current)
  if (read === null || read.view === room.view) return
  room.view = read.view
  room.seen = read.seen
  for (const listener of room.listeners) listener()
}

/** The mark only rises, unless two recoverers took lines back. */
function keepOwnHead(node: Node, room: DirectoryRoom, head: LogHead, current: DirectoryView | null): void {
  const known = readOwnHead(node.config.home)
  const isRecovered = current?.state.recoveries.has(room.secrets.node) ?? false
  const isVoid = isRecovered && known !== null && current?.state.logs.get(room.secrets.node)?.hashes[known.seq] !== known.hash
  if (known === null || isVoid || head.seq > known.seq) writeOwnHead(node.config.home, head)
}

/** The view with what this transaction sees beyond it; null before the node has joined. */
export const viewIn = async (tx: Tx, node: Node): Promise<DirectoryView | null> => (await readView(tx, node))?.view ?? null

async function readView(tx: Tx, node: Node): Promise<{ view: DirectoryView; seen: string } | null> {
  const room = node.slots.get(directoryRoom)
  const pinned = room.secrets.anchor
  if (pinned === null) return null
  if (room.view !== null) {
    const { statements, last } = await statementsAfter(tx, room.seen)
    if (statements.length === 0) return { view: room.view, seen: last }
    const read = extend(room.view, statements)
    if (read.faults.length === 0) return { view: read.view, seen: last }
  }
  // The first look, or a recovery took lines back: all is read again from the pinned root.
  const { statements, last } = await statementsAfter(tx, '0')
  // In the order in which they came: a restart changes nothing of what was known.
  const read = extend(readLogs(room.suites, pinned, {}).view, statements)
  for (const { log, seq, fault } of read.faults) node.log.error({ log, seq, fault: fault.code }, 'directory: stored line refused')
  return { view: read.view, seen: last }
}

export function byLog(statements: readonly SignedStatement[]): Record<string, SignedStatement[]> {
  const logs: Record<string, SignedStatement[]> = {}
  for (const signed of statements) (logs[signed.statement.log] ??= []).push(signed)
  return logs
}
