import { buildDesk } from '@postroad/desk/build'
import { readConfig } from '@postroad/kernel/config'
import { runNode } from '../node.ts'
import { nodeHome, readArguments } from '../options.ts'
import { print } from '../print.ts'
import { variablesOf } from '../settings.ts'

/** `postroad up`: runs one node in this process until it is told to stop. */
export async function run(args: readonly string[]): Promise<number> {
  const { flags } = readArguments(args, { node: 'string', home: 'string', bootstrap: 'string' })
  const chosen = { POSTROAD_NODE: flags.node, POSTROAD_HOME: nodeHome(flags.home), POSTROAD_BOOTSTRAP: flags.bootstrap }
  const config = readConfig({ ...variablesOf(chosen.POSTROAD_HOME), ...Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined)) })
  if ((await buildDesk()).built) print('工作台已重新构建。')
  const running = await runNode(config)
  print(`节点 ${config.node} 已启动：${config.desk.origin}   数据在 ${config.home}   按 Ctrl-C 停止`)
  await running.stopped
  return 0
}
