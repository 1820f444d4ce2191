import { serverOf } from './backup-server.ts'
import { listBackups, makeBackup, makeBackupKey, readRecoveryKey, removeExpired, signerOf, verifyBackup } from '@postroad/backup/service'
import { openTimelines } from '@postroad/kernel/timelines'
import { nodeHome, readArguments, UsageFault } from '../options.ts'
import { clockTime, green, print, table } from '../print.ts'
import { variablesOf } from '../settings.ts'

/** `postroad backup …`: makes, lists, verifies and removes backups, and makes the backup key. The node goes on running. */
export async function run(args: readonly string[]): Promise<number> {
  const { flags, words } = readArguments(args, { home: 'string', to: 'string', key: 'string', out: 'string', keep: 'string', days: 'string', json: 'boolean' })
  const [act = 'make', ...rest] = words
  if (rest.length > 1) throw new UsageFault(`多余的参数：${rest.slice(1).join(' ')}`)
  const folder = (): string => rest[0] ?? flags.to ?? variablesOf(nodeHome(flags.home))['POSTROAD_BACKUP'] ?? missing('备份目录')
  if (act === 'key') return key(nodeHome(flags.home), flags.out ?? missing('--out 恢复密钥文件'))
  if (act === 'make') return make(nodeHome(flags.home), folder())
  if (act === 'list') return list(folder(), flags.json)
  if (act === 'verify') return verify(folder(), flags.key ?? missing('--key 恢复密钥文件'))
  if (act === 'prune') return prune(nodeHome(flags.home), folder(), count(flags.keep, 7), count(flags.days, 14))
  throw new UsageFault('backup 的用法：backup [make|key|list|verify|prune]')
}

function missing(what: string): never {
  throw new UsageFault(`缺少${what}`)
}

function count(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (!Number.isInteger(value) || value < 1) throw new UsageFault(`应为正整数：${text ?? ''}`)
  return value
}

function key(home: string, out: string): number {
  const made = makeBackupKey(home, out)
  print(`${green('备份密钥已生成')}　编号 ${made.id}\n恢复密钥文件：${out}\n  没有它，任何备份都打不开。请离线保管两份，与备份分开存放，不要留在本机。`)
  return 0
}

async function make(home: string, folder: string): Promise<number> {
  const server = await serverOf(home)
  try {
    const made = await makeBackup({ home, folder, signer: signerOf(home), url: server.url, kind: server.kind, timelines: server.kind === 'external' ? openTimelines(home) : null, now: () => new Date(), say: (words) => print(`${words}……`) })
    print(`${green('备份完成')}　${made.id}　数据库 ${mebibytes(made.database.bytes)}，正文文件 ${made.blobs.count} 个 ${mebibytes(made.blobs.bytes)}`)
    if (made.stream === null) print('  没有日志归档，只能恢复到这一刻。设置 POSTROAD_BACKUP 并重启节点，即可恢复到任一时刻。')
    return 0
  } finally {
    await server.close()
  }
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 / 1024)} MB`

function list(folder: string, json: boolean): number {
  const found = listBackups(folder)
  if (json) print(JSON.stringify(found, null, 2))
  else if (found.length === 0) print('目录中没有完成的备份。')
  else print(table([['备份', '节点', '完成', '可恢复到', '数据库'], ...found.map(({ manifest, reached }) => [manifest.id, manifest.node, clockTime(manifest.finishedAt), reached === null ? '仅完成时刻' : `${clockTime(reached.at)} 为止的任一时刻`, mebibytes(manifest.database.bytes)])]))
  return found.length === 0 ? 1 : 0
}

async function verify(folder: string, keyFile: string): Promise<number> {
  const found = await verifyBackup(folder, readRecoveryKey(keyFile), (words) => print(`${words}……`))
  print(`${green('备份完好')}　${found.backups} 份备份，${found.blobs} 个正文文件，${found.segments} 段日志`)
  return 0
}

async function prune(home: string, folder: string, keep: number, days: number): Promise<number> {
  const removed = await removeExpired(folder, new Date(), { count: keep, days }, home)
  print(`已清理 ${removed} 份过期备份。`)
  return 0
}
