import { weierstrass, type WeierstrassPoint } from '@noble/curves/abstract/weierstrass.js'
import { concat, fromBigInt, toBigInt } from './bytes.ts'
import { cacheKey, Lru } from './lru.ts'
import { SM2_CURVE } from './sm2-codec.ts'
import type { KeyPair } from './suite.ts'

type Point = WeierstrassPoint<bigint>
type Mac = (key: Uint8Array, ...parts: readonly Uint8Array[]) => Uint8Array

const Sm2 = weierstrass(SM2_CURVE)
const N = SM2_CURVE.n
/** Measured: a table of window 6 costs what 16 plain multiplications here, or 40 of OpenSSL's, cost; one of window 8 four times as much and is twice as quick. */
const TABLES: ReadonlyMap<number, number> = new Map([[24, 6], [400, 8]])

let baseIsReady = false
/** The generator with its table, made on first use so that merely importing this file costs nothing. */
function base(): Point {
  if (!baseIsReady) Sm2.BASE.precompute(8, false)
  baseIsReady = true
  return Sm2.BASE
}

type KnownPoint = { readonly point: Point; uses: number; hasTable: boolean }
/**
 * The 128 public keys used last; the popular ones get a table (about 250 kB, the most popular 1 MB). The count leaves with the entry,
 * so that going round among thousands of recipients never builds tables only to throw them away.
 */
const knownPoints = new Lru<KnownPoint>(128)

/** Decodes an uncompressed point and checks the curve equation; null for anything else. */
function decode(bytes: Uint8Array): Point | null {
  if (bytes.length !== 65 || bytes[0] !== 4) return null
  const x = toBigInt(bytes.subarray(1, 33))
  const y = toBigInt(bytes.subarray(33))
  const { p, a, b } = SM2_CURVE
  if (x >= p || y >= p || (y * y - (x * x * x + a * x + b)) % p !== 0n) return null
  return Sm2.fromAffine({ x, y })
}

function knownPoint(bytes: Uint8Array): KnownPoint | null {
  if (bytes.length !== 65) return null
  const key = cacheKey(bytes)
  const known = knownPoints.get(key)
  if (known === undefined) {
    const point = decode(bytes)
    return point && knownPoints.set(key, { point, uses: 1, hasTable: false })
  }
  const window = TABLES.get(++known.uses)
  if (window !== undefined) {
    known.point.precompute(window, false)
    known.hasTable = true
  }
  return known
}

/** Whether these bytes are an uncompressed point of the curve. */
export function isSm2Point(bytes: Uint8Array): boolean {
  return decode(bytes) !== null
}

/** A private key as a number; GB/T 32918.1 §6.1 allows 1 … n−2. */
export function sm2Scalar(privateKey: Uint8Array): bigint {
  const d = toBigInt(privateKey)
  if (privateKey.length !== 32 || d < 1n || d > N - 2n) throw new RangeError('not an SM2 private key')
  return d
}

/** k·G as 65 bytes. */
export function sm2PublicKey(privateKey: Uint8Array): Uint8Array {
  return base().multiply(sm2Scalar(privateKey)).toBytes(false)
}

/** x‖y of k·Q (64 bytes), or null when `point` is not on the curve. For one-time points. */
export function sm2Multiply(scalar: bigint, point: Uint8Array): Uint8Array | null {
  const decoded = decode(point)
  return decoded && decoded.multiply(scalar).toBytes(false).subarray(1)
}

/** The same for a recipient's key, which earns a table by being used often. With `onlyByTable` null also says that there is none yet. */
export function sm2MultiplyKnown(scalar: bigint, publicKey: Uint8Array, onlyByTable: boolean): Uint8Array | null {
  const known = knownPoint(publicKey)
  if (known === null || (onlyByTable && !known.hasTable)) return null
  return known.point.multiply(scalar).toBytes(false).subarray(1)
}

/**
 * A secret number in 1 … n−1. The random bytes go through a MAC keyed with the secret at hand, so that
 * a weak random source alone does not give the key away (the hedge of RFC 6979 §3.6).
 */
export function hedgedScalar(mac: Mac, secret: Uint8Array, random: Uint8Array, message: Uint8Array): bigint {
  const wide = concat(mac(secret, new Uint8Array([1]), random, message), mac(secret, new Uint8Array([2]), random, message))
  return (toBigInt(wide) % (N - 1n)) + 1n
}

/** One try at GB/T 32918.2-2016 §6.1 with a given k; null when the standard says to take another k. */
export function sm2SignWith(keyPair: KeyPair, digest: Uint8Array, k: bigint): Uint8Array | null {
  const d = sm2Scalar(keyPair.privateKey)
  const { x } = base().multiply(k).toAffine()
  const r = (toBigInt(digest) + x) % N
  if (r === 0n || r + k === N) return null
  const { Fn } = Sm2
  const s = Fn.mul(Fn.inv(Fn.add(1n, d)), Fn.sub(k, Fn.mul(r, d)))
  return s === 0n ? null : concat(fromBigInt(r, 32), fromBigInt(s, 32))
}

/** GB/T 32918.2-2016 §7.1; `signature` is 64 bytes with r and s in range. */
export function sm2Verify(publicKey: Uint8Array, digest: Uint8Array, signature: Uint8Array): boolean {
  const r = toBigInt(signature.subarray(0, 32))
  const s = toBigInt(signature.subarray(32))
  const t = (r + s) % N
  if (t === 0n) return false
  const known = knownPoint(publicKey)
  if (known === null) return false
  const { point, hasTable } = known
  const sum = hasTable ? base().multiplyUnsafe(s).add(point.multiplyUnsafe(t)) : base().mulAddUnsafe(s, point, t)
  return !sum.is0() && (toBigInt(digest) + sum.toAffine().x) % N === r
}
