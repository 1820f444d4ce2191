import type { FaultCode } from '../fault.ts'
import { endWhatLeft, isAbove, lastingWith, nextLeaves } from './leaving.ts'
import { type DirectoryState, statusName, withPeriod } from './state.ts'
import type { SignedStatement } from './statements.ts'
import { heirsOf } from './succession.ts'

/**
 * Lets lines take effect one after the other, in the order in which this reader came to know them: what is held is never taken away by a line
 * that says it is older. A line that waits for one of another log (an organ that moves waits until its old home lets it go) is tried again.
 */
export function settleClaims(state: DirectoryState, lines: readonly SignedStatement[]): void {
  for (const signed of lines) {
    // At once, so that a holder who lets go cannot have taken back what somebody was waiting for, whether lines come one by one or together.
    if (settle(state, signed) && letsGo(signed)) settleWaiting(state)
  }
  settleWaiting(state)
}

const letsGo = ({ statement: { body } }: SignedStatement): boolean => (body.kind === 'organ' || body.kind === 'issuingName') && body.until !== null

function settleWaiting(state: DirectoryState): void {
  for (let waiting = state.remarks, left = Infinity; waiting.length > 0 && waiting.length < left; waiting = state.remarks) {
    left = waiting.length
    state.remarks = []
    for (const remark of waiting) {
      const signed = state.logs.get(remark.log)?.statements[remark.seq]
      // A later line of the same log may have taken effect meanwhile: an old one does not undo it.
      if (signed === undefined || isHeld(state, signed)) state.remarks.push(remark)
      else settle(state, signed)
    }
  }
}

function settle(state: DirectoryState, signed: SignedStatement): boolean {
  const { log, seq, body } = signed.statement
  const conflict = claim(state, signed)
  if (conflict === null) state.settled.push(signed)
  else state.remarks.push({ log, seq, fault: { code: conflict, detail: body.kind } })
  return conflict === null
}

function isHeld(state: DirectoryState, { statement: { log, body } }: SignedStatement): boolean {
  if (body.kind === 'organ') return state.organs.get(body.organ)?.at(-1)?.node === log
  if (body.kind === 'issuingName') return state.names.get(body.name)?.at(-1)?.node === log
  return body.kind === 'key' && state.keys.get(body.key)?.node === log
}

/** Order for a reader that knows whole logs and not how they came: by instant, then log, then line. */
export function inTime({ statement: a }: SignedStatement, { statement: b }: SignedStatement): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1
  if (a.log !== b.log) return a.log < b.log ? -1 : 1
  return a.seq - b.seq
}

/**
 * Names in the directory belong to the log that stated them first, until it hands them on: an organ to the node that it names (`movedTo`), an issuing
 * name to whoever holds the organ, or an heir of it. What merely ended is nobody's. Answers why a line has no effect, or null.
 */
function claim(state: DirectoryState, { statement }: SignedStatement): FaultCode | null {
  const { body, log, at } = statement
  const owns = (organ: string): boolean => state.organs.get(organ)?.at(-1)?.node === log
  switch (body.kind) {
    case 'organ': {
      const periods = state.organs.get(body.organ) ?? []
      const last = periods.at(-1)
      if (last === undefined ? isReserved(state, body.organ, log, at) : last.node !== log && last.movedTo !== log) return 'idTaken'
      if (periods.some((period) => period.node !== log && overlaps(period, body.from))) return 'idTaken'
      state.organs.set(body.organ, withPeriod(periods, { ...body, node: log }).map((period) => lastingWith(state, period)))
      return null
    }
    case 'issuingName': {
      const periods = state.names.get(body.name) ?? []
      const last = periods.at(-1)
      if (periods.some((period) => period.node !== log && overlaps(period, body.from))) return 'idTaken'
      if (!owns(body.organ)) return 'notOwner'
      if (last === undefined && !body.name.startsWith(`${body.organ}.`) && isReserved(state, body.name, log, at)) return 'idTaken'
      if (last !== undefined && last.node !== log && last.organ !== body.organ && !heirsOf(state.organs, last.organ, body.from).includes(body.organ)) return 'idTaken'
      state.names.set(body.name, withPeriod(periods, { ...body, node: log }).map((period) => lastingWith(state, period)))
      return null
    }
    case 'key': {
      if (!owns(body.owner)) return 'notOwner'
      const before = state.keys.get(body.key)
      if (before === undefined && !body.key.startsWith(`${body.owner}.`) && isReserved(state, body.key, log, at)) return 'idTaken'
      // A key's bytes never change under its name: old signatures must keep their meaning.
      if (before !== undefined && (before.node !== log || before.publicKey !== body.publicKey || before.owner !== body.owner || before.purpose !== body.purpose)) return 'idTaken'
      state.keys.set(body.key, lastingWith(state, { ...body, node: log }))
      return null
    }
    case 'keyStatus': {
      const ownNodeKey = state.logs.get(log)?.allKeys.some(({ id }) => id === body.key) ?? false
      if (state.keys.get(body.key)?.node !== log && !ownNodeKey) return 'notOwner'
      const name = statusName(log, body.key)
      state.statuses.set(name, [...(state.statuses.get(name) ?? []), { status: body.status, since: body.since }])
      return null
    }
    case 'deputy':
      if (!owns(body.organ)) return 'notOwner'
      state.deputies = [...state.deputies.filter(({ organ, deputy, from }) => organ !== body.organ || deputy !== body.deputy || from !== body.from), lastingWith(state, { ...body, node: log })]
      return null
    case 'block':
    case 'unblock': {
      if (!isAbove(state, log, body.node)) return 'notOwner'
      const ownsKey = body.key === null || state.keys.get(body.key)?.node === body.node || (state.logs.get(body.node)?.allKeys.some(({ id }) => id === body.key) ?? false)
      if (!ownsKey) return 'unknownKey'
      const before = state.blocks.get(body.node) ?? []
      const ended = before.map((block) => (block.by === log && block.key === body.key && block.until === null ? { ...block, until: statement.at } : block))
      const begun = body.kind === 'block' ? [{ by: log, key: body.key, from: statement.at, until: null, compromisedSince: body.compromisedSince, reason: body.reason }] : []
      state.blocks.set(body.node, [...ended, ...begun])
      return null
    }
    case 'leave':
      if (!isAbove(state, log, body.node)) return 'notOwner'
      state.leaves.set(body.node, nextLeaves(state.leaves.get(body.node) ?? [], statement, state.logs.get(log)?.hashes[statement.seq] ?? ''))
      if (body.phase === 'gone') endWhatLeft(state)
      return null
    case 'farewell':
      state.farewells.set(log, [...(state.farewells.get(log) ?? []), body])
      return null
    default:
      return null
  }
}

const overlaps = ({ until }: { readonly until: string | null }, from: string): boolean => until === null || until > from

/** An id that begins with a node's own belongs to that node and those it introduced, however deep: nobody else may be the first to state it. */
function isReserved(state: DirectoryState, id: string, log: string, at: string): boolean {
  let owner = ''
  for (const [node, { statements }] of state.logs) {
    if ((id === node || id.startsWith(`${node}.`)) && node.length > owner.length && (statements[0]?.statement.at ?? at) <= at) owner = node
  }
  return owner !== '' && owner !== log && !introducedUnder(state, owner, log)
}

function introducedUnder(state: DirectoryState, node: string, log: string, seen: ReadonlySet<string> = new Set()): boolean {
  const children = state.introductions.get(node)
  if (children === undefined || seen.has(node)) return false
  return children.has(log) || [...children.keys()].some((child) => introducedUnder(state, child, log, new Set([...seen, node])))
}
