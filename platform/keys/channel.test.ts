import { stat } from 'node:fs/promises'
import { verifyCms } from '@postroad/gm/cms'
import { suites } from '@postroad/gm/node'
import { canonical, verifyBatch } from '@postroad/waybill'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openChannel } from './channel.ts'
import type { PublicOrganKey } from './model.ts'
import { certify, documentOf, filesBelow, firstSecret, receiptOf, type TestRing, testRing } from './testing.ts'

const MINUTE = 60_000
const bytes64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))
const refusedWith = (code: string) => expect.objectContaining({ code })

let ring: TestRing
let keys: readonly PublicOrganKey[]
const keyOf = (purpose: 'sign' | 'encrypt', suite: 'SM' | 'P256') => keys.find((key) => key.purpose === purpose && key.suite === suite) ?? expect.fail('no key')
const openedBy = async (person: string, organ = 'office') => {
  const channel = await ring.channelAs(person)
  await channel.open(person, organ, await firstSecret(ring.home, person, organ))
  return channel
}

beforeAll(async () => {
  ring = await testRing()
  keys = await ring.keyring.createOrgan('office', ['wang', 'li'])
  await ring.keyring.createOrgan('other', ['zhao'])
  await certify('office', keys, (key, chain) => ring.keyring.setCertificates('office', key, chain))
})
afterAll(() => ring.remove())

describe('organ keys', () => {
  it('are four, and making them again answers the same', async () => {
    expect(keys.map(({ purpose, suite }) => `${purpose} ${suite}`)).toEqual(['sign SM', 'encrypt SM', 'sign P256', 'encrypt P256'])
    expect((await ring.keyring.createOrgan('office', ['somebody'])).map(({ key }) => key)).toEqual(keys.map(({ key }) => key))
  })
  it('need somebody who can open them', () => expect(ring.keyring.createOrgan('empty', [])).rejects.toEqual(refusedWith('keys.noHolders')))
  it('lie in files that only the account may read, sealed: no secret and nothing opened is in them', async () => {
    const secret = await firstSecret(ring.home, 'wang', 'office')
    for (const { path, bytes } of await filesBelow(ring.home)) {
      expect((await stat(path)).mode & 0o777).toBe(0o600)
      if (path.includes('/first-sign-in/')) continue
      for (const form of [secret, secret.replaceAll('-', '')]) expect(bytes.includes(form)).toBe(false)
    }
  })
})

describe.each(['SM', 'P256'] as const)('an opened organ, suite %s', (suite) => {
  it('signs manifests', async () => {
    const channel = await openedBy('wang')
    const documents = [documentOf('office', keyOf('sign', suite).key, suite), documentOf('office', keyOf('sign', suite).key, suite)]
    const signed = await channel.signManifests('office', suite, documents.map(({ head, manifest }) => ({ head, manifest: canonical(manifest) })))
    expect(signed).toHaveLength(2)
    for (const [index, { manifest }] of documents.entries()) {
      const cms = verifyCms(suites, signed[index] ?? new Uint8Array())
      expect(cms.ok && cms.content).toEqual(canonical(manifest))
      expect(cms.ok && cms.publicKey).toEqual(bytes64(keyOf('sign', suite).publicKey))
    }
  })
  it('signs receipts in one batch', async () => {
    const channel = await openedBy('wang')
    const receipts = [receiptOf('office', 'wang'), receiptOf('office', 'wang', { kind: 'registered' }), receiptOf('office', 'wang', { recipient: 'village', actor: { person: 'wang', name: 'wang', post: 'clerk', organ: 'office', onBehalfOf: 'village' } })]
    const seals = await channel.signReceipts('office', suite, receipts)
    const publicKey = bytes64(keyOf('sign', suite).publicKey)
    expect(seals.map((seal, index) => verifyBatch(suites, publicKey, 'receipt', receipts[index], seal))).toEqual([true, true, true])
    expect(new Set(seals.map(({ signature }) => signature)).size).toBe(1)
  })
  it('opens wraps that are its own', async () => {
    const channel = await openedBy('wang')
    const contentKey = crypto.getRandomValues(new Uint8Array(32))
    const { key, publicKey } = keyOf('encrypt', suite)
    const wrap = suites[suite].wrap(bytes64(publicKey), contentKey)
    const foreign = suites[suite].wrap(suites[suite].generateKeyPair().publicKey, contentKey)
    expect(await channel.unwrap('office', [{ key, wrap }, { key, wrap: foreign }, { key: 'unknown', wrap }, { key: keyOf('sign', suite).key, wrap }])).toEqual([contentKey, null, null, null])
  })
})

describe('what the key process refuses to sign', () => {
  it('another organ’s documents, altered heads, anything that isn’t a canonical manifest', async () => {
    const channel = await openedBy('wang')
    const key = keyOf('sign', 'SM').key
    const { head, manifest } = documentOf('office', key, 'SM')
    const foreign = documentOf('other', key, 'SM')
    const good = { manifest: canonical(manifest), head }
    const refused = (suite: 'SM' | 'P256', pair: typeof good, code: string) => expect(channel.signManifests('office', suite, [good, pair])).rejects.toEqual(refusedWith(code))
    await refused('SM', { manifest: canonical(foreign.manifest), head: foreign.head }, 'keys.notThisOrgans')
    await refused('SM', { ...good, head: { ...head, urgency: 'urgent' } }, 'keys.notThisOrgans')
    await refused('P256', good, 'keys.notThisOrgans')
    await expect(channel.signManifests('office', 'SM', [])).rejects.toEqual(refusedWith('keys.tooMany'))
    for (const bytes of [new TextEncoder().encode(JSON.stringify(manifest, null, 1)), new TextEncoder().encode('{}'), new Uint8Array([255])]) {
      await refused('SM', { manifest: bytes, head }, 'keys.notAManifest')
    }
  })
  it('receipts of other organs, of other people, and those that only a node can give', async () => {
    const channel = await openedBy('wang')
    const refused = (receipt: ReturnType<typeof receiptOf>, code: string) => expect(channel.signReceipts('office', 'SM', [receiptOf('office', 'wang'), receipt])).rejects.toEqual(refusedWith(code))
    await refused(receiptOf('other', 'wang'), 'keys.notThisOrgans')
    await refused(receiptOf('office', 'li'), 'keys.notThisOrgans')
    await refused(receiptOf('office', 'wang', { recipient: 'village' }), 'keys.notThisOrgans')
    await refused(receiptOf('office', 'wang', { kind: 'custody' }), 'keys.notAReceipt')
    await refused(receiptOf('office', 'wang', { kind: 'arrived' }), 'keys.notAReceipt')
    await refused(receiptOf('office', 'wang', { actor: null }), 'keys.notAReceipt')
    await expect(channel.signReceipts('office', 'SM', [])).rejects.toEqual(refusedWith('keys.tooMany'))
  })
  it('anything for an organ that isn’t open here', async () => {
    const channel = await openedBy('wang')
    await expect(channel.unwrap('other', [])).rejects.toEqual(refusedWith('keys.notOpen'))
    await expect(channel.open('wang', 'other', await firstSecret(ring.home, 'zhao', 'other'))).rejects.toEqual(refusedWith('keys.notHolder'))
    await expect(channel.open('wang', 'nowhere', '1')).rejects.toEqual(refusedWith('keys.unknownOrgan'))
  })
})

describe('a channel', () => {
  it('belongs to the person and the session it was opened by', async () => {
    const channel = await openedBy('wang')
    await expect(channel.open('li', 'office', await firstSecret(ring.home, 'li', 'office'))).rejects.toEqual(refusedWith('keys.wrongPerson'))
    const frames: Uint8Array[] = []
    await recorded(frames)
    const stolen = frames.at(-1) ?? expect.fail('no frame')
    await expect(ring.responder.relay({ person: 'li', session: 'session-li' }, stolen)).rejects.toEqual(refusedWith('keys.notOpen'))
    await expect(ring.responder.relay({ person: 'wang', session: 'another' }, stolen)).rejects.toEqual(refusedWith('keys.notOpen'))
    await expect(ring.responder.relay({ person: 'wang', session: 'session-wang' }, stolen)).rejects.toEqual(refusedWith('keys.replayed'))
  })
  it('refuses altered and meaningless frames', async () => {
    const frames: Uint8Array[] = []
    await recorded(frames)
    const altered = (frames.at(-1) ?? expect.fail('no frame')).slice()
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1
    const sender = { person: 'wang', session: 'session-wang' }
    for (const frame of [altered, new Uint8Array(), new Uint8Array([9]), new Uint8Array([1, 0]), new Uint8Array(200).fill(1)]) await expect(ring.responder.relay(sender, frame)).rejects.toEqual(refusedWith('keys.malformed'))
    await expect(ring.responder.relay(sender, new Uint8Array(100).fill(3))).rejects.toEqual(refusedWith('keys.notOpen'))
  })
  it('is refused by the terminal when somebody else answers, or answers later again', async () => {
    const impostor = await testRing()
    const target = suites.SM.generateKeyPair().publicKey
    await expect(openChannel(suites, 'SM', target, impostor.relayAs({ person: 'wang', session: 's' }))).rejects.toThrow()
    await impostor.remove()
    const replies: Uint8Array[] = []
    const { channel, replay } = await recorded([], replies)
    await channel.status()
    replay(replies.at(-1) ?? expect.fail('no reply'))
    await expect(channel.status()).rejects.toThrow('altered')
  })
  it('answers calls side by side', async () => {
    const channel = await openedBy('wang')
    const answers = await Promise.all(Array.from({ length: 40 }, () => channel.signReceipts('office', 'P256', [receiptOf('office', 'wang')])))
    expect(answers.flat()).toHaveLength(40)
  })
  it('ends with the session', async () => {
    const channel = await openedBy('wang')
    expect(await channel.status()).toHaveLength(1)
    expect(ring.responder.closeSession('session-wang')).toBeGreaterThan(0)
    await expect(channel.status()).rejects.toEqual(refusedWith('keys.notOpen'))
  })
})

describe('the time that an organ stays open', () => {
  it('ends after half an hour without use, and never lasts longer than nine hours', async () => {
    const channel = await openedBy('li')
    ring.clock += 29 * MINUTE
    await channel.unwrap('office', [])
    ring.clock += 29 * MINUTE
    await channel.unwrap('office', [])
    ring.clock += 31 * MINUTE
    await expect(channel.unwrap('office', [])).rejects.toEqual(refusedWith('keys.notOpen'))
    const long = await openedBy('li')
    for (let minutes = 0; minutes < 9 * 60; minutes += 20) {
      await long.unwrap('office', [])
      ring.clock += 20 * MINUTE
    }
    ring.clock += MINUTE
    await expect(long.unwrap('office', [])).rejects.toEqual(refusedWith('keys.notOpen'))
  })
})

/** A channel of wang's whose frames and answers are kept, and whose next answer can be replaced. */
async function recorded(frames: Uint8Array[], replies: Uint8Array[] = []) {
  const relay = ring.relayAs({ person: 'wang', session: 'session-wang' })
  let instead: Uint8Array | null = null
  const channel = await ring.openWith(async (frame) => {
    frames.push(frame)
    const reply = instead ?? (await relay(frame))
    replies.push(reply)
    return reply
  })
  await channel.status()
  return { channel, replay: (reply: Uint8Array) => void (instead = reply) }
}
