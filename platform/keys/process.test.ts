import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { suites } from '@postroad/gm/node'
import { service } from '@postroad/kernel/principal'
import { personOf, type TestNode, testNode } from '@postroad/kernel/testing'
import { ledger } from '@postroad/ledger/plugin'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Channel, openChannel, type Relay } from './channel.ts'
import { keys } from './plugin.ts'
import { closeSession, createOrganKeys, keyProcess, listOrgans, type PublicOrganKey, setCertificates } from './service.ts'
import { certify, firstSecret, receiptOf } from './testing.ts'

const wang = personOf('wang', ['office'])
const refusedWith = (code: string) => expect.objectContaining({ code })
let node: TestNode
let made: readonly PublicOrganKey[]

const relayAs = (person = wang): Relay => async (frame) => {
  const answer = await node.injectAs(person, { method: 'POST', url: '/api/keys/relay', headers: { 'content-type': 'application/octet-stream', host: 'localhost' }, payload: Buffer.from(frame) })
  if (answer.statusCode !== 200) throw Object.assign(new Error('refused'), (answer.json() as { error: object }).error)
  return new Uint8Array(answer.rawPayload)
}
const processKey = async () => {
  const answer = await node.injectAs(wang, { method: 'GET', url: '/api/keys/process', headers: { host: 'localhost' } })
  return (answer.json() as Record<'SM' | 'P256', { publicKey: string; fingerprint: string }>).SM
}
const connected = async (person = wang): Promise<Channel> => openChannel(suites, 'SM', new Uint8Array(Buffer.from((await processKey()).publicKey, 'base64url')), relayAs(person))
const opened = async (): Promise<Channel> => {
  const channel = await connected()
  await channel.open('wang', 'office', await firstSecret(node.home, 'wang', 'office'))
  return channel
}
const recorded = async () => {
  const { rows } = await node.node.transaction(service('ledger'), (tx) => sql<{ act: string; outcome: string; object: string; detail: Record<string, unknown>; person: string }>`
    select leaf ->> 'act' as act, leaf ->> 'outcome' as outcome, leaf ->> 'object' as object, leaf -> 'detail' as detail, leaf #>> '{actor,id}' as person from ledger.record order by id`.execute(tx))
  return rows
}
const running = async () => {
  const pid = await expect.poll(() => keyProcess(node.node).pid(), { timeout: 20_000 }).not.toBeNull().then(() => keyProcess(node.node).pid())
  return pid ?? expect.fail('the key process does not run')
}

beforeAll(async () => {
  node = await testNode([ledger, keys])
  made = await createOrganKeys(node.node, 'office', [{ person: 'wang' }])
  await certify('office', made, (key, chain) => setCertificates(node.node, 'office', key, chain))
})
afterAll(() => node.stop())

describe('the key process', () => {
  it('runs apart, without our environment, without core dumps, behind a socket of our own', async () => {
    const pid = await running()
    expect(pid).not.toBe(process.pid)
    expect((await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').filter((line) => line !== '' && !/^(PWD|OLDPWD|SHLVL|_)=/.test(line))).toEqual([])
    expect(await readFile(`/proc/${pid}/limits`, 'utf8')).toMatch(/Max core file size\s+0\s+0/)
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
    for (const guard of ['--permission', '--disallow-code-generation-from-strings', '--disable-sigusr1']) expect(command).toContain(guard)
    expect((await stat(join(node.home, 'run', 'keys.sock'))).mode & 0o777).toBe(0o600)
  })
  it('works for a terminal through the web, and every use is in the ledger with its count', async () => {
    const channel = await opened()
    await channel.signReceipts('office', 'SM', [receiptOf('office', 'wang'), receiptOf('office', 'wang')])
    await expect(channel.open('li', 'office', 'x')).rejects.toEqual(refusedWith('keys.wrongPerson'))
    const rows = await recorded()
    expect(rows).toContainEqual({ act: 'keys.createOrganKeys', outcome: 'done', object: 'office', detail: { keys: 4, holders: 1 }, person: 'keys' })
    expect(rows).toContainEqual({ act: 'keys.open', outcome: 'done', object: 'office', detail: { count: 4 }, person: 'wang' })
    expect(rows).toContainEqual({ act: 'keys.signReceipts', outcome: 'done', object: 'office', detail: { count: 2 }, person: 'wang' })
    expect(rows).toContainEqual({ act: 'keys.open', outcome: 'refused', object: 'office', detail: { count: 1, code: 'keys.wrongPerson' }, person: 'wang' })
  })
  it('keeps organs and certificates, and refuses a certificate of another key', async () => {
    const [organ] = await listOrgans(node.node)
    expect(organ).toMatchObject({ organ: 'office', holders: ['wang'] })
    expect(organ?.keys.map(({ certificates }) => certificates)).toEqual([1, 1, 1, 1])
    const other = made[1] ?? expect.fail()
    await certify('office', [{ ...other, publicKey: Buffer.from(suites.SM.generateKeyPair().publicKey).toString('base64url') }], async (key, chain) =>
      expect(setCertificates(node.node, 'office', key, chain)).rejects.toEqual(refusedWith('keys.certificateMismatch')))
  })
  it('refuses what is no frame, and the refusal is audited', async () => {
    await expect(relayAs()(new Uint8Array([7, 7, 7]))).rejects.toEqual(refusedWith('keys.malformed'))
    const json = await node.injectAs(wang, { method: 'POST', url: '/api/keys/relay', headers: { host: 'localhost' }, payload: { frame: 'x' } })
    expect(json.json()).toMatchObject({ error: { code: 'keys.malformed' } })
    expect((await recorded()).filter(({ act, outcome }) => act === 'keys.malformed' && outcome === 'refused').length).toBeGreaterThan(0)
    const anonymous = await node.server.inject({ method: 'POST', url: '/api/keys/relay', headers: { 'content-type': 'application/octet-stream', host: 'localhost' }, payload: Buffer.of(1) })
    expect(anonymous.statusCode).toBe(401)
  })
  it('closes what a session had open when the session ends', async () => {
    const channel = await opened()
    await closeSession(node.node, wang.session)
    await expect(channel.status()).rejects.toEqual(refusedWith('keys.notOpen'))
  })
  it('is started again when it dies; organs have to be opened again, secrets and fingerprint stay', async () => {
    const channel = await opened()
    const { fingerprint } = await processKey()
    const before = await running()
    process.kill(before, 'SIGKILL')
    await expect.poll(() => keyProcess(node.node).pid(), { timeout: 20_000 }).not.toBe(before)
    await running()
    await expect(channel.status()).rejects.toEqual(refusedWith('keys.notOpen'))
    expect((await processKey()).fingerprint).toBe(fingerprint)
    expect(await (await opened()).status()).toHaveLength(1)
  })
})
