import { deflateSync } from 'fflate'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deflate, inflate, inflatePortably } from './deflate.ts'

const MOST = 4096
const some = fc.oneof(fc.uint8Array({ maxLength: MOST }), fc.integer({ min: 0, max: MOST }).map((length) => new Uint8Array(length).fill(7)))

describe('deflated bytes', () => {
  it('are read alike by Node’s zlib and by the script that browsers use, whichever wrote them', () => {
    fc.assert(fc.property(some, (plain) => {
      for (const stream of [deflate(plain), deflateSync(plain)]) {
        expect(inflate(stream, MOST)).toEqual(plain)
        expect(inflatePortably(stream, MOST)).toEqual(plain)
      }
    }))
  })
  it('are refused by both where they are cut or hold more than allowed', () => {
    const stream = deflate(new Uint8Array(MOST + 1))
    expect(inflate(stream, MOST)).toBeNull()
    expect(() => inflatePortably(stream, MOST)).toThrow('more than allowed')
    const text = deflate(new TextEncoder().encode('通知'.repeat(500)))
    for (let length = 0; length < text.length; length++) {
      expect(inflate(text.subarray(0, length), MOST)).toBeNull()
      expect(attempt(() => inflatePortably(text.subarray(0, length), MOST))).toBeNull()
    }
  })
})

function attempt<T>(act: () => T): T | null {
  try {
    return act()
  } catch {
    return null
  }
}
