import { fromBigInt, toBigInt } from './bytes.ts'
import { hmacSm3, Sm3, sm3 } from './sm3.ts'
import { sm4Ctr } from './sm4.ts'
import { SM2_CURVE } from './sm2-codec.ts'
import { hedgedScalar, isSm2Point, sm2Multiply, sm2MultiplyKnown, sm2PublicKey, sm2Scalar, sm2SignWith, sm2Verify } from './sm2-noble.ts'
import type { SmEngine } from './sm-suite.ts'

const random = (): Uint8Array => crypto.getRandomValues(new Uint8Array(48))

/** A private key: 48 random bytes reduced leave no measurable bias (FIPS 186-5 A.2.1). */
function newPrivateKey(): Uint8Array {
  return fromBigInt((toBigInt(random()) % (SM2_CURVE.n - 2n)) + 1n, 32)
}

/** The SM engine in plain JavaScript. */
export const portableSm: SmEngine = {
  hash: sm3,
  createHash: () => new Sm3(),
  mac: hmacSm3,
  ctr: sm4Ctr,
  generateKeyPair() {
    const privateKey = newPrivateKey()
    return { privateKey, publicKey: sm2PublicKey(privateKey) }
  },
  publicKeyOf: sm2PublicKey,
  isPublicKey: isSm2Point,
  sign(keyPair, za, message) {
    const digest = sm3(za, message)
    for (;;) {
      const signature = sm2SignWith(keyPair, digest, hedgedScalar(hmacSm3, keyPair.privateKey, random(), digest))
      if (signature !== null) return signature
    }
  },
  verify: (publicKey, za, message, signature) => sm2Verify(publicKey, sm3(za, message), signature),
  encapsulate(publicKey) {
    const privateKey = newPrivateKey()
    const shared = sm2MultiplyKnown(toBigInt(privateKey), publicKey, false)
    if (shared === null) throw new RangeError('not an SM2 public key')
    return { point: sm2PublicKey(privateKey), shared }
  },
  decapsulate: (keyPair, point) => sm2Multiply(sm2Scalar(keyPair.privateKey), point)
}
