import { readFile } from 'node:fs/promises'
import { fromBase64url } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { canonical } from '@postroad/waybill'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { documentOf, firstSecret, receiptOf, type TestRing, testRing } from './testing.ts'

const refusedWith = (code: string, detail: object = {}) => expect.objectContaining({ code, detail: expect.objectContaining(detail) })
let ring: TestRing
beforeEach(async () => {
  ring = await testRing()
  await ring.keyring.createOrgan('office', ['wang', 'li'])
})
afterEach(() => ring.remove())

describe('guessing a secret', () => {
  it('takes longer each time, also after a restart, and ends with the right one', async () => {
    const channel = await ring.channelAs('wang')
    const attempt = (secret: string) => channel.open('wang', 'office', secret)
    for (let i = 0; i < 3; i++) await expect(attempt(`0000-0000-0000-0000-000${i}`)).rejects.toEqual(refusedWith('keys.wrongSecret'))
    const right = await firstSecret(ring.home, 'wang', 'office')
    await expect(attempt(right)).rejects.toEqual(refusedWith('keys.tooSoon', { waitSeconds: 2 }))
    const kept = JSON.parse(await readFile(`${ring.home}/keys/attempts/office.json`, 'utf8')) as object
    expect(kept).toEqual({ wang: { failures: 3, notBefore: ring.clock + 2000 } })
    ring.clock += 2000
    await expect(attempt('1')).rejects.toEqual(refusedWith('keys.wrongSecret', { waitSeconds: 4 }))
    ring.clock += 4000
    expect((await attempt(right)).temporary).toBe(true)
    await expect(attempt('1')).rejects.toEqual(refusedWith('keys.wrongSecret', { waitSeconds: 0 }))
  })
  it('of one holder never locks out another', async () => {
    const guessing = await ring.channelAs('wang')
    for (let i = 0; i < 3; i++) await expect(guessing.open('wang', 'office', 'x')).rejects.toEqual(refusedWith('keys.wrongSecret'))
    const channel = await ring.channelAs('li')
    expect((await channel.open('li', 'office', await firstSecret(ring.home, 'li', 'office'))).organ).toBe('office')
  })
  it('side by side counts each attempt', async () => {
    const channel = await ring.channelAs('wang')
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => channel.open('wang', 'office', `guess ${i}`)))
    const codes = results.map((result) => (result.status === 'rejected' ? (result.reason as { code: string }).code : 'opened'))
    expect(codes.filter((code) => code === 'keys.wrongSecret')).toHaveLength(3)
    expect(codes.filter((code) => code === 'keys.tooSoon')).toHaveLength(5)
  })
})

describe('holders', () => {
  it('choose a secret of their own', async () => {
    const channel = await ring.channelAs('wang')
    const first = await firstSecret(ring.home, 'wang', 'office')
    await channel.open('wang', 'office', first)
    await expect(channel.changeSecret('office', first, '111111111111')).rejects.toEqual(refusedWith('keys.weakSecret'))
    await expect(channel.changeSecret('office', 'not it', '8302 7719 4406 25')).rejects.toEqual(refusedWith('keys.wrongSecret'))
    await channel.changeSecret('office', first, '8302 7719 4406 25')
    expect((await channel.open('wang', 'office', '83027719440625')).temporary).toBe(false)
    await expect(channel.open('wang', 'office', first)).rejects.toEqual(refusedWith('keys.wrongSecret'))
  })
  it('let others in and out; the last one stays', async () => {
    const wang = await ring.channelAs('wang')
    await wang.open('wang', 'office', await firstSecret(ring.home, 'wang', 'office'))
    await expect(wang.addHolder('office', 'li')).rejects.toEqual(refusedWith('keys.holderExists'))
    const secret = await wang.addHolder('office', 'zhao')
    expect(secret).toMatch(/^\d{4}(-\d{4}){4}$/)
    const zhao = await ring.channelAs('zhao')
    const opened = await zhao.open('zhao', 'office', secret)
    expect(opened).toMatchObject({ temporary: true, holders: ['wang', 'li', 'zhao'] })
    expect(await zhao.signReceipts('office', 'SM', [receiptOf('office', 'zhao')])).toHaveLength(1)
    await zhao.removeHolder('office', 'wang')
    await expect(wang.unwrap('office', [])).rejects.toEqual(refusedWith('keys.notOpen'))
    await zhao.removeHolder('office', 'li')
    await expect(zhao.removeHolder('office', 'zhao')).rejects.toEqual(refusedWith('keys.lastHolder'))
    await expect(zhao.addHolder('other', 'wang')).rejects.toEqual(refusedWith('keys.notOpen'))
  })
  it('cannot make a manifest before the directory has certified the organ’s key', async () => {
    const wang = await ring.channelAs('wang')
    await wang.open('wang', 'office', await firstSecret(ring.home, 'wang', 'office'))
    const signing = (await wang.status())[0]?.keys.find(({ purpose, suite }) => purpose === 'sign' && suite === 'SM')?.key ?? ''
    const { head, manifest } = documentOf('office', signing, 'SM')
    await expect(wang.signManifests('office', 'SM', [{ manifest: canonical(manifest), head }])).rejects.toEqual(refusedWith('keys.noCertificate'))
  })
})

describe('an organ that ends', () => {
  it('gives its keys for decrypting to its heir, and the heir’s people open what was sealed to it; nobody else, and never its keys for signing', async () => {
    await ring.keyring.createOrgan('heir', ['zhao'])
    await ring.keyring.createOrgan('other', ['qian'])
    const wang = await ring.channelAs('wang')
    const opened = await wang.open('wang', 'office', await firstSecret(ring.home, 'wang', 'office'))
    const wrapsOf = (contentKey: Uint8Array) => opened.keys.filter(({ purpose }) => purpose === 'encrypt').map(({ key, suite, publicKey }) => ({ key, wrap: suites[suite].wrap(fromBase64url(publicKey), contentKey) }))
    const contentKey = new Uint8Array(32).fill(7)
    const wraps = wrapsOf(contentKey)
    const openAs = async (person: string, organ: string) => {
      const channel = await ring.channelAs(person)
      await channel.open(person, organ, await firstSecret(ring.home, person, organ))
      return channel
    }
    expect(await (await openAs('zhao', 'heir')).unwrap('heir', wraps)).toEqual([null, null])

    const heirKey = (await ring.keyring.summary('heir')).keys.find(({ purpose, suite }) => purpose === 'encrypt' && suite === 'SM') ?? expect.fail()
    await expect(wang.bequeath('office', 'heir', heirKey.key, new Uint8Array(65))).rejects.toEqual(refusedWith('keys.badHeir'))
    await expect(wang.bequeath('other', 'heir', heirKey.key, fromBase64url(heirKey.publicKey))).rejects.toEqual(refusedWith('keys.notOpen'))
    const given = await wang.bequeath('office', 'heir', heirKey.key, fromBase64url(heirKey.publicKey))
    expect(given.keys.map(({ from, suite }) => `${from} ${suite}`)).toEqual(['office SM', 'office P256'])
    expect(await ring.keyring.listBequests()).toEqual([{ from: 'office', to: 'heir' }])

    const zhao = await openAs('zhao', 'heir')
    expect(await zhao.unwrap('heir', wraps)).toEqual([contentKey, contentKey])
    expect((await zhao.status())[0]?.keys.map(({ key }) => key)).not.toContain(wraps[0]?.key)
    await expect(zhao.signReceipts('heir', 'SM', [receiptOf('office', 'zhao')])).rejects.toEqual(refusedWith('keys.notThisOrgans'))
    // said to be for another organ, it opens for nobody
    await ring.keyring.takeBequest({ ...given, to: 'other' })
    expect(await (await openAs('qian', 'other')).unwrap('other', wraps)).toEqual([null, null])
    // what was inherited is handed on with the rest
    const otherKey = (await ring.keyring.summary('other')).keys.find(({ purpose, suite }) => purpose === 'encrypt' && suite === 'SM') ?? expect.fail()
    expect((await zhao.bequeath('heir', 'other', otherKey.key, fromBase64url(otherKey.publicKey))).keys.map(({ from }) => from)).toEqual(['heir', 'heir', 'office', 'office'])
    expect(await (await openAs('qian', 'other')).unwrap('other', wraps)).toEqual([contentKey, contentKey])
  })
})
