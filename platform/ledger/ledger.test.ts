import { rm } from 'node:fs/promises'
import { fromBase64url } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { Refusal, defineFaults } from '@postroad/kernel/errors'
import { service } from '@postroad/kernel/principal'
import { definePlugin } from '@postroad/kernel/plugin'
import { type TestNode, personOf, testNode } from '@postroad/kernel/testing'
import { canonical, leafHash, rootFromPath, signBatch, verifyBatch } from '@postroad/waybill'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ledger } from './plugin.ts'
import { type CheckpointSigner, acceptRestore, exportLedger, flushSuppressed, record, sequence, signCheckpointsWith, verifyExport, verifyLedger } from './service.ts'
import { ledgerState, openLedger } from './state.ts'
import { verifyConsistency } from './tree.ts'

const keyPair = suites.SM.generateKeyPair()
const signer: CheckpointSigner = {
  sign: async (checkpoint) => signBatch(suites.SM, { key: 'test.sm.1', keyPair }, 'checkpoint', [checkpoint])[0] ?? Promise.reject(new Error('no seal')),
  verify: (checkpoint, seal) => verifyBatch(suites, keyPair.publicKey, 'checkpoint', checkpoint, seal),
}
const clerk = personOf('chen', ['jy.party'], ['documents.sign'])
const auditor = personOf('he', ['jy.party'], ['ledger.read'])
const entry = (object: string) => ({ act: 'documents.signFor', actor: { kind: 'person' as const, id: 'chen', post: 'p', organ: 'jy.party' }, object, outcome: 'done' as const, detail: { suite: 'SM', count: 1 } })

let test: TestNode
beforeEach(async () => {
  test = await testNode([ledger])
})
afterEach(() => test.stop())

/** Lends the signer for one call, so that the room's own loop, which never signs without one, does not come in between. */
function withSigner<T>(work: () => Promise<T>): Promise<T> {
  signCheckpointsWith(test.node, signer)
  const running = work()
  test.node.slots.get(ledgerState).signer = null
  return running
}
const place = () => withSigner(() => sequence(test.node))
const verify = () => withSigner(() => verifyLedger(test.node))

const write = (object: string): Promise<void> => test.node.transaction(clerk, (tx) => record(tx, test.node, entry(object)))
const writeMany = async (names: readonly string[]): Promise<void> => {
  for (const name of names) await write(name)
}
/** What somebody with the whole database in hand can do. */
async function asSuperuser(statements: string): Promise<void> {
  const client = new pg.Client(test.database.superuser)
  await client.connect()
  try {
    await client.query(`set session_replication_role = replica; ${statements}`)
  } finally {
    await client.end()
  }
}
const recordAt = (index: number): string => `(select record from ledger.position where index = ${index})`

describe('recording', () => {
  it('is part of the act: what is rolled back was never recorded, and what is recorded gets its place', async () => {
    await write('a')
    await expect(test.node.transaction(clerk, async (tx) => {
      await record(tx, test.node, entry('b'))
      throw new Error('the act failed')
    })).rejects.toThrow('the act failed')
    await write('c')
    expect(await place()).toMatchObject({ size: 2 })
    expect(await verify()).toMatchObject({ ok: true, size: 2, pending: 0, checkpoints: 1 })
  })

  it('no audit, no answer: an act whose record is refused fails', async () => {
    const other = { ...entry('a'), actor: { kind: 'person' as const, id: 'somebody-else' } }
    await expect(test.node.transaction(clerk, (tx) => record(tx, test.node, other))).rejects.toThrow('row-level security')
    await expect(test.node.transaction(clerk, (tx) => record(tx, test.node, { ...entry('a'), act: 'not an act' }))).rejects.toThrow()
    expect(await verify()).toMatchObject({ ok: true, size: 0, pending: 0 })
  })

  it('the application can neither change, remove nor read it as a person', async () => {
    await write('a')
    await place()
    const attempt = (statement: string): Promise<unknown> => {
      const client = new pg.Client(test.database.app)
      const settings = "select set_config('postroad.service', 'ledger', false), set_config('postroad.person', '-', false), set_config('postroad.organs', '{}', false), set_config('postroad.clearance', '0', false)"
      return client.connect().then(() => client.query(settings)).then(() => client.query(statement)).finally(() => client.end())
    }
    for (const table of ['record', 'position', 'checkpoint']) {
      await expect(attempt(`delete from ledger.${table}`)).rejects.toThrow('permission denied')
      await expect(attempt(`truncate ledger.${table}`)).rejects.toThrow('permission denied')
    }
    await expect(attempt("update ledger.record set leaf = '{}'")).rejects.toThrow('permission denied')
    await expect(attempt("alter table ledger.record disable row level security")).rejects.toThrow('must be owner')
  })

  it('leaves of transactions that commit late are placed too, whatever their order', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    let written = (): void => undefined
    const isWritten = new Promise<void>((resolve) => (written = resolve))
    const slow = test.node.transaction(clerk, async (tx) => {
      await record(tx, test.node, entry('slow'))
      written()
      await held
    })
    await isWritten
    await writeMany(['a', 'b'])
    expect(await place()).toMatchObject({ size: 2 })
    await write('c')
    expect(await place()).toMatchObject({ size: 3 })
    release()
    await slow
    expect(await place()).toMatchObject({ size: 4 })
    expect(await place()).toBeNull()
    expect(await verify()).toMatchObject({ ok: true, size: 4 })
  })
})

describe('tampering by somebody who owns the database', () => {
  beforeEach(async () => {
    await writeMany(['0', '1', '2'])
    await place()
    await writeMany(['3', '4', '5', '6'])
    await place()
    await writeMany(['7', '8'])
  })

  it('finds nothing wrong when nothing is', async () => {
    expect(await verify()).toMatchObject({ ok: true, size: 7, pending: 2, checkpoints: 2 })
  })

  it.each([
    ['a leaf edited', `update ledger.record set leaf = jsonb_set(leaf, '{object}', '"9"') where id = ${recordAt(4)}`, 4, 'edited'],
    ['a leaf edited and its hash made to fit', `update ledger.record set leaf = jsonb_set(leaf, '{object}', '"9"') where id = ${recordAt(4)}; update ledger.position set leaf_hash = sha256('x') where index = 4`, 4, 'edited'],
    ['a leaf deleted', `delete from ledger.record where id = ${recordAt(2)}`, 2, 'missing'],
    ['a leaf deleted with its position', `delete from ledger.record where id = ${recordAt(5)}; delete from ledger.position where index = 5`, 5, 'missing'],
    ['a position deleted and the others moved up', 'delete from ledger.position where index = 3; update ledger.position set index = index - 1 where index > 3', 3, 'moved'],
    ['two leaves swapped', `alter table ledger.position drop constraint position_record_key; update ledger.position a set record = b.record, leaf_hash = b.leaf_hash, mac = b.mac from ledger.position b where (a.index, b.index) in ((1, 2), (2, 1))`, 1, 'moved'],
    ['the tail cut with its checkpoint', 'delete from ledger.record where id in (select record from ledger.position where index >= 3); delete from ledger.position where index >= 3; delete from ledger.checkpoint where size = 7', 3, 'cut'],
    ['the tail cut, its checkpoint left', 'delete from ledger.position where index >= 5', 5, 'cut'],
    ['a checkpoint deleted', 'delete from ledger.checkpoint where size = 7', 3, 'unsigned'],
    ['a checkpoint of another root', `update ledger.checkpoint set checkpoint = jsonb_set(checkpoint, '{root}', '"${'A'.repeat(43)}"') where size = 7`, 3, 'badSignature'],
    ['a waiting leaf edited', `update ledger.record set leaf = jsonb_set(leaf, '{outcome}', '"refused"') where leaf ->> 'object' = '8'`, 8, 'forged'],
    ['a waiting leaf made up', `insert into ledger.record (leaf, mac) select jsonb_set(leaf, '{id}', '"ffffffff-ffff-7fff-bfff-ffffffffffff"'), mac from ledger.record limit 1`, 9, 'forged'],
  ])('%s is found at its index', async (_what, statements, firstBadIndex, fault) => {
    await asSuperuser(statements)
    expect(await verify()).toMatchObject({ ok: false, firstBadIndex, fault })
  })

  it('a leaf made up and given a place by the sequencer itself is found at that place', async () => {
    await asSuperuser(`insert into ledger.record (leaf, mac) select jsonb_set(leaf, '{id}', '"00000000-0000-7000-8000-000000000000"'), mac from ledger.record limit 1`)
    expect(await place()).toMatchObject({ size: 10 })
    expect(await verify()).toMatchObject({ ok: false, firstBadIndex: 7, fault: 'forged' })
  })

  it('a log that was cut is not signed again, until an auditor accepts a restore; recording goes on', async () => {
    await asSuperuser('delete from ledger.record where id in (select record from ledger.position where index >= 3); delete from ledger.position where index >= 3; delete from ledger.checkpoint where size = 7')
    await expect(place()).rejects.toMatchObject({ code: 'ledger.cut' })
    await write('after')
    await expect(place()).rejects.toMatchObject({ code: 'ledger.cut' })
    await acceptRestore(test.node, { kind: 'person', id: 'he' }, '昨夜备份恢复')
    expect(await place()).toMatchObject({ size: 7 }) // 3 left, 2 that waited, 'after', and the acceptance
    expect(await verify()).toMatchObject({ ok: true, size: 7 })
  })

  it('a log whose checkpoint was replaced is not signed again', async () => {
    await asSuperuser(`update ledger.checkpoint set checkpoint = jsonb_set(checkpoint, '{root}', '"${'A'.repeat(43)}"') where size = 7`)
    await expect(place()).rejects.toMatchObject({ code: 'ledger.forked' })
  })

  it('an export verifies with the public key alone, and shows where it was changed', async () => {
    const lines: string[] = []
    for await (const line of exportLedger(test.node)) lines.push(line)
    const trust = { log: 'ledger/test', verifySeal: signer.verify, anchor: null }
    expect(await verifyExport(from(lines), trust)).toMatchObject({ ok: true, size: 7, pending: 2 })
    const edited = lines.map((line) => line.replace('"object":"4"', '"object":"5"'))
    expect(await verifyExport(from(edited), trust)).toMatchObject({ ok: false, firstBadIndex: 4, fault: 'edited' })
  })
})

async function* from(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

describe('auditors', () => {
  it('read, prove and verify over the interface, and each look is recorded', async () => {
    await writeMany(['0', '1', '2'])
    await place()
    await writeMany(['3', '4'])
    await place()
    const get = async (url: string) => {
      const reply = await test.injectAs(auditor, { method: 'GET', url: `/api/ledger${url}` })
      expect(reply.statusCode).toBe(200)
      return reply.json()
    }
    expect((await get('/records?object=3')).records).toMatchObject([{ index: 3, leaf: { object: '3', act: 'documents.signFor' } }])
    const proof = await get('/records/1/proof')
    expect(verifyBatch(suites, keyPair.publicKey, 'checkpoint', proof.checkpoint, proof.seal)).toBe(true)
    const reached = rootFromPath(suites.SM, leafHash(suites.SM, canonical(proof.leaf)), 1, proof.checkpoint.size, proof.proof.map(fromBase64url))
    expect(Buffer.from(reached ?? []).toString('base64url')).toBe(proof.checkpoint.root)
    const { from: older, to: newer, proof: path } = await get('/consistency?from=3&to=5')
    const side = ({ checkpoint }: { checkpoint: { size: number; root: string } }) => ({ size: checkpoint.size, root: fromBase64url(checkpoint.root) })
    expect(verifyConsistency(suites.SM, side(older), side(newer), path.map(fromBase64url))).toBe(true)
    expect(await get('/verify')).toMatchObject({ ok: false, fault: 'badSignature' }) // nobody here knows the node's key
    expect((await get('/records?act=ledger.verify')).records).toMatchObject([{ leaf: { actor: { id: 'he' }, outcome: 'done' } }])
  })

  it('others are refused, and the refusal is recorded', async () => {
    for (const url of ['/records', '/records/0/proof', '/checkpoints', '/consistency?from=0&to=1', '/verify', '/export']) {
      expect((await test.injectAs(clerk, { method: 'GET', url: `/api/ledger${url}` })).statusCode).toBe(403)
      expect((await test.server.inject({ method: 'GET', url: `/api/ledger${url}` })).statusCode).toBe(401)
    }
    const found = await test.injectAs(auditor, { method: 'GET', url: '/api/ledger/records?act=kernel.forbidden' })
    expect(found.json().records).toHaveLength(6)
    expect(found.json().records[0]).toMatchObject({ leaf: { actor: { kind: 'person', id: 'chen' }, outcome: 'refused' } })
  })
})

describe('refusals', () => {
  const faults = defineFaults('ledgertest', { nasty: { status: 400, message: '坏', advice: '改' } })
  const room = definePlugin({
    id: 'ledgertest',
    title: '测',
    routes: (server) => void server.get('/nasty', { config: { public: true } }, () => {
      throw faults.nasty({ sent: `\0\uD800${'x'.repeat(2000)}` })
    }),
  })

  it('of any content and any number are recorded or counted', async () => {
    const other = await testNode([ledger, room])
    try {
      for (let i = 0; i < 25; i++) expect((await other.server.inject({ method: 'GET', url: '/api/ledgertest/nasty' })).statusCode).toBe(400)
      const find = async (act: string) => (await other.injectAs(auditor, { method: 'GET', url: `/api/ledger/records?act=${act}` })).json().records
      expect(await find('ledgertest.nasty')).toHaveLength(10)
      await flushSuppressed(other.node)
      expect(await find('ledger.suppressed')).toMatchObject([{ leaf: { object: 'ledgertest.nasty', detail: { count: 15 } } }])
    } finally {
      await other.stop()
    }
  })

  it('a key that is missing is not replaced while there are records', async () => {
    await write('a')
    await rm(`${test.home}/keys/ledger.key`)
    await expect(openLedger(test.node)).rejects.toBeInstanceOf(Refusal)
    expect(await test.node.transaction(service('ledger'), async () => 'still works')).toBe('still works')
  })
})
