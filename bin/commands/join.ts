import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { buildDesk } from '@postroad/desk/build'
import { askInvitation, joinProgress, type JoinCode, readJoinCode, spokenFingerprint } from '@postroad/directory/service'
import { suites } from '@postroad/gm/node'
import { readConfig } from '@postroad/kernel/config'
import type { Node } from '@postroad/kernel/node'
import { askOrgans, type Place, replaceCode, writeFirstStart } from '../join/first-start.ts'
import { openQuestions } from '../join/questions.ts'
import { runNode } from '../node.ts'
import { nodeHome, readArguments, UsageFault } from '../options.ts'
import { bold, green, print, quiet, red, table } from '../print.ts'
import { bootstrapPath, variablesOf, writeSettings } from '../settings.ts'

const FLAGS = {
  home: 'string', 'desk-port': 'string', 'desk-host': 'string', 'desk-origin': 'string', 'road-port': 'string', 'road-host': 'string', endpoint: 'string',
  organ: 'string', 'organ-id': 'string', system: 'string', 'issuing-name': 'string', 'code-word': 'string', clerk: 'string', operator: 'string', organs: 'string',
} as const
const LEVELS = { province: '省', city: '市', county: '县', department: '部门' } as const
const LOOK_MS = 300

/**
 * `postroad join CODE`: sets up a node from a one-time code and waits until its parent's desk has let it in; then it runs like `postroad up`.
 * Stopped and called again without a code, it goes on where it was.
 */
export async function run(args: readonly string[]): Promise<number> {
  const { flags, words } = readArguments(args, FLAGS)
  const home = nodeHome(flags.home)
  const isSetUp = existsSync(bootstrapPath(home))
  const questions = openQuestions()
  try {
    const typed = words.length > 0 ? words.join(' ') : isSetUp ? null : await questions.askLines('请输入或粘贴加入码，空行结束：')
    if (typed !== null) await prepare(home, readJoinCode(suites, typed), isSetUp, flags, questions.ask)
  } finally {
    questions.close()
  }
  const config = readConfig({ ...variablesOf(home), POSTROAD_HOME: home })
  if ((await buildDesk()).built) print('工作台已构建。')
  const running = await runNode(config)
  const stopped = running.stopped.then(() => 'stopped' as const)
  if ((await Promise.race([followJoining(running.node), stopped])) === 'refused') {
    running.stop()
    await stopped
    return 1
  }
  print(`节点 ${config.node} 已启动：${config.desk.origin}   数据在 ${home}   按 Ctrl-C 停止，以后用 postroad up --home ${home} 启动`)
  if (existsSync(join(home, 'first-sign-in.json'))) print(`首次登录的账号和启用码在 ${join(home, 'first-sign-in.json')}，密钥口令在 ${join(home, 'first-sign-in', 'keys')}；当面交付后请删除。`)
  await stopped
  return 0
}

type Given = ReturnType<typeof readArguments<typeof FLAGS>>['flags']

/** Asks the parent what the code is for, and the operator for what only they know; writes both down. */
async function prepare(home: string, code: JoinCode, isSetUp: boolean, flags: Given, ask: ReturnType<typeof openQuestions>['ask']): Promise<void> {
  print(`正在连接上级节点 ${code.url} ……`)
  const { place, parent, expires } = await askInvitation(suites, code)
  if (place === null) throw new UsageFault('这个加入码是写在初始化文件里用的，请用 postroad up --bootstrap')
  showInvitation(code, place, parent, expires)
  if (isSetUp) return replaceCode(home, code)
  const port = (name: string) => ({ fault: (answer: string) => (/^\d{2,5}$/.test(answer) && Number(answer) < 65_536 ? null : '端口号不对'), flag: name })
  const deskPort = await ask({ ...port('desk-port'), words: '工作台端口', usual: '8080' }, flags['desk-port'])
  const roadPort = await ask({ ...port('road-port'), words: '节点间端口', usual: '8443' }, flags['road-port'])
  const roadHost = await ask({ flag: 'road-host', words: '节点间监听地址（上级能访问的本机地址）', usual: '127.0.0.1' }, flags['road-host'])
  const who = await askOrgans(ask, flags, code, place)
  writeFirstStart(home, code, place, flags.endpoint, who)
  const chosen = { POSTROAD_DESK_HOST: flags['desk-host'], POSTROAD_DESK_ORIGIN: flags['desk-origin'] }
  const given = Object.fromEntries(Object.entries(chosen).filter((entry): entry is [string, string] => entry[1] !== undefined))
  writeSettings(home, { POSTROAD_NODE: code.node, POSTROAD_DESK_PORT: deskPort, POSTROAD_ROAD_PORT: roadPort, POSTROAD_ROAD_HOST: roadHost, POSTROAD_BOOTSTRAP: bootstrapPath(home), ...given })
}

function showInvitation(code: JoinCode, place: Place, parent: string, expires: string): void {
  print(`\n${bold('邀请')}`)
  print(table([
    ['上级节点', `${parent}（${code.parent}）`], ['本节点', `${place.title}（${code.node}）`], ['层级', LEVELS[place.level]],
    ['行政区划', `${place.regionTitle}（${place.region}）`], ['根指纹', spokenFingerprint(code.anchor)], ['有效期至', expires.slice(0, 10)],
  ]))
  print()
}

/** Says what is happening until the node is in its tree, or was told why not. */
async function followJoining(node: Node): Promise<'joined' | 'refused'> {
  let told = ''
  for (;;) {
    const progress = joinProgress(node)
    if (progress === null) return 'joined' // it had joined before
    const { state, fault, fingerprint } = progress
    const now = `${state} ${fault?.code ?? ''}`
    if (now !== told) {
      if (state === 'pending') {
        print(`\n${bold('已提出申请，等待上级节点准入')}`)
        print(`本节点指纹  ${bold(spokenFingerprint(fingerprint))}`)
        print(quiet('上级节点会打电话来，请逐组念出以上八组数字。对方准入后本节点自动入网；期间可以停止，再次运行 postroad join 继续等待。'))
      }
      if (fault !== null) {
        const reason = fault.detail['reason']
        print(`${red(state === 'stopped' ? '没有入网' : '还没有连上')}：${fault.message}${reason === undefined ? '' : `。理由：${String(reason)}`}   [${fault.code}]\n怎么办：${fault.advice}`)
      }
      told = now
    }
    if (state === 'joined') {
      print(green('已入网。'))
      return 'joined'
    }
    if (state === 'stopped') return 'refused'
    await wait(LOOK_MS)
  }
}
