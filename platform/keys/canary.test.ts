import { type ChildProcess, fork } from 'node:child_process'
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Suites } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { enrolWith, firstDetails, type Send, signInWith, twoOffices, type Visitor, visitor } from '@postroad/identity/testing'
import { canonical } from '@postroad/waybill'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Channel, openChannel } from './channel.ts'
import { createKeyring } from './keyring.ts'
import { openKeyFolder } from './store.ts'
import { documentOf, filesBelow, firstSecret, receiptOf } from './testing.ts'

/**
 * The centre's operator can neither read nor sign for a hosted organ: nothing of the organ's private keys, of the holder's secret, of the
 * channel's keys or of a content key is found in the web process's memory, the data folder, the logs or the database while an organ is open and used.
 */
type Ready = { readonly address: string; readonly home: string; readonly database: string; readonly keys: number }
type Needles = ReadonlyMap<string, readonly Buffer[]>

let web: ChildProcess
let ready: Ready
let channel: Channel
const needles = new Map<string, readonly Buffer[]>()
const channelSecrets: Uint8Array[] = []

/** Everything that bytes look like once they are in a string, in either of V8's string forms. */
const formsOf = (bytes: Uint8Array): Buffer[] => {
  const raw = Buffer.from(bytes)
  const texts = [raw.toString('hex'), raw.toString('hex').toUpperCase(), raw.toString('base64').slice(0, 40), raw.toString('base64url').slice(0, 40), [...raw].join(',')]
  return [raw, ...texts.flatMap((text) => [Buffer.from(text), Buffer.from(text, 'utf16le')])]
}
const textForms = (text: string): Buffer[] => [text, text.replaceAll('-', '')].flatMap((each) => [Buffer.from(each), Buffer.from(each, 'utf16le')])

/** The terminal's suites, remembering the keys that its channel derives. */
const watched: Suites = {
  ...suites,
  SM: {
    ...suites.SM,
    mac: (key, ...parts) => remember(suites.SM.mac(key, ...parts)),
    wrap: (publicKey, k1) => suites.SM.wrap(publicKey, remember(k1)),
    unwrap: (keyPair, wrapped) => remember(suites.SM.unwrap(keyPair, wrapped) ?? new Uint8Array()),
  },
}
function remember(bytes: Uint8Array): Uint8Array {
  channelSecrets.push(bytes.slice())
  return bytes
}

const send: Send = async ({ method, path, headers, body }) => {
  const answer = await fetch(new URL(path, ready.address), { method, headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>), setCookie: answer.headers.get('set-cookie') }
}
const relayOf = (person: Visitor) => async (frame: Uint8Array) => {
  const headers = { 'content-type': 'application/octet-stream', cookie: person.cookie ?? '', 'x-postroad-csrf': person.csrf }
  const answer = await fetch(new URL('/api/keys/relay', ready.address), { method: 'POST', headers, body: Buffer.from(frame) })
  if (!answer.ok) throw new Error(await answer.text())
  return new Uint8Array(await answer.arrayBuffer())
}

/** Which needles lie in the private writable memory of a process: heaps, buffers, stacks. */
async function searchMemory(pid: number, wanted: Needles): Promise<ReadonlySet<string>> {
  const maps = (await readFile(`/proc/${pid}/maps`, 'utf8')).split('\n').flatMap((line) => {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw.p/.exec(line) ?? []
    return from === undefined || to === undefined ? [] : [[Number.parseInt(from, 16), Number.parseInt(to, 16)] as const]
  })
  const found = new Set<string>()
  const memory = await open(`/proc/${pid}/mem`, 'r')
  const [block, overlap] = [8 * 1024 * 1024, 512]
  const buffer = Buffer.alloc(block + overlap)
  try {
    for (const [from, to] of maps) {
      for (let at = from; at < to; at += block) {
        const { bytesRead } = await memory.read(buffer, 0, Math.min(block + overlap, to - at), at).catch(() => ({ bytesRead: 0 })) // unmapped meanwhile
        for (const name of namesIn(buffer.subarray(0, bytesRead), wanted)) found.add(name)
      }
    }
  } finally {
    await memory.close()
  }
  return found
}
const namesIn = (bytes: Buffer, wanted: Needles): string[] => [...wanted].filter(([, forms]) => forms.some((form) => bytes.includes(form))).map(([name]) => name)

/** The whole database as text; binary columns come out in hex, which is among the forms looked for. */
async function dump(url: string): Promise<Buffer> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(`select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`)
    const parts: string[] = []
    for (const { name } of rows) parts.push(...(await client.query<{ row: string }>(`select t::text as row from ${name} t`)).rows.map(({ row }) => row))
    return Buffer.from(parts.join('\n'))
  } finally {
    await client.end()
  }
}

const told = <T>(message: object): Promise<T> =>
  new Promise((resolve) => {
    web.once('message', (answer) => resolve(answer as T))
    web.send(message)
  })

beforeAll(async () => {
  web = fork(fileURLToPath(new URL('./testing-node.ts', import.meta.url)), [JSON.stringify({ rooms: ['ledger', 'keys', 'directory', 'identity'], bootstrap: twoOffices })], { stdio: 'inherit', execArgv: [] })
  ready = await new Promise<Ready>((resolve, reject) => {
    web.once('message', (message) => resolve(message as Ready))
    web.once('exit', (code) => reject(new Error(`the node ended at its start (${code})`)))
  })
  const person = visitor(send)
  const device = await enrolWith(person, 'wang', (await firstDetails(ready.home, 'wang')).code, '春江潮水连海平海上明月')
  const signedIn = await signInWith(person, 'wang', '春江潮水连海平海上明月', device)
  if (signedIn.status !== 200) throw new Error(JSON.stringify(signedIn.body))
  // as whoever hands it over does: read, then removed
  const secret = await firstSecret(ready.home, 'wang', 'first')
  await rm(join(ready.home, 'first-sign-in', 'keys'), { recursive: true })

  const { unlocked } = await createKeyring(openKeyFolder(ready.home), suites, Date.now).unlock('first', 'wang', new TextEncoder().encode(secret.replaceAll('-', '')))
  for (const { key, keyPair } of unlocked.keys) needles.set(`private key ${key}`, formsOf(keyPair.privateKey))
  needles.set('organ key', formsOf(unlocked.organKey))
  needles.set('key secret', textForms(secret))

  const { SM } = (await person.get('/api/keys/process')).body as { SM: { publicKey: string } }
  channel = await openChannel(watched, 'SM', new Uint8Array(Buffer.from(SM.publicKey, 'base64url')), relayOf(person))
  await channel.open('wang', 'first', secret)
  channelSecrets.forEach((bytes, index) => needles.set(`channel secret ${index}`, formsOf(bytes)))
})
afterAll(async () => {
  const ended = new Promise((resolve) => web.once('exit', resolve))
  web.send({ stop: true })
  await ended
})

describe('while an organ is open and used', () => {
  it('the terminal signs and reads', async () => {
    const [opened] = await channel.status()
    for (let round = 0; round < 5; round++) {
      for (const suite of ['SM', 'P256'] as const) {
        const keyOf = (purpose: 'sign' | 'encrypt') => opened?.keys.find((key) => key.purpose === purpose && key.suite === suite) ?? expect.fail('no key')
        const { head, manifest } = documentOf('first', keyOf('sign').key, suite)
        expect((await channel.signManifests('first', suite, [{ manifest: canonical(manifest), head }]))[0]?.length).toBeGreaterThan(100)
        expect(await channel.signReceipts('first', suite, [receiptOf('first', 'wang')])).toHaveLength(1)
        const contentKey = crypto.getRandomValues(new Uint8Array(32))
        const wrap = suites[suite].wrap(new Uint8Array(Buffer.from(keyOf('encrypt').publicKey, 'base64url')), contentKey)
        expect(await channel.unwrap('first', [{ key: keyOf('encrypt').key, wrap }])).toEqual([contentKey])
        needles.set(`content key ${suite}`, formsOf(contentKey)) // the last of each
      }
    }
    expect(channelSecrets.length).toBeGreaterThanOrEqual(6)
  })
  it('the web process holds none of it; the search finds what was planted there, and the keys in the key process', async () => {
    const canary = crypto.getRandomValues(new Uint8Array(32))
    await told<unknown>({ plant: [...canary], lines: true })
    const control: Needles = new Map([['canary bytes', formsOf(canary).slice(0, 1)], ['canary text', formsOf(canary).slice(1)]])
    expect(await searchMemory(web.pid ?? 0, control)).toEqual(new Set(['canary bytes', 'canary text']))
    const privateKeys: Needles = new Map([...needles].filter(([name]) => name.startsWith('private key')).map(([name, forms]) => [name, forms.slice(0, 1)]))
    expect(await searchMemory(ready.keys, privateKeys)).toEqual(new Set(privateKeys.keys()))
    expect(await searchMemory(web.pid ?? 0, needles)).toEqual(new Set())
  })
  it('data folder, logs and database hold none of it', async () => {
    const { lines } = await told<{ lines: string }>({ lines: true })
    expect(lines).toContain('/api/keys/relay')
    expect(namesIn(Buffer.from(lines), needles)).toEqual([])
    for (const { path, bytes } of await filesBelow(ready.home)) expect(namesIn(bytes, needles), path).toEqual([])
    const tables = await dump(ready.database)
    expect(tables.includes('keys.unwrap')).toBe(true)
    expect(namesIn(tables, needles)).toEqual([])
  })
})
