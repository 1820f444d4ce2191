import { randomBytes } from 'node:crypto'
import { appendFile, readFile, readdir, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { base64url } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { type PersonPrincipal } from '@postroad/kernel/principal'
import { type TestNode, personOf, testNode } from '@postroad/kernel/testing'
import { ledger } from '@postroad/ledger/plugin'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { files } from './plugin.ts'
import { dropUpload, expireUploads, hasBlob, missingChunks, openBlob, putBlob, putChunks, readChunk, removeBlob, removeChunks, requireRoom, sweepChunks, takeUpload } from './service.ts'

const chen = personOf('chen', ['jy.party'])
const xu = personOf('xu', ['lc.party'])
const auditor = personOf('he', ['jy.party'], ['ledger.read'])
const TUS = { 'tus-resumable': '1.0.0' }

let test: TestNode
beforeEach(async () => {
  test = await testNode([ledger, files], { listen: true })
  for (const person of [chen, xu, auditor]) await test.injectAs(person, { method: 'GET', url: '/api/kernel/none' })
})
afterEach(() => test.stop())

const call = (person: PersonPrincipal, method: string, path: string, headers: Record<string, string> = {}, body?: Uint8Array): Promise<Response> =>
  fetch(`${test.address}${path}`, { method, headers: { 'x-test-person': person.session, 'x-postroad-csrf': 'test-token', ...TUS, ...headers }, ...(body === undefined ? {} : { body: new Uint8Array(body) }) })
const create = async (person: PersonPrincipal, headers: Record<string, string>): Promise<string> => {
  const created = await call(person, 'POST', '/api/files/uploads', headers)
  expect(created.status).toBe(201)
  return (created.headers.get('location') ?? '').split('/').at(-1) ?? ''
}
const patch = (person: PersonPrincipal, id: string, offset: number, body: Uint8Array, headers: Record<string, string> = {}): Promise<Response> =>
  call(person, 'PATCH', `/api/files/uploads/${id}`, { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset), ...headers }, body)

const chunks = [70_000, 1, 1_048_609, 300].map((size) => randomBytes(size))
const body = Buffer.concat(chunks.flatMap((chunk) => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(chunk.length)
  return [length, chunk]
}))
const hashesOf = (suite: 'SM' | 'P256'): string[] => chunks.map((chunk) => base64url(suites[suite].hash(chunk)))

describe('an upload', () => {
  it.each(['SM', 'P256'] as const)('goes in pieces, resumes after a cut, and becomes chunks (%s)', async (suite) => {
    const id = await create(chen, { 'upload-length': String(body.length), 'upload-metadata': `filename ${Buffer.from('绝不外传.pdf').toString('base64')}` })
    expect((await patch(chen, id, 0, body.subarray(0, 500_000))).headers.get('upload-offset')).toBe('500000')
    expect((await patch(chen, id, 0, body.subarray(0, 10))).status).toBe(409)
    await expect(takeUpload(test.node, chen, id, hashesOf(suite))).rejects.toMatchObject({ code: 'files.uploadIncomplete' })
    const asked = await call(chen, 'HEAD', `/api/files/uploads/${id}`)
    expect(asked.headers.get('upload-offset')).toBe('500000')
    expect((await patch(chen, id, 500_000, body.subarray(500_000))).status).toBe(204)
    expect(await takeUpload(test.node, chen, id, hashesOf(suite), suite)).toEqual({ bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0) })
    expect(await takeUpload(test.node, chen, id, hashesOf(suite))).toEqual({ bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0) })
    expect(await missingChunks(test.node, hashesOf(suite))).toEqual([])
    for (const [i, hash] of hashesOf(suite).entries()) expect(Buffer.from(await readChunk(test.node, hash, suite)).equals(chunks[i] ?? Buffer.alloc(0))).toBe(true)
    expect(await readFile(join(test.home, 'uploads', `${id}.json`), 'utf8')).not.toMatch(/filename|绝不外传/)
  })

  it('may tell its length at the end, as terminals do that compress on the way', async () => {
    const id = await create(chen, { 'upload-defer-length': '1' })
    expect((await patch(chen, id, 0, body)).status).toBe(204)
    await expect(takeUpload(test.node, chen, id, hashesOf('SM'))).rejects.toMatchObject({ code: 'files.uploadIncomplete' })
    expect((await patch(chen, id, body.length, new Uint8Array(), { 'upload-length': String(body.length) })).status).toBe(204)
    await takeUpload(test.node, chen, id, hashesOf('SM'))
    await dropUpload(test.node, chen, id)
    expect(await readdir(join(test.home, 'uploads'))).toEqual([])
  })

  it('of somebody else is not there, and asking for it is recorded', async () => {
    const id = await create(chen, { 'upload-length': '10' })
    for (const [method, headers] of [['HEAD', {}], ['DELETE', {}], ['PATCH', { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }]] as const)
      expect((await call(xu, method, `/api/files/uploads/${id}`, headers, method === 'PATCH' ? new Uint8Array(10) : undefined)).status).toBe(404)
    await expect(takeUpload(test.node, xu, id, [])).rejects.toMatchObject({ code: 'files.noUpload' })
    expect((await call(chen, 'HEAD', `/api/files/uploads/${id}`)).headers.get('upload-offset')).toBe('0')
    const found = (await test.injectAs(auditor, { method: 'GET', url: '/api/ledger/records?act=files.noUpload&actor=xu' })).json()
    expect(found.records).toHaveLength(3)
  })

  it('needs a session and its token, a length, and no path of its own', async () => {
    expect((await fetch(`${test.address}/api/files/uploads`, { method: 'POST', headers: { ...TUS, 'upload-length': '1' } })).status).toBe(401)
    expect((await fetch(`${test.address}/api/files/uploads`, { method: 'POST', headers: { ...TUS, 'upload-length': '1', 'x-test-person': chen.session } })).status).toBe(403)
    expect((await call(chen, 'POST', '/api/files/uploads')).status).toBe(411)
    for (const length of ['-1', '1e9', '999999999999999999999', 'x']) expect((await call(chen, 'POST', '/api/files/uploads', { 'upload-length': length })).status).toBe(411)
    expect((await call(chen, 'POST', '/api/files/uploads', { 'upload-length': String(9 * 1024 ** 3) })).status).toBe(413)
    expect((await call(chen, 'HEAD', '/api/files/uploads/..%2f..%2fkeys%2fledger.key')).status).toBe(404)
    const id = await create(chen, { 'upload-length': '1', 'x-postroad-upload': '../keys/ledger.key' })
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('may not be longer than it said', async () => {
    const id = await create(chen, { 'upload-length': '10' })
    expect((await patch(chen, id, 0, new Uint8Array(11))).status).toBe(413)
  })

  it.each([
    ['a byte changed', () => Buffer.concat([body.subarray(0, 100), Buffer.from([(body[100] ?? 0) ^ 1]), body.subarray(101)]), 'files.chunkMismatch'],
    ['cut inside a chunk', () => body.subarray(0, body.length - 1), 'files.bodyMalformed'],
    ['a chunk more than announced', () => Buffer.concat([body, Buffer.from([0, 0, 0, 1, 7])]), 'files.bodyMalformed'],
    ['a chunk less than announced', () => body.subarray(0, body.length - 304), 'files.bodyMalformed'],
  ])('with %s is refused when it is taken', async (_what, change, code) => {
    const changed = change()
    const id = await create(chen, { 'upload-length': String(changed.length) })
    await patch(chen, id, 0, changed)
    await expect(takeUpload(test.node, chen, id, hashesOf('SM'))).rejects.toMatchObject({ code })
  })

  it('is forgotten a week after its start, or an hour after it was taken', async () => {
    const old = await create(chen, { 'upload-length': '10' })
    test.clock.advance(6.5 * 24 * 3600_000)
    const taken = await create(chen, { 'upload-length': '0' })
    await takeUpload(test.node, chen, taken, [])
    const young = await create(chen, { 'upload-length': '10' })
    expect(await expireUploads(test.node)).toBe(0)
    test.clock.advance(0.6 * 24 * 3600_000)
    expect(await expireUploads(test.node)).toBe(2)
    expect((await call(chen, 'HEAD', `/api/files/uploads/${old}`)).status).toBe(404)
    expect((await call(chen, 'HEAD', `/api/files/uploads/${young}`)).status).toBe(200)
    expect((await readdir(join(test.home, 'uploads'))).toSorted()).toEqual([young, `${young}.json`].toSorted())
  })

  it('is one of at most ten that a person has open', async () => {
    for (let i = 0; i < 10; i++) await create(chen, { 'upload-length': '1' })
    expect((await call(chen, 'POST', '/api/files/uploads', { 'upload-length': '1' })).status).toBe(429)
    await create(xu, { 'upload-length': '1' })
  })
})

describe('stores', () => {
  it('refuse a chunk that is not what its hash says, and the whole batch with it', async () => {
    const [good, bad] = hashesOf('SM').map((hash, i) => ({ hash, bytes: chunks[i] ?? Buffer.alloc(0) }))
    if (good === undefined || bad === undefined) throw new Error('no chunks')
    await expect(putChunks(test.node, [good, { ...bad, bytes: Buffer.from('other') }])).rejects.toMatchObject({ code: 'files.chunkMismatch' })
    await expect(putChunks(test.node, [good], 'P256')).rejects.toMatchObject({ code: 'files.chunkMismatch' })
    expect(await missingChunks(test.node, [good.hash, bad.hash])).toEqual([good.hash, bad.hash])
  })

  it('notice bytes that changed on the disk', async () => {
    const [hash] = hashesOf('SM')
    if (hash === undefined) throw new Error('no chunk')
    await putChunks(test.node, [{ hash, bytes: chunks[0] ?? Buffer.alloc(0) }])
    const name = Buffer.from(hash, 'base64url').toString('hex')
    await appendFile(join(test.home, 'blobs', 'chunks', name.slice(0, 2), name.slice(2)), 'x')
    await expect(readChunk(test.node, hash)).rejects.toMatchObject({ code: 'files.damaged' })
    const blob = await putBlob(test.node, Buffer.from('letter'))
    await writeFile(join(test.home, 'blobs', 'files', blob.hash.slice(0, 2), blob.hash.slice(2)), 'lettre')
    await expect(openBlob(test.node, blob.hash).then(text)).rejects.toMatchObject({ code: 'files.damaged' })
  })

  it('keep blobs from bytes and from streams under the same name', async () => {
    const content = randomBytes(200_000)
    const fromBytes = await putBlob(test.node, content)
    const fromStream = await putBlob(test.node, (async function* () {
      yield content.subarray(0, 7)
      yield content.subarray(7)
    })())
    expect(fromStream).toEqual(fromBytes)
    const parts: Buffer[] = []
    for await (const part of await openBlob(test.node, fromBytes.hash)) parts.push(part as Buffer)
    expect(Buffer.concat(parts).equals(content)).toBe(true)
    await removeBlob(test.node, fromBytes.hash)
    expect(await hasBlob(test.node, fromBytes.hash)).toBe(false)
    await expect(openBlob(test.node, fromBytes.hash)).rejects.toMatchObject({ code: 'files.noBlob' })
  })

  it('sweep what nobody refers to, and only what is old enough', async () => {
    const stored = hashesOf('P256').map((hash, i) => ({ hash, bytes: chunks[i] ?? Buffer.alloc(0) }))
    await putChunks(test.node, stored)
    const used = new Set([stored[0]?.hash ?? ''])
    expect(await sweepChunks(test.node, new Date(0), async () => used)).toBe(0)
    expect(await sweepChunks(test.node, new Date(Date.now() + 60_000), async () => used)).toBe(3)
    expect(await missingChunks(test.node, stored.map(({ hash }) => hash))).toEqual(stored.slice(1).map(({ hash }) => hash))
    await removeChunks(test.node, stored.map(({ hash }) => hash))
    expect(await missingChunks(test.node, [...used])).toEqual([...used])
  })

  it('say so when the disk is full', async () => {
    const disk = await statfs(test.home)
    await expect(requireRoom(test.node, disk.bavail * disk.bsize)).rejects.toMatchObject({ code: 'files.diskFull', status: 507 })
    await requireRoom(test.node, 100)
  })
})
