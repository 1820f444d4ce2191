import { expect, it } from 'vitest'
import { type StandbyDrill, MOST_SECONDS, drillStandby, hasPassed } from './standby.ts'

it('a node whose primary is killed goes on with the standby: nothing acknowledged is lost, nothing comes twice, the old primary gets nothing, and back again', async () => {
  const report = await drillStandby(() => undefined)
  expect(report).toMatchObject({ signedFor: report.sent, twice: 0, unexpected: 0, toZombie: 0, ledgers: [true, true, true], failOver: { lost: 0 }, failBack: { lost: 0 } })
  expect(Math.min(report.failOver.unanswered, report.failBack.unanswered)).toBeGreaterThan(0) // the same handed in again came once
}, 240_000)

it.each<[string, (good: StandbyDrill) => StandbyDrill]>([
  ['a document is missing', (good) => ({ ...good, signedFor: good.sent - 1 })],
  ['one came twice', (good) => ({ ...good, twice: 1 })],
  ['one came that nobody sent', (good) => ({ ...good, unexpected: 1 })],
  ['a ledger does not verify', (good) => ({ ...good, ledgers: [true, false, true] })],
  ['the new primary lacks what was acknowledged', (good) => ({ ...good, failOver: { ...good.failOver, lost: 1 } })],
  ['it took too long', (good) => ({ ...good, failBack: { ...good.failBack, seconds: MOST_SECONDS + 0.1 } })],
  ['the old primary was written to', (good) => ({ ...good, toZombie: 1 })],
])('does not pass when %s', (_, spoil) => {
  const good: StandbyDrill = { sent: 3, signedFor: 3, twice: 0, unexpected: 0, ledgers: [true, true, true], failOver: { detected: 3, promoted: 4, seconds: 5, lost: 0, unanswered: 1 }, failBack: { detected: 3, promoted: 4, seconds: 5, lost: 0, unanswered: 1 }, toZombie: 0 }
  expect(hasPassed(good)).toBe(true)
  expect(hasPassed(spoil(good))).toBe(false)
})
