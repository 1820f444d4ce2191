import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { volumesOf } from '@postroad/files/service'
import { type Finding as AlarmFinding, isUrgent, step } from '@postroad/watch/alarms'
import { type Condition, type LinkCondition, linkState } from '@postroad/watch/model'
import { ALARMS, fill } from '@postroad/watch/words'
import { isFree } from '../demo/processes.ts'
import { type NodeHome, nodeHomes } from '../homes.ts'
import { askNode, type NodeReport } from '../inspect.ts'
import { readArguments } from '../options.ts'
import { amber, bold, green, print, quiet, red, table } from '../print.ts'

/** One finding: good, worth a look, or wrong; with the code, and what to do where something is to be done. */
export type Finding = { readonly grade: 'good' | 'warn' | 'bad'; readonly code: string; readonly subject: string; readonly words: string; readonly advice: string | null }

const MEBIBYTE = 1024 * 1024

/** `postroad doctor`: looks at every node under a home and says what to do. Exit code 1 when something is wrong. */
export async function run(args: readonly string[]): Promise<number> {
  const { flags } = readArguments(args, { home: 'string', json: 'boolean' })
  const reports = []
  for (const node of nodeHomes(flags.home)) reports.push({ node: node.id, home: node.home, findings: await examine(node) })
  if (flags.json) print(JSON.stringify(reports, null, 2))
  else for (const { node, home, findings } of reports) show(node, home, findings)
  return reports.some(({ findings }) => findings.some(({ grade }) => grade === 'bad')) ? 1 : 0
}

async function examine({ home }: NodeHome): Promise<Finding[]> {
  const report = await askNode(home)
  if (report === null) return [machine(), ...(await disks(home)), ...(await notRunning(home))]
  return [machine(), ...(await disks(home)), ...running(report)]
}

const made = (grade: Finding['grade'], code: string, subject: string, words: string, advice: string | null = null): Finding => ({ grade, code, subject, words, advice })

function machine(): Finding {
  const [major = 0] = process.versions.node.split('.').map(Number)
  return major >= 24 ? made('good', 'runtime', '运行环境', `Node.js ${process.versions.node}`) : made('bad', 'runtimeOld', '运行环境', `Node.js ${process.versions.node}`, '请用 npm start 或 npm run postroad 运行：它们使用随仓库锁定的 Node.js 24。')
}

async function disks(home: string): Promise<Finding[]> {
  return (await volumesOf(home)).map(({ folder, free, total, low, full }) => {
    const words = `${folder}：剩余 ${Math.round(free / MEBIBYTE)} MB，共 ${Math.round(total / MEBIBYTE)} MB`
    if (free < full) return made('bad', 'diskFull', '磁盘', words, '已不能接收公文。请立即清理或扩充磁盘。')
    if (free < low) return made('warn', 'diskLow', '磁盘', words, '已停止接收大附件。请清理或扩充磁盘。')
    return made('good', 'disk', '磁盘', words)
  })
}

async function notRunning(home: string): Promise<Finding[]> {
  const log = join(home, 'logs', 'node.log')
  const last = existsSync(log) ? wordsOfLogLine(readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) ?? '') : ''
  const stopped = made('bad', 'notRunning', '节点', `没有运行${last === '' ? '' : `；日志最后一行：${last}`}`, '请用 postroad up（演示用 npm start）启动。')
  if (basename(dirname(home)) === 'nodes') return [stopped] // a demo's node: its ports are the demo's to choose
  const port = Number(process.env['POSTROAD_DESK_PORT'] ?? 8080)
  if (await isFree(port)) return [stopped, made('good', 'port', '端口', `${port} 空闲`)]
  return [stopped, made('warn', 'portTaken', '端口', `${port} 已被别的程序占用`, '请停止占用它的程序，或用 POSTROAD_DESK_PORT 换一个端口。')]
}

/** Log lines are JSON; what is not was written by something that failed before there was a log. */
function wordsOfLogLine(line: string): string {
  try {
    return String((JSON.parse(line) as { msg?: unknown }).msg ?? line).slice(0, 200)
  } catch {
    return line.slice(0, 200)
  }
}

function running(report: NodeReport): Finding[] {
  const { condition } = report
  const on = made('good', 'running', '节点', `在运行，工作台 ${report.desk}`)
  if (!report.database) return [on, made('bad', 'databaseDown', '数据库', '没有应答', '请看 logs/postgres.log；磁盘满和内存不足是常见原因。')]
  if (condition === null) return [on, made('bad', 'notJoined', '入网', '还没有加入上级节点', '请检查上级地址和加入码；上级启动后会自动重试。')]
  const tls = condition.certificates.find(({ kind }) => kind === 'tls')
  return [
    on,
    made('good', 'database', '数据库', '应答正常'),
    made('good', 'joined', '入网', `根指纹 ${condition.anchor ?? ''}`),
    made('good', 'certificate', '证书', `有效至 ${day(tls?.until ?? null)}`),
    ...condition.links.map((one) => link(one, condition)),
    ...(condition.keyProcess.up ? [made('good', 'keyProcess', '密钥进程', '应答正常')] : []),
    ...step(condition, []).raise.filter(({ code }) => code !== 'diskLow' && code !== 'diskFull').map(alarm), // disks are shown above, also of a node that does not run
  ]
}

function link(found: LinkCondition, { at, certificates }: Condition): Finding {
  const subject = `链路 ${found.direction === 'up' ? '↑' : '↓'} ${found.title}`
  const state = linkState(found, at)
  if (found.probe?.outcome === 'byBundle') return made('good', 'linkByBundle', subject, '用介质摆渡，不联网；往来情况见 postroad bundle status')
  if (found.probe?.outcome === 'noEndpoint') return made('warn', 'linkNoEndpoint', subject, '对方没有公布地址', '由对方主动连接本节点；如需双向，请对方设置地址。')
  if (state !== 'open') return made('bad', 'linkDown', subject, `${found.endpoint ?? ''} 没有正常应答${found.lastError === null ? '' : `（${found.lastError}）`}`, '请检查网络、防火墙和对方节点。公文在本节点等待，不会丢失。')
  const until = certificates.find(({ kind, id }) => kind === 'peerTls' && id === found.peer)?.until ?? null
  const clock = found.probe?.clockSeconds ?? null
  return made('good', 'link', subject, `${found.endpoint ?? ''}　${found.probe?.milliseconds ?? 0} 毫秒　对方证书有效至 ${day(until)}${clock === null ? '' : `　时钟${Math.abs(clock) <= 1 ? '一致' : `相差 ${clock} 秒`}`}`)
}

/** What the console would ring for, in the same words. */
function alarm({ code, detail }: AlarmFinding): Finding {
  const { what, lost, toDo } = ALARMS[code]
  return made(isUrgent(code) ? 'bad' : 'warn', code, '告警', `${fill(what, detail)}。${fill(lost, detail)}`, fill(toDo, detail))
}

const day = (instant: string | null): string => (instant === null ? '—' : instant.slice(0, 10))

function show(node: string, home: string, findings: readonly Finding[]): void {
  print(`\n${bold(node)}　${quiet(home)}`)
  const mark = { good: green('✓ 正常'), warn: amber('! 注意'), bad: red('✗ 有错') }
  print(table(findings.map(({ grade, subject, words, code }) => [mark[grade], subject, `${words}${grade === 'good' ? '' : quiet(`   [doctor.${code}]`)}`])))
  for (const { subject, advice } of findings) if (advice !== null) print(`  ${bold('怎么办')}（${subject}）：${advice}`)
}
