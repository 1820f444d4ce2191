import { describe, expect, it } from 'vitest'
import { concat, equal, fromBigInt, fromHex, hex, toBigInt, utf8 } from './bytes.ts'
import { suites as native, smEngine } from './node.ts'
import { chooseSmEngine } from './node-selftest.ts'
import { nativeMultiply, nativeSm } from './node-sm.ts'
import { suites as portable } from './portable.ts'
import { smSuite } from './sm-suite.ts'
import { kdf, zaInput, encodeCiphertext } from './sm2-codec.ts'
import { hedgedScalar, sm2Multiply, sm2MultiplyKnown, sm2PublicKey, sm2SignWith } from './sm2-noble.ts'
import { hmacSm3, sm3 } from './sm3.ts'

/** GB/T 32918.5-2017 Annexes A (signature) and C (encryption) use one key and one k. */
const privateKey = fromHex('3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8')
const publicKey = fromHex(
  '0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13'
)
const keyPair = { privateKey, publicKey }
const k = fromHex('59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21')
const message = utf8('message digest')
const signature = fromHex('f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa')

describe('SM2 signatures, GB/T 32918.5-2017 Annex A', () => {
  it('derive the public key, ZA and e of the standard', () => {
    expect(hex(sm2PublicKey(privateKey))).toBe(hex(publicKey))
    expect(hex(native.SM.publicKeyOf(privateKey))).toBe(hex(publicKey))
    const za = sm3(zaInput(publicKey))
    expect(hex(za)).toBe('b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3')
    expect(hex(sm3(za, message))).toBe('f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640')
  })

  it('give r and s of the standard with its k', () => {
    expect(hex(sm2SignWith(keyPair, sm3(sm3(zaInput(publicKey)), message), toBigInt(k))!)).toBe(hex(signature))
  })

  it.each([['native', native.SM] as const, ['portable', portable.SM] as const])('verify in the %s suite', (_, suite) => {
    expect(suite.verify(publicKey, message, signature)).toBe(true)
    expect(suite.verify(publicKey, utf8('message digesT'), signature)).toBe(false)
  })
})

describe('SM2 encryption, GB/T 32918.5-2017 Annex C', () => {
  const c1 = '0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0'
  const shared = '335e18d751e51f040e27d468138b7ab1dc86ad7f981d7d416222fd6ab3ed230dab743ebcfb22d64f7b6ab791f70658f25b48fa93e54064fdbfbed3f0bd847ac9'

  it('gives C1, C2 and C3 of the standard with its k', () => {
    const plain = utf8('encryption standard')
    expect(hex(sm2PublicKey(k))).toBe(c1)
    const point = sm2Multiply(toBigInt(k), publicKey)!
    expect(hex(point)).toBe(shared)
    const mask = kdf(sm3, point, plain.length)
    expect(hex(plain.map((octet, i) => octet ^ mask[i]!))).toBe('21886ca989ca9c7d58087307ca93092d651efa')
    expect(hex(sm3(point.subarray(0, 32), plain, point.subarray(32)))).toBe('59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766')
  })

  it('multiplies by OpenSSL’s public-half computation as by noble', () => {
    expect(hex(nativeMultiply(k, publicKey))).toBe(shared)
    // The generator itself is recognised as SM2 by OpenSSL and goes another way inside.
    expect(hex(nativeMultiply(k, sm2PublicKey(fromBigInt(1n, 32))))).toBe(c1.slice(2))
    for (let i = 0; i < 20; i++) {
      const one = native.SM.generateKeyPair()
      const other = portable.SM.generateKeyPair()
      expect(hex(nativeMultiply(one.privateKey, other.publicKey))).toBe(hex(sm2Multiply(toBigInt(one.privateKey), other.publicKey)!))
    }
  })

  it('gives the same point with and without a table, and builds none for keys seen once', () => {
    const recipient = native.SM.generateKeyPair()
    expect(sm2MultiplyKnown(toBigInt(k), recipient.publicKey, true)).toBeNull()
    const plain = sm2Multiply(toBigInt(k), recipient.publicKey)!
    for (let i = 0; i < 40; i++) expect(equal(sm2MultiplyKnown(toBigInt(k), recipient.publicKey, false)!, plain)).toBe(true)
    expect(equal(sm2MultiplyKnown(toBigInt(k), recipient.publicKey, true)!, plain)).toBe(true)
    const contentKey = new Uint8Array(32).fill(9)
    for (let i = 0; i < 5; i++) expect(hex(portable.SM.unwrap(recipient, native.SM.wrap(recipient.publicKey, contentKey))!)).toBe(hex(contentKey))
  })
})

function refuse(): never {
  throw new Error('not in this OpenSSL')
}

describe('the choice of engines', () => {
  it('finds OpenSSL’s SM functions good on this Node', () => {
    expect(smEngine).toEqual({ symmetric: 'native', signatures: 'native', agreement: 'native' })
    expect(chooseSmEngine().where).toEqual(smEngine)
  })

  it.each([
    ['a build without SM3', 'symmetric', { hash: refuse, createHash: refuse }],
    ['SM4 that counts wrongly', 'symmetric', { ctr: (_key: Uint8Array, _counter: Uint8Array, data: Uint8Array) => data }],
    ['signatures with another user id', 'signatures', { verify: (): boolean => false }],
    ['a verification that takes everything', 'signatures', { verify: (): boolean => true }],
    ['ECDH that fails, as createECDH on Node 24', 'agreement', { decapsulate: refuse }],
    ['ECDH that is wrong', 'agreement', { decapsulate: () => new Uint8Array(64) }]
  ] as const)('puts JavaScript in place of %s', (_, part, broken) => {
    const { engine, where } = chooseSmEngine({ ...nativeSm, ...broken })
    expect(where[part]).toBe('portable')
    const suite = smSuite(engine)
    const contentKey = sm3(message)
    expect(suite.verify(publicKey, message, signature)).toBe(true)
    expect(hex(native.SM.unwrap(keyPair, suite.wrap(publicKey, contentKey))!)).toBe(hex(contentKey))
    expect(hex(suite.unwrap(keyPair, native.SM.wrap(publicKey, contentKey))!)).toBe(hex(contentKey))
    const sealed = suite.seal(contentKey, new Uint8Array(12), message, publicKey)
    expect(hex(native.SM.open(contentKey, new Uint8Array(12), sealed, publicKey)!)).toBe(hex(message))
  })

  it('keeps private keys in 1 … n−2', () => {
    const n = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n
    for (const suite of [native.SM, portable.SM]) {
      for (const bad of [0n, n - 1n, n, 2n ** 256n - 1n]) expect(() => suite.publicKeyOf(fromBigInt(bad, 32))).toThrow(RangeError)
      expect(() => suite.publicKeyOf(new Uint8Array(31).fill(1))).toThrow(RangeError)
      expect(suite.isPublicKey(suite.publicKeyOf(fromBigInt(n - 2n, 32)))).toBe(true)
    }
  })

  it('takes a new k for the same message even when the random source is stuck', () => {
    const stuck = new Uint8Array(48)
    const one = hedgedScalar(hmacSm3, privateKey, stuck, utf8('one'))
    expect(hedgedScalar(hmacSm3, privateKey, stuck, utf8('two'))).not.toBe(one)
    expect(hedgedScalar(hmacSm3, concat(privateKey, stuck), stuck, utf8('one'))).not.toBe(one)
  })

  it('refuses ciphertexts on the twist: C1 off the curve', () => {
    const off = concat(publicKey.subarray(0, 64), new Uint8Array([publicKey[64]! ^ 1]))
    const wrapped = encodeCiphertext({ c1: off, c3: new Uint8Array(32), c2: new Uint8Array(32) })
    expect(native.SM.unwrap(keyPair, wrapped)).toBeNull()
    expect(portable.SM.unwrap(keyPair, wrapped)).toBeNull()
  })
})
