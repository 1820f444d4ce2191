import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { base64url, type SuiteId } from '@postroad/gm'
import { issueCertificate } from '@postroad/gm/certificate'
import { suites } from '@postroad/gm/node'
import { type Head, headCore, type Manifest, type Receipt } from '@postroad/waybill'
import { type Channel, openChannel, type Relay } from './channel.ts'
import { createKeyring, type Keyring } from './keyring.ts'
import { createResponder, type Responder, type Sender } from './responder.ts'
import { makeKeyFolders, openKeyFolder } from './store.ts'

const DAY_MS = 86_400_000

/** The insides of a key process on a folder of its own, with a clock that the test moves. */
export type TestRing = {
  readonly home: string
  readonly keyring: Keyring
  readonly responder: Responder
  clock: number
  relayAs(sender: Sender): Relay
  openWith(relay: Relay, suite?: SuiteId): Promise<Channel>
  channelAs(person: string, suite?: SuiteId): Promise<Channel>
  remove(): Promise<void>
}

export async function testRing(): Promise<TestRing> {
  const home = await mkdtemp('/tmp/postroad-keys-')
  await makeKeyFolders(home)
  const keyring = createKeyring(openKeyFolder(home), suites, () => ring.clock)
  const keys = { SM: suites.SM.generateKeyPair(), P256: suites.P256.generateKeyPair() }
  const responder = createResponder(suites, keys, keyring, () => ring.clock)
  const ring: TestRing = {
    home,
    keyring,
    responder,
    clock: Date.parse('2026-06-01T01:00:00.000Z'),
    relayAs: (sender) => async (frame) => (await responder.relay(sender, frame)).frame,
    openWith: (relay, suite = 'SM') => openChannel(suites, suite, keys[suite].publicKey, relay),
    channelAs: (person, suite) => ring.openWith(ring.relayAs({ person, session: `session-${person}` }), suite),
    remove: () => rm(home, { recursive: true }),
  }
  return ring
}

/** The secret that the key process wrote for a person. */
export async function firstSecret(home: string, person: string, organ: string): Promise<string> {
  return (JSON.parse(await readFile(join(home, 'first-sign-in', 'keys', `${person}-${organ}.json`), 'utf8')) as { secret: string }).secret
}

/** Gives every key of an organ a certificate by a CA made for the occasion. */
export async function certify(organ: string, keys: readonly { key: string; suite: SuiteId; publicKey: string; purpose: 'sign' | 'encrypt' }[], set: (key: string, chain: Uint8Array[]) => Promise<void>): Promise<void> {
  for (const { key, suite, publicKey, purpose } of keys) {
    const issuer = { name: { commonName: 'test CA' }, keyPair: suites[suite].generateKeyPair() }
    const terms = { serial: '0a', notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS), usage: purpose }
    await set(key, [issueCertificate(suites[suite], issuer, { commonName: organ, publicKey: new Uint8Array(Buffer.from(publicKey, 'base64url')) }, terms)])
  }
}

const hash43 = base64url(new Uint8Array(32))
/** A head and the manifest that belongs to it. */
export function documentOf(organ: string, key: string, suite: SuiteId): { head: Head; manifest: Manifest } {
  const id = '01997a00-0000-7000-8000-000000000001'
  const head: Head = {
    v: 1, suite, id, kind: 'document', thread: id, ordinal: 0, regarding: null, sender: { organ, name: `${organ}-name`, key },
    recipients: { root: hash43, count: 1 }, urgency: 'normal', label: 0, created: '2026-06-01T01:00:00.000Z', expires: '2026-07-01T01:00:00.000Z',
    body: { root: hash43, chunks: 0, bytes: 0 }, manifest: hash43,
  }
  const content = { title: '关于检查的通知', number: '〔2026〕1号', issuingName: '省委', printedTo: '', printedCc: '', note: '' }
  return { head, manifest: { v: 1, headCore: headCore(suites[suite], head), recipients: [{ organ: 'county', name: 'county-name', role: 'to' }], content, parts: [] } }
}

export function receiptOf(organ: string, person: string, more: Partial<Receipt> = {}): Receipt {
  const actor = { person, name: person, post: 'clerk', organ, onBehalfOf: null }
  const salt = base64url(crypto.getRandomValues(new Uint8Array(16)))
  return {
    v: 1, id: crypto.randomUUID(), kind: 'signedFor', message: '01997a00-0000-7000-8000-000000000001', headHash: hash43, recipient: organ, node: 'test',
    at: '2026-06-01T01:00:00.000Z', directory: hash43, actor, reason: null, salt, ...more,
  }
}

/** Every file below a folder with its bytes. */
export async function filesBelow(folder: string): Promise<readonly { readonly path: string; readonly bytes: Buffer }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Promise.all(files.map(async (path) => ({ path, bytes: await readFile(path) })))
}
