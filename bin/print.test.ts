import { describe, expect, it } from 'vitest'
import { columns, pad, table } from './print.ts'

describe('columns', () => {
  it('counts Chinese characters and full-width marks as two', () => {
    expect(columns('县委办公室')).toBe(10)
    expect(columns('江委〔2026〕1号')).toBe(4 + 2 + 4 + 2 + 1 + 2)
    expect(columns('node-1')).toBe(6)
    expect(columns('，。')).toBe(4)
  })
})

describe('table', () => {
  it('aligns rows that mix both widths', () => {
    const lines = table([['市委', 'linchuan', '已签收'], ['教育局', 'x', '在途']]).split('\n')
    expect(lines[0]?.indexOf('linchuan')).toBe(2 + 2 + 2 + 2) // indent, two characters, filling, gap
    expect(columns(lines[0]?.split('已')[0] ?? '')).toBe(columns(lines[1]?.split('在')[0] ?? ''))
  })
  it('never cuts', () => {
    expect(pad('一二三', 2)).toBe('一二三')
  })
})
