import { suites } from '@postroad/gm/node'
import { describe, expect, it } from 'vitest'
import { check } from './checker.ts'
import { type HistoryEvent, SPECS, simulate, simulationNetwork } from './index.ts'

const network = simulationNetwork(suites)
const rows = (history: readonly HistoryEvent[]): string[] => history.map((event) => JSON.stringify(event))

describe('a network of dozens of nodes in a storm', () => {
  it.each(Array.from({ length: 20 }, (_, i) => i + 1))('keeps every promise, seed %i', async (seed) => {
    const history = await simulate(suites, { seed, network })
    expect(check(rows(history))).toEqual([])
    const kinds = new Set(history.map(({ e }) => e))
    for (const e of ['accepted', 'custody', 'shown', 'act', 'told', 'crash', 'backup', 'end', 'endThere', 'quiet']) expect([...kinds]).toContain(e)
  })
  it('includes centres that come back from old backups, recalls and returns', async () => {
    const history = (await Promise.all([3, 4].map((seed) => simulate(suites, { seed, network })))).flat()
    const centres = new Set(SPECS.flatMap(({ parent }) => (parent === null ? [] : [parent])))
    expect(history.filter(({ e, node }) => e === 'restore' && centres.has(String(node))).length).toBeGreaterThan(0)
    for (const kind of ['signedFor', 'returned', 'recalled', 'recallRefused']) expect(history.some((event) => event.e === 'act' && event.kind === kind)).toBe(true)
    expect(SPECS.length).toBe(43)
  })
  it('plays the same history for the same seed', async () => {
    const [one, two] = [await simulate(suites, { seed: 5, network, documents: 8 }), await simulate(suites, { seed: 5, network, documents: 8 })]
    expect(rows(one)).toEqual(rows(two))
    expect(rows(await simulate(suites, { seed: 6, network, documents: 8 }))).not.toEqual(rows(one))
  })
})
