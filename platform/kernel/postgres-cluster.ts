import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { databaseOwner } from './home.ts'
import type { PostgresProgram } from './postgres-program.ts'

/** Passwords of the three roles, hexadecimal, made at the first start. */
export type Secrets = { readonly superuser: string; readonly migrator: string; readonly app: string }

/** Reads `<keys>/postgres.json`, or makes it when there is no data yet. @throws Error when data is there but its passwords are lost */
export function openSecrets(keys: string, data: string): Secrets {
  const path = join(keys, 'postgres.json')
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Secrets
  if (existsSync(data)) throw new Error(`${path} is missing, but ${data} needs its passwords: restore it from the backup of the keys`)
  const password = (): string => randomBytes(24).toString('hex')
  const secrets: Secrets = { superuser: password(), migrator: password(), app: password() }
  const unfinished = `${path}.${process.pid}`
  writeFileSync(unfinished, JSON.stringify(secrets), { mode: 0o600, flush: true })
  renameSync(unfinished, path)
  return secrets
}

/** Makes the data folder once. An initdb that was cut short leaves `data.new`, which the next start throws away. */
export async function initialise(program: PostgresProgram, data: string, secrets: Secrets): Promise<void> {
  if (existsSync(data)) return
  const owner = databaseOwner()
  const unfinished = `${data}.new`
  const passwordFile = `${data}.password`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  writeFileSync(passwordFile, secrets.superuser, { mode: 0o600 })
  if (owner !== null) for (const path of [unfinished, passwordFile]) chownSync(path, owner.uid, owner.gid)
  const args = ['-D', unfinished, '--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--data-checksums']
  // the built-in provider sorts by code point on every machine: an index never depends on the C library that made it
  const locale = ['--locale=C.UTF-8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  try {
    await promisify(execFile)(program.initdb, [...args, ...locale], { cwd: unfinished, env: { PATH: '/usr/bin:/bin', TZ: 'UTC' }, ...owner })
    renameSync(unfinished, data)
  } catch (cause) {
    throw new Error(`initdb failed in ${dirname(data)}: ${unreachable(dirname(data), owner) ?? (cause as Error).message}`, { cause })
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

/** The commonest reason for root: a folder above the data that other accounts may not pass. */
function unreachable(folder: string, owner: ReturnType<typeof databaseOwner>): string | null {
  if (owner === null) return null
  for (let path = folder; path !== dirname(path); path = dirname(path)) {
    if ((lstatSync(path).mode & 0o001) === 0) return `account ${owner.uid} may not pass through ${path}; choose another POSTROAD_HOME`
  }
  return null
}

/** Linux takes at most 107 bytes of socket path, so a deep home gets a short folder under /tmp, refused if somebody else made it. */
export function socketFolder(home: string): string {
  const own = join(home, 'postgres', 'socket')
  const folder = Buffer.byteLength(own) <= 85 ? own : join('/tmp', `pr-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`)
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o711 })
  const { uid } = lstatSync(folder)
  if (!lstatSync(folder).isDirectory() || (uid !== process.getuid?.() && uid !== databaseOwner()?.uid)) return mkdirSocket()
  return handOver(folder)
}

const mkdirSocket = (): string => handOver(mkdtempSync(join(tmpdir(), 'pr-')))

function handOver(folder: string): string {
  const owner = databaseOwner()
  chmodSync(folder, 0o711)
  if (owner !== null) chownSync(folder, owner.uid, owner.gid)
  return folder
}

/** Roles and database as they must be; run at every start because the first one may have been cut short. */
export async function ensureRoles(superuserUrl: string, secrets: Secrets, database: string): Promise<void> {
  const client = new pg.Client(superuserUrl)
  await client.connect()
  try {
    await client.query('set synchronous_commit = local') // a primary starts, too, while its standby is away
    await client.query(`do $$ begin
      if to_regrole('postroad_migrator') is null then create role postroad_migrator; end if;
      if to_regrole('postroad_app') is null then create role postroad_app; end if; end $$`)
    const limits = 'login nosuperuser nocreatedb nocreaterole noreplication nobypassrls'
    await client.query(`alter role postroad_migrator ${limits} password '${secrets.migrator}'`)
    await client.query(`alter role postroad_app ${limits} password '${secrets.app}'`)
    await ensureDatabase(client, database)
  } finally {
    await client.end()
  }
}

/** Makes `database`, owned by the migrator and closed to everybody but the application's role, which may only connect. */
export async function ensureDatabase(client: pg.Client, database: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [database])
  if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(database)} owner postroad_migrator template template0`)
  await client.query(`revoke all on database ${client.escapeIdentifier(database)} from public`)
  await client.query(`grant connect on database ${client.escapeIdentifier(database)} to postroad_app`)
}
