import { print } from '../print.ts'
import { drillRestore } from './restore.ts'
import { MOST_SECONDS, drillStandby, hasPassed } from './standby.ts'

// `npm run drill -- restore`: what an operator does once a quarter, on processes and databases made for it alone.

const DRILLS: Readonly<Record<string, () => Promise<boolean>>> = {
  restore: async () => {
    for (const to of ['latest', 'earlier'] as const) {
      print(`\n恢复演练（${to === 'latest' ? '恢复到最新' : '恢复到较早时刻'}）`)
      const report = await drillRestore(to, (words) => print(`  ${words}`))
      print(`  ${JSON.stringify(report)}`)
      if (report.signedFor !== report.sent || report.twice + report.unexpected > 0 || report.ledgers.includes(false)) return false
    }
    return true
  },
  standby: async () => {
    print(`\n主备切换演练（不丢一件，${MOST_SECONDS} 秒内恢复）`)
    const report = await drillStandby((words) => print(`  ${words}`))
    print(`  ${JSON.stringify(report)}`)
    return hasPassed(report)
  },
}

const [, , name = ''] = process.argv
const drill = DRILLS[name]
if (drill === undefined) {
  print(`用法：npm run drill -- ${Object.keys(DRILLS).join(' | ')}`)
  process.exit(64)
}
const passed = await drill()
print(passed ? '演练通过' : '演练没有通过')
process.exit(passed ? 0 : 1)
