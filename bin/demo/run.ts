import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildDesk, DIST } from '@postroad/desk/build'
import { print, quiet } from '../print.ts'
import { demoHome, readArguments } from '../options.ts'
import { runJourney } from './driver.ts'
import { startNetwork, stopNetwork } from './network-up.ts'
import { deleteDemoHome, loadState, prepareDemoHome } from './state.ts'
import { printAddresses, printDoors, printTimeline } from './summary.ts'
import { verifyEvidenceFile } from './proof.ts'

const started = performance.now()
const tell = (words: string): void => print(`${quiet(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} 秒`)}  ${words}`)

/**
 * `postroad demo`: starts the demo network, does the journey, prints what happened, and stays until Ctrl-C.
 * `--fresh` deletes the demo's own data first; `--once` stops everything at the end and exits 0.
 */
export async function run(args: readonly string[]): Promise<number> {
  const { flags } = readArguments(args, { fresh: 'boolean', once: 'boolean', home: 'string' })
  const home = demoHome(flags.home)
  const stop = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.resolve())
  const interrupted = stop.promise.then(() => 'interrupted' as const)
  print('驿道演示网络：省 → 市 → 县 → 县教育局，四个节点各自一个进程、一个数据库\n')
  if (flags.fresh) deleteDemoHome(home)
  prepareDemoHome(home)
  mkdirSync(DIST, { recursive: true }) // the nodes serve this folder from their start on; it is filled while they start
  const state = loadState(home)
  const network = startNetwork(home, state, tell)
  try {
    const show = (async () => {
      if ((await buildDesk()).built) tell('工作台页面已构建')
      await network.ready
      const journey = await runJourney(home, state, tell)
      const proof = await verifyEvidenceFile(join(home, 'evidence'), journey)
      await printTimeline(journey, proof)
      printAddresses(state)
      printDoors(home, state)
      return 'done' as const
    })()
    const first = await Promise.race([show, interrupted])
    if (first === 'done' && !flags.once) {
      print(`\n网络在运行，数据保存在 ${home}；按 Ctrl-C 停止，再次 npm start 接着用，npm start -- --fresh 重新开始。`)
      await interrupted
    }
    return 0
  } finally {
    print('\n正在停止各节点……')
    await stopNetwork(network)
    print('已全部停止。')
  }
}
