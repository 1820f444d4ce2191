import type { Suite, SuiteId } from '@postroad/gm'

/**
 * What passes between a terminal and the key process through the web process, which relays it and can neither read nor use it.
 *
 *   hello    01 ‖ suite(1) ‖ terminal's ephemeral public key(65) ‖ wrap(k1 → key process)
 *   welcome  02 ‖ channel id(16) ‖ seal(handshake key, wrap(k2 → terminal's ephemeral key))
 *   request  03 ‖ channel id(16) ‖ sequence(u64be) ‖ seal(key towards process, parcel)
 *   reply    04 ‖ channel id(16) ‖ sequence(u64be) ‖ seal(key towards terminal, parcel)
 *
 * k1 proves to the terminal that it speaks to the holder of the pinned key; k2 gives forward secrecy: whoever takes the key process's
 * static key later still cannot read what was recorded, as the terminal's ephemeral key is gone.
 */
export const FRAME = { hello: 1, welcome: 2, request: 3, reply: 4 } as const
export const CHANNEL_ID_BYTES = 16
export const SEALED_AT = 1 + CHANNEL_ID_BYTES + 8
const SUITE_BYTES: readonly SuiteId[] = ['SM', 'P256']

export type ChannelKeys = { readonly toProcess: Uint8Array; readonly toTerminal: Uint8Array }

const utf8 = (text: string) => new TextEncoder().encode(text)
const join = (...parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export const helloFrame = (suite: SuiteId, ephemeral: Uint8Array, wrapped: Uint8Array): Uint8Array =>
  join(Uint8Array.of(FRAME.hello, SUITE_BYTES.indexOf(suite)), ephemeral, wrapped)

/** The parts of a hello, or null. */
export function readHello(frame: Uint8Array): { suite: SuiteId; ephemeral: Uint8Array; wrapped: Uint8Array } | null {
  const suite = SUITE_BYTES[frame[1] ?? 255]
  if (frame[0] !== FRAME.hello || suite === undefined || frame.length < 68 || frame.length > 67 + 512) return null
  return { suite, ephemeral: frame.slice(2, 67), wrapped: frame.slice(67) }
}

const handshakeKey = (suite: Suite, k1: Uint8Array, hello: Uint8Array) => suite.mac(k1, utf8('postroad/keys/1/handshake\0'), suite.hash(hello))
const zeroNonce = new Uint8Array(12)

export const welcomeFrame = (suite: Suite, k1: Uint8Array, hello: Uint8Array, channel: Uint8Array, wrapped: Uint8Array): Uint8Array =>
  join(Uint8Array.of(FRAME.welcome), channel, suite.seal(handshakeKey(suite, k1, hello), zeroNonce, wrapped, channel))

/** Opens a welcome with k1: the channel's id and the wrap of k2; null if it isn't the key process's answer to this hello. */
export function readWelcome(suite: Suite, k1: Uint8Array, hello: Uint8Array, frame: Uint8Array): { channel: Uint8Array; wrapped: Uint8Array } | null {
  if (frame[0] !== FRAME.welcome || frame.length <= 1 + CHANNEL_ID_BYTES) return null
  const channel = frame.slice(1, 1 + CHANNEL_ID_BYTES)
  const wrapped = suite.open(handshakeKey(suite, k1, hello), zeroNonce, frame.slice(1 + CHANNEL_ID_BYTES), channel)
  return wrapped === null ? null : { channel, wrapped }
}

/** Both directions' keys (extract, then expand, as in RFC 5869), bound to the hello and the channel's id. */
export function channelKeys(suite: Suite, k1: Uint8Array, k2: Uint8Array, hello: Uint8Array, channel: Uint8Array): ChannelKeys {
  const root = suite.mac(suite.hash(hello, channel), k1, k2)
  const keys = { toProcess: suite.mac(root, utf8('postroad/keys/1/to-process\0')), toTerminal: suite.mac(root, utf8('postroad/keys/1/to-terminal\0')) }
  root.fill(0)
  return keys
}

const headerOf = (kind: number, channel: Uint8Array, sequence: bigint): Uint8Array => {
  const header = join(Uint8Array.of(kind), channel, new Uint8Array(8))
  new DataView(header.buffer).setBigUint64(1 + CHANNEL_ID_BYTES, sequence)
  return header
}
const nonceOf = (header: Uint8Array) => join(new Uint8Array(4), header.slice(1 + CHANNEL_ID_BYTES, SEALED_AT))

/** One sealed message. A sequence number is used once per direction, so the nonce is never used twice with its key. */
export function sealFrame(suite: Suite, key: Uint8Array, kind: number, channel: Uint8Array, sequence: bigint, parcel: Uint8Array): Uint8Array {
  const header = headerOf(kind, channel, sequence)
  return join(header, suite.seal(key, nonceOf(header), parcel, header))
}

/** Channel id and sequence number as they stand on the outside of a request or reply; null if it isn't one. */
export function readEnvelope(frame: Uint8Array, kind: number): { channel: Uint8Array; sequence: bigint } | null {
  if (frame[0] !== kind || frame.length <= SEALED_AT) return null
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  return { channel: frame.slice(1, 1 + CHANNEL_ID_BYTES), sequence: view.getBigUint64(1 + CHANNEL_ID_BYTES) }
}

/** The parcel inside, or null if anything on the outside or inside was altered. */
export function openFrame(suite: Suite, key: Uint8Array, frame: Uint8Array): Uint8Array | null {
  const header = frame.slice(0, SEALED_AT)
  return suite.open(key, nonceOf(header), frame.slice(SEALED_AT), header)
}
