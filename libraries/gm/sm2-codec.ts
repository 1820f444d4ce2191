import { concat, fromHex, toBigInt, u32be, utf8 } from './bytes.ts'
import { children, content, integer, octetString, orNull, readDer, readFixedInteger, sequence, TAG } from './der.ts'

/** The recommended curve, GB/T 32918.5-2017 §4 (and GM/T 0003.5). */
export const SM2_CURVE: Readonly<Record<'p' | 'a' | 'b' | 'n' | 'Gx' | 'Gy' | 'h', bigint>> = {
  p: 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
  a: 0xfffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffcn,
  b: 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n,
  n: 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
  Gx: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  Gy: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
  h: 1n
}

/** GM/T 0009-2012 §10: the user id where nothing else was agreed. */
const USER_ID = utf8('1234567812345678')

const ZA_PREFIX = concat(
  new Uint8Array([(USER_ID.length * 8) >>> 8, (USER_ID.length * 8) & 0xff]),
  USER_ID,
  ...[SM2_CURVE.a, SM2_CURVE.b, SM2_CURVE.Gx, SM2_CURVE.Gy].map((value) => fromHex(value.toString(16).padStart(64, '0')))
)

/** What ZA hashes for a 65-byte public key: ENTL‖ID‖a‖b‖xG‖yG‖xA‖yA (GB/T 32918.2-2016 §5.5). */
export function zaInput(publicKey: Uint8Array): Uint8Array {
  return concat(ZA_PREFIX, publicKey.subarray(1))
}

/** The key derivation of GB/T 32918.4-2016 §5.4.3: hash(z‖counter), the counter a big-endian word from 1. */
export function kdf(hash: (...parts: readonly Uint8Array[]) => Uint8Array, z: Uint8Array, length: number): Uint8Array {
  const blocks: Uint8Array[] = []
  for (let counter = 1; 32 * (counter - 1) < length; counter++) blocks.push(hash(z, u32be(counter)))
  return concat(...blocks).subarray(0, length)
}

/** `r‖s` (64 bytes) as SEQUENCE { r INTEGER, s INTEGER }. */
export function signatureToDer(signature: Uint8Array): Uint8Array {
  return sequence(integer(signature.subarray(0, 32)), integer(signature.subarray(32)))
}

/** The reverse of `signatureToDer`; `null` unless it is strict DER of two numbers below 2^256. */
export function signatureFromDer(der: Uint8Array): Uint8Array | null {
  return orNull(() => {
    const [r, s, ...more] = children(readDer(der))
    return more.length > 0 ? null : concat(readFixedInteger(r, 32), readFixedInteger(s, 32))
  })
}

/** Whether `signature` is 64 bytes with 1 ≤ r, s < n. */
export function signatureInRange(signature: Uint8Array, n: bigint): boolean {
  if (signature.length !== 64) return false
  const r = toBigInt(signature.subarray(0, 32))
  const s = toBigInt(signature.subarray(32))
  return r > 0n && r < n && s > 0n && s < n
}

/** An SM2 ciphertext taken apart: C1 as a 65-byte point, C3 the 32-byte digest, C2 the masked bytes. */
export type Sm2Ciphertext = { readonly c1: Uint8Array; readonly c3: Uint8Array; readonly c2: Uint8Array }

/** GM/T 0009-2012 §7.2: SEQUENCE { XCoordinate, YCoordinate, HASH OCTET STRING(32), CipherText OCTET STRING }. */
export function encodeCiphertext({ c1, c3, c2 }: Sm2Ciphertext): Uint8Array {
  return sequence(integer(c1.subarray(1, 33)), integer(c1.subarray(33)), octetString(c3), octetString(c2))
}

/** The reverse of `encodeCiphertext`; `null` unless it is strict DER. Does not check that C1 is on the curve. */
export function decodeCiphertext(der: Uint8Array): Sm2Ciphertext | null {
  return orNull(() => {
    const [x, y, hash, text, ...more] = children(readDer(der))
    const c3 = content(hash, TAG.octetString)
    const c2 = content(text, TAG.octetString)
    if (more.length > 0 || c3.length !== 32) return null
    return { c1: concat(new Uint8Array([4]), readFixedInteger(x, 32), readFixedInteger(y, 32)), c3, c2 }
  })
}
