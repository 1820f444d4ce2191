import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Manifest, choose, expired, formatLsn, isSpent, parseLsn, segmentName, segmentStart, unbroken } from './model.ts'

const MIB16 = 16 * 1024 * 1024
const made = (id: number, finishedAt: string, start = '0/1000000', stream: string | null = null): Manifest => ({
  v: 1, id: `20260601T000000Z-${String(id).padStart(8, '0')}`, node: 'n', software: '0', startedAt: finishedAt, finishedAt,
  database: { kind: 'embedded', version: '18', timeline: 1, segmentBytes: MIB16, start, end: start, bytes: 0 }, stream, parts: {}, blobs: { count: 0, bytes: 0, sha256: '0'.repeat(64) }, directory: null, ledger: null,
})
const at = (day: number): string => new Date(Date.UTC(2026, 5, day)).toISOString()

describe('positions in the log', () => {
  it('are written and read as PostgreSQL writes them', () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (lsn) => parseLsn(formatLsn(lsn)) === lsn))
    expect(formatLsn(0x16b374d848n)).toBe('16/B374D848')
    expect(segmentName(1, parseLsn('0/2000028'), MIB16)).toBe('000000010000000000000002')
    expect(segmentName(3, parseLsn('16/B374D848'), MIB16)).toBe('0000000300000016000000B3')
  })
  it('lie in segments whose names sort as they follow one another', () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 60n }), (lsn) => {
      const next = segmentStart(lsn, MIB16) + BigInt(MIB16)
      return segmentName(1, lsn, MIB16) < segmentName(1, next, MIB16)
    }))
  })
  it('are reached as far as there is no hole', () => {
    const there = new Set(['000000010000000000000002', '000000010000000000000003', '000000010000000000000005'])
    expect(unbroken(1, parseLsn('0/2000028'), MIB16, (name) => there.has(name))).toEqual(['000000010000000000000002', '000000010000000000000003'])
  })
})

describe('which backup', () => {
  const all = [made(1, at(1)), made(2, at(2)), made(3, at(3))]
  it('a moment is reached from: the newest that was finished by then', () => {
    expect(choose(all, null)?.id).toBe(all[2]?.id)
    expect(choose(all, new Date(at(2)))?.id).toBe(all[1]?.id)
    expect(choose(all, new Date(Date.parse(at(1)) - 1))).toBeNull()
  })
  it('may go: none that is among the newest or young enough, never the last one', () => {
    expect(expired(all, new Date(at(20)), { count: 1, days: 7 }).map(({ id }) => id)).toEqual([all[1]?.id, all[0]?.id])
    expect(expired(all, new Date(at(4)), { count: 1, days: 2 }).map(({ id }) => id)).toEqual([all[0]?.id])
    expect(expired(all, new Date(at(300)), { count: 0, days: 1 })).toHaveLength(2)
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 28 }), { minLength: 1, maxLength: 10 }), fc.nat(5), fc.nat(30), (days, count, young) => {
      const backups = days.map((day, i) => made(i, at(day)))
      return expired(backups, new Date(at(40)), { count, days: young }).length < backups.length
    }))
  })
  it('holds the log back: nothing that a kept backup starts from or needs later is spent', () => {
    const kept = [made(1, at(1), '0/3000028', 's'), made(2, at(2), '0/9000028', 's')]
    expect(isSpent('000000010000000000000002', 's', kept)).toBe(true)
    expect(isSpent('000000010000000000000003', 's', kept)).toBe(false)
    expect(isSpent('00000001000000000000000A', 's', kept)).toBe(false)
  })
})
