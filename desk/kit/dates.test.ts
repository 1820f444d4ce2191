import { describe, expect, it } from 'vitest'
import { fileSize, fullDate, nearDate } from './dates.ts'

const now = new Date(2026, 10, 22, 18, 0)
const at = (...parts: [number, number, number, number, number]) => new Date(...parts).toISOString()

describe('dates as the desk says them', () => {
  it('names near days and gives the year only when it is another', () => {
    expect(nearDate(at(2026, 10, 22, 14, 5), now)).toBe('今天 14:05')
    expect(nearDate(at(2026, 10, 21, 0, 1), now)).toBe('昨天 00:01')
    expect(nearDate(at(2026, 10, 20, 9, 0), now)).toBe('周五 09:00')
    expect(nearDate(at(2026, 10, 15, 9, 0), now)).toBe('11月15日')
    expect(nearDate(at(2025, 10, 15, 9, 0), now)).toBe('2025年11月15日')
  })
  it('writes the full date in the form of the field', () => {
    expect(fullDate(at(2026, 10, 22, 14, 5))).toBe('2026年11月22日 14:05')
  })
  it('says sizes in the unit one reads', () => {
    expect([0, 900, 2048, 20_480, 1_468_006, 3 * 1024 ** 3].map(fileSize)).toEqual(['0 B', '900 B', '2.0 kB', '20 kB', '1.4 MB', '3.00 GB'])
  })
})
