import { homeCheckpointVerifier } from '@postroad/directory/service'
import { connect } from '@postroad/kernel/database'
import { startPostgres } from '@postroad/kernel/postgres'
import { openTimelines } from '@postroad/kernel/timelines'
import { verifyHomeLedger } from '@postroad/ledger/service'
import { type NodeHome, nodeHomes } from '../homes.ts'
import { readArguments, UsageFault } from '../options.ts'
import { green, print, red } from '../print.ts'
import { variablesOf } from '../settings.ts'

const FAULTS = {
  edited: '有一条记录被改动',
  missing: '有记录或序号缺失',
  moved: '有记录被挪动或插入',
  forged: '有记录不是本节点写入的',
  rewritten: '记录前后一致，但与已签名的检查点不符',
  badSignature: '检查点的签名无效',
  unsigned: '有记录还没有检查点覆盖',
  cut: '台账比已公布的检查点短',
} as const

/** `postroad ledger verify`: recomputes the audit tree of each node below a home and names the first bad index. The node may run or not. */
export async function run(args: readonly string[]): Promise<number> {
  const { flags, words } = readArguments(args, { home: 'string', json: 'boolean' })
  if (words[0] !== 'verify') throw new UsageFault('ledger 只有一个用法：ledger verify')
  const verdicts = []
  for (const node of nodeHomes(flags.home)) verdicts.push({ node: node.id, ...(await verifyOne(node)) })
  if (flags.json) print(JSON.stringify(verdicts, null, 2))
  else for (const verdict of verdicts) print(wordsOf(verdict))
  return verdicts.every(({ ok }) => ok) ? 0 : 1
}

async function verifyOne({ id, home }: NodeHome) {
  const external = variablesOf(home)['DATABASE_URL']
  const postgres = external === undefined ? await startPostgres(home) : null
  const database = connect(external ?? postgres?.url('app') ?? '', 2, external === undefined ? null : openTimelines(home))
  try {
    return await verifyHomeLedger({ database, home, node: id, verifySeal: homeCheckpointVerifier(home) })
  } finally {
    await database.close()
    if (postgres?.adopted === false) await postgres.stop() // it was not running before we looked
  }
}

function wordsOf(verdict: { readonly node: string } & Awaited<ReturnType<typeof verifyHomeLedger>>): string {
  if (verdict.ok) return `${green('审计台账完好')}　${verdict.node}　${verdict.size} 条记录，${verdict.checkpoints} 个已签名检查点，待编入 ${verdict.pending} 条　根 ${verdict.root}`
  return `${red('审计台账有问题')}　${verdict.node}　第 ${verdict.firstBadIndex} 条起：${FAULTS[verdict.fault]}（共 ${verdict.size} 条）   [ledger.${verdict.fault}]\n  怎么办：保护现场，不要重启或清理；立即报告安全审计员。`
}
