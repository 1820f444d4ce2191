import { describe, expect, it } from 'vitest'
import { fromHex, hex, utf8 } from './bytes.ts'
import { nativeP256 } from './node-p256.ts'
import { portableP256 } from './portable-p256.ts'

describe.each([['native', nativeP256] as const, ['portable', portableP256] as const])('P-256, %s', (_, engine) => {
  it('derives the key and verifies the signatures of RFC 6979 A.2.5', () => {
    const publicKey = engine.publicKeyOf(fromHex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721'))
    expect(hex(publicKey)).toBe('0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299')
    const sample = fromHex('efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8')
    const test = fromHex('f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083')
    expect(engine.verify(publicKey, utf8('sample'), sample)).toBe(true)
    expect(engine.verify(publicKey, utf8('test'), test)).toBe(true)
    expect(engine.verify(publicKey, utf8('test'), sample)).toBe(false)
  })

  it('agrees as RFC 5903 §8.1', () => {
    const point = fromHex('04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab')
    const shared = engine.decapsulate(fromHex('c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433'), point)
    expect(hex(shared!)).toBe('d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de')
  })

  it('wraps keys as RFC 3394 §4.6', () => {
    const key = fromHex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f')
    const plain = fromHex('00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f')
    const wrapped = '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21'
    expect(hex(engine.keyWrap(key, plain))).toBe(wrapped)
    expect(hex(engine.keyUnwrap(key, fromHex(wrapped))!)).toBe(hex(plain))
    expect(engine.keyUnwrap(plain, fromHex(wrapped))).toBeNull()
  })

  it('derives keys as RFC 5869 A.3 (no salt, first 32 bytes)', () => {
    expect(hex(engine.hkdf(new Uint8Array(22).fill(0x0b), new Uint8Array()))).toBe('8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d')
  })

  it('seals as the GCM specification’s test case 16', () => {
    const key = fromHex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308')
    const nonce = fromHex('cafebabefacedbaddecaf888')
    const plain = fromHex('d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39')
    const associated = fromHex('feedfacedeadbeeffeedfacedeadbeefabaddad2')
    const sealed =
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' + '76fc6ece0f4e1768cddf8853bb2d551b'
    expect(hex(engine.gcmSeal(key, nonce, plain, associated))).toBe(sealed)
    expect(hex(engine.gcmOpen(key, nonce, fromHex(sealed), associated)!)).toBe(hex(plain))
  })

  it('hashes and authenticates as FIPS 180-4 and RFC 4231 case 2', () => {
    expect(hex(engine.hash(utf8('a'), utf8('bc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(hex(engine.createHash().update(utf8('a')).update(utf8('bc')).digest())).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(hex(engine.mac(utf8('Jefe'), utf8('what do ya want '), utf8('for nothing?')))).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843')
  })

  it('keeps private keys in 1 … n−1', () => {
    for (const bad of ['00'.repeat(32), 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', '01'])
      expect(() => engine.publicKeyOf(fromHex(bad))).toThrow(RangeError)
  })
})
