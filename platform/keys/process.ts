/**
 * The key process: the only place where organ keys are ever in the clear. Run by the keys room's supervisor as
 * `node … process.ts <home> <socket>`. Every process of the node connects to it; it ends with the last of these connections, whoever started it.
 */
import { chmod, rm, stat } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { readCertificate } from '@postroad/gm/certificate'
import type { KeyPair, SuiteId } from '@postroad/gm'
import { forgetPrivateKeys, suites } from '@postroad/gm/node'
import { Refusal } from '@postroad/kernel/errors'
import { z } from 'zod'
import { createKeyring, type Keyring } from './keyring.ts'
import { bequest, type Control, control, MAX_FRAME_BYTES } from './model.ts'
import { decodeParcel, encodeParcel } from './parcel.ts'
import { createResponder, type Responder } from './responder.ts'
import { onMessages, sendMessage } from './socket.ts'
import { type KeyFolder, openKeyFolder } from './store.ts'
import { keysFaults } from './words.ts'

const SWEEP_MS = 30_000
/** Nobody comes: whoever started it died before it could connect. */
const LONELY_MS = 10_000
const LOOK_MS = 1_000
const request = z.strictObject({ id: z.number().int(), request: z.unknown() })
const pair = z.strictObject({ privateKey: z.string(), publicKey: z.string() })
const processKeys = z.strictObject({ v: z.literal(1), SM: pair, P256: pair })
const bytes64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))
const text64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

/** The static keys that terminals may pin. They open no organ: each channel's secrecy also needs the terminal's own ephemeral key. */
async function staticKeys(folder: KeyFolder): Promise<Record<SuiteId, KeyPair>> {
  const kept = await folder.readProcessKeys()
  if (kept !== null) {
    const read = processKeys.parse(kept)
    const asPair = (each: z.infer<typeof pair>) => ({ privateKey: bytes64(each.privateKey), publicKey: bytes64(each.publicKey) })
    return { SM: asPair(read.SM), P256: asPair(read.P256) }
  }
  const made = { SM: suites.SM.generateKeyPair(), P256: suites.P256.generateKeyPair() }
  const asText = (each: KeyPair) => ({ privateKey: text64(each.privateKey), publicKey: text64(each.publicKey) })
  await folder.writeProcessKeys({ v: 1, SM: asText(made.SM), P256: asText(made.P256) })
  return made
}

type Ring = { readonly keyring: Keyring; readonly responder: Responder; readonly keys: Record<SuiteId, KeyPair> }
type Result = { readonly header: object; readonly binaries?: readonly Uint8Array[] }

async function setCertificates(keyring: Keyring, organ: string, key: string, chain: readonly Uint8Array[]): Promise<Result> {
  const known = (await keyring.summary(organ)).keys.find((each) => each.key === key)
  const [leaf] = chain
  if (known === undefined || leaf === undefined || text64(readCertificate(leaf).publicKey) !== known.publicKey) throw keysFaults.certificateMismatch({ key })
  await keyring.setCertificates(organ, key, chain)
  return { header: {} }
}

async function perform({ keyring, responder, keys }: Ring, asked: Control, binaries: readonly Uint8Array[]): Promise<Result> {
  switch (asked.control) {
    case 'relay': {
      const { frame, note } = await responder.relay({ person: asked.person, session: asked.session }, binaries[0] ?? new Uint8Array())
      return { header: { note }, binaries: [frame] }
    }
    case 'createOrgan':
      return { header: { keys: await keyring.createOrgan(asked.organ, asked.holders) } }
    case 'setCertificates':
      return setCertificates(keyring, asked.organ, asked.key, binaries)
    case 'listOrgans':
      return { header: { organs: await Promise.all((await keyring.list()).map((organ) => keyring.summary(organ))) } }
    case 'listBequests':
      return { header: { bequests: await keyring.listBequests() } }
    case 'takeBequest': {
      const read = bequest.safeParse(JSON.parse(Buffer.from(binaries[0] ?? new Uint8Array()).toString('utf8')))
      if (!read.success) throw keysFaults.malformed()
      await keyring.takeBequest(read.data)
      return { header: { from: read.data.from, to: read.data.to } }
    }
    case 'pid':
      return { header: { pid: process.pid } }
    case 'processKeys':
      return { header: { suites: { SM: describeKey('SM', keys.SM), P256: describeKey('P256', keys.P256) } } }
    case 'count':
      return { header: { organs: (await keyring.list()).length, open: responder.openOrgans() } }
    case 'closeSession':
      return { header: { closed: responder.closeSession(asked.session) } }
  }
}

const describeKey = (suite: SuiteId, { publicKey }: KeyPair) => ({ publicKey: text64(publicKey), fingerprint: Buffer.from(suites[suite].hash(publicKey)).toString('hex') })

async function answer(ring: Ring, socket: Socket, message: Uint8Array): Promise<void> {
  const parcel = decodeParcel(message)
  const envelope = request.safeParse(parcel?.header)
  if (parcel === null || !envelope.success) {
    socket.destroy()
    return
  }
  const { id, request: asked } = envelope.data
  try {
    const read = control.safeParse(asked)
    if (!read.success) throw keysFaults.malformed()
    const { header, binaries } = await perform(ring, read.data, parcel.binaries)
    sendMessage(socket, encodeParcel({ id, ok: true, ...header }, binaries))
  } catch (error) {
    const code = error instanceof Refusal ? error.code : 'keys.unavailable'
    const detail = error instanceof Refusal ? error.detail : {}
    if (!(error instanceof Refusal)) process.stderr.write(`${error instanceof Error ? error.message : 'unknown fault'}\n`)
    sendMessage(socket, encodeParcel({ id, ok: false, code, detail }))
  }
}

/** Answers once it listens. `leave` is called when the last connection has ended, or when another process listens in its place. */
async function listen(ring: Ring, path: string, leave: () => void): Promise<void> {
  process.umask(0o077)
  await rm(path, { force: true })
  let connections = 0
  const server = createServer({ allowHalfOpen: false }, (socket) => {
    connections += 1
    clearTimeout(lonely)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      connections -= 1
      if (connections === 0) leave()
    })
    onMessages(socket, MAX_FRAME_BYTES + 64 * 1024, (message) => void answer(ring, socket, message))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  await chmod(path, 0o600)
  const lonely = setTimeout(leave, LONELY_MS)
  const own = (await stat(path)).ino
  setInterval(() => void stat(path).then(({ ino }) => (ino === own ? undefined : leave()), leave), LOOK_MS).unref()
}

const [home, path] = process.argv.slice(2)
if (home === undefined || path === undefined) throw new Error('usage: process.ts <home> <socket>')
const folder = openKeyFolder(home)
const now = () => Date.now() // its own clock: a work session's end must not hang on what the web process says
const keyring = createKeyring(folder, suites, now)
const keys = await staticKeys(folder)
const responder = createResponder(suites, keys, keyring, now, forgetPrivateKeys)
const leave = () => {
  responder.closeAll()
  process.exit(0)
}
process.stderr.on('error', () => undefined) // who read it is gone; what is said there is no reason to end
await listen({ keyring, responder, keys }, path, leave)
setInterval(responder.sweep, SWEEP_MS).unref()
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, leave)
process.stdout.write('ready\n')
