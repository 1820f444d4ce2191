import { print, red, table } from './print.ts'

type Command = { readonly name: string; readonly words: string; load(): Promise<{ run(args: readonly string[]): Promise<number> }> }

/** Every command is loaded when it is asked for: `verify` needs no database, `help` needs nothing. */
const COMMANDS: readonly Command[] = [
  { name: 'demo', words: '一键演示：四个节点的网络，办一件真公文   [--fresh 重新开始] [--once 办完即停] [--home 目录]', load: () => import('./demo/run.ts') },
  { name: 'up', words: '启动本节点（配置取自环境变量）   [--node 编号] [--home 目录] [--bootstrap 文件]', load: () => import('./commands/up.ts') },
  { name: 'join', words: '凭加入码加入网络，并等待上级准入   [加入码] [--home 目录] [--desk-port] [--road-port] [--road-host] [--organ …]', load: () => import('./commands/join.ts') },
  { name: 'doctor', words: '体检：端口、磁盘、时钟、逐条链路、证书，并说明怎么办   [--home 目录] [--json]', load: () => import('./commands/doctor.ts') },
  { name: 'verify', words: '离线核验凭证   凭证.zip --anchor 根指纹 [--json]', load: () => import('./commands/verify.ts') },
  { name: 'bundle', words: '摆渡：用介质传送一条链路   export --link 节点 --to 目录 [--volume-size 4GB] [--number 编号] · import 目录|文件… · status [--link 节点]   [--home 目录] [--json]', load: () => import('./commands/bundle.ts') },
  { name: 'backup', words: '备份（节点照常运行）   [make] --to 目录 · key --out 文件 · list 目录 · verify 目录 --key 文件 · prune 目录', load: () => import('./commands/backup.ts') },
  { name: 'restore', words: '恢复到新目录   --from 备份目录 --home 新目录 --key 恢复密钥文件 [--at 时刻] [--data 外部数据库目录]', load: () => import('./commands/restore.ts') },
  { name: 'ledger', words: '核验审计账本   verify [--home 目录] [--json]', load: () => import('./commands/ledger.ts') },
]

function help(): void {
  print('驿道 postroad — 党政机关公文传输\n')
  print('用法  postroad <命令> [选项]\n')
  print(table([...COMMANDS.map(({ name, words }) => [name, words]), ['help', '显示本页']]))
  print('\n退出码  0 正常 · 1 有问题（核验不通过、体检有错） · 2 无法确定 · 64 用法不对')
}

async function main(args: readonly string[]): Promise<number> {
  const [name = 'help', ...rest] = args
  if (['help', '--help', '-h'].includes(name)) {
    help()
    return 0
  }
  const command = COMMANDS.find((each) => each.name === name)
  if (command === undefined) {
    print(`${red('没有这个命令')}：${name}   [cli.unknownCommand]\n`)
    help()
    return 64
  }
  return (await command.load()).run(rest)
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (thrown: unknown) => {
    const told = thrown as Partial<{ code: string; message: string; advice: string; stack: string; detail: { line?: number } }>
    process.stderr.write(`${red('没有完成')}：${told.message ?? String(thrown)}${typeof told.detail?.line === 'number' && told.detail.line > 0 ? `（第 ${told.detail.line} 行）` : ''}${typeof told.code === 'string' ? `   [${told.code}]` : ''}\n`)
    if (typeof told.advice === 'string') process.stderr.write(`怎么办：${told.advice}\n`)
    else if (process.env['POSTROAD_LOG'] === 'debug') process.stderr.write(`${told.stack ?? ''}\n`)
    process.exit(told.code === 'cli.usage' ? 64 : 1)
  },
)
