import { expect, it } from 'vitest'
import { drillRestore } from './restore.ts'

it.each(['latest', 'earlier'] as const)('a node whose machine is lost comes back from its backup (%s moment): every document reaches its end once, and every ledger verifies', async (to) => {
  const report = await drillRestore(to, () => undefined)
  expect(report).toMatchObject({ signedFor: report.sent, twice: 0, unexpected: 0, ledgers: [true, true, true] })
  if (to === 'earlier') expect(report.repeated).toBeGreaterThan(0)
}, 240_000)
