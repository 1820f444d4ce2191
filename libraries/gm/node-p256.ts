import { createCipheriv, createDecipheriv, createECDH, createHash, createHmac, createPrivateKey, createPublicKey, ECDH, hkdfSync, type KeyObject, sign, verify } from 'node:crypto'
import { equal, fromHex, toBigInt } from './bytes.ts'
import { cacheKey, Lru } from './lru.ts'
import { digestOf, hashOnce, leftPad, nativeDigest, plain, view } from './node-native.ts'
import { P256_ORDER, type P256Engine } from './p256-suite.ts'
import type { KeyPair } from './suite.ts'

const CURVE = 'prime256v1'
const SPKI_HEAD = fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200')
const PKCS8_HEAD = fromHex('308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420')
const PKCS8_MIDDLE = fromHex('a144034200')
/** RFC 3394 §2.2.3.1. */
const KEY_WRAP_IV = fromHex('a6a6a6a6a6a6a6a6')
const GCM_TAG = 16

export const nativeP256: P256Engine = {
  hash: (...parts) => hashOnce('sha256', parts),
  createHash: () => nativeDigest('sha256'),
  mac: (key, ...parts) => digestOf(createHmac('sha256', key), parts),
  generateKeyPair() {
    const ecdh = createECDH(CURVE)
    const publicKey = plain(ecdh.generateKeys())
    return { privateKey: leftPad(ecdh.getPrivateKey()), publicKey }
  },
  publicKeyOf,
  isPublicKey,
  sign: (keyPair, message) => plain(sign('sha256', message, { key: signingKey(keyPair), dsaEncoding: 'ieee-p1363' })),
  verify(publicKey, message, signature) {
    const key = verifyingKey(publicKey)
    return key !== null && verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)
  },
  encapsulate(publicKey) {
    if (!isPublicKey(publicKey)) throw new RangeError('not a P-256 public key')
    const ecdh = createECDH(CURVE)
    const point = plain(ecdh.generateKeys())
    return { point, shared: plain(ecdh.computeSecret(publicKey)) }
  },
  decapsulate(privateKey, point) {
    if (!isPublicKey(point)) return null
    const ecdh = createECDH(CURVE)
    ecdh.setPrivateKey(checkedScalar(privateKey))
    return plain(ecdh.computeSecret(point))
  },
  hkdf: (secret, info) => new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), info, 32)),
  keyWrap: (key, bytes) => plain(createCipheriv('id-aes256-wrap', key, KEY_WRAP_IV).update(bytes)),
  keyUnwrap: (key, wrapped) => orRefused(() => plain(createDecipheriv('id-aes256-wrap', key, KEY_WRAP_IV).update(wrapped))),
  gcmSeal(key, nonce, plaintext, associated) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: GCM_TAG }).setAAD(associated)
    const out = new Uint8Array(plaintext.length + GCM_TAG)
    out.set(cipher.update(plaintext))
    cipher.final()
    out.set(cipher.getAuthTag(), plaintext.length)
    return out
  },
  gcmOpen(key, nonce, sealed, associated) {
    const size = sealed.length - GCM_TAG
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: GCM_TAG }).setAAD(associated).setAuthTag(sealed.subarray(size))
    const plaintext = view(decipher.update(sealed.subarray(0, size)))
    return orRefused(() => {
      decipher.final()
      return plaintext
    })
  }
}

/** OpenSSL reports a wrong tag by throwing; here that is an answer, not an error. */
function orRefused(act: () => Uint8Array): Uint8Array | null {
  try {
    return act()
  } catch {
    return null
  }
}

const verifyingKeys = new Lru<KeyObject>(1024)
const signingKeys = new Lru<KeyObject>(256)

/** Drops imported private keys; OpenSSL overwrites them when they are collected. */
export function forgetP256PrivateKeys(): void {
  signingKeys.clear()
}

function verifyingKey(publicKey: Uint8Array): KeyObject | null {
  const id = cacheKey(publicKey)
  const known = verifyingKeys.get(id)
  if (known !== undefined) return known
  if (!isPublicKey(publicKey)) return null
  return verifyingKeys.set(id, createPublicKey({ key: Buffer.concat([SPKI_HEAD, publicKey]), format: 'der', type: 'spki' }))
}

function signingKey(keyPair: KeyPair): KeyObject {
  const id = createHash('sha256').update(keyPair.privateKey).update(keyPair.publicKey).digest('base64url')
  const known = signingKeys.get(id)
  if (known !== undefined) return known
  if (!equal(publicKeyOf(keyPair.privateKey), keyPair.publicKey)) throw new RangeError('the halves of the key pair do not belong together')
  const der = Buffer.concat([PKCS8_HEAD, keyPair.privateKey, PKCS8_MIDDLE, keyPair.publicKey])
  return signingKeys.set(id, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
}

function checkedScalar(privateKey: Uint8Array): Uint8Array {
  const d = toBigInt(privateKey)
  if (privateKey.length !== 32 || d < 1n || d >= P256_ORDER) throw new RangeError('not a P-256 private key')
  return privateKey
}

function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  const ecdh = createECDH(CURVE)
  ecdh.setPrivateKey(checkedScalar(privateKey))
  return plain(ecdh.getPublicKey())
}

/** Points that were found on the curve: an organ's key is asked for with every message to it. */
const goodPoints = new Lru<true>(1024)

function isPublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== 65 || bytes[0] !== 4) return false
  const id = cacheKey(bytes)
  return goodPoints.get(id) === true || (isOnCurve(bytes) && goodPoints.set(id, true))
}

function isOnCurve(bytes: Uint8Array): boolean {
  try {
    ECDH.convertKey(bytes, CURVE, undefined, undefined, 'compressed')
    return true
  } catch {
    return false
  }
}
