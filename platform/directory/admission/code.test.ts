import { suites } from '@postroad/gm/node'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JoinCode, readJoinCode, spokenFingerprint, writeJoinCode } from './code.ts'

const id = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,40}$/)
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const code: fc.Arbitrary<JoinCode> = fc.record({
  parent: id, node: id, url: fc.tuple(fc.ipV4(), fc.integer({ min: 1024, max: 65_535 })).map(([host, port]) => `https://${host}:${port}`),
  anchor: bytes(32).map((value) => Buffer.from(value).toString('hex')), secret: bytes(16).map((value) => Buffer.from(value).toString('base64url')),
})
const sample: JoinCode = { parent: 'wangchuan', node: 'wangchuan-education', url: 'https://10.36.7.2:8443', anchor: '5f'.repeat(32), secret: 'AAECAwQFBgcICQoLDA0ODw' }
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const faultOf = (typed: string): unknown => {
  try {
    return readJoinCode(suites, typed)
  } catch (error) {
    return (error as { detail: { line?: number } }).detail.line
  }
}

describe('a join code', () => {
  it('is read as it was written, however it was typed or pasted', () => {
    fc.assert(fc.property(code, fc.constantFrom(' ', '', '\n', ' - ', '—'), (given, between) => {
      const lines = writeJoinCode(suites, given)
      expect(readJoinCode(suites, lines.join(between))).toEqual(given)
      expect(readJoinCode(suites, ` ${lines.join('\r\n').toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l')}\n`)).toEqual(given)
    }), { numRuns: 50 })
  })

  it('is short lines of groups of five', () => {
    const lines = writeJoinCode(suites, sample)
    expect(lines.length).toBeLessThanOrEqual(9)
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^([0-9A-HJKMNP-TV-Z]{5} ){4}[0-9A-HJKMNP-TV-Z]{5}$/)
  })

  it('with one wrong letter, or two swapped, is told by its line', () => {
    const text = writeJoinCode(suites, sample).join('').replaceAll(' ', '')
    fc.assert(fc.property(fc.nat({ max: text.length - 1 }), fc.constantFrom(...LETTERS), (at, letter) => {
      fc.pre(letter !== text[at])
      expect(faultOf(text.slice(0, at) + letter + text.slice(at + 1))).toBe(Math.floor(at / 25) + 1)
    }))
    fc.assert(fc.property(fc.nat({ max: text.length - 2 }), (at) => {
      fc.pre(text[at] !== text[at + 1] && at % 25 !== 24)
      expect(faultOf(`${text.slice(0, at)}${text[at + 1]}${text[at]}${text.slice(at + 2)}`)).toBe(Math.floor(at / 25) + 1)
    }))
  })

  it('with lines left out, doubled or swapped, or of something else, is refused', () => {
    const lines = writeJoinCode(suites, sample)
    const [first = '', second = '', ...rest] = lines
    for (const typed of [[second, first, ...rest], lines.slice(1), lines.slice(0, -1), [first, ...lines]]) expect(faultOf(typed.join('\n'))).toBeTypeOf('number')
    for (const typed of ['', ' ', '你好', 'A', 'U'.repeat(25), 'A'.repeat(2000)]) expect(faultOf(typed)).toBeTypeOf('number')
  })
})

describe('a fingerprint to be spoken', () => {
  it('is eight groups of five digits, another for other keys', () => {
    expect(spokenFingerprint('00'.repeat(32))).toBe(Array.from({ length: 8 }, () => '00000').join(' '))
    expect(spokenFingerprint('ff'.repeat(32))).toMatch(/^(\d{5} ){7}\d{5}$/)
    expect(spokenFingerprint('ff'.repeat(32))).not.toBe(spokenFingerprint(`fe${'ff'.repeat(31)}`))
  })
})
