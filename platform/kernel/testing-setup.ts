import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readPidFile } from './postgres-pid.ts'
import { startPostgres } from './postgres.ts'

/** Under /tmp whatever TMPDIR says: the database's account must be able to reach it. */
const FOLDER = '/tmp'
const PREFIX = 'postroad-test-'

/** Vitest's global setup: one PostgreSQL for the run, in a home of its own; its addresses go to the tests by the environment. So does a folder for what tests write, which ends with the run. */
export async function setup(): Promise<() => Promise<void>> {
  await sweep()
  const home = mkdtempSync(join(FOLDER, `${PREFIX}${process.pid}-`))
  const postgres = await startPostgres(home, { settings: { max_connections: '300', max_wal_size: '1GB' } })
  process.env['POSTROAD_TEST_POSTGRES'] = JSON.stringify({ app: postgres.url('app', 'DATABASE'), migrator: postgres.url('migrator', 'DATABASE'), superuser: postgres.url('superuser', 'DATABASE') })
  const scratch = mkdtempSync(join(FOLDER, `${PREFIX}${process.pid}-`))
  chmodSync(scratch, 0o711)
  process.env['TMPDIR'] = scratch
  return async () => {
    await postgres.stop()
    rmSync(scratch, { recursive: true, force: true })
    rmSync(home, { recursive: true, force: true })
  }
}

/** Stops and removes what test runs left that were killed. */
async function sweep(): Promise<void> {
  for (const name of readdirSync(FOLDER)) {
    const runner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]
    const home = join(FOLDER, name)
    if (runner === undefined || isRunning(Number(runner)) || lstatSync(home).uid !== process.getuid?.()) continue
    const server = readPidFile(join(home, 'postgres', 'data'))
    if (server !== null) process.kill(server.pid, 'SIGQUIT')
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
