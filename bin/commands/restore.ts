import { resolve } from 'node:path'
import { readRecoveryKey, restore } from '@postroad/backup/service'
import { readArguments, UsageFault } from '../options.ts'
import { clockTime, green, print } from '../print.ts'

/** `postroad restore`: brings a node back into a new home, to the newest moment or to the one given, and says what happens next. */
export async function run(args: readonly string[]): Promise<number> {
  const { flags } = readArguments(args, { from: 'string', home: 'string', key: 'string', at: 'string', data: 'string' })
  if (flags.from === undefined || flags.home === undefined || flags.key === undefined) throw new UsageFault('restore 的用法：restore --from 备份目录 --home 新目录 --key 恢复密钥文件 [--at 2026-11-23T10:00:00+08:00] [--data 外部数据库目录]')
  const done = await restore({
    folder: resolve(flags.from), home: resolve(flags.home), key: readRecoveryKey(flags.key), at: flags.at === undefined ? null : momentOf(flags.at),
    data: flags.data === undefined ? null : resolve(flags.data), say: (words) => print(`${words}……`),
  })
  print(`${green('恢复完成')}　节点 ${done.node}　恢复到 ${clockTime(done.moment)}　来自 ${done.backup}`)
  print(`  数据在 ${resolve(flags.home)}，正文文件 ${done.blobs} 个${done.ledger === null ? '' : `，审计台账核验通过，${done.ledger} 条`}`)
  print('\n接下来：')
  if (done.data !== null) print(`  1. 把 ${done.data} 的属主改为数据库账户，用同一大版本的 PostgreSQL 启动；它会自行回放日志并转为可写（日志中出现 archive recovery complete）。`)
  print(`  ${done.data === null ? '1' : '2'}. 确认旧节点已经停用：同一节点绝不能两处运行。`)
  print(`  ${done.data === null ? '2' : '3'}. 以新目录启动：postroad up --home ${resolve(flags.home)}`)
  print('  启动后本节点向所有邻居问候；邻居把之后的公文、回执、名录补送过来。邻居全部应答之前，本节点不发布名录变更。')
  print('  恢复时刻之后由本节点的单位交发、而本节点已不记得的公文：在发文单位的终端上用原件再交一次，不会重复送达。')
  print('  请重新做一份备份（配置了 POSTROAD_BACKUP 时会自动做）。')
  return 0
}

/** A moment with its zone; without one it is the machine's. */
function momentOf(text: string): Date {
  const at = new Date(text)
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) || Number.isNaN(at.getTime())) throw new UsageFault(`时刻应写作 2026-11-23T10:00:00+08:00：${text}`)
  return at
}
