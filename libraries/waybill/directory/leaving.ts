import type { DirectoryState, Leave } from './state.ts'
import type { FarewellBody, Statement } from './statements.ts'

/** How a node stands that leaves: `node` is itself or the one above it that leaves with all below; `farewell`: what it said last, once nothing waited there. */
export type Leaving = Leave & { readonly node: string; readonly farewell: FarewellBody | null }

/** From a node up to the top, itself first. */
function upwards(state: DirectoryState, node: string): readonly string[] {
  const way: string[] = []
  for (let id: string | null = node; id !== null && !way.includes(id); id = state.logs.get(id)?.node.parent ?? null) way.push(id)
  return way
}

/** A node is answerable to its parent, and to everybody above that. */
export const isAbove = (state: DirectoryState, log: string, node: string): boolean => log !== node && upwards(state, node).includes(log)

/** What those above say of a node that leaves, or of one above it: that it has gone before that it is closing; null: nothing. */
export function leavingOf(state: DirectoryState, node: string): Leaving | null {
  if (state.leaves.size === 0) return null
  const said = upwards(state, node).flatMap((id) => (state.leaves.get(id) ?? []).map((leave) => ({ ...leave, node: id, farewell: (state.farewells.get(id) ?? []).findLast(({ closing }) => closing === leave.closing) ?? null })))
  return said.filter(({ phase }) => phase === 'gone').sort((a, b) => (a.since < b.since ? -1 : 1))[0] ?? said[0] ?? null
}

/** When a node left, the first time that somebody above said so; null: it has not. */
export function goneSince(state: DirectoryState, node: string): string | null {
  const leaving = leavingOf(state, node)
  return leaving?.phase === 'gone' ? leaving.since : null
}

/** The leaves of a node once a log above has stated another step. What has gone does not come back. */
export function nextLeaves(before: readonly Leave[], { log, at, body }: Statement, hash: string): readonly Leave[] {
  if (body.kind !== 'leave') return before
  const own = before.find(({ by }) => by === log)
  if (own?.phase === 'gone') return before
  const others = before.filter(({ by }) => by !== log)
  if (body.phase === 'staying') return others
  return [...others, { by: log, phase: body.phase, since: at, reason: body.reason, closing: body.phase === 'gone' ? (own?.closing ?? hash) : hash }]
}

/** What a node stated lasts no longer than the node: whatever line comes first, the one that tells of it or the one that ends the node. */
export function lastingWith<E extends { readonly node: string; readonly until: string | null }>(state: DirectoryState, entry: E): E {
  const gone = goneSince(state, entry.node)
  return gone === null || (entry.until !== null && entry.until <= gone) ? entry : { ...entry, until: gone }
}

/** Ends everything of nodes that have gone. */
export function endWhatLeft(state: DirectoryState): void {
  for (const [id, periods] of state.organs) state.organs.set(id, periods.map((period) => lastingWith(state, period)))
  for (const [id, periods] of state.names) state.names.set(id, periods.map((period) => lastingWith(state, period)))
  for (const [id, key] of state.keys) state.keys.set(id, lastingWith(state, key))
  state.deputies = state.deputies.map((deputy) => lastingWith(state, deputy))
}
