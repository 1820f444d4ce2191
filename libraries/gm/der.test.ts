import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, hex } from './bytes.ts'
import { children, DerError, integer, octetString, oid, orNull, readDer, readFixedInteger, readInteger, readOid, readSmallInteger, sequence, setOf, TAG } from './der.ts'

describe('DER', () => {
  it('writes lengths in the shortest form', () => {
    expect(hex(octetString(new Uint8Array(127))).slice(0, 4)).toBe('047f')
    expect(hex(octetString(new Uint8Array(128))).slice(0, 6)).toBe('048180')
    expect(hex(octetString(new Uint8Array(65536))).slice(0, 10)).toBe('0483010000')
  })

  it('reads back every number and object identifier it writes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 32 }), (bytes) => {
        const wide = new Uint8Array(32)
        wide.set(bytes, 32 - bytes.length)
        expect(readFixedInteger(readDer(integer(bytes)), 32)).toEqual(wide)
      })
    )
    fc.assert(fc.property(fc.nat(), (value) => void expect(readSmallInteger(readDer(integer(value)))).toBe(value)))
    for (const dotted of ['1.2.156.10197.1.301', '2.5.29.15', '1.2.840.113549.1.7.2', '2.16.840.1.101.3.4.2.1', '0.9.2342']) expect(readOid(readDer(oid(dotted)))).toBe(dotted)
  })

  it('sorts a SET OF', () => {
    expect(hex(setOf(integer(2), octetString(new Uint8Array()), integer(1)))).toBe('3108' + '020101' + '020102' + '0400')
  })

  it.each([
    ['nothing', ''],
    ['a tag alone', '30'],
    ['cut short', '300302'],
    ['bytes after the end', '30000000'],
    ['indefinite length', '30800000'],
    ['a length in two forms', '30810101'],
    ['a length with leading zeros', '3082000101'],
    ['a huge length', '3084ffffffff'],
    ['a length of five octets', '30850000000001'],
    ['a long tag', '1f8100']
  ])('refuses %s', (_, text) => {
    expect(() => children(readDer(fromHex(text)))).toThrow(DerError)
  })

  it.each([['0200'], ['0201ff'], ['02020001'], ['0203000001']])('refuses the integer %s', (text) => {
    expect(() => readInteger(readDer(fromHex(text)))).toThrow(DerError)
  })

  it('answers hostile bytes with DerError and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const read of [children, readInteger, readOid, readSmallInteger]) orNull<unknown>(() => read(readDer(bytes)))
        orNull(() => children(readDer(sequence(bytes)), TAG.sequence))
      })
    )
  })

  it('passes other errors on', () => {
    expect(() =>
      orNull(() => {
        throw new TypeError('a bug')
      })
    ).toThrow(TypeError)
  })
})
