import { concat, equal, u64be, utf8 } from './bytes.ts'
import { decodeCiphertext, encodeCiphertext, kdf, signatureInRange, SM2_CURVE, zaInput } from './sm2-codec.ts'
import { cacheKey, Lru } from './lru.ts'
import type { Digest, KeyPair, Suite } from './suite.ts'

/** What a platform brings to the SM suite. Everything that decides bytes on the wire lives in `smSuite`, once. */
export type SmEngine = {
  hash(...parts: readonly Uint8Array[]): Uint8Array
  createHash(): Digest
  mac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array
  /** SM4 in counter mode: 16-byte key, 16-byte first counter block. */
  ctr(key: Uint8Array, counter: Uint8Array, data: Uint8Array): Uint8Array
  generateKeyPair(): KeyPair
  publicKeyOf(privateKey: Uint8Array): Uint8Array
  isPublicKey(bytes: Uint8Array): boolean
  /** SM2 over SM3(za‖message) as `r‖s`. */
  sign(keyPair: KeyPair, za: Uint8Array, message: Uint8Array): Uint8Array
  /** `publicKey` is 65 bytes, `signature` 64 with r and s in range; answers false for a point off the curve. */
  verify(publicKey: Uint8Array, za: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** A fresh k: `point` = k·G (65 bytes), `shared` = x‖y of k·Q. Throws on a bad public key. */
  encapsulate(publicKey: Uint8Array): { point: Uint8Array; shared: Uint8Array }
  /** x‖y of d·C1, or null on a bad point. */
  decapsulate(keyPair: KeyPair, point: Uint8Array): Uint8Array | null
}

const SEAL_LABEL = utf8('postroad/1/seal/SM\0')
const TAG_BYTES = 32
const CONTENT_KEY_BYTES = 32

/** The SM suite over an engine. */
export function smSuite(engine: SmEngine): Suite {
  const zaOf = cachedZa(engine)
  return {
    id: 'SM',
    tagBytes: TAG_BYTES,
    hash: engine.hash,
    createHash: engine.createHash,
    mac: engine.mac,
    generateKeyPair: engine.generateKeyPair,
    publicKeyOf: engine.publicKeyOf,
    isPublicKey: engine.isPublicKey,
    sign: (keyPair, message) => engine.sign(keyPair, zaOf(keyPair.publicKey), message),
    verify: (publicKey, message, signature) =>
      publicKey.length === 65 && signatureInRange(signature, SM2_CURVE.n) && engine.verify(publicKey, zaOf(publicKey), message, signature),
    ...wrapping(engine),
    ...sealing(engine)
  }
}

function cachedZa(engine: SmEngine): (publicKey: Uint8Array) => Uint8Array {
  const known = new Lru<Uint8Array>(1024)
  return (publicKey) => {
    const key = cacheKey(publicKey)
    return known.get(key) ?? known.set(key, engine.hash(zaInput(publicKey)))
  }
}

/** SM2 encryption, GB/T 32918.4-2016 §6 and §7, of 32-byte keys only. */
function wrapping(engine: SmEngine): Pick<Suite, 'wrap' | 'unwrap'> {
  return {
    wrap(publicKey, contentKey) {
      if (contentKey.length !== CONTENT_KEY_BYTES) throw new RangeError('a content key has 32 bytes')
      for (;;) {
        const { point, shared } = engine.encapsulate(publicKey)
        const mask = kdf(engine.hash, shared, CONTENT_KEY_BYTES)
        // §6.1 A5: a mask of zeros would leave the key in the clear; take another k.
        if (mask.every((octet) => octet === 0)) continue
        const c3 = engine.hash(shared.subarray(0, 32), contentKey, shared.subarray(32))
        return encodeCiphertext({ c1: point, c3, c2: xor(contentKey, mask) })
      }
    },
    unwrap(keyPair, wrapped) {
      const parts = decodeCiphertext(wrapped)
      if (parts === null || parts.c2.length !== CONTENT_KEY_BYTES) return null
      const shared = engine.decapsulate(keyPair, parts.c1)
      if (shared === null) return null
      const contentKey = xor(parts.c2, kdf(engine.hash, shared, CONTENT_KEY_BYTES))
      return equal(parts.c3, engine.hash(shared.subarray(0, 32), contentKey, shared.subarray(32))) ? contentKey : null
    }
  }
}

/** SM4-CTR then HMAC-SM3 over nonce‖associated‖ciphertext and both lengths, under two sub-keys of the content key. */
function sealing(engine: SmEngine): Pick<Suite, 'seal' | 'open'> {
  const subKeys = (key: Uint8Array) => {
    const material = kdf(engine.hash, concat(SEAL_LABEL, key), 48)
    return { encryption: material.subarray(0, 16), authentication: material.subarray(16) }
  }
  const counter = (nonce: Uint8Array) => concat(nonce, new Uint8Array(4))
  const tag = (key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, ciphertext: Uint8Array) =>
    engine.mac(key, nonce, associated, ciphertext, u64be(associated.length), u64be(ciphertext.length))
  return {
    seal(key, nonce, plaintext, associated) {
      if (key.length !== 32 || nonce.length !== 12) throw new RangeError('sealing takes a 32-byte key and a 12-byte nonce')
      const { encryption, authentication } = subKeys(key)
      const ciphertext = engine.ctr(encryption, counter(nonce), plaintext)
      return concat(ciphertext, tag(authentication, nonce, associated, ciphertext))
    },
    open(key, nonce, sealed, associated) {
      if (key.length !== 32 || nonce.length !== 12 || sealed.length < TAG_BYTES) return null
      const { encryption, authentication } = subKeys(key)
      const ciphertext = sealed.subarray(0, sealed.length - TAG_BYTES)
      if (!equal(tag(authentication, nonce, associated, ciphertext), sealed.subarray(ciphertext.length))) return null
      return engine.ctr(encryption, counter(nonce), ciphertext)
    }
  }
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((octet, i) => octet ^ b[i]!)
}
