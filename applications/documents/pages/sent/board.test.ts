import type { SignedReceipt } from '@postroad/waybill'
import { describe, expect, it } from 'vitest'
import { boardCounts, byRegion, chosenLines, csvOf, inOrder, type PlacedLine, storyOf } from './board.ts'

const receipt = (id: string, kind: string, node: string, at: string, recipient: string | null): SignedReceipt => ({ receipt: { id, kind, node, at, recipient }, seal: {} }) as unknown as SignedReceipt
const line = (organ: string, region: string, change: Partial<PlacedLine> = {}): PlacedLine =>
  ({ organ, name: `${organ}.name`, role: 'to', state: 'arrived', recall: 'none', late: false, heir: null, at: '2026-11-22T01:00:00.000Z', reason: '', title: '县委办公室', region, named: `中共${region}委员会`, ...change })

describe('the board of 跟踪', () => {
  it('counts so that 应收 is the sum of its parts, and 超时 is among those who have not signed', () => {
    const states = ['queued', 'inCustody', 'arrived', 'delivered', 'signedFor', 'registered', 'returned', 'recalled'] as const
    expect(boardCounts(states.map((state) => ({ state, late: state === 'queued' })))).toEqual({ expected: 8, delivered: 4, signed: 2, unsigned: 4, returned: 1, late: 1 })
  })
  it('finds by view and by the words of organ, name and region, and groups by region', () => {
    const lines = [line('a', '望川县'), line('b', '安澜县', { state: 'signedFor' }), line('c', '望川县', { state: 'returned', reason: '主送有误' })]
    expect(chosenLines(lines, 'unsigned', '').map(({ organ }) => organ)).toEqual(['a'])
    expect(chosenLines(lines, 'expected', '望川 县委').map(({ organ }) => organ)).toEqual(['a', 'c'])
    expect(byRegion(lines).map(({ title, lines: within, signed }) => [title, within.length, signed])).toEqual([['望川县', 2, 0], ['安澜县', 1, 1]])
    expect(inOrder([line('x', '甲', { role: 'cc' }), line('y', '甲'), line('z', '甲')], (organ) => (organ === 'z' ? 0 : 1)).map(({ organ }) => organ)).toEqual(['z', 'y', 'x'])
  })
  it('exports what is seen for a spreadsheet, which computes none of it', () => {
    const [head, first, second, signedByHeir, forwarded] = csvOf([line('a', '望川县', { reason: '=HYPERLINK("http://x")' }), line('b', '安澜县', { late: true }), line('c', '望川县', { state: 'signedFor', heir: 'data' }), line('d', '望川县', { heir: 'data' })], () => '县数据局').split('\r\n')
    expect(head).toBe('\uFEFF地区,收件单位,收文名义,主送或抄送,状态,时间,说明')
    expect(first).toBe(`望川县,县委办公室,中共望川县委员会,主送,已到达,2026-11-22T01:00:00.000Z,"'=HYPERLINK(""http://x"")"`)
    expect(second).toContain('已到达，已超时')
    expect(signedByHeir).toContain('已转由县数据局签收')
    expect(forwarded).toContain('已到达，已转县数据局')
  })
  it('tells one recipient only of the nodes on its way, in order of time', () => {
    const submitted = receipt('1', 'submitted', 'jy', '2026-11-22T01:00:00.000Z', null)
    const onWay = receipt('2', 'custody', 'lc', '2026-11-22T01:00:02.000Z', null)
    const elsewhere = receipt('3', 'custody', 'other', '2026-11-22T01:00:03.000Z', null)
    const signed = receipt('5', 'signedFor', 'wc', '2026-11-22T02:00:00.000Z', 'wc.party')
    const arrived = receipt('4', 'arrived', 'wc', '2026-11-22T01:00:04.000Z', 'wc.party')
    expect(storyOf([elsewhere, onWay, signed, submitted, arrived], new Set(['lc', 'wc'])).map((each) => each.receipt.id)).toEqual(['1', '2', '4', '5'])
  })
})
