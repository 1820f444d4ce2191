import { appendFileSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { replaceFile } from '@postroad/kernel/durable-file'
import { homeCheckpointVerifier, markRestored as markDirectory } from '@postroad/directory/service'
import { connect } from '@postroad/kernel/database'
import { databaseOwner, prepareHome } from '@postroad/kernel/home'
import { type Postgres, startPostgres } from '@postroad/kernel/postgres'
import { readPidFile } from '@postroad/kernel/postgres-pid'
import { verifyHomeLedger } from '@postroad/ledger/service'
import { markRestored as markRoad } from '@postroad/road/service'
import { makeFolder, readBase } from './base.ts'
import { copyOne, listBlobs, pathOfBlob } from './blobs.ts'
import type { RecoveryKey } from './keys.ts'
import { putSnapshot } from './snapshot.ts'
import { type Plan, planRestore, readSegment } from './verify.ts'
import { backupFaults } from './words.ts'

export type RestoreOptions = {
  readonly folder: string
  readonly home: string
  readonly key: RecoveryKey
  /** The moment to go back to; null: as far as the archive reaches. */
  readonly at: Date | null
  /** Where the database's folder is put instead of being started in the home: for an external PostgreSQL. */
  readonly data: string | null
  say(words: string): void
}
export type Restored = {
  readonly backup: string
  readonly node: string
  /** Everything committed until then is back. */
  readonly moment: string
  readonly ledger: number | null
  readonly blobs: number
  readonly data: string | null
}

const RESERVE = 256 * 1024 * 1024

/**
 * Restores a node into a new home: checked first, built aside, recovered to the moment, its ledger verified, marked as restored, and only then given its name.
 * What breaks on the way leaves nothing behind. @throws backup.* (words.ts says each)
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { folder, home, key, at, data, say } = options
  for (const target of [home, ...(data === null ? [] : [data])]) if (existsSync(target) && readdirSync(target).length > 0) throw backupFaults.homeNotEmpty({ folder: target })
  const plan = await planRestore(folder, key, at)
  if (plan.manifest.database.kind === 'external' && data === null) throw backupFaults.dataNeeded()
  requireRoom(dirname(home), plan)
  const aside = `${home}.restoring`
  rmSync(aside, { recursive: true, force: true })
  try {
    prepareHome(aside)
    say(`正在恢复 ${plan.manifest.id}`)
    putSnapshot(aside, plan.files)
    const blobs = await putBlobs(folder, aside, plan)
    const moment = at?.toISOString() ?? (plan.reached !== null && plan.reached.at > plan.manifest.finishedAt ? plan.reached.at : plan.manifest.finishedAt)
    say('正在恢复数据库')
    const ledger = data === null ? await recoverHere(aside, plan, key, at) : await prepareElsewhere(data, plan, key, at)
    markDirectory(aside)
    await markRoad(aside)
    replaceFile(restoredFile(aside), JSON.stringify({ v: 1, backup: plan.manifest.id, moment }))
    if (existsSync(home)) rmSync(home, { recursive: true })
    renameSync(aside, home)
    return { backup: plan.manifest.id, node: plan.manifest.node, moment, ledger, blobs, data }
  } catch (error) {
    rmSync(aside, { recursive: true, force: true })
    if (data !== null) rmSync(data, { recursive: true, force: true })
    throw error
  }
}

/** `<home>/backup/restored.json`: the next start writes it into the ledger. */
export const restoredFile = (home: string): string => join(home, 'backup', 'restored.json')

function requireRoom(folder: string, { manifest, segments }: Plan): void {
  mkdirSync(folder, { recursive: true, mode: 0o711 })
  const { bavail, bsize } = statfsSync(folder)
  const needed = manifest.database.bytes + 2 * segments.length * manifest.database.segmentBytes + manifest.blobs.bytes + RESERVE
  if (bavail * bsize < needed) throw backupFaults.noRoom({ free: bavail * bsize, needed })
}

/** What the backup lists must be there; what came after it comes along, since a row of a later moment may name it. */
async function putBlobs(folder: string, home: string, { manifest, blobs }: Plan): Promise<number> {
  const since = Date.parse(manifest.startedAt)
  let count = 0
  const put = async (name: string, path: string): Promise<'copied' | 'damaged' | 'gone'> => {
    const to = pathOfBlob(join(home, 'blobs'), name)
    if (existsSync(to)) return 'copied'
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
    count += 1
    return copyOne(path, to, name.split('/')[1] ?? '')
  }
  for (const { name, path } of blobs) {
    const outcome = await put(name, path)
    if (outcome === 'gone') throw backupFaults.blobMissing({ file: name })
    if (outcome === 'damaged') throw backupFaults.tampered({ file: name })
  }
  for await (const { name, path, written } of listBlobs(join(folder, 'blobs'))) if (written.getTime() >= since && (await put(name, path)) === 'damaged') throw backupFaults.tampered({ file: name })
  return count
}

/** Unpacks the database and lays the log beside it. */
async function layOut(data: string, log: string, plan: Plan, key: RecoveryKey): Promise<void> {
  await readBase(plan.folder, plan.manifest, key, data)
  makeFolder(log)
  for (const segment of plan.segments) putOwned(join(log, segment.name), await readSegment(plan, segment, key))
  putOwned(join(data, 'recovery.signal'), '')
}

function putOwned(path: string, content: string | Uint8Array): void {
  writeFileSync(path, content, { mode: 0o600, flag: 'wx', flush: true })
  const owner = databaseOwner()
  if (owner !== null) chownSync(path, owner.uid, owner.gid)
}

const settingsFor = (log: string, at: Date | null): Record<string, string> => ({
  restore_command: `cp ${log}/%f %p`,
  recovery_target_timeline: 'current',
  recovery_target_action: 'promote',
  ...(at === null ? {} : { recovery_target_time: at.toISOString().replace('T', ' ').replace('Z', '+00') }),
})

/** Lets the embedded database recover, and verifies the ledger that comes out. Answers the ledger's size. */
async function recoverHere(home: string, plan: Plan, key: RecoveryKey, at: Date | null): Promise<number> {
  const [data, log] = [join(home, 'postgres', 'data'), join(home, 'postgres', 'log-to-replay')]
  await layOut(data, log, plan, key)
  const postgres = await recover(home, at)
  try {
    const database = connect(postgres.url('app'), 2)
    try {
      const verdict = await verifyHomeLedger({ database, home, node: plan.manifest.node, verifySeal: homeCheckpointVerifier(home) })
      if (!verdict.ok) throw backupFaults.ledgerBroken({ fault: verdict.fault, index: verdict.firstBadIndex })
      return verdict.size
    } finally {
      await database.close()
    }
  } finally {
    await postgres.stop()
    rmSync(log, { recursive: true, force: true })
  }
}

/** Nothing was committed between the moment asked for and the end of the log: then the end is that moment, and PostgreSQL has to be asked for it that way. */
async function recover(home: string, at: Date | null): Promise<Postgres> {
  try {
    // without hot standby the server says that it is ready when it can be written to, not before
    return await startPostgres(home, { settings: { ...settingsFor('../log-to-replay', at), hot_standby: 'off' } })
  } catch (error) {
    const left = readPidFile(join(home, 'postgres', 'data'))
    if (left !== null) process.kill(left.pid, 'SIGQUIT')
    const words = (error as Error).message
    if (at !== null && words.includes('recovery ended before configured recovery target was reached')) return recover(home, null)
    throw Object.assign(backupFaults.recoveryFailed({ words: words.slice(-400) }), { cause: error })
  }
}

const AFTERWARDS = 'postgresql.auto.conf.afterwards'

/** For an external PostgreSQL: a folder that its own server starts on, recovers by itself, and goes on with, alone and with nothing left of the recovery. */
async function prepareElsewhere(data: string, plan: Plan, key: RecoveryKey, at: Date | null): Promise<null> {
  await layOut(data, join(data, 'log-to-replay'), plan, key)
  const settings = join(data, 'postgresql.auto.conf')
  const append = (lines: Record<string, string>): void => appendFileSync(settings, Object.entries(lines).map(([name, value]) => `${name} = '${value}'\n`).join(''))
  append({ synchronous_standby_names: '' }) // it has no standby yet, and each commit would wait for one
  putOwned(join(data, AFTERWARDS), readFileSync(settings))
  // a standby made of it later would take the moment for its own, and promote itself at the first commit after it
  append({ ...settingsFor('log-to-replay', at), recovery_end_command: `mv ${AFTERWARDS} postgresql.auto.conf` })
  return null
}
