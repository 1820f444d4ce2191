import type { SuiteId, Suites } from '@postroad/gm'
import type { Refusal } from '@postroad/kernel/errors'
import type { Tx } from '@postroad/kernel/database'
import type { Node, Slot } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { type DirectoryView, type LogHead, type SignedStatement, extend, readLogs, signedStatementHash } from '@postroad/waybill'
import type { LinkSettings } from './links.ts'
import { type NodeKey, type SecretsFile, loadedPair, readOwnHead, readSecrets, writeOwnHead, writeSecrets } from './secrets.ts'
import { lastStatement, statementsAfter } from './store.ts'
import { directoryFaults } from './words.ts'

/** How a node's joining stands: it asks; the parent's desk has to approve; it is done; or it was told why not, and asks no more. */
export type JoinProgress = {
  readonly state: 'asking' | 'pending' | 'joined' | 'stopped'
  readonly parent: string
  /** Of this node's keys: what the approver compares. */
  readonly fingerprint: string
  /** Why the last try did not do; null where it did. */
  readonly fault: Refusal | null
}

/** What the room keeps for the life of the process. */
export type DirectoryRoom = {
  readonly suites: Suites
  secrets: SecretsFile
  keys: Readonly<Record<SuiteId, NodeKey>>
  readonly settingOf: LinkSettings
  /** Null until the node has joined its tree. */
  view: DirectoryView | null
  /** Number of the last stored line that `view` shows. */
  seen: string
  refreshing: Promise<void>
  /** How joining goes, while it does. */
  joining: JoinProgress | null
  /** Called when the view has changed: the loops towards neighbours. */
  readonly listeners: Set<() => void>
}
export const directoryRoom: Slot<DirectoryRoom> = { name: 'directory.room' }

const keysOf = (secrets: SecretsFile): DirectoryRoom['keys'] => {
  const keyOf = (suite: SuiteId): NodeKey => {
    const found = secrets.keys.find((key) => key.suite === suite)
    if (found === undefined) throw new Error(`the node has no ${suite} key`)
    return { id: found.id, suite, keyPair: loadedPair(found) }
  }
  return { SM: keyOf('SM'), P256: keyOf('P256') }
}

export const openRoom = (suites: Suites, secrets: SecretsFile, settingOf: LinkSettings): DirectoryRoom =>
  ({ suites, secrets, settingOf, keys: keysOf(secrets), view: null, seen: '0', refreshing: Promise.resolve(), joining: null, listeners: new Set() })

/** Takes other keys or certificates into use, in this process and in the file. */
export function changeSecrets(node: Node, secrets: SecretsFile): void {
  writeSecrets(node.config.home, secrets)
  useSecrets(node.slots.get(directoryRoom), secrets)
}

function useSecrets(room: DirectoryRoom, secrets: SecretsFile): void {
  room.secrets = secrets
  room.keys = keysOf(secrets)
}

/** Another process of this node renewed something: the file says what. */
function followSecrets(node: Node, room: DirectoryRoom, current: DirectoryView): void {
  const own = current.state.logs.get(room.secrets.node)
  if (own === undefined || (own.node.tls.certificate === room.secrets.tls.certificate && own.keys.some(({ id }) => id === room.keys.SM.id))) return
  const secrets = readSecrets(node.config.home)
  if (secrets !== null) useSecrets(room, secrets)
}

/** The directory as this node knows it. @throws directory.notJoined before the node has joined its tree */
export function view(node: Node): DirectoryView {
  const { view: current } = node.slots.get(directoryRoom)
  if (current === null) throw directoryFaults.notJoined()
  return current
}

/** The parent and the children of a node, without those that left; none of a node that left itself. */
export function neighboursIn(current: DirectoryView, node: string): string[] {
  const parent = current.node(node)?.parent ?? null
  if (hasLeftIn(current, node)) return []
  return [...(parent === null ? [] : [parent]), ...current.children(node).filter((child) => !hasLeftIn(current, child))]
}

export const hasLeftIn = (current: DirectoryView, node: string): boolean => current.leaving(node)?.phase === 'gone'

/** Whether a node, or this one itself, has left the network (退网). */
export const hasLeft = (node: Node, peer: string): boolean => [peer, node.config.node].some((id) => hasLeftIn(view(node), id))

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
  followSecrets(node, room, read.view)
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

/** The same for other rooms. @throws directory.notJoined */
export async function viewNow(tx: Tx, node: Node): Promise<DirectoryView> {
  const found = await viewIn(tx, node)
  if (found === null) throw directoryFaults.notJoined()
  return found
}

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

/** Calls `listener` in this process whenever the directory, or what this node shows of itself, has changed. Answers how to end that. */
export function onDirectoryChange(node: Node, listener: () => void): () => void {
  const { listeners } = node.slots.get(directoryRoom)
  listeners.add(listener)
  return () => void listeners.delete(listener)
}
