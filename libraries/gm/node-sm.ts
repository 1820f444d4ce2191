import { createCipheriv, createECDH, createHash, createHmac, createPrivateKey, createPublicKey, createSign, createVerify, diffieHellman, ECDH, type KeyObject } from 'node:crypto'
import { concat, equal, fromBigInt, fromHex, toBigInt } from './bytes.ts'
import { cacheKey, Lru } from './lru.ts'
import { digestOf, hashOnce, leftPad, nativeDigest, plain, view } from './node-native.ts'
import { signatureFromDer, signatureToDer, SM2_CURVE } from './sm2-codec.ts'
import { bitString, context, integer, octetString, sequence, tlv } from './der.ts'
import { isSm2Point, sm2MultiplyKnown, sm2Scalar } from './sm2-noble.ts'
import type { SmEngine } from './sm-suite.ts'
import type { KeyPair } from './suite.ts'

/*
 * What OpenSSL does with SM2 keys, and how this file gets standard SM2 out of Node:
 * - A key imported by the curve's name is an 'SM2' key: createSign/createVerify hash first and then sign the digest, so feeding ZA
 *   before the message gives GB/T 32918.2 signatures with any user id. Such keys refuse ECDH.
 * - A key imported with explicit parameters whose generator is not G stays an 'EC' key and does ECDH. d·Q does not depend on the
 *   generator, so decryption works with 2G in its place; and with Q itself as the generator, the public half that OpenSSL
 *   computes for a private key k is k·Q, both coordinates.
 */

const SPKI_NAMED = fromHex('3059301306072a8648ce3d020106082a811ccf5501822d034200')
const PKCS8_NAMED_HEAD = fromHex('308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420')
const PKCS8_NAMED_MIDDLE = fromHex('a144034200')
/** AlgorithmIdentifier of id-ecPublicKey with explicit parameters up to, and after, the 65 bytes of the generator. */
const EXPLICIT_HEAD = fromHex(
  '3081ec06072a8648ce3d02013081e0020101302c06072a8648ce3d0101022100fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff' +
    '30440420fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc' +
    '042028e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e930441'
)
const EXPLICIT_TAIL = fromHex('022100fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123020101')
const DOUBLE_G = fromHex('0456cefd60d7c87c000d58ef57fa73ba4d9c0dfa08c08a7331495c2e1da3f2bd5231b7e7e6cc8189f668535ce0f8eaf1bd6de84c182f6c8e716f780d3a970a23c3')

export const nativeSm: SmEngine = {
  hash: (...parts) => hashOnce('sm3', parts),
  createHash: () => nativeDigest('sm3'),
  mac: (key, ...parts) => digestOf(createHmac('sm3', key), parts),
  ctr: (key, counter, data) => view(createCipheriv('sm4-ctr', key, counter).update(data)),
  generateKeyPair,
  publicKeyOf,
  isPublicKey: isSm2Point,
  sign(keyPair, za, message) {
    const der = createSign('sm3').update(za).update(message).sign(signingKey(keyPair))
    const signature = signatureFromDer(der)
    if (signature === null) throw new Error('OpenSSL answered an SM2 signature that is not DER')
    return signature
  },
  verify(publicKey, za, message, signature) {
    const key = verifyingKey(publicKey)
    return key !== null && createVerify('sm3').update(za).update(message).verify(key, signatureToDer(signature))
  },
  encapsulate(publicKey) {
    const ephemeral = createECDH('SM2')
    const point = plain(ephemeral.generateKeys())
    const shared = sharedWith(leftPad(ephemeral.getPrivateKey()), publicKey)
    return { point, shared }
  },
  decapsulate: (keyPair, point) => (isSm2Point(point) ? agree(keyPair, point) : null)
}

/** k·Q, through noble's table when the recipient is written to often, else natively. Throws on a point off the curve. */
function sharedWith(k: Uint8Array, publicKey: Uint8Array): Uint8Array {
  if (!isSm2Point(publicKey)) throw new RangeError('not an SM2 public key')
  return sm2MultiplyKnown(sm2Scalar(k), publicKey, true) ?? nativeMultiply(k, publicKey)
}

/** x‖y of k·Q: the public half of a private key k on the curve with generator Q. OpenSSL's ladder for that is constant-time. */
export function nativeMultiply(k: Uint8Array, point: Uint8Array): Uint8Array {
  const inner = sequence(integer(1), octetString(k))
  const der = sequence(integer(0), concat(EXPLICIT_HEAD, point, EXPLICIT_TAIL), octetString(inner))
  const spki = createPublicKey(createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })).export({ format: 'der', type: 'spki' })
  return plain(spki.subarray(spki.length - 64))
}

/**
 * x‖y of d·C. OpenSSL's ECDH gives x only, and −C has the same x; the x of (d+1)·C tells the two values of y apart, since by the
 * addition formula (y − yC)² = (x' + x + xC)·(x − xC)². Two agreements still cost less than one `nativeMultiply`.
 */
function agree(keyPair: KeyPair, point: Uint8Array): Uint8Array | null {
  const keys = agreementKeys(keyPair)
  const publicKey = explicitPublicKey(point)
  const x = diffieHellman({ privateKey: keys.own, publicKey })
  const next = toBigInt(diffieHellman({ privateKey: keys.next, publicKey }))
  const { p } = SM2_CURVE
  const [ownX, pointX, pointY] = [toBigInt(x), toBigInt(point.subarray(1, 33)), toBigInt(point.subarray(33))]
  // d·C = C only for d = 1, and −C only for d = n − 1, which is no SM2 key.
  if (ownX === pointX) return point.subarray(1)
  const square = ((next + ownX + pointX) * (ownX - pointX) ** 2n) % p
  for (const parity of [2, 3]) {
    const candidate = ECDH.convertKey(concat(new Uint8Array([parity]), x), 'SM2', undefined, undefined, 'uncompressed') as Buffer
    if ((toBigInt(candidate.subarray(33)) - pointY) ** 2n % p === square) return plain(candidate).subarray(1)
  }
  return null
}

// ---- keys, imported once

const verifyingKeys = new Lru<KeyObject>(1024)
const signingKeys = new Lru<KeyObject>(256)
/** The keys for d and for d + 1. */
type AgreementKeys = { readonly own: KeyObject; readonly next: KeyObject }
const knownAgreementKeys = new Lru<AgreementKeys>(256)

/** Drops imported private keys; OpenSSL overwrites them when they are collected. */
export function forgetSm2PrivateKeys(): void {
  signingKeys.clear()
  knownAgreementKeys.clear()
}

function verifyingKey(publicKey: Uint8Array): KeyObject | null {
  const id = cacheKey(publicKey)
  const known = verifyingKeys.get(id)
  if (known !== undefined) return known
  if (!isSm2Point(publicKey)) return null
  return verifyingKeys.set(id, createPublicKey({ key: Buffer.concat([SPKI_NAMED, publicKey]), format: 'der', type: 'spki' }))
}

/** A digest names a private key in the caches, so that no second copy of the key lies about as a string. */
function privateKeyId(keyPair: KeyPair): string {
  return createHash('sha256').update(keyPair.privateKey).update(keyPair.publicKey).digest('base64url')
}

function signingKey(keyPair: KeyPair): KeyObject {
  const id = privateKeyId(keyPair)
  const known = signingKeys.get(id)
  if (known !== undefined) return known
  checkPair(keyPair)
  const der = Buffer.concat([PKCS8_NAMED_HEAD, keyPair.privateKey, PKCS8_NAMED_MIDDLE, keyPair.publicKey])
  return signingKeys.set(id, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
}

function agreementKeys(keyPair: KeyPair): AgreementKeys {
  const id = privateKeyId(keyPair)
  const known = knownAgreementKeys.get(id)
  if (known !== undefined) return known
  checkPair(keyPair)
  const next = fromBigInt(sm2Scalar(keyPair.privateKey) + 1n, 32)
  return knownAgreementKeys.set(id, { own: explicitPrivateKey(keyPair.privateKey), next: explicitPrivateKey(next) })
}

function explicitPrivateKey(scalar: Uint8Array): KeyObject {
  // The public half belongs to another key and is never used; given, it saves OpenSSL two multiplications.
  const inner = sequence(integer(1), octetString(scalar), context(1, bitString(DOUBLE_G)))
  const der = sequence(integer(0), concat(EXPLICIT_HEAD, DOUBLE_G, EXPLICIT_TAIL), octetString(inner))
  return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
}

function explicitPublicKey(point: Uint8Array): KeyObject {
  const der = tlv(0x30, concat(EXPLICIT_HEAD, DOUBLE_G, EXPLICIT_TAIL), bitString(point))
  return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' })
}

function checkPair(keyPair: KeyPair): void {
  if (!equal(publicKeyOf(keyPair.privateKey), keyPair.publicKey)) throw new RangeError('the halves of the key pair do not belong together')
}

function generateKeyPair(): KeyPair {
  const ecdh = createECDH('SM2')
  const publicKey = plain(ecdh.generateKeys())
  return { privateKey: leftPad(ecdh.getPrivateKey()), publicKey }
}

function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  sm2Scalar(privateKey)
  const ecdh = createECDH('SM2')
  ecdh.setPrivateKey(privateKey)
  return plain(ecdh.getPublicKey())
}
