import { createHash, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, utf8 } from './bytes.ts'
import { hmacSm3, Sm3, sm3 } from './sm3.ts'

describe('SM3', () => {
  it('gives the two examples of GB/T 32905-2016 Annex A', () => {
    expect(hex(sm3(utf8('abc')))).toBe('66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0')
    expect(hex(sm3(utf8('abcd'.repeat(16))))).toBe('debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732')
  })

  it('is OpenSSL’s SM3 for every length around block ends and however the input is cut', () => {
    for (let length = 0; length <= 200; length++) {
      const message = Uint8Array.from({ length }, (_, i) => i * 31 + length)
      expect(hex(sm3(message))).toBe(createHash('sm3').update(message).digest('hex'))
    }
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (parts) => {
        const digest = new Sm3()
        for (const part of parts) digest.update(part)
        expect(hex(digest.digest())).toBe(createHash('sm3').update(Buffer.concat(parts)).digest('hex'))
      })
    )
  })

  it('may be finished once', () => {
    const digest = new Sm3()
    digest.digest()
    expect(() => digest.digest()).toThrow('finished')
    expect(() => digest.update(new Uint8Array())).toThrow('finished')
  })

  it('makes OpenSSL’s HMAC-SM3 with keys shorter and longer than a block', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 150 }), fc.uint8Array({ maxLength: 150 }), (key, message) => {
        expect(hex(hmacSm3(key, message))).toBe(createHmac('sm3', key).update(message).digest('hex'))
      })
    )
  })
})
