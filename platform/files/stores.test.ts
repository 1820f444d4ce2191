import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openBucket } from './bucket.ts'
import { openHashFolder } from './folder.ts'
import type { HashStore } from './model.ts'
import { type BucketFault, type TestBucket, startBucket } from './testing-bucket.ts'

let bucket: TestBucket
beforeAll(async () => {
  bucket = await startBucket()
}, 300_000)
afterAll(() => bucket?.stop())

const made: string[] = []
const folder = async (): Promise<string> => {
  made.push(await mkdtemp(join(tmpdir(), 'postroad-store-')))
  return made.at(-1) ?? ''
}
afterEach(async () => {
  bucket.fault = () => null
  for (const path of made.splice(0)) await rm(path, { recursive: true })
})

const file = (bytes: Uint8Array): { name: string; bytes: Uint8Array } => ({ name: createHash('sha256').update(bytes).digest('hex'), bytes })
const namesIn = async (store: HashStore): Promise<string[]> => {
  const names: string[] = []
  for await (const { name } of store.list()) names.push(name)
  return names.toSorted()
}

/** Opens the same store each time it is called. */
type Opener = () => Promise<HashStore>
const STORES: readonly (readonly [string, () => Promise<Opener>])[] = [
  ['a folder', async () => {
    const path = await folder()
    return () => openHashFolder(path)
  }],
  ['a bucket', async () => {
    const [kind, spool] = [`kind-${randomBytes(4).toString('hex')}`, await folder()]
    return () => openBucket(bucket.config, kind, spool)
  }],
]

describe.each(STORES)('%s named by hashes', (_what, prepare) => {
  it('keeps a batch, reads it back byte for byte, and finds it after it is opened again', async () => {
    const open = await prepare()
    const files = Array.from({ length: 30 }, (_, i) => file(randomBytes(i === 0 ? 4 * 1024 * 1024 : 1 + i * 50)))
    await (await open()).put(files)
    const again = await open()
    for (const { name, bytes } of files) expect(Buffer.from((await again.read(name)) ?? []).equals(bytes)).toBe(true)
    expect(await namesIn(again)).toEqual(files.map(({ name }) => name).toSorted())
    for await (const { written } of again.list()) expect(Math.abs(Date.now() - written.getTime())).toBeLessThan(3600_000)
  })

  it('takes the same content from several writers', async () => {
    const store = await (await prepare())()
    const one = file(Buffer.from('the same'))
    await Promise.all(Array.from({ length: 8 }, () => store.put([one])))
    expect(Buffer.from((await store.read(one.name)) ?? []).toString()).toBe('the same')
    expect(await namesIn(store)).toEqual([one.name])
  })

  it('takes a stream whose hash is known at its end, and gives a stream', async () => {
    const store = await (await prepare())()
    const { name, bytes } = file(randomBytes(3_000_000))
    const received = await store.receive((async function* () {
      for (let at = 0; at < bytes.length; at += 70_000) yield bytes.subarray(at, at + 70_000)
    })())
    await received.keep(name)
    const stream = await store.open(name)
    expect(stream === null ? null : (await buffer(stream)).equals(bytes)).toBe(true)
    await (await store.receive((async function* () { yield Buffer.from('given up') })())).drop()
    expect(await namesIn(store)).toEqual([name])
  })

  it('says of what is gone that it is not there, and refuses names that are no hashes', async () => {
    const store = await (await prepare())()
    const one = file(Buffer.from('x'))
    await store.put([one])
    expect(await store.has(one.name)).toBe(true)
    await store.remove([one.name, one.name])
    expect([await store.read(one.name), await store.open(one.name), await store.has(one.name)]).toEqual([null, null, false])
    await expect(async () => store.read('../../etc/passwd')).rejects.toThrow('64 hex digits')
  })
})

describe('a bucket whose store falters', () => {
  /** The first `times` requests of this method fail. */
  const failing = (method: string, fault: BucketFault, times: number): { readonly seen: () => number } => {
    let seen = 0
    bucket.fault = (request) => (request.method === method && (seen += 1) <= times ? fault : null)
    return { seen: () => seen }
  }
  const store = async (): Promise<HashStore> => openBucket(bucket.config, `kind-${randomBytes(4).toString('hex')}`, await folder())

  it.each(['serverError', 'slowDown', 'cut', 'errorInside'] as const)('acknowledges a write only when it was taken (%s)', async (fault) => {
    const [kept, one] = [await store(), file(randomBytes(50_000))]
    const { seen } = failing('PUT', fault, 2)
    await kept.put([one])
    expect(seen()).toBe(3)
    expect(Buffer.from((await kept.read(one.name)) ?? []).equals(one.bytes)).toBe(true)
    failing('PUT', fault, 99)
    const other = file(randomBytes(50_000))
    await expect(kept.put([other])).rejects.toMatchObject({ code: 'files.storeDown', status: 503 })
    bucket.fault = () => null
    expect(await kept.has(other.name)).toBe(false)
  })

  it.each(['serverError', 'cut', 'errorInside', 'halfAnswer'] as const)('never gives half a body or an error for one (%s)', async (fault) => {
    const [kept, one] = [await store(), file(randomBytes(50_000))]
    await kept.put([one])
    failing('GET', fault, 2)
    expect(Buffer.from((await kept.read(one.name)) ?? []).equals(one.bytes)).toBe(true)
    failing('GET', fault, 99)
    await expect(kept.read(one.name)).rejects.toMatchObject({ code: 'files.storeDown' })
  })

  it('tells a bucket that is gone from a body that is gone', async () => {
    const kept = await store()
    expect(await kept.read('0'.repeat(64))).toBeNull()
    await expect(openBucket({ ...bucket.config, bucket: 'no-such-bucket' }, 'chunks', await folder())).rejects.toMatchObject({ code: 'files.storeDown', detail: { detail: 'NoSuchBucket' } })
    await expect(openBucket({ ...bucket.config, endpoint: 'http://127.0.0.1:1' }, 'chunks', await folder())).rejects.toMatchObject({ code: 'files.storeDown' })
  })

  it('lists more than one page, and leaves nothing behind of a stream that broke', async () => {
    const spool = await folder()
    const kept = await openBucket(bucket.config, `kind-${randomBytes(4).toString('hex')}`, spool)
    const files = Array.from({ length: 1005 }, (_, i) => file(Buffer.from(`chunk ${i}`)))
    await kept.put(files)
    expect(await namesIn(kept)).toEqual(files.map(({ name }) => name).toSorted())
    const broken = (async function* () {
      yield Buffer.from('half')
      throw new Error('line lost')
    })()
    await expect(kept.receive(broken)).rejects.toThrow('line lost')
    expect(await readdir(spool)).toEqual([])
  })
})
