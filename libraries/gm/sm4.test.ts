import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, hex } from './bytes.ts'
import { sm4Block, sm4Ctr, sm4Expand } from './sm4.ts'

const KEY = fromHex('0123456789abcdeffedcba9876543210')
const words = () => Int32Array.from([0x01234567, 0x89abcdef, 0xfedcba98, 0x76543210])
const text = (block: Int32Array) => Array.from(block, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')

describe('SM4', () => {
  it('gives example 1 of GB/T 32907-2016 Annex A, and back', () => {
    const block = words()
    const keys = sm4Expand(KEY)
    sm4Block(keys, block)
    expect(text(block)).toBe('681edf34d206965e86b3e94f536e4246')
    sm4Block(keys.toReversed(), block)
    expect(block).toEqual(words())
  })

  it('gives example 2, one million encryptions', () => {
    const block = words()
    const keys = sm4Expand(KEY)
    for (let i = 0; i < 1_000_000; i++) sm4Block(keys, block)
    expect(text(block)).toBe('595298c7c6fd271f0402f804c33d3f66')
  })

  it('counts as OpenSSL does, also past the end of a word and of the whole counter', () => {
    const counters = ['00000000000000000000000000000000', '000000000000000000000000fffffffe', '0000000000000000fffffffffffffffe', 'fffffffffffffffffffffffffffffffe']
    for (const counter of counters.map(fromHex)) {
      for (const length of [0, 1, 15, 16, 17, 64, 100]) {
        const data = Uint8Array.from({ length }, (_, i) => i)
        expect(hex(sm4Ctr(KEY, counter, data))).toBe(createCipheriv('sm4-ctr', KEY, counter).update(data).toString('hex'))
      }
    }
  })

  it('is OpenSSL’s SM4-CTR for any key, counter and data', () => {
    const block = fc.uint8Array({ minLength: 16, maxLength: 16 })
    fc.assert(
      fc.property(block, block, fc.uint8Array({ maxLength: 200 }), (key, counter, data) => {
        expect(hex(sm4Ctr(key, counter, data))).toBe(createCipheriv('sm4-ctr', key, counter).update(data).toString('hex'))
      })
    )
  })

  it('refuses keys of other sizes', () => {
    expect(() => sm4Expand(new Uint8Array(32))).toThrow(RangeError)
  })
})
