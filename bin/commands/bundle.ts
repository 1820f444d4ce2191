import { resolve } from 'node:path'
import type { BundleStatus, Exported, ImportReport } from '@postroad/road/service'
import { type CourierOrder, orderCourier } from '../courier.ts'
import { type NodeHome, nodeHomes } from '../homes.ts'
import { readArguments, UsageFault } from '../options.ts'
import { amber, bold, clockTime, green, print, quiet, red, table } from '../print.ts'

const OUTCOMES: Readonly<Record<ImportReport['outcome'], string>> = { imported: green('已导入'), known: green('此前已导入'), partial: amber('部分导入'), refused: red('已拒绝') }
const PARTS: Readonly<Record<string, string>> = { greeting: '问候', directory: '通讯录', answer: '答复', receipts: '回执批', shipment: '运单', followUp: '后续运单' }
const REMARKS: Readonly<Record<string, string>> = { 'volume.missing': '缺少分卷', 'volume.truncated': '分卷不完整', 'volume.tooLong': '分卷过长', 'volume.tampered': '分卷被改动或损坏', 'volume.unreadable': '分卷读不出来', 'road.volumeQuarantined': '扫描程序未放行', 'road.partDamaged': '内容损坏' }

/** `postroad bundle export|import|status`: carries a link on removable media. Exit code 0 good, 1 something is missing, damaged or refused. */
export async function run(args: readonly string[]): Promise<number> {
  const { flags, words } = readArguments(args, { link: 'string', to: 'string', 'volume-size': 'string', number: 'string', home: 'string', json: 'boolean' })
  const [act, ...places] = words
  const show = <T>(value: T, wordsOf: (value: T) => string): void => print(flags.json ? JSON.stringify(value, null, 2) : wordsOf(value))
  if (act === 'export') {
    if (flags.link === undefined || flags.to === undefined || places.length > 0) throw new UsageFault('用法：bundle export --link 节点 --to 目录 [--volume-size 4GB] [--number 编号]')
    const written = await ask<Exported>(flags.home, { act: 'export', link: flags.link, to: resolve(flags.to), volumeBytes: sizeOf(flags['volume-size']), number: numberOf(flags.number) })
    show(written, exportWords)
    return 0
  }
  if (act === 'import') {
    if (places.length === 0) throw new UsageFault('用法：bundle import 目录|文件…')
    const reports = await ask<readonly ImportReport[]>(flags.home, { act: 'import', places: places.map((place) => resolve(place)) })
    show(reports, (all) => all.map(importWords).join('\n'))
    return reports.every(({ outcome, gaps }) => (outcome === 'imported' || outcome === 'known') && gaps.length === 0) ? 0 : 1
  }
  if (act !== 'status' || places.length > 0) throw new UsageFault('bundle 有三个用法：bundle export、bundle import、bundle status')
  const links = await ask<readonly BundleStatus[]>(flags.home, { act: 'status', link: flags.link })
  show(links, (all) => (all.length === 0 ? '没有摆渡链路。' : all.map(statusWords).join('\n')))
  return links.every(({ in: { gaps, partial }, out }) => gaps.length === 0 && partial.length === 0 && out.unconfirmed.every(({ isMissed }) => !isMissed)) ? 0 : 1
}

async function ask<T>(home: string | undefined, order: CourierOrder): Promise<T> {
  const homes = nodeHomes(home)
  if (homes.length > 1) throw new UsageFault(`请用 --home 指明是哪个节点：${homes.map(({ id }) => id).join('、')}`)
  const done = await orderCourier<T>((homes[0] as NodeHome).home, order)
  if (done === null) throw Object.assign(new Error('节点没有运行'), { code: 'cli.notRunning', advice: '请先启动本节点，再导出或导入。' })
  return done
}

const UNITS: Readonly<Record<string, number>> = { '': 1, KB: 1000, MB: 1_000_000, GB: 1_000_000_000 }
/** `4GB`, `650MB`, or bytes. */
function sizeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const [, value = '', unit = ''] = /^(\d{1,13})(KB|MB|GB)?$/.exec(text) ?? []
  const bytes = Number(value) * (UNITS[unit] ?? 0)
  if (value === '' || bytes < 1000) throw new UsageFault('分卷大小写作 4GB、650MB 或字节数，不小于 1000')
  return bytes
}
function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageFault('编号是 1 至 999999 的整数')
  return Number(text)
}

const megabytes = (bytes: number): string => (bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`)

function exportWords({ link, number, files, bytes, summary }: Exported): string {
  const contents = `运单 ${summary.shipments} 件，回执 ${summary.receipts} 份，答复 ${summary.answers} 份，最高标识 ${summary.topLabel}`
  return `${green('已写出')}　发往 ${bold(link)}　第 ${number} 号　${megabytes(bytes)}　${contents}\n${files.map((file) => `  ${file}`).join('\n')}\n请登记介质并送交；对方导入后的答复随其下一个数据包带回。`
}

const gapWords = (gaps: ImportReport['gaps']): string => gaps.map(({ from, to }) => (from === to ? `${from}` : `${from}–${to}`)).join('、')

function importWords({ file, from, number, outcome, code, parts, remarks, gaps }: ImportReport): string {
  const taken = Object.entries(parts).map(([kind, count]) => `${PARTS[kind] ?? kind} ${count}`).join('，')
  const lines = [`${OUTCOMES[outcome]}　${from === null ? file : `${bold(from)}　第 ${number ?? '?'} 号`}${taken === '' ? '' : `　${taken}`}${code === null ? '' : `   [${code}]`}`]
  for (const { what, code: remark, later } of remarks) lines.push(`  ${later ? amber('!') : red('✗')} ${what}　${REMARKS[remark] ?? '未被接受'}${quiet(`   [${remark}]`)}`)
  if (outcome === 'partial') lines.push('  完好的部分已采用。请重新导入完好的介质，或等对方下次自动补发。')
  if (gaps.length > 0) lines.push(`  ${amber('缺号')}　第 ${gapWords(gaps)} 号还没有收到；已记入下一个数据包，对方会补发。`)
  return lines.join('\n')
}

function statusWords({ link, oneWay, out, in: inward }: BundleStatus): string {
  const rows: string[][] = [
    ['已写出', out.lastWritten === 0 ? '无' : `第 ${out.lastWritten} 号为止`],
    ['待写出', out.open === null ? '无' : `第 ${out.open.number} 号，${out.open.state === 'prepared' ? '待放行' : '已放行'}`],
    ['待发', `运单 ${out.waiting.shipments} 件（${megabytes(out.waiting.bytes)}），回执 ${out.waiting.receipts} 份，答复 ${out.waiting.answers} 份`],
    ['对方未确认', out.unconfirmed.length === 0 ? '无' : out.unconfirmed.map(({ number, writtenAt, isMissed }) => `第 ${number} 号（${clockTime(writtenAt)}${isMissed ? `，${amber('对方没有收到')}` : ''}）`).join('、')],
    ['未得接收回执', out.unanswered.length === 0 ? '无' : out.unanswered.map(({ number, shipments, times }) => `第 ${number} 号中 ${shipments} 件（已发 ${times} 次）`).join('、')],
    ['因标识扣留', out.held.length === 0 ? '无' : amber(`${out.held.length} 件，须由人决定`)],
    ['已收到', `第 ${inward.highest} 号为止${inward.heardAt === null ? '' : `，${clockTime(inward.heardAt)}`}`],
    ['缺号', inward.gaps.length === 0 ? '无' : amber(`第 ${gapWords(inward.gaps)} 号`)],
    ['未收全', inward.partial.length === 0 ? '无' : amber(inward.partial.map(({ number }) => `第 ${number} 号`).join('、'))],
  ]
  return `${bold(link)}${oneWay ? '　（单向）' : ''}\n${table(rows)}`
}
