import { appendFileSync, chownSync, copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { databaseOwner, prepareHome } from '@postroad/kernel/home'
import { runningUrl } from '@postroad/kernel/postgres'
import { makeFolder, takerOf } from './base.ts'
import { openReplication, takeBase } from './protocol.ts'
import { readTar } from './tar.ts'
import { backupFaults } from './words.ts'

/**
 * Makes the database of `home` a standby of the one that runs on `of`, over the replication protocol; what `home`'s database held is removed. Both must be
 * on this machine: where servers are administered on their own, `pg_basebackup -R` does it. Its next start follows. @throws backup.serverUnfit when `of` does not run
 */
export async function makeStandby({ home, of, name }: { readonly home: string; readonly of: string; readonly name: string }): Promise<void> {
  const url = runningUrl(of)
  if (url === null) throw backupFaults.serverUnfit({ reason: 'not running' })
  const folders = prepareHome(home)
  const data = join(folders.postgres, 'data')
  rmSync(data, { recursive: true, force: true })
  makeFolder(data)
  const line = await openReplication(url, null)
  try {
    await readTar(takeBase(line, `standby ${name}`).tar, (entry) => takerOf(data, entry))
  } finally {
    await line.close()
  }
  copyFileSync(join(prepareHome(of).keys, 'postgres.json'), join(folders.keys, 'postgres.json')) // roles and their passwords are in the data
  const { username, password, searchParams } = new URL(url.replace('@/', '@socket/'))
  appendFileSync(join(data, 'postgresql.auto.conf'), `primary_conninfo = 'host=${searchParams.get('host')} user=${username} password=${password} application_name=${name}'\n`)
  writeFileSync(join(data, 'standby.signal'), '', { mode: 0o600, flush: true })
  const owner = databaseOwner()
  if (owner !== null) chownSync(join(data, 'standby.signal'), owner.uid, owner.gid)
}
