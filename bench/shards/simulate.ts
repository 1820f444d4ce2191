import type { Placed, Server } from './place.ts'

/** Milliseconds of one server: a row, a commit of its own, and a part in a commit of several servers (prepared, then committed). */
export type Costs = { readonly row: number; readonly commit: number; readonly part: number }
export type Outcome = { readonly milliseconds: number; readonly alone: number }

/**
 * What the busiest server works for these transactions: it is the limit when enough of them are under way that no server ever waits for another,
 * which flatters every placement alike. `alone`: share of transactions on one server.
 */
export function simulate(transactions: readonly Placed[], costs: Costs): Outcome {
  const work = new Map<Server, number>()
  for (const rows of transactions) {
    for (const [server, count] of rows) work.set(server, (work.get(server) ?? 0) + count * costs.row + (rows.size === 1 ? costs.commit : costs.part))
  }
  return {
    milliseconds: Math.max(0, ...work.values()),
    alone: transactions.filter(({ size }) => size === 1).length / transactions.length,
  }
}

/** One transaction of all of these. */
export function merged(some: readonly Placed[]): Placed {
  const sum = new Map<Server, number>()
  for (const rows of some) for (const [server, count] of rows) sum.set(server, (sum.get(server) ?? 0) + count)
  return sum
}

/** Effects of one moment that lie on the same servers are committed together, as a writer for each set of servers would. */
export const together = (effects: readonly Placed[]): readonly Placed[] =>
  [...Map.groupBy(effects, (rows) => [...rows.keys()].map(String).toSorted().join(' ')).values()].map(merged)
