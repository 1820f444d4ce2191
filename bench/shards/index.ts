import { type Figure, figure } from '../figure.ts'
import { measureCosts } from './costs.ts'
import { type Placement, byLink, byMessage, effectsIn, homesOf, placed, withOwnLedgers } from './place.ts'
import { type Costs, simulate, together } from './simulate.ts'
import { type Traced, traceCentre } from './trace.ts'

const SHARDS = [2, 4, 8, 16]
/** So many of the traced transactions make one batch when the node has all it can do: a writer commits whatever came while it was committing. */
const MOMENT = 16
const PLANS: readonly (readonly [name: string, place: Placement])[] = [
  ['by message', byMessage], ['by link', byLink], ['by message, a ledger on each', withOwnLedgers(byMessage)], ['by link, a ledger on each', withOwnLedgers(byLink)],
]

/** A node sharded over several PostgreSQL servers: what its real transactions would touch, and how much more they would carry (docs/scale.md). */
export async function shards({ quick, tell }: { readonly quick: boolean; tell(line: string): void }): Promise<Figure[]> {
  const costs = await measureCosts(quick ? 1 : 5)
  const trace = await traceCentre(quick ? 40 : 200, tell)
  const rows = trace.reduce((sum, { length }) => sum + length, 0)
  return [
    figure({ name: 'a row', unit: 'ms', value: costs.row }), figure({ name: 'a commit', unit: 'ms', value: costs.commit }), figure({ name: 'a part in a commit of several servers', unit: 'ms', value: costs.part }),
    figure({ name: 'transactions of the centre', unit: '', value: trace.length }), figure({ name: 'rows that one writes', unit: '', value: rows / trace.length }),
    ...PLANS.flatMap(([name, place]) => SHARDS.flatMap((count) => figuresOf(name, place, count, trace, costs))),
  ]
}

function figuresOf(name: string, place: Placement, count: number, trace: readonly Traced[], costs: Costs): Figure[] {
  const homes = homesOf(trace)
  const moments = Array.from({ length: Math.ceil(trace.length / MOMENT) }, (_, n) => trace.slice(n * MOMENT, (n + 1) * MOMENT).flat())
  const one = simulate(moments.map((rows) => new Map([[0, rows.length]])), costs).milliseconds
  const asToday = simulate(moments.map((rows) => placed(rows, place, homes, count)), costs)
  const perSet = simulate(moments.flatMap((rows) => together(effectsIn(rows).map((effect) => placed(effect, place, homes, count)))), costs)
  const title = `${name}, ${count} shards`
  return [
    figure({ name: `${title}: one batch over all`, unit: '× one', value: one / asToday.milliseconds }),
    figure({ name: `${title}: a batch for each set of servers`, unit: '× one', value: one / perSet.milliseconds }),
    figure({ name: `${title}: effects on one server alone`, unit: 'share', value: simulate(moments.flatMap((rows) => effectsIn(rows).map((effect) => placed(effect, place, homes, count))), costs).alone }),
  ]
}
