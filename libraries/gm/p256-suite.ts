import { concat, utf8 } from './bytes.ts'
import { signatureInRange } from './sm2-codec.ts'
import type { Suite } from './suite.ts'

/** What a platform brings to the P-256 suite. */
export type P256Engine = Pick<Suite, 'hash' | 'createHash' | 'mac' | 'generateKeyPair' | 'publicKeyOf' | 'isPublicKey' | 'sign' | 'verify'> & {
  /** A fresh ephemeral key: its point (65 bytes) and the 32-byte x of the shared point. Throws on a bad public key. */
  encapsulate(publicKey: Uint8Array): { point: Uint8Array; shared: Uint8Array }
  /** The 32-byte x of d·point, or null on a bad point. */
  decapsulate(privateKey: Uint8Array, point: Uint8Array): Uint8Array | null
  /** HKDF-SHA256 without salt, 32 bytes (RFC 5869). */
  hkdf(secret: Uint8Array, info: Uint8Array): Uint8Array
  /** AES-256 key wrap, RFC 3394. */
  keyWrap(key: Uint8Array, plain: Uint8Array): Uint8Array
  keyUnwrap(key: Uint8Array, wrapped: Uint8Array): Uint8Array | null
  gcmSeal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array
  gcmOpen(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array | null
}

export const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

const WRAP_LABEL = utf8('postroad/1/wrap/P256\0')
const SEAL_LABEL = utf8('postroad/1/seal/P256\0')
const POINT_BYTES = 65
/** Ephemeral point ‖ RFC 3394 output (32 + 8 bytes). */
const WRAPPED_BYTES = POINT_BYTES + 40

/** The P-256 suite over an engine. */
export function p256Suite(engine: P256Engine): Suite {
  return {
    id: 'P256',
    tagBytes: 16,
    hash: engine.hash,
    createHash: engine.createHash,
    mac: engine.mac,
    generateKeyPair: engine.generateKeyPair,
    publicKeyOf: engine.publicKeyOf,
    isPublicKey: engine.isPublicKey,
    sign: engine.sign,
    verify: (publicKey, message, signature) =>
      publicKey.length === 65 && signatureInRange(signature, P256_ORDER) && engine.verify(publicKey, message, signature),
    ...wrapping(engine),
    ...sealing(engine)
  }
}

/** Both public keys go into the derivation, so a wrap cannot be re-addressed (SP 800-56A Rev. 3 §5.8.2, party information). */
function wrapping(engine: P256Engine): Pick<Suite, 'wrap' | 'unwrap'> {
  const wrappingKey = (shared: Uint8Array, point: Uint8Array, recipient: Uint8Array) => engine.hkdf(shared, concat(WRAP_LABEL, point, recipient))
  return {
    wrap(publicKey, contentKey) {
      if (contentKey.length !== 32) throw new RangeError('a content key has 32 bytes')
      const { point, shared } = engine.encapsulate(publicKey)
      return concat(point, engine.keyWrap(wrappingKey(shared, point, publicKey), contentKey))
    },
    unwrap(keyPair, wrapped) {
      if (wrapped.length !== WRAPPED_BYTES) return null
      const point = wrapped.subarray(0, POINT_BYTES)
      const shared = engine.decapsulate(keyPair.privateKey, point)
      return shared === null ? null : engine.keyUnwrap(wrappingKey(shared, point, keyPair.publicKey), wrapped.subarray(POINT_BYTES))
    }
  }
}

function sealing(engine: P256Engine): Pick<Suite, 'seal' | 'open'> {
  // The content key itself never keys the cipher in either suite; a key meant for one cannot serve the other.
  const subKey = (key: Uint8Array) => engine.hkdf(key, SEAL_LABEL)
  return {
    seal(key, nonce, plaintext, associated) {
      if (key.length !== 32 || nonce.length !== 12) throw new RangeError('sealing takes a 32-byte key and a 12-byte nonce')
      return engine.gcmSeal(subKey(key), nonce, plaintext, associated)
    },
    open(key, nonce, sealed, associated) {
      if (key.length !== 32 || nonce.length !== 12 || sealed.length < 16) return null
      return engine.gcmOpen(subKey(key), nonce, sealed, associated)
    }
  }
}
