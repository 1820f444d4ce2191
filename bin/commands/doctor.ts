import { existsSync, readFileSync, statfsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isFree } from '../demo/processes.ts'
import { type NodeHome, nodeHomes } from '../homes.ts'
import { askNode, type LinkReport, type NodeReport } from '../inspect.ts'
import { readArguments } from '../options.ts'
import { amber, bold, green, print, quiet, red, table } from '../print.ts'

/** One finding: good, worth a look, or wrong; with the code, and what to do where something is to be done. */
export type Finding = { readonly grade: 'good' | 'warn' | 'bad'; readonly code: string; readonly subject: string; readonly words: string; readonly advice: string | null }

const CLOCK_WARN_SECONDS = 30
const CLOCK_BAD_SECONDS = 300
const CERTIFICATE_WARN_DAYS = 30
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
  const findings = [machine(), disk(home)]
  if (report === null) return [...findings, ...(await notRunning(home))]
  return [...findings, ...running(report), ...report.links.map(link), ...clocks(report), ...logs(report)]
}

const made = (grade: Finding['grade'], code: string, subject: string, words: string, advice: string | null = null): Finding => ({ grade, code, subject, words, advice })

function machine(): Finding {
  const [major = 0] = process.versions.node.split('.').map(Number)
  return major >= 24 ? made('good', 'runtime', '运行环境', `Node.js ${process.versions.node}`) : made('bad', 'runtimeOld', '运行环境', `Node.js ${process.versions.node}`, '请用 npm start 或 npm run postroad 运行：它们使用随仓库锁定的 Node.js 24。')
}

function disk(home: string): Finding {
  const { bavail, bsize, blocks } = statfsSync(home)
  const [free, total] = [bavail * bsize, blocks * bsize]
  const words = `剩余 ${Math.round(free / MEBIBYTE)} MB，共 ${Math.round(total / MEBIBYTE)} MB`
  // The same watermarks as the files room: large bodies stop at a tenth, small ones at a fiftieth.
  const watermark = Math.min(Math.max(total / 10, 512 * MEBIBYTE), 5120 * MEBIBYTE)
  if (free < watermark / 5) return made('bad', 'diskFull', '磁盘', words, '已不能接收公文。请立即清理或扩充磁盘。')
  if (free < watermark) return made('warn', 'diskLow', '磁盘', words, '已停止接收大附件。请清理或扩充磁盘。')
  return made('good', 'disk', '磁盘', words)
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
  const days = report.certificateUntil === null ? 0 : (Date.parse(report.certificateUntil) - Date.now()) / 86_400_000
  return [
    made('good', 'running', '节点', `在运行，工作台 ${report.desk}`),
    report.database ? made('good', 'database', '数据库', '应答正常') : made('bad', 'databaseDown', '数据库', '没有应答', '请看 logs/postgres.log；磁盘满和内存不足是常见原因。'),
    report.keyProcess ? made('good', 'keyProcess', '密钥进程', '应答正常') : made('bad', 'keyProcessDown', '密钥进程', '没有应答', '请重启本节点；各单位需重新输入密钥口令。'),
    report.joined ? made('good', 'joined', '入网', `根指纹 ${report.anchor ?? ''}`) : made('bad', 'notJoined', '入网', '还没有加入上级节点', '请检查上级地址和加入码；上级启动后会自动重试。'),
    ...(report.joined ? [days > CERTIFICATE_WARN_DAYS ? made('good', 'certificate', '证书', `有效至 ${day(report.certificateUntil)}`) : made(days > 0 ? 'warn' : 'bad', 'certificateEnding', '证书', `有效至 ${day(report.certificateUntil)}`, '请由上级节点签发新证书。')] : []),
  ]
}

function link(found: LinkReport): Finding {
  const subject = `链路 ${found.direction === 'up' ? '↑' : '↓'} ${found.title}`
  if (found.outcome === 'good') return made('good', 'link', subject, `${found.endpoint}　${found.milliseconds} 毫秒　对方证书有效至 ${day(found.certificateUntil)}`)
  if (found.outcome === 'noEndpoint') return made('warn', 'linkNoEndpoint', subject, '对方没有公布地址', '由对方主动连接本节点；如需双向，请对方设置地址。')
  if (found.outcome === 'wrongCertificate') return made('bad', 'linkWrongCertificate', subject, `${found.endpoint} 出示的证书与通讯录不同`, '可能有人冒充，也可能对方换了证书还没有传到。请与对方核对，不要绕过。')
  return made('bad', 'linkDown', subject, `${found.endpoint} 没有应答`, '请检查网络、防火墙和对方节点。公文在本节点等待，不会丢失。')
}

function clocks(report: NodeReport): Finding[] {
  return report.links.flatMap(({ title, clockSeconds }) => {
    if (clockSeconds === null) return []
    const off = Math.abs(clockSeconds)
    const words = off <= 1 ? `与${title}一致` : `比${title}${clockSeconds > 0 ? '慢' : '快'} ${off} 秒`
    if (off < CLOCK_WARN_SECONDS) return [made('good', 'clock', '时钟', words)]
    return [made(off < CLOCK_BAD_SECONDS ? 'warn' : 'bad', 'clockOff', '时钟', words, '请在两台机器上启用校时（timedatectl set-ntp true）。回执的时间以此为准。')]
  })
}

/** What lies beyond the neighbours shows in the age of each node's log. */
function logs(report: NodeReport): Finding[] {
  const stale = report.logs.filter(({ freshness }) => freshness !== 'normal')
  if (report.logs.length === 0) return []
  if (stale.length === 0) return [made('good', 'directory', '通讯录', `${report.logs.length} 个节点的名录都新鲜`)]
  return stale.map(({ title, freshness }) => made('warn', 'directoryStale', '通讯录', `${title} 已久无消息（${freshness}）`, '逐级检查通往它的链路；到它的公文可能在途中等待。'))
}

const day = (instant: string | null): string => (instant === null ? '—' : instant.slice(0, 10))

function show(node: string, home: string, findings: readonly Finding[]): void {
  print(`\n${bold(node)}　${quiet(home)}`)
  const mark = { good: green('✓ 正常'), warn: amber('! 注意'), bad: red('✗ 有错') }
  print(table(findings.map(({ grade, subject, words, code }) => [mark[grade], subject, `${words}${grade === 'good' ? '' : quiet(`   [doctor.${code}]`)}`])))
  for (const { subject, advice } of findings) if (advice !== null) print(`  ${bold('怎么办')}（${subject}）：${advice}`)
}
