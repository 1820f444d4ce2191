import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suites } from '@postroad/gm/node'
import { describe, expect, it } from 'vitest'
import { check, type Rule } from './checker.ts'
import { type HistoryEvent, PLANTED_BUGS, type PlantedBug, SPECS, simulate, simulationNetwork } from './index.ts'

const network = simulationNetwork(suites)
const rows = (history: readonly HistoryEvent[]): string[] => history.map((event) => JSON.stringify(event))
const rulesOf = (history: readonly HistoryEvent[]): Rule[] => [...new Set(check(rows(history)).map(({ rule }) => rule))]

/** Which promise each planted bug must be seen to break. */
const BREAKS: Readonly<Record<PlantedBug, Rule>> = {
  custodyBeforeDurable: 'custodyBeforeDurable',
  acceptBeforeDurable: 'acceptedBeforeDurable',
  noDedupe: 'duplicated',
  forgetOnSend: 'lost',
  ignoreHello: 'endMissing',
  noThreadOrder: 'outOfOrder',
  recallWithoutLock: 'recallBroken',
  noTombstone: 'recallUnanswered',
  wrongOrgan: 'unexpected',
  loseReceipts: 'endMissing',
  forgetAtOnce: 'lost',
  noTellBack: 'signedTwice',
}

describe('a network of dozens of nodes in a storm', () => {
  it.each(Array.from({ length: 12 }, (_, i) => i + 1))('keeps every promise, seed %i', async (seed) => {
    const history = await simulate(suites, { seed, network })
    expect(check(rows(history))).toEqual([])
    const kinds = new Set(history.map(({ e }) => e))
    for (const e of ['accepted', 'custody', 'shown', 'act', 'told', 'crash', 'backup', 'end', 'quiet']) expect([...kinds]).toContain(e)
  })
  it('includes centres that come back from old backups, recalls and returns', async () => {
    const history = (await Promise.all([3, 4].map((seed) => simulate(suites, { seed, network })))).flat()
    const centres = new Set(SPECS.flatMap(({ parent }) => (parent === null ? [] : [parent])))
    expect(history.filter(({ e, node }) => e === 'restore' && centres.has(String(node))).length).toBeGreaterThan(0)
    for (const kind of ['signedFor', 'returned', 'recalled', 'recallRefused']) expect(history.some((event) => event.e === 'act' && event.kind === kind)).toBe(true)
    expect(SPECS.length).toBe(25)
  })
  it('plays the same history for the same seed', async () => {
    const [one, two] = [await simulate(suites, { seed: 5, network, documents: 8 }), await simulate(suites, { seed: 5, network, documents: 8 })]
    expect(rows(one)).toEqual(rows(two))
    expect(rows(await simulate(suites, { seed: 6, network, documents: 8 }))).not.toEqual(rows(one))
  })
})

describe('the checker', () => {
  it.each(PLANTED_BUGS)('finds %s', async (bug) => {
    const found = new Set<Rule>()
    for (let seed = 1; seed <= 10 && !found.has(BREAKS[bug]); seed++) for (const rule of rulesOf(await simulate(suites, { seed, network, bug }))) found.add(rule)
    expect([...found]).toContain(BREAKS[bug])
  })
  it('is a program of its own', () => {
    const folder = mkdtempSync(join(tmpdir(), 'postroad-history-'))
    const run = (history: readonly object[]): { status: number | null; stdout: string } => {
      const path = join(folder, 'history.jsonl')
      writeFileSync(path, history.map((event) => `${JSON.stringify(event)}\n`).join(''))
      return spawnSync(process.execPath, [join(import.meta.dirname, 'checker.ts'), path], { encoding: 'utf8' })
    }
    const submitted = { t: 0, e: 'submitted', node: 'a', organ: 'x', message: 'm', kind: 'document', thread: 'm', ordinal: 0, regarding: null, recipients: ['y'] }
    const good = [
      submitted,
      { t: 1, e: 'durable', node: 'a', message: 'm', organs: ['y'] },
      { t: 2, e: 'accepted', node: 'a', message: 'm' },
      { t: 3, e: 'shown', node: 'b', organ: 'y', message: 'm' },
      { t: 4, e: 'act', node: 'b', organ: 'y', message: 'm', kind: 'signedFor', receipt: 'r' },
      { t: 5, e: 'told', node: 'a', organ: 'y', message: 'm', kind: 'signedFor', receipt: 'r' },
      { t: 6, e: 'end', message: 'm', organ: 'y', state: 'signedFor' },
      { t: 6, e: 'quiet' },
    ]
    expect(run(good)).toMatchObject({ status: 0, stdout: '8 events, 0 violations\n' })
    expect(run(good.filter(({ e }) => e !== 'shown' && e !== 'act'))).toMatchObject({ status: 1 })
    rmSync(folder, { recursive: true })
  })
})
