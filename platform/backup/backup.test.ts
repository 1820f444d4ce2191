import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { homeSigner } from '@postroad/directory/service'
import { directory } from '@postroad/directory/plugin'
import { keys } from '@postroad/keys/plugin'
import { ledger } from '@postroad/ledger/plugin'
import { connect, transaction } from '@postroad/kernel/database'
import { service } from '@postroad/kernel/principal'
import { runningUrl, startPostgres } from '@postroad/kernel/postgres'
import { type RunningNode, startNode } from '@postroad/kernel/start'
import { ALL_ROLES } from '@postroad/kernel/config'
import { createLog } from '@postroad/kernel/log'
import { record } from '@postroad/ledger/service'
import { type Archive, startArchive } from './archive.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listBackups, makeBackup, makeBackupKey, readRecoveryKey, removeExpired, restore, signerOf, verifyBackup } from './service.ts'
import { sql } from 'kysely'

const scratch = mkdtempSync('/tmp/postroad-backup-')
chmodSync(scratch, 0o711)
const [home, folder, keyFile] = [join(scratch, 'home'), join(scratch, 'backup'), join(scratch, 'recovery.json')]
const blob = Buffer.from('sealed bytes of a body')
const name = createHash('sha256').update(blob).digest('hex')
const blobIn = (root: string): string => join(root, 'blobs', 'chunks', name.slice(0, 2), name.slice(2))
let running: RunningNode
let archive: Archive
const quiet = (): void => undefined
const make = () => makeBackup({ home, folder, signer: signerOf(home), url: runningUrl(home) ?? '', kind: 'embedded', timelines: null, now: () => new Date(), say: quiet })
const note = (object: string): Promise<void> => running.node.transaction(service('ledger'), (tx) => record(tx, running.node, { act: 'test.note', actor: { kind: 'service', id: 'test' }, object, outcome: 'done', detail: {} }))
const archivedUntil = async (moment: Date): Promise<void> => {
  while ((listBackups(folder).at(-1)?.reached?.at ?? '') <= moment.toISOString()) await new Promise((resolve) => setTimeout(resolve, 50))
}
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30))

/** Objects noted in the ledger of a restored home. */
async function notes(restored: string): Promise<string[]> {
  const postgres = await startPostgres(restored)
  const database = connect(postgres.url('app'), 1)
  try {
    const { rows } = await transaction(database, service('ledger'), (tx) => sql<{ object: string }>`select leaf ->> 'object' as object from ledger.record where leaf ->> 'act' = 'test.note' order by id`.execute(tx))
    return rows.map(({ object }) => object)
  } finally {
    await database.close()
    await postgres.stop()
  }
}

let moment: Date
let withoutKey: string
beforeAll(async () => {
  mkdirSync(home, { mode: 0o711 })
  const bootstrap = join(scratch, 'bootstrap.json')
  writeFileSync(bootstrap, JSON.stringify({ node: { id: 'solo', title: 'solo', level: 'city', region: 'r', regionTitle: 'r', maxLabel: 2 }, parent: null, invites: [], organs: [], people: [] }))
  const config = { node: 'solo', home, desk: { host: '127.0.0.1', port: 0, origin: 'http://localhost' }, road: { host: '127.0.0.1', port: 0 }, bootstrap, links: null, database: null, backup: null, metrics: null, traces: null, admission: { twoPersons: false }, blobs: null, roles: ALL_ROLES, keys: null, log: 'silent' }
  running = await startNode(config, [ledger, keys, directory], { listen: false, jobs: false, log: createLog('solo', 'silent') })
  mkdirSync(dirname(blobIn(home)), { recursive: true })
  writeFileSync(blobIn(home), blob)
  withoutKey = await make().then(() => 'fine', (error: { code: string }) => error.code)
  makeBackupKey(home, keyFile)
  archive = startArchive({ home, folder, signer: signerOf(home), url: () => runningUrl(home), timelines: null, log: { warn: quiet } })
  while (!existsSync(join(home, 'backup', 'stream.json'))) await pause()
  await note('before the backup')
  await make()
  await note('after the backup')
  await pause()
  moment = new Date()
  await pause()
  await note('after the moment')
  await archivedUntil(new Date())
})
afterAll(async () => {
  await archive?.stop()
  await running?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

const restoreTo = (target: string, at: Date | null, from = folder, key = keyFile) => restore({ folder: from, home: join(scratch, target), key: readRecoveryKey(key), at, data: null, say: quiet })

describe('a restored home', () => {
  it('has everything that was committed, also after the base backup, with its keys, bodies and a ledger that verifies', async () => {
    const done = await restoreTo('latest', null)
    expect(done.ledger).toBeGreaterThan(0)
    expect(await notes(join(scratch, 'latest'))).toEqual(['before the backup', 'after the backup', 'after the moment'])
    for (const file of ['node.json', 'postgres.json', 'ledger.key', 'backup.json']) expect(readFileSync(join(scratch, 'latest', 'keys', file))).toEqual(readFileSync(join(home, 'keys', file)))
    expect(readFileSync(blobIn(join(scratch, 'latest')))).toEqual(blob)
    expect(existsSync(join(scratch, 'latest', 'directory', 'restored.json'))).toBe(true)
    expect(existsSync(join(scratch, 'latest', 'backup', 'stream.json'))).toBe(false)
  })
  it('stands at the moment that was asked for', async () => {
    await restoreTo('moment', moment)
    expect(await notes(join(scratch, 'moment'))).toEqual(['before the backup', 'after the backup'])
  })
  it('is refused for moments out of reach, and never written over something', async () => {
    await expect(restoreTo('early', new Date('2020-01-01'))).rejects.toMatchObject({ code: 'backup.momentTooEarly' })
    await expect(restoreTo('late', new Date('2040-01-01'))).rejects.toMatchObject({ code: 'backup.momentTooLate' })
    await expect(restoreTo('home', null)).rejects.toMatchObject({ code: 'backup.homeNotEmpty' })
  })
})

describe('what lies in the backup', () => {
  it('is never made without a key to seal it', () => expect(withoutKey).toBe('backup.noKey'))
  it('holds no key in the clear', () => {
    const { privateKey } = JSON.parse(readFileSync(join(home, 'keys', 'node.json'), 'utf8')).keys[0] as { privateKey: string }
    const superuser = (JSON.parse(readFileSync(join(home, 'keys', 'postgres.json'), 'utf8')) as { superuser: string }).superuser
    for (const file of readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())) {
      const bytes = readFileSync(join(file.parentPath, file.name))
      for (const secret of [privateKey, superuser]) expect(bytes.includes(secret)).toBe(false)
    }
  })
  it('verifies, and is refused when a byte is changed, cut off, or taken from another place', async () => {
    expect(await verifyBackup(folder, readRecoveryKey(keyFile), quiet)).toMatchObject({ backups: 1, blobs: 1 })
    const [{ manifest: { id, stream } } = { manifest: { id: '', stream: '' } }] = listBackups(folder)
    const hurt = async (change: (copy: string) => void): Promise<string> => {
      const copy = join(scratch, 'hurt')
      rmSync(copy, { recursive: true, force: true })
      cpSync(folder, copy, { recursive: true })
      change(copy)
      const code = await verifyBackup(copy, readRecoveryKey(keyFile), quiet).then(() => 'fine', (error: { code: string }) => error.code)
      // what a verification refuses, a restore refuses as well, and leaves nothing
      if (code !== 'fine') await expect(restoreTo('never', null, copy)).rejects.toMatchObject({ code })
      expect(readdirSync(scratch).filter((entry) => entry.startsWith('never'))).toEqual([])
      return code
    }
    const part = (copy: string, file: string): string => join(copy, 'backups', id, file)
    const flip = (path: string, at: number): void => {
      const bytes = readFileSync(path)
      bytes[at < 0 ? bytes.length + at : at]! ^= 1
      writeFileSync(path, bytes)
    }
    expect(await hurt((copy) => flip(part(copy, 'base.sealed'), -100))).toBe('backup.tampered')
    expect(await hurt((copy) => truncateSync(part(copy, 'base.sealed'), 400_000))).toBe('backup.truncated')
    expect(await hurt((copy) => rmSync(part(copy, 'base.sealed')))).toBe('backup.truncated')
    expect(await hurt((copy) => cpSync(part(copy, 'keys.sealed'), part(copy, 'pg-manifest.sealed')))).toBe('backup.tampered')
    expect(await hurt((copy) => writeFileSync(part(copy, 'manifest.json'), readFileSync(part(copy, 'manifest.json'), 'utf8').replace('"count":1', '"count":0')))).toBe('backup.tampered')
    expect(await hurt((copy) => writeFileSync(part(copy, 'blobs.txt'), `chunks/../../etc/passwd\n`))).toBe('backup.tampered')
    expect(await hurt((copy) => flip(blobIn(copy), 3))).toBe('backup.tampered')
    expect(await hurt((copy) => rmSync(blobIn(copy)))).toBe('backup.blobMissing')
    expect(await hurt((copy) => rmSync(join(copy, 'backups'), { recursive: true }))).toBe('backup.notFound')
    const segment = (copy: string): string => join(copy, 'wal', stream ?? '', readdirSync(join(copy, 'wal', stream ?? '')).filter((file) => /^[0-9A-F]{24}/.test(file)).toSorted().at(-1) ?? '')
    expect(await hurt((copy) => flip(segment(copy), 2_000))).toBe('backup.tampered')
    expect(await hurt((copy) => cpSync(segment(copy), join(dirname(segment(copy)), '0000000100000000000000F0.sealed')))).toBe('backup.walMissing')
  })
  it('opens with its own recovery key only', async () => {
    const other = join(scratch, 'other.json')
    const own = JSON.parse(readFileSync(keyFile, 'utf8')) as { id: string; node: string; signers: { publicKey: string }[] }
    const code = async (changed: object): Promise<string> => {
      writeFileSync(other, JSON.stringify({ ...own, ...changed }))
      return Promise.resolve().then(() => restoreTo('other', null, folder, other)).then(() => 'fine', (error: { code: string }) => error.code)
    }
    expect(await code({ id: '0123456789abcdef' })).toBe('backup.wrongKey')
    expect(await code({ node: 'another' })).toBe('backup.wrongNode')
    expect(await code({ signers: [{ ...own.signers[0], id: 'another.key' }] })).toBe('backup.unknownSigner')
    expect(await code({ signers: [] })).toBe('backup.badKeyFile')
    expect(() => makeBackupKey(home, join(scratch, 'second.json'))).toThrow()
    expect(homeSigner(home).node).toBe('solo')
  })
})

describe('what is removed', () => {
  it('is never what a kept backup needs', async () => {
    const second = await make()
    rmSync(blobIn(home)) // the home forgets it; both backups list it
    await removeExpired(folder, new Date(Date.now() + 90 * 86_400_000), { count: 1, days: 1 }, home)
    expect(listBackups(folder).map(({ manifest }) => manifest.id)).toEqual([second.id])
    expect(existsSync(blobIn(folder))).toBe(true)
    await verifyBackup(folder, readRecoveryKey(keyFile), quiet)
    const third = await make()
    await removeExpired(folder, new Date(Date.now() + 90 * 86_400_000), { count: 1, days: 1 }, home)
    expect(listBackups(folder).map(({ manifest }) => manifest.id)).toEqual([third.id])
    expect(existsSync(blobIn(folder))).toBe(false)
    await restoreTo('again', null)
    expect(await notes(join(scratch, 'again'))).toHaveLength(3)
  })
})
