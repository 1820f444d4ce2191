import { base64url, utf8 } from '@postroad/gm'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { canonical, canonicalText, decodeBytes, headCore, headHash, readCanonical, readHead } from './canonical.ts'
import { decodeChunk, encodeChunk } from './chunks.ts'
import { draftFrom, suites } from './fixture.ts'
import { CHUNK_BYTES, type Head } from './model.ts'

const read = (text: string): string => {
  const result = readCanonical(utf8(text), z.unknown(), { maxBytes: 1000 })
  return result.ok ? 'ok' : result.fault.code
}
const head = (): Head => {
  const { content: _, ...chosen } = draftFrom('js.o0', 'SM')
  return { v: 1, suite: 'SM', ...chosen, recipients: { root: 'A'.repeat(43), count: 1 }, body: { root: 'A'.repeat(43), chunks: 0, bytes: 0 }, manifest: 'B'.repeat(42) + 'A' }
}

describe('canonical bytes', () => {
  it('are those of RFC 8785', () => {
    expect(canonicalText({ numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001], string: '\u20ac$\u000f\nA\'B"\\\\"/', literals: [null, true, false] })).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
    expect(canonicalText({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 })).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}')
  })
  it('agree with the canonicalize package on any JSON', () => {
    fc.assert(fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => void expect(canonicalText(value)).toBe(canonicalize(value))))
  })
  it('refuse what JSON cannot hold', () => {
    for (const value of [Number.NaN, Infinity, '\ud800', () => 1, 1n]) expect(() => canonicalText(value)).toThrow()
  })
})

describe('reading hostile bytes', () => {
  it('names what is wrong', () => {
    expect(read('{"a":1}')).toBe('ok')
    expect(read('{"a":1,"a":1}')).toBe('duplicateKey')
    expect(read('{"b":{"a":1,"\\u0061":2}}')).toBe('duplicateKey')
    expect(read('{"b":1,"a":1}')).toBe('notCanonical')
    expect(read('{"a": 1}')).toBe('notCanonical')
    expect(read('{"a":1.0}')).toBe('notCanonical')
    expect(read('{"a":"\\ud800"}')).toBe('notCanonical')
    expect(read('{"a":')).toBe('malformed')
    expect(read(`${'['.repeat(400)}${']'.repeat(400)}`)).toBe('tooDeep')
    expect(read(`"${'x'.repeat(1000)}"`)).toBe('tooLarge')
    const bad = readCanonical(Uint8Array.of(0x22, 0xff, 0x22), z.unknown(), { maxBytes: 10 })
    expect(bad.ok ? '' : bad.fault.code).toBe('malformed')
    const bom = readCanonical(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31), z.unknown(), { maxBytes: 10 })
    expect(bom.ok).toBe(false)
  })
  it('accepts exactly the canonical text of a value', () => {
    const ofNoVersion = fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 4 }).filter((value) => value === null || typeof value !== 'object' || !Object.hasOwn(value, 'v')) // another `v` is refused, as below
    fc.assert(fc.property(ofNoVersion, (value) => void expect(readCanonical(canonical(value), z.unknown(), { maxBytes: 1e6 })).toEqual({ ok: true, value: JSON.parse(canonicalText(value)) })))
  })
  it('reads heads and refuses other versions, large ones and contradictory ones', () => {
    const code = (value: unknown): string => {
      const result = readHead(canonical(value))
      return result.ok ? 'ok' : result.fault.code
    }
    expect(code(head())).toBe('ok')
    expect(code({ ...head(), v: 2, more: 1 })).toBe('wrongVersion')
    expect(code({ ...head(), more: 1 })).toBe('malformed')
    expect(code({ ...head(), suite: 'RSA' })).toBe('malformed')
    expect(code({ ...head(), padding: 'x'.repeat(8192) })).toBe('headTooLarge')
    expect(code({ ...head(), expires: head().created })).toBe('malformed')
    expect(code({ ...head(), ordinal: 1 })).toBe('malformed')
  })
  it('holds bytes and texts one to one', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void expect(decodeBytes(base64url(bytes))).toEqual(bytes)))
    for (const text of ['A', 'AB', 'AA==', 'A A', '+/AA']) expect(decodeBytes(text)).toBe(null)
  })
})

describe('hashes of a head', () => {
  it.each(['SM', 'P256'] as const)('%s: the core ignores the manifest hash only', (suiteId) => {
    const suite = suites[suiteId]
    const one = head()
    expect(headCore(suite, one)).toBe(headCore(suite, { ...one, manifest: 'C'.repeat(42) + 'A' }))
    expect(headHash(suite, one)).not.toBe(headHash(suite, { ...one, manifest: 'C'.repeat(42) + 'A' }))
    expect(headCore(suite, one)).not.toBe(headCore(suite, { ...one, label: 2 }))
  })
})

describe('chunk encoding', () => {
  it('gives back what went in', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), (plain) => void expect(decodeChunk(encodeChunk(plain))).toEqual({ ok: true, value: plain })))
    const text = utf8('通知'.repeat(150_000))
    expect(encodeChunk(text).length).toBeLessThan(text.length / 50)
    expect(decodeChunk(encodeChunk(text))).toEqual({ ok: true, value: text })
  })
  it('never unfolds beyond one chunk and never throws', () => {
    const bomb = encodeChunk(new Uint8Array(CHUNK_BYTES))
    expect(decodeChunk(bomb).ok).toBe(true)
    expect(decodeChunk(bomb.subarray(0, bomb.length - 3)).ok).toBe(false)
    fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => void decodeChunk(bytes)))
  })
})
