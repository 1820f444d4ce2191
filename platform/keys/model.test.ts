import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normaliseSecret } from './channel.ts'
import { isStrongSecret, nothingSeen, secretFrom, see, type Seen, waitAfter } from './model.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)

describe('a generated secret', () => {
  it('has five groups of four digits, each digit equally likely', () => {
    const counts = Array<number>(10).fill(0)
    for (let i = 0; i < 2000; i++) {
      const secret = new TextDecoder().decode(secretFrom((length) => crypto.getRandomValues(new Uint8Array(length))))
      expect(secret).toMatch(/^\d{4}(-\d{4}){4}$/)
      for (const digit of secret.replaceAll('-', '')) counts[Number(digit)] = (counts[Number(digit)] ?? 0) + 1
    }
    // 40,000 digits: chi-square with 9 degrees of freedom stays below 40 but once in 100,000 runs
    expect(counts.reduce((sum, count) => sum + (count - 4000) ** 2 / 4000, 0)).toBeLessThan(40)
  })
  it('passes over bytes that would favour small digits', () => {
    let served = 0
    const secret = secretFrom((length) => new Uint8Array(length).fill(served++ === 0 ? 255 : 13))
    expect(new TextDecoder().decode(secret)).toBe('3333-3333-3333-3333-3333')
  })
  it('is typed with or without separators, in full-width digits too', () => {
    for (const typed of ['1234-5678-9012', '1234 5678 9012', '１２３４－５６７８－９０１２', '1234–5678—9012\u3000']) expect(normaliseSecret(typed)).toBe('123456789012')
  })
})

describe('a chosen secret', () => {
  it.each(['12345', '123456789012345', 'aaaaaaaaaaaaaaaa', 'abababababababab', '98765432109876543210', ''])('%s is too weak', (secret) => expect(isStrongSecret(utf8(secret))).toBe(false))
  it.each(['41709825563817740295', '春江潮水连海平海上明月', 'correct horse battery'])('%s will do', (secret) => expect(isStrongSecret(utf8(secret))).toBe(true))
})

describe('waiting after failures', () => {
  it('is nothing twice, then doubles up to an hour', () => {
    expect([1, 2, 3, 4, 5].map(waitAfter)).toEqual([0, 0, 2000, 4000, 8000])
    expect(waitAfter(500)).toBe(3_600_000)
  })
})

describe('sequence numbers', () => {
  it('work once each, in any order within the window', () => {
    fc.assert(fc.property(fc.array(fc.bigInt({ min: -2n, max: 200n }), { maxLength: 300 }), (numbers) => {
      const accepted = new Set<bigint>()
      let seen: Seen = nothingSeen
      for (const number of numbers) {
        const next = see(seen, number)
        if (next === null) continue
        expect(accepted.has(number)).toBe(false)
        expect(number > 0n).toBe(true)
        accepted.add(number)
        seen = next
        expect(seen.recent.size).toBeLessThanOrEqual(64)
      }
    }))
  })
  it('may overtake one another by less than the window', () => {
    let seen: Seen = nothingSeen
    for (const number of [64n, 1n, 63n, 2n]) seen = see(seen, number) ?? expect.fail(`${number} was refused`)
    expect(see(seen, 64n)).toBeNull()
    expect(see(see(seen, 200n) ?? seen, 136n)).toBeNull()
  })
})
