import { aeskw, gcm } from '@noble/ciphers/aes.js'
import { p256 } from '@noble/curves/nist.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { P256Engine } from './p256-suite.ts'
import type { Digest } from './suite.ts'

type Updatable = { update(bytes: Uint8Array): unknown; digest(): Uint8Array }

function digestOf(hasher: Updatable, parts: readonly Uint8Array[]): Uint8Array {
  for (const part of parts) hasher.update(part)
  return hasher.digest()
}

function incremental(): Digest {
  const hasher = sha256.create()
  const self: Digest = {
    update(bytes) {
      hasher.update(bytes)
      return self
    },
    digest: () => hasher.digest()
  }
  return self
}

/** noble reports foreign points and wrong tags by throwing; here those are answers. */
function orRefused<T>(act: () => T): T | null {
  try {
    return act()
  } catch {
    return null
  }
}

const isPublicKey = (bytes: Uint8Array): boolean => bytes.length === 65 && bytes[0] === 4 && orRefused(() => p256.Point.fromBytes(bytes)) !== null

function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  if (!p256.utils.isValidSecretKey(privateKey)) throw new RangeError('not a P-256 private key')
  return p256.getPublicKey(privateKey, false)
}

const sharedX = (privateKey: Uint8Array, point: Uint8Array): Uint8Array => p256.getSharedSecret(privateKey, point, false).subarray(1, 33)

/** The P-256 engine on the noble libraries. */
export const portableP256: P256Engine = {
  hash: (...parts) => digestOf(sha256.create(), parts),
  createHash: incremental,
  mac: (key, ...parts) => digestOf(hmac.create(sha256, key), parts),
  generateKeyPair() {
    const privateKey = p256.utils.randomSecretKey()
    return { privateKey, publicKey: p256.getPublicKey(privateKey, false) }
  },
  publicKeyOf,
  isPublicKey,
  // lowS off on both sides: FIPS 186-5 knows no such rule, and signatures of others' certificates do not follow it.
  sign: (keyPair, message) => p256.sign(message, keyPair.privateKey, { prehash: true, lowS: false, extraEntropy: true }),
  verify: (publicKey, message, signature) => isPublicKey(publicKey) && p256.verify(signature, message, publicKey, { prehash: true, lowS: false }),
  encapsulate(publicKey) {
    if (!isPublicKey(publicKey)) throw new RangeError('not a P-256 public key')
    const privateKey = p256.utils.randomSecretKey()
    return { point: p256.getPublicKey(privateKey, false), shared: sharedX(privateKey, publicKey) }
  },
  decapsulate(privateKey, point) {
    if (!p256.utils.isValidSecretKey(privateKey)) throw new RangeError('not a P-256 private key')
    return isPublicKey(point) ? sharedX(privateKey, point) : null
  },
  hkdf: (secret, info) => hkdf(sha256, secret, undefined, info, 32),
  keyWrap: (key, plain) => aeskw(key).encrypt(plain),
  keyUnwrap: (key, wrapped) => orRefused(() => aeskw(key).decrypt(wrapped)),
  gcmSeal: (key, nonce, plaintext, associated) => gcm(key, nonce, associated).encrypt(plaintext),
  gcmOpen: (key, nonce, sealed, associated) => orRefused(() => gcm(key, nonce, associated).decrypt(sealed))
}
