import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { base64url, concat, equal, fromBase64url, fromBigInt, fromHex, fromUtf8, hex, isBase64url, portableBase64url, portableFromBase64url, toBigInt, u32be, u64be, utf8 } from './bytes.ts'

const bytes = fc.uint8Array({ maxLength: 300 })

describe('bytes', () => {
  it('write and read hexadecimal and base64url as Node does', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(hex(value)).toBe(Buffer.from(value).toString('hex'))
        expect(base64url(value)).toBe(portableBase64url(value))
        expect(portableBase64url(value)).toBe(Buffer.from(value).toString('base64url'))
        expect(fromHex(hex(value))).toEqual(value)
        expect(fromBase64url(base64url(value))).toEqual(value)
        expect(portableFromBase64url(base64url(value))).toEqual(value)
      })
    )
  })

  it('write base64url of megabytes', () => {
    const value = Uint8Array.from({ length: 1_000_001 }, (_, i) => (i * 7) & 255)
    expect(portableBase64url(value) === Buffer.from(value).toString('base64url')).toBe(true)
  })

  it('tell beforehand what is base64url', () => {
    const reads = (text: string): boolean => {
      try {
        portableFromBase64url(text)
        return true
      } catch {
        return false
      }
    }
    const texts = fc.oneof(fc.string({ unit: fc.constantFrom(...'AQEgwB_-9/+= '), maxLength: 9 }), fc.string({ maxLength: 9 }))
    fc.assert(
      fc.property(texts, (text) => {
        expect([text, isBase64url(text)]).toEqual([text, reads(text)])
      }),
    )
    expect(isBase64url('A'.repeat(32_000_000))).toBe(true)
  })

  it('refuse a second spelling of the same base64url value', () => {
    for (const text of ['QQ==', 'QR', 'Q', 'Q+', 'Q/', 'QQ ', 'QUJ', 'é', 'QUJDé']) expect(() => fromBase64url(text), text).toThrow(RangeError)
  })

  it('refuse what is not hexadecimal', () => {
    for (const text of ['a', '0g', '0x11', ' 11']) expect(() => fromHex(text), text).toThrow(RangeError)
  })

  it('compare by value and length', () => {
    expect(equal(utf8('abc'), utf8('abc'))).toBe(true)
    expect(equal(utf8('abc'), utf8('abd'))).toBe(false)
    expect(equal(utf8('abc'), utf8('ab'))).toBe(false)
  })

  it('keep numbers big-endian', () => {
    expect(hex(concat(u32be(0x01020304), u64be(2 ** 40)))).toBe('010203040000010000000000')
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), (value) => void expect(toBigInt(fromBigInt(value, 32))).toBe(value)))
    expect(() => fromUtf8(new Uint8Array([0xff]))).toThrow(TypeError)
  })
})
