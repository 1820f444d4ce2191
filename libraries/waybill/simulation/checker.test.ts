import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suites } from '@postroad/gm/node'
import { describe, expect, it } from 'vitest'
import { check, type Rule } from './checker.ts'
import { type HistoryEvent, PLANTED_BUGS, type PlantedBug, simulate, simulationNetwork } from './index.ts'

const network = simulationNetwork(suites)
const rulesOf = (history: readonly HistoryEvent[]): Rule[] => [...new Set(check(history.map((event) => JSON.stringify(event))).map(({ rule }) => rule))]

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
  forgetAtOnce: 'endMissing',
  noTellBack: 'signedTwice',
}

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
      { t: 6, e: 'endThere', message: 'm', organ: 'y', state: 'signedFor' },
      { t: 6, e: 'quiet' },
    ]
    expect(run(good)).toMatchObject({ status: 0, stdout: '9 events, 0 violations\n' })
    expect(run(good.filter(({ e }) => e !== 'shown' && e !== 'act'))).toMatchObject({ status: 1 })
    expect(run(good.map((event) => (event.e === 'endThere' ? { ...event, state: 'arrived' } : event)))).toMatchObject({ status: 1, stdout: expect.stringContaining('viewsDiffer') })
    rmSync(folder, { recursive: true })
  })
})
