import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { runningUrl, startPostgres } from '@postroad/kernel/postgres'
import { UsageFault } from '../options.ts'
import { variablesOf } from '../settings.ts'

/** The server that a backup is taken from: the external one, the home's that runs, or the home's started for it. Never one that was not there before: an empty database makes a good backup. */
export async function serverOf(home: string): Promise<{ readonly url: string; readonly kind: 'embedded' | 'external'; close(): Promise<void> }> {
  const { DATABASE_URL: external, DATABASE_REPLICATION_URL: given } = variablesOf(home)
  if (given !== undefined) return { url: given, kind: 'external', close: async () => undefined }
  if (external !== undefined || existsSync(join(home, 'database.json'))) throw new UsageFault('外部数据库还需要 DATABASE_REPLICATION_URL（有 REPLICATION 权限、直连服务器），写在节点目录的 node.env 或环境变量中')
  if (!existsSync(join(home, 'postgres', 'data', 'PG_VERSION'))) throw new UsageFault(`该目录中没有数据库：${home}（用 --home 指明节点目录）`)
  const running = runningUrl(home)
  if (running !== null) return { url: running, kind: 'embedded', close: async () => undefined }
  const postgres = await startPostgres(home)
  return { url: postgres.url('superuser', 'postgres'), kind: 'embedded', close: () => postgres.stop() }
}
