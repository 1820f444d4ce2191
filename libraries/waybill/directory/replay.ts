import type { Suites } from '@postroad/gm'
import { batchVerifier, type SealDomain } from '../batch.ts'
import { decodeBytes } from '../canonical.ts'
import type { BatchSignature } from '../model.ts'
import { FINE, fail, type Result, type WaybillFault } from '../fault.ts'
import { inTime, settleClaims } from './claims.ts'
import { copyState, type DirectoryState, emptyState, type LogState, noClaims, type PinnedRoot } from './state.ts'
import { anchorFingerprint, type NodeBody, type NodeKeys, recoveryOrder, type RecoveryBody, sameKeys, type SignedStatement, signedStatementHash } from './statements.ts'
import { createView, type DirectoryView, type LogHead } from './view.ts'

export type LogFault = { readonly log: string; readonly seq: number; readonly fault: WaybillFault }
/** Logs stand for themselves: one that is refused keeps its last good line and stops nobody else's. */
export type Extended = { readonly view: DirectoryView; readonly accepted: SignedStatement[]; readonly faults: LogFault[] }

/**
 * Builds a view from logs, trusting nothing but the pinned root. `known` are heads seen before: a log that is shorter is a rollback, one that differs a fork.
 */
export function readLogs(suites: Suites, pinned: PinnedRoot, logs: Readonly<Record<string, readonly SignedStatement[]>>, known: Readonly<Record<string, LogHead>> = {}): Extended {
  const read = extendState(emptyState(suites, pinned), Object.values(logs).flat().sort(inTime))
  const faults = [...read.faults]
  for (const [log, head] of Object.entries(known)) {
    const hashes = read.state.logs.get(log)?.hashes ?? []
    if (hashes.length <= head.seq) faults.push({ log, seq: head.seq, fault: { code: 'rollback', detail: `${hashes.length} lines, ${head.seq + 1} were known` } })
    else if (hashes[head.seq] !== head.hash) faults.push({ log, seq: head.seq, fault: { code: 'fork', detail: 'differs from what was known' } })
  }
  return { view: createView(read.state), accepted: read.accepted, faults }
}

/** Adds statements (of any logs, in any order, known ones included) to a view. The old view stays as it was. */
export function extend(view: DirectoryView, statements: readonly SignedStatement[]): Extended {
  const read = extendState(copyState(view.state), statements)
  return { view: read.accepted.length === 0 ? view : createView(read.state), accepted: read.accepted, faults: read.faults }
}

function extendState(start: DirectoryState, statements: readonly SignedStatement[]): { state: DirectoryState; accepted: SignedStatement[]; faults: LogFault[] } {
  let state = start
  const waiting = new Map<string, { lines: SignedStatement[]; next: number }>()
  for (const signed of statements) {
    const queue = waiting.get(signed.statement.log) ?? { lines: [], next: 0 }
    waiting.set(signed.statement.log, queue)
    queue.lines.push(signed)
  }
  const given = new Map(statements.map((signed, place) => [signed, place]))
  const places = new Map<SignedStatement, number>()
  for (const { lines } of waiting.values()) {
    lines.sort((a, b) => a.statement.seq - b.statement.seq)
    lines.reduce((latest, signed) => {
      const place = Math.max(latest, given.get(signed) as number)
      places.set(signed, place)
      return place
    }, -1)
  }
  let accepted: SignedStatement[] = []
  let refused: LogFault[] = []
  let isRecovered = false
  const stuck = new Map<string, LogFault>()
  const verify = batchVerifier(state.suites)
  // A log may wait for a line of another (its parent's introduction), so all are tried until none moves.
  for (let moved = true; moved; ) {
    moved = false
    for (const [log, queue] of waiting) {
      for (let signed = queue.lines[queue.next]; signed !== undefined; signed = queue.lines[++queue.next]) {
        const applied = applyStatement(state, signed, verify)
        if (!applied.ok) {
          const refusal = { log, seq: signed.statement.seq, fault: applied.fault }
          const isAside = signed.statement.seq < (state.logs.get(log)?.hashes.length ?? 0) || queue.lines[queue.next + 1]?.statement.seq === signed.statement.seq
          if (!isAside) {
            stuck.set(log, refusal)
            break
          }
          refused.push(refusal)
          continue
        }
        stuck.delete(log)
        moved = true
        if (applied.value === 'known') continue
        accepted.push(signed)
        if (signed.statement.body.kind === 'recovery') state = recover(signed.statement.body)
      }
    }
  }
  const stands = (signed: SignedStatement): boolean => state.logs.get(signed.statement.log)?.statements[signed.statement.seq] === signed
  // What a recovery voided was not accepted, whichever came first, and what it had claimed is free again.
  accepted = accepted.filter(stands).sort((a, b) => (places.get(a) as number) - (places.get(b) as number))
  if (isRecovered) {
    const remarked = start.remarks.flatMap(({ log, seq }) => start.logs.get(log)?.statements[seq] ?? [])
    Object.assign(state, noClaims())
    settleClaims(state, [...start.settled, ...remarked].filter(stands))
  }
  settleClaims(state, accepted)
  return { state, accepted, faults: [...refused, ...stuck.values()] }

  /** Lines of the recovered log that were judged under its old keys are judged once more. */
  function recover(body: RecoveryBody): DirectoryState {
    const queue = waiting.get(body.node)
    if (queue !== undefined) queue.next = 0
    refused = refused.filter(({ log }) => log !== body.node)
    isRecovered = true
    return truncate(state, body, verify)
  }
}

/** After a recovery, lines that a thief of the old keys may have added fall away: the rest is replayed. */
function truncate(state: DirectoryState, recovery: RecoveryBody, verify: ReturnType<typeof batchVerifier>): DirectoryState {
  const log = state.logs.get(recovery.node)
  if (log === undefined || log.statements.length <= recovery.after.seq + 1) return state
  const again = emptyState(state.suites, state.pinned)
  const lines = [...state.logs].flatMap(([id, { statements }]) => (id === recovery.node ? statements.slice(0, recovery.after.seq + 1) : statements))
  for (let left = lines; left.length > 0; ) {
    const later = left.filter((signed) => !applyStatement(again, signed, verify).ok)
    if (later.length === left.length) break
    left = later
  }
  return again
}

function applyStatement(state: DirectoryState, signed: SignedStatement, verify: ReturnType<typeof batchVerifier>): Result<'new' | 'known'> {
  const { statement, seal } = signed
  const log = state.logs.get(statement.log)
  const hash = signedStatementHash(state.suites, signed)
  const length = log?.hashes.length ?? 0
  if (statement.seq < length) return log?.hashes[statement.seq] === hash ? { ok: true, value: 'known' } : fail('fork', `line ${statement.seq} differs`)
  if (statement.seq > length) return fail('gap', `line ${length} is missing`)
  if (statement.previous !== (log?.hashes[length - 1] ?? null)) return fail('fork', `line ${statement.seq} follows another line`)
  const last = log?.statements[length - 1]
  if (last !== undefined && statement.at < last.statement.at) return fail('timeReversed')
  const keys = log === undefined ? bornWith(state, signed) : signingKeys(state, statement.log, log, statement.seq)
  if (!keys.ok) return keys
  const key = keys.value.find(({ id, suite }) => id === seal.key && suite === seal.suite)
  if (key === undefined) return fail('wrongSigner', seal.key)
  if (!verifies(state, verify, key.publicKey, 'statement', statement, seal)) return fail('badSeal')
  const checked = checkAuthority(state, signed, verify)
  if (!checked.ok) return checked
  takeEffect(state, signed, hash, keys.value)
  return { ok: true, value: 'new' }
}

function verifies(state: DirectoryState, verify: ReturnType<typeof batchVerifier>, publicKey: string, domain: SealDomain, structure: unknown, seal: BatchSignature): boolean {
  const bytes = decodeBytes(publicKey)
  return bytes !== null && verify(state.suites, bytes, domain, structure, seal)
}

/** The first line of a log is the node's own, under keys that the pinned fingerprint or its parent's introduction names. */
function bornWith(state: DirectoryState, { statement }: SignedStatement): Result<NodeKeys> {
  const { body, log } = statement
  if (body.kind !== 'node' || body.node !== log) return fail('wrongSigner', 'a log begins with its own node')
  if (log === state.pinned.node) return anchorFingerprint(state.suites, log, body.keys) === state.pinned.fingerprint ? { ok: true, value: body.keys } : fail('unknownRoot', log)
  const introduced = body.parent === null ? undefined : state.introductions.get(body.parent)?.get(log)
  if (introduced === undefined) return fail('unknownNode', `${log} is not introduced by ${body.parent ?? 'anybody'}`)
  return sameKeys(introduced, body.keys) ? { ok: true, value: body.keys } : fail('childKeySwapped', log)
}

function signingKeys(state: DirectoryState, id: string, log: LogState, seq: number): Result<NodeKeys> {
  const recovery = state.recoveries.get(id)
  return { ok: true, value: recovery !== undefined && seq === recovery.after.seq + 1 ? recovery.keys : log.keys }
}

/** What a well-signed line may still not do. */
function checkAuthority(state: DirectoryState, { statement }: SignedStatement, verify: ReturnType<typeof batchVerifier>): Result<null> {
  const { body, log } = statement
  if (body.kind === 'node') {
    if (body.node !== log) return fail('notOwner', body.node)
    const before = state.logs.get(log)
    if (before !== undefined && !sameKeys(body.keys, state.recoveries.get(log)?.after.seq === statement.seq - 1 ? (state.recoveries.get(log) as RecoveryBody).keys : before.keys))
      return fail('wrongSigner', 'keys change by roll-over only')
    if (before !== undefined && body.parent !== before.node.parent && body.parent !== null) {
      const introduced = state.introductions.get(body.parent)?.get(log)
      if (introduced === undefined) return fail('unknownNode', `${log} is not introduced by ${body.parent}`)
      if (!sameKeys(introduced, before.firstKeys)) return fail('childKeySwapped', log)
    }
  }
  if (body.kind === 'child') {
    const before = state.introductions.get(log)?.get(body.node)
    if (before !== undefined && !sameKeys(before, body.keys)) return fail('childKeySwapped', body.node)
  }
  return body.kind === 'recovery' ? checkRecovery(state, log, body, verify) : FINE
}

function checkRecovery(state: DirectoryState, parent: string, body: RecoveryBody, verify: ReturnType<typeof batchVerifier>): Result<null> {
  const log = state.logs.get(body.node)
  if (log === undefined || log.hashes.length <= body.after.seq) return fail('gap', `log of ${body.node}`)
  if (log.node.parent !== parent) return fail('badRecovery', 'only the parent states it')
  if (log.hashes[body.after.seq] !== body.after.hash) return fail('fork', body.node)
  // The persons count that the node had named by the last line that stands: a thief cannot name its own.
  const named = log.statements.slice(0, body.after.seq + 1).flatMap(({ statement }) => (statement.body.kind === 'node' ? [statement.body] : []))
  const recoverers = (named[named.length - 1] as NodeBody).recoverers ?? []
  const persons = body.approvals.map(({ key }) => recoverers.find(({ person }) => person === key))
  const [first, second] = persons
  if (first === undefined || second === undefined || first.person === second.person || first.publicKey === second.publicKey) return fail('badRecovery', 'two distinct persons')
  const good = body.approvals.every((seal, i) => {
    const person = persons[i] as typeof first
    return seal.suite === person.suite && verifies(state, verify, person.publicKey, 'recovery', recoveryOrder(body), seal)
  })
  return good ? FINE : fail('badRecovery', 'approval')
}

function takeEffect(state: DirectoryState, signed: SignedStatement, hash: string, keys: NodeKeys): void {
  const { body, log: id, at } = signed.statement
  const log = state.logs.get(id) ?? bear(state, signed, keys)
  log.statements.push(signed)
  log.hashes.push(hash)
  if (body.kind === 'node') log.node = body
  if (!sameKeys(keys, log.keys)) rollOver(log, keys, at)
  if (body.kind === 'nodeKey') rollOver(log, body.keys, at)
  if (body.kind === 'child') state.introductions.set(id, new Map([...(state.introductions.get(id) ?? []), [body.node, body.keys]]))
  if (body.kind === 'recovery') state.recoveries.set(body.node, body)
}

function bear(state: DirectoryState, { statement }: SignedStatement, keys: NodeKeys): LogState {
  const log: LogState = { statements: [], hashes: [], node: statement.body as NodeBody, firstKeys: keys, keys, allKeys: keys.map((key) => ({ ...key, from: statement.at, until: null })) }
  state.logs.set(statement.log, log)
  return log
}

function rollOver(log: LogState, keys: NodeKeys, at: string): void {
  const kept = new Set(keys.map(({ id, publicKey }) => `${id} ${publicKey}`))
  const open = new Set(log.allKeys.filter(({ until }) => until === null).map(({ id, publicKey }) => `${id} ${publicKey}`))
  log.allKeys = [
    ...log.allKeys.map((key) => (key.until === null && !kept.has(`${key.id} ${key.publicKey}`) ? { ...key, until: at } : key)),
    ...keys.filter(({ id, publicKey }) => !open.has(`${id} ${publicKey}`)).map((key) => ({ ...key, from: at, until: null })),
  ]
  log.keys = keys
}
