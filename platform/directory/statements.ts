import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { actorOf, recordAll } from '@postroad/ledger/service'
import { type DirectoryView, type Extended, type FaultCode, type LogFault, type LogHead, type SignedStatement, type StatementBody, appendStatements, checkHeads, compareHead, extend, hashOf, signedStatementHash } from '@postroad/waybill'
import { MAX_STATEMENTS } from './model.ts'
import { type DirectoryRoom, directoryRoom, hasLeftIn, neighboursIn, refresh, view, viewIn } from './room.ts'
import { isWaiting } from './restored.ts'
import { readOwnHead } from './secrets.ts'
import { insertMisbehaviour, insertStatements, lastStatement, lockDirectory, voidStatements } from './store.ts'
import { directoryFaults } from './words.ts'

/**
 * States something in this node's own log: signed, chained, audited, announced as `directory.changed`, all in the caller's transaction,
 * which acts as the service `directory`. Others see it in `view` after `refresh`, or when the event has been handled.
 * @throws directory.invalidStatement for what the network would refuse, directory.restoring while the log is behind what was published, directory.hasLeft
 */
export async function append(tx: Tx, node: Node, body: StatementBody | readonly StatementBody[]): Promise<readonly SignedStatement[]> {
  const room = node.slots.get(directoryRoom)
  const log = room.secrets.node
  const bodies = Array.isArray(body) ? (body as readonly StatementBody[]) : [body as StatementBody]
  await lockDirectory(tx)
  const last = await lastStatement(tx, log)
  refuseBehind(node, room, last)
  if (room.view !== null && hasLeftIn(room.view, log)) throw directoryFaults.hasLeft({ node: log })
  const key = room.keys.SM
  const signed = appendStatements(room.suites, { log, last, at: node.now().toISOString(), signer: { key: key.id, keyPair: key.keyPair, suite: 'SM' } }, bodies)
  const current = await viewIn(tx, node)
  await store(tx, node, room, signed, current === null ? null : requireEffect(current, signed), null)
  await recordAll(tx, node, signed.map(({ statement }) => ({
    act: 'directory.state', actor: actorOf(service('directory')), object: `${log}/${statement.seq}`, outcome: 'done' as const, detail: { kind: statement.body.kind, subject: subjectOf(statement.body) },
  })))
  return signed
}

function refuseBehind(node: Node, room: DirectoryRoom, last: SignedStatement | null): void {
  const published = readOwnHead(node.config.home)
  const seq = last?.statement.seq ?? -1
  if (room.view !== null && isWaiting(node.config.home, neighboursIn(room.view, node.config.node))) throw directoryFaults.restoring({ published: published?.seq ?? seq, found: seq })
  if (published === null) return
  const differs = last !== null && seq === published.seq && signedStatementHash(room.suites, last) !== published.hash
  if (seq < published.seq || differs) throw directoryFaults.restoring({ published: published.seq, found: seq })
}

/** What has no effect (a name taken, an organ of another node) would stand in the log for ever: refused before it is signed away. */
function requireEffect(current: DirectoryView, signed: readonly SignedStatement[]): DirectoryView {
  const read = extend(current, signed)
  const remark = read.view.remarks().find(({ log, seq }) => signed.some(({ statement }) => statement.log === log && statement.seq === seq))
  const fault = read.faults[0]?.fault ?? remark?.fault
  if (fault !== undefined) throw directoryFaults.invalidStatement({ fault: fault.code, detail: fault.detail })
  return read.view
}

/** Keeps lines and announces them. `after` is the view that they lead to: what a recovery among them took back becomes void. */
async function store(tx: Tx, node: Node, room: DirectoryRoom, statements: readonly SignedStatement[], after: DirectoryView | null, broughtBy: string | null): Promise<void> {
  if (statements.length === 0) return
  await insertStatements(tx, statements.map((signed) => ({ hash: signedStatementHash(room.suites, signed), signed })), broughtBy, node.now())
  for (const { statement: { body } } of statements) {
    if (body.kind !== 'recovery' || after === null) continue
    const standing = after.log(body.node).slice(body.after.seq + 1).map((signed) => signedStatementHash(room.suites, signed))
    await voidStatements(tx, body.node, body.after.seq, standing, node.now())
  }
  await node.emit(tx, 'directory.changed', { logs: [...new Set(statements.map((signed) => signed.statement.log))] })
}

/** What came of an import: lines that were new, and faults by log. */
export type Imported = { readonly accepted: number; readonly faults: readonly LogFault[] }

/** Order of arrival, not malice: the missing line follows in a later message. */
const BENIGN: ReadonlySet<FaultCode> = new Set<FaultCode>(['gap', 'unknownNode'])

/**
 * Takes what a peer brought. Each log is judged for itself: what extends it well is kept, what contradicts it (fork, wrong signer, swapped
 * keys) is refused, kept as evidence and audited, and stops no other log.
 */
export async function importLogs(node: Node, statements: readonly SignedStatement[], peer: string): Promise<Imported> {
  await refresh(node)
  if (statements.length === 0) return { accepted: 0, faults: [] }
  const known = extend(view(node), statements)
  if (known.accepted.length === 0 && known.faults.length === 0) return { accepted: 0, faults: [] }
  const read = await node.transaction(service('directory'), (tx) => importIn(tx, node, statements, peer))
  await refresh(node)
  return { accepted: read.accepted.length, faults: read.faults }
}

/** The same within a transaction of the service `directory`. */
export async function importIn(tx: Tx, node: Node, statements: readonly SignedStatement[], peer: string): Promise<Extended> {
  const room = node.slots.get(directoryRoom)
  await lockDirectory(tx)
  const before = await viewIn(tx, node)
  if (before === null) throw directoryFaults.notJoined()
  const read = extend(before, statements)
  await store(tx, node, room, read.accepted, read.view, peer)
  for (const { log, seq, fault } of read.faults.filter((found) => !BENIGN.has(found.fault.code))) {
    const received = statements.filter(({ statement }) => statement.log === log && statement.seq === seq)
    await accuse(tx, node, { peer, log, seq, fault: fault.code, detail: fault.detail, evidence: { received, known: before.log(log)[seq] ?? null } })
  }
  return read
}

/** Compares a peer's heads with ours and with those it showed before; contradictions are kept as evidence. */
export async function judgeHeads(node: Node, peer: string, before: Readonly<Record<string, LogHead>>, now: Readonly<Record<string, LogHead>>): Promise<void> {
  const judged = checkHeads(view(node), before, now)
  if (judged.ok) return
  const { code, detail: log } = judged.fault
  await node.transaction(service('directory'), (tx) =>
    accuse(tx, node, { peer, log, seq: now[log]?.seq ?? 0, fault: code, detail: '', evidence: { before: before[log] ?? null, now: now[log] ?? null } }))
}

type Accusation = { readonly peer: string; readonly log: string; readonly seq: number; readonly fault: FaultCode; readonly detail: string; readonly evidence: unknown }

async function accuse(tx: Tx, node: Node, accusation: Accusation): Promise<void> {
  const { peer, log, seq, fault } = accusation
  const evidenceHash = hashOf(node.slots.get(directoryRoom).suites.SM, 'misbehaviour', accusation.evidence)
  if (!(await insertMisbehaviour(tx, { ...accusation, evidenceHash, at: node.now() }))) return
  node.log.error({ peer, log, seq, fault }, 'directory: a peer sent what contradicts the directory')
  await recordAll(tx, node, [{ act: 'directory.misbehaviour', actor: { kind: 'node', id: peer }, object: `${log}/${seq}`, outcome: 'refused', detail: { fault, evidence: evidenceHash } }])
}

/** What a peer with these heads lacks, parents before children, at most one message's worth. Where heads contradict ours, our line at that place goes along: it proves who forked. */
export function logsSince(node: Node, known: Readonly<Record<string, LogHead>>): SignedStatement[] {
  const current = view(node)
  const logs = current.nodes().map((body) => body.node).sort((a, b) => current.ancestors(a).length - current.ancestors(b).length)
  const lacking: SignedStatement[] = []
  for (const log of logs) {
    const theirs = known[log]
    const from = theirs === undefined ? 0 : compareHead(current, log, theirs) === 'fork' ? theirs.seq : theirs.seq + 1
    lacking.push(...current.log(log).slice(from, from + MAX_STATEMENTS - lacking.length))
    if (lacking.length >= MAX_STATEMENTS) break
  }
  return lacking
}

function subjectOf(body: StatementBody): string {
  switch (body.kind) {
    case 'node':
    case 'child':
    case 'recovery':
    case 'block':
    case 'unblock':
    case 'leave':
      return body.node
    case 'organ':
    case 'deputy':
      return body.organ
    case 'issuingName':
      return body.name
    case 'key':
    case 'keyStatus':
      return body.key
    case 'nodeKey':
      return body.keys.map((key) => key.id).join(' ')
    case 'farewell':
    case 'heartbeat':
      return '-'
  }
}
