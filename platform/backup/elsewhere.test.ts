import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { directory } from '@postroad/directory/plugin'
import { homeCheckpointVerifier } from '@postroad/directory/service'
import { ALL_ROLES } from '@postroad/kernel/config'
import { connect } from '@postroad/kernel/database'
import { createLog } from '@postroad/kernel/log'
import { type Postgres, startPostgres } from '@postroad/kernel/postgres'
import { service } from '@postroad/kernel/principal'
import { type RunningNode, startNode } from '@postroad/kernel/start'
import { until } from '@postroad/kernel/testing'
import { keys } from '@postroad/keys/plugin'
import { ledger } from '@postroad/ledger/plugin'
import { record, verifyHomeLedger } from '@postroad/ledger/service'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Archive, startArchive } from './archive.ts'
import { listBackups, makeBackup, makeBackupKey, readRecoveryKey, restore, signerOf } from './service.ts'
import { makeStandby } from './standby.ts'
import { type Pair, startPair } from './testing-pair.ts'

const scratch = mkdtempSync('/tmp/postroad-elsewhere-')
chmodSync(scratch, 0o711)
const [home, folder, keyFile, restored] = [join(scratch, 'home'), join(scratch, 'backup'), join(scratch, 'recovery.json'), join(scratch, 'restored')]
/** Stands for the machine whose PostgreSQL is given the restored folder. */
const server = join(scratch, 'server')
const data = join(server, 'postgres', 'data')
let pair: Pair
let running: RunningNode
let archive: Archive
let postgres: Postgres
let standby: Postgres | null = null
let moment: Date

const quiet = (): void => undefined
const note = (object: string): Promise<void> => running.node.transaction(service('ledger'), (tx) => record(tx, running.node, { act: 'test.note', actor: { kind: 'service', id: 'test' }, object, outcome: 'done', detail: {} }))
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30))
async function ask<Row extends pg.QueryResultRow>(of: Postgres, text: string): Promise<Row[]> {
  const client = new pg.Client(of.url('superuser'))
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

beforeAll(async () => {
  pair = await startPair(join(scratch, 'pair'))
  mkdirSync(home, { mode: 0o711 })
  const bootstrap = join(scratch, 'bootstrap.json')
  writeFileSync(bootstrap, JSON.stringify({ node: { id: 'solo', title: 'solo', level: 'city', region: 'r', regionTitle: 'r', maxLabel: 2 }, parent: null, invites: [], organs: [], people: [] }))
  const url = pair.url('superuser')
  const database = { url: pair.url('app'), migratorUrl: pair.url('migrator'), replicationUrl: url, standbyRequired: true }
  const config = { node: 'solo', home, desk: { host: '127.0.0.1', port: 0, origin: 'http://localhost' }, road: { host: '127.0.0.1', port: 0 }, bootstrap, links: null, database, backup: null, metrics: null, traces: null, admission: { twoPersons: false }, blobs: null, roles: ALL_ROLES, keys: null, log: 'silent' }
  running = await startNode(config, [ledger, keys, directory], { listen: false, jobs: false, log: createLog('solo', 'silent') })
  const { timelines } = running.node.database
  makeBackupKey(home, keyFile)
  archive = startArchive({ home, folder, signer: signerOf(home), url: () => url, timelines, log: { warn: quiet } })
  while (!existsSync(join(home, 'backup', 'stream.json'))) await pause()
  await makeBackup({ home, folder, signer: signerOf(home), url, kind: 'external', timelines, now: () => new Date(), say: quiet })
  await note('before the moment')
  await pause()
  moment = new Date()
  await pause()
  await note('after the moment')
  const written = new Date().toISOString()
  while ((listBackups(folder).at(-1)?.reached?.at ?? '') <= written) await pause()
})
afterAll(async () => {
  await standby?.stop()
  await postgres?.stop()
  await archive?.stop()
  await running?.stop()
  await pair?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

describe('a backup of an external primary with a standby in sync', () => {
  it('needs to be told where the database goes', async () => {
    await expect(restore({ folder, home: restored, key: readRecoveryKey(keyFile), at: null, data: null, say: quiet })).rejects.toMatchObject({ code: 'backup.dataNeeded' })
  })

  it('comes back to a moment on a server of its own, takes writes there without a standby, and its ledger verifies', async () => {
    mkdirSync(join(server, 'postgres'), { recursive: true, mode: 0o711 })
    await restore({ folder, home: restored, key: readRecoveryKey(keyFile), at: moment, data, say: quiet })
    mkdirSync(join(server, 'keys'))
    cpSync(join(pair.one.home(), 'keys', 'postgres.json'), join(server, 'keys', 'postgres.json'))
    postgres = await startPostgres(server, { settings: { hot_standby: 'off' } })
    expect(await ask(postgres, 'show synchronous_standby_names')).toEqual([{ synchronous_standby_names: '' }])
    await ask(postgres, 'create table public.now ()')
    expect(await ask(postgres, `select leaf ->> 'object' as object from ledger.record where leaf ->> 'act' = 'test.note' order by id`)).toEqual([{ object: 'before the moment' }])
    const database = connect(postgres.url('app'), 1)
    expect(await verifyHomeLedger({ database, home: restored, node: 'solo', verifySeal: homeCheckpointVerifier(restored) })).toMatchObject({ ok: true })
    await database.close()
  })

  it('leaves nothing of the recovery behind: a standby made of it later follows, and does not promote itself', async () => {
    expect(readFileSync(join(data, 'postgresql.auto.conf'), 'utf8')).not.toMatch(/recovery_|restore_command/)
    mkdirSync(join(scratch, 'standby'), { mode: 0o711 })
    await makeStandby({ home: join(scratch, 'standby'), of: server, name: 'two' })
    standby = await startPostgres(join(scratch, 'standby'))
    await ask(postgres, 'create table public.later ()')
    const follower = standby
    await until(async () => (await ask<{ isDone: boolean }>(follower, `select to_regclass('public.later') is not null or not pg_is_in_recovery() as "isDone"`))[0]?.isDone === true)
    expect(await ask(follower, 'select pg_is_in_recovery() as standby')).toEqual([{ standby: true }])
  })
})
