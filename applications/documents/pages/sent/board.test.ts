import type { SignedReceipt } from '@postroad/waybill'
import { describe, expect, it } from 'vitest'
import { boardCounts, latest, storyOf } from './board.ts'

const receipt = (id: string, kind: string, node: string, at: string, recipient: string | null): SignedReceipt => ({ receipt: { id, kind, node, at, recipient }, seal: {} }) as unknown as SignedReceipt

describe('the board of 跟踪', () => {
  it('counts so that 应收 is the sum of its parts', () => {
    const states = ['queued', 'inCustody', 'arrived', 'delivered', 'signedFor', 'registered', 'returned', 'recalled'] as const
    expect(boardCounts(states.map((state) => ({ state })))).toEqual({ expected: 8, delivered: 4, signed: 2, unsigned: 4, returned: 1 })
  })
  it('tells one recipient only of the nodes on its way, in order of time', () => {
    const submitted = receipt('1', 'submitted', 'jy', '2026-11-22T01:00:00.000Z', null)
    const onWay = receipt('2', 'custody', 'lc', '2026-11-22T01:00:02.000Z', null)
    const elsewhere = receipt('3', 'custody', 'other', '2026-11-22T01:00:03.000Z', null)
    const signed = receipt('5', 'signedFor', 'wc', '2026-11-22T02:00:00.000Z', 'wc.party')
    const arrived = receipt('4', 'arrived', 'wc', '2026-11-22T01:00:04.000Z', 'wc.party')
    const delivery = { organ: 'wc.party', receipts: [signed, arrived] }
    expect(storyOf({ receipts: [elsewhere, onWay, submitted, signed] }, delivery, new Set(['lc', 'wc'])).map((each) => each.receipt.id)).toEqual(['1', '2', '4', '5'])
    expect(latest(delivery)).toBe(signed)
    expect(latest({ receipts: [] })).toBeNull()
  })
})
