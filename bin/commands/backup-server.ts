import { runningUrl, startPostgres } from '@postroad/kernel/postgres'
import { UsageFault } from '../options.ts'

/** The server that a backup is taken from: the external one, the home's that runs, or the home's started for it. */
export async function serverOf(home: string): Promise<{ readonly url: string; readonly kind: 'embedded' | 'external'; close(): Promise<void> }> {
  const given = process.env['DATABASE_REPLICATION_URL']
  if (given !== undefined) return { url: given, kind: 'external', close: async () => undefined }
  if (process.env['DATABASE_URL'] !== undefined) throw new UsageFault('外部数据库还需要 DATABASE_REPLICATION_URL（有 REPLICATION 权限、直连服务器）')
  const running = runningUrl(home)
  if (running !== null) return { url: running, kind: 'embedded', close: async () => undefined }
  const postgres = await startPostgres(home)
  return { url: postgres.url('superuser', 'postgres'), kind: 'embedded', close: () => postgres.stop() }
}
