import type { Suite, SuiteId, Suites } from '@postroad/gm'
import type { BatchSignature, Head, Receipt } from '@postroad/waybill'
import { channelKeys, FRAME, helloFrame, openFrame, readEnvelope, readWelcome, sealFrame } from './frames.ts'
import type { Bequest } from './model.ts'
import { decodeParcel, encodeParcel } from './parcel.ts'

/** Carries one frame to the key process and its answer back: POST /api/keys/relay. */
export type Relay = (frame: Uint8Array) => Promise<Uint8Array>

/** What the key process says about an opened organ. Times are ISO 8601; `temporary`: the secret was given by somebody else and should be changed. */
export type OpenedOrgan = {
  readonly organ: string
  readonly person: string
  readonly temporary: boolean
  readonly idleUntil: string
  readonly absoluteUntil: string
  readonly keys: readonly OrganKey[]
  readonly holders: readonly string[]
}
/** `certificates`: how many the chain has; 0 until the directory issued one. */
export type OrganKey = { readonly key: string; readonly purpose: 'sign' | 'encrypt'; readonly suite: SuiteId; readonly publicKey: string; readonly certificates: number }

/** A refusal that came sealed from the key process itself, with the words a person reads. */
export class ChannelRefusal extends Error {
  readonly code: string
  readonly advice: string
  readonly detail: Readonly<Record<string, string | number | boolean>>
  constructor(told: { code: string; message: string; advice: string; detail: Readonly<Record<string, string | number | boolean>> }) {
    super(told.message)
    this.name = 'ChannelRefusal'
    this.code = told.code
    this.advice = told.advice
    this.detail = told.detail
  }
}

export type ToSign = { readonly manifest: Uint8Array; readonly head: Head }

/** A terminal's sealed line to the key process. Calls may overlap; every one rejects with `ChannelRefusal` when the key process refuses. */
export type Channel = {
  readonly suite: SuiteId
  /** Opens an organ's keys for this work session with the person's own key secret (密钥口令). */
  open(person: string, organ: string, secret: string): Promise<OpenedOrgan>
  /** Signs manifests (canonical JSON bytes); answers CMS SignedData (DER) in their order. The key process checks that each belongs to its head, and the head to the organ; the head's own `manifest` hash does not count yet. */
  signManifests(organ: string, suite: SuiteId, manifests: readonly ToSign[]): Promise<readonly Uint8Array[]>
  /** Signs acts of the organ's people in one batch; the receipts' order is kept. */
  signReceipts(organ: string, suite: SuiteId, receipts: readonly Receipt[]): Promise<readonly BatchSignature[]>
  /** Content keys out of wraps; null for a wrap that isn't for this key. */
  unwrap(organ: string, wraps: readonly { readonly key: string; readonly wrap: Uint8Array }[]): Promise<readonly (Uint8Array | null)[]>
  changeSecret(organ: string, current: string, next: string): Promise<void>
  /** Lets another person open the organ. Answers a secret to hand over in person; it is shown once. */
  addHolder(organ: string, person: string): Promise<string>
  removeHolder(organ: string, person: string): Promise<void>
  /** Gives the organ's keys for decrypting to its heir, whose SM encryption key (65 bytes) the directory names. Answers what a key process at another node takes in. */
  bequeath(organ: string, heir: string, key: string, publicKey: Uint8Array): Promise<Bequest>
  /** The organs open on this channel. */
  status(): Promise<readonly OpenedOrgan[]>
  /** Ends the work session and forgets the channel's keys. */
  close(): Promise<void>
}

/** How a person may type a secret: full-width digits, spaces and hyphens make no difference. */
export const normaliseSecret = (secret: string): string => secret.normalize('NFKC').replace(/[\s\u2010-\u2015-]/gu, '')

const secretBytes = (secret: string) => new TextEncoder().encode(normaliseSecret(secret))

type Told = { readonly ok: true; readonly [field: string]: unknown } | { readonly ok: false; readonly refusal: ConstructorParameters<typeof ChannelRefusal>[0] }

/** Shakes hands with the key process whose public key is `processKey` (65 bytes, from GET /api/keys/process; pin its fingerprint where the terminal can). */
export async function openChannel(suites: Suites, suiteId: SuiteId, processKey: Uint8Array, relay: Relay): Promise<Channel> {
  const suite = suites[suiteId]
  const ephemeral = suite.generateKeyPair()
  const k1 = crypto.getRandomValues(new Uint8Array(32))
  const hello = helloFrame(suiteId, ephemeral.publicKey, suite.wrap(processKey, k1))
  const welcome = readWelcome(suite, k1, hello, await relay(hello))
  const k2 = welcome === null ? null : suite.unwrap(ephemeral, welcome.wrapped)
  if (welcome === null || k2 === null) throw new Error('the answer does not come from the key process with this public key')
  const keys = channelKeys(suite, k1, k2, hello, welcome.channel)
  for (const secret of [k1, k2, ephemeral.privateKey]) secret.fill(0)

  let sequence = 0n
  const call = async (header: object, binaries: readonly Uint8Array[] = []) => {
    const mine = ++sequence
    const parcel = encodeParcel(header, binaries)
    const frame = sealFrame(suite, keys.toProcess, FRAME.request, welcome.channel, mine, parcel)
    parcel.fill(0)
    return readReply(suite, keys.toTerminal, mine, await relay(frame))
  }
  return channelOver(suiteId, call, () => {
    keys.toProcess.fill(0)
    keys.toTerminal.fill(0)
  })
}

function readReply(suite: Suite, key: Uint8Array, sequence: bigint, frame: Uint8Array) {
  const envelope = readEnvelope(frame, FRAME.reply)
  const plain = envelope?.sequence === sequence ? openFrame(suite, key, frame) : null
  const parcel = plain === null ? null : decodeParcel(plain)
  plain?.fill(0)
  if (parcel === null) throw new Error('the answer was altered on its way from the key process')
  const told = parcel.header as Told // authenticated: only the key process can have written it
  if (!told.ok) throw new ChannelRefusal(told.refusal)
  return { told, binaries: parcel.binaries }
}

type Call = (header: object, binaries?: readonly Uint8Array[]) => Promise<{ told: Extract<Told, { ok: true }>; binaries: readonly Uint8Array[] }>

function channelOver(suiteId: SuiteId, call: Call, forget: () => void): Channel {
  const withSecrets = async (header: object, secrets: readonly string[]) => {
    const bytes = secrets.map(secretBytes)
    try {
      return await call(header, bytes)
    } finally {
      for (const each of bytes) each.fill(0)
    }
  }
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  return {
    suite: suiteId,
    open: async (person, organ, secret) => (await withSecrets({ op: 'open', person, organ }, [secret])).told['opened'] as OpenedOrgan,
    signManifests: async (organ, suite, manifests) => (await call({ op: 'signManifests', organ, suite }, manifests.flatMap(({ manifest, head }) => [manifest, json(head)]))).binaries,
    signReceipts: async (organ, suite, receipts) => (await call({ op: 'signReceipts', organ, suite }, receipts.map(json))).told['seals'] as BatchSignature[],
    unwrap: async (organ, wraps) => {
      const keys = wraps.map(({ key }) => key)
      const { binaries } = await call({ op: 'unwrap', organ, keys }, wraps.map(({ wrap }) => wrap))
      return binaries.map((bytes) => (bytes.length === 32 ? bytes : null))
    },
    changeSecret: async (organ, current, next) => void (await withSecrets({ op: 'changeSecret', organ }, [current, next])),
    addHolder: async (organ, person) => new TextDecoder().decode((await call({ op: 'addHolder', organ, person })).binaries[0]),
    removeHolder: async (organ, person) => void (await call({ op: 'removeHolder', organ, person })),
    bequeath: async (organ, heir, key, publicKey) => (await call({ op: 'bequeath', organ, heir, key }, [publicKey.slice()])).told['bequest'] as Bequest,
    status: async () => (await call({ op: 'status' })).told['opened'] as OpenedOrgan[],
    close: async () => {
      try {
        await call({ op: 'close' })
      } finally {
        forget()
      }
    },
  }
}
