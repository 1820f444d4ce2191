import { type Figure, figure, percentile } from '../figure.ts'
import { COUNTIES, DOCUMENTS_A_DAY, SIZES, URGENCIES } from './assumed.ts'
import { simulate } from './simulate.ts'
import { createProvince, writeLetters } from './traffic.ts'

/** A working day of a province in virtual time: what waits, what arrives when, what each node and link bears. `quick`: a tenth of it. */
export async function province({ quick, tell }: { readonly quick: boolean; tell(line: string): void }): Promise<Figure[]> {
  const tree = createProvince(quick ? 0.1 : 1)
  const letters = writeLetters(tree, 20261123)
  tell(`${tree.nodes.length} nodes, ${tree.homeOf.size} organs, ${letters.length} documents (${DOCUMENTS_A_DAY} an organ; bytes in thousandths ${JSON.stringify(SIZES)}) …`)
  const { delays, links, stations, deliveries } = simulate(tree, letters)
  const figures = [figure({ name: 'deliveries of the day', unit: '', value: deliveries })]
  for (const [urgency] of URGENCIES) {
    for (const lane of ['small', 'large'] as const) {
      const some = delays.get(`${urgency} ${lane}`) ?? []
      if (some.length === 0) continue
      for (const share of [0.5, 0.95, 0.99]) figures.push(figure({ name: `${urgency}, ${lane === 'small' ? 'up to 64 kB' : 'larger'}: p${share * 100} from 封发 to arrival`, unit: 's', value: percentile(some, share) / 1000 }))
    }
  }
  const kinds = [['province', (id: string) => id === 'p'], ['a city, the busiest', (id: string) => /^c\d+$/.test(id)], [`a county, the busiest of ${quick ? Math.round(COUNTIES / 10) : COUNTIES}`, (id: string) => id.includes('-')]] as const
  for (const [name, isOne] of kinds) {
    const some = stations.filter(({ id }) => isOne(id))
    figures.push(
      figure({ name: `${name}: CPU in its busiest ten minutes`, unit: 'share', value: Math.max(...some.map(({ busiest }) => busiest)), limit: [1, 'two cores of the machine of docs/scale.md'] }),
      figure({ name: `${name}: core-hours of the day`, unit: 'h', value: Math.max(...some.map(({ day }) => day)) / 3_600_000 }),
      figure({ name: `${name}: rows of the day`, unit: '', value: Math.max(...some.map(({ rows }) => rows)) }),
      figure({ name: `${name}: bytes kept of the day`, unit: 'GB', value: Math.max(...some.map(({ bytes }) => bytes)) / 1e9 }),
    )
  }
  for (const { name, carried, longest } of [...links].sort((one, other) => other.carried - one.carried).slice(0, 3)) {
    figures.push(figure({ name: `link ${name}: carried`, unit: 'GB', value: carried / 1e9 }), figure({ name: `link ${name}: longest queue`, unit: 'shipments', value: longest }))
  }
  return [...figures, figure({ name: 'longest queue of any link', unit: 'shipments', value: Math.max(...links.map(({ longest }) => longest)) })]
}
