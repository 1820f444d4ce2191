import { DeskFault } from '../kit/fault.ts'
import { readStored, writeStored } from '../kit/store.ts'
import { signInWords } from '../words.ts'

/**
 * This device's key for one account: ECDSA P-256, kept by the browser, never extractable. It proves the device; it opens no document.
 */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const

const faultOf = (code: string, message: string) => new DeskFault({ code, status: 0, message, advice: '' })

const isPair = (value: unknown): value is CryptoKeyPair => typeof value === 'object' && value !== null && 'privateKey' in value && 'publicKey' in value

/** The key of this account on this device, or null. */
export async function deviceKey(account: string): Promise<CryptoKeyPair | null> {
  const stored = await readStored('deviceKeys', account).catch(() => undefined)
  return isPair(stored) ? stored : null
}

/** Makes a key for the account. It is kept only by `keepDeviceKey`, after the server has taken it: a failed enrolment must not shadow a good key. */
export async function makeDeviceKey(): Promise<{ pair: CryptoKeyPair; publicKey: Uint8Array }> {
  if (globalThis.crypto?.subtle === undefined) throw faultOf('desk.insecureContext', signInWords.insecure)
  const pair = await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify'])
  return { pair, publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)) }
}

export async function keepDeviceKey(account: string, pair: CryptoKeyPair): Promise<void> {
  await writeStored('deviceKeys', account, pair).catch(() => {
    throw faultOf('desk.noStorage', signInWords.noStorage)
  })
}

/** 64 bytes `r‖s` over SHA-256 of the message. */
export async function signAsDevice(pair: CryptoKeyPair, message: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, message))
}
