import { describe, expect, it } from 'vitest'
import { actsOn, isOpen, mayRecall, ORGAN_RECEIPTS, progress, RECEIVED_VIEWS } from './model.ts'

describe('acts on a delivery', () => {
  it('offers 签收 and 退文 at the door, 登记 and 退文 after 签收, nothing afterwards', () => {
    expect(actsOn({ state: 'arrived', deputised: false })).toEqual(['signedFor', 'returned'])
    expect(actsOn({ state: 'delivered', deputised: false })).toEqual(['signedFor', 'returned'])
    expect(actsOn({ state: 'signedFor', deputised: false })).toEqual(['registered', 'returned'])
    for (const state of ['registered', 'returned', 'recalled', 'closed'] as const) expect(actsOn({ state, deputised: false })).toEqual([])
  })
  it('lets a deputy sign for and nothing else', () => {
    expect(actsOn({ state: 'arrived', deputised: true })).toEqual(['signedFor'])
    expect(actsOn({ state: 'signedFor', deputised: true })).toEqual([])
  })
  it('only ever offers what an organ may sign', () => {
    const offered = RECEIVED_VIEWS.all.flatMap((state) => [...actsOn({ state, deputised: false }), ...actsOn({ state, deputised: true })])
    expect(offered.every((kind) => (ORGAN_RECEIPTS as readonly string[]).includes(kind))).toBe(true)
  })
})

describe('the sender', () => {
  it('may ask for a recall while somebody has neither signed nor ended', () => {
    expect(mayRecall({ signedFor: 3, inCustody: 1 })).toBe(true)
    expect(mayRecall({ signedFor: 3, returned: 1, recalled: 1 })).toBe(false)
    expect(mayRecall({})).toBe(false)
  })
  it('sees how many have signed', () => {
    expect(progress({ signedFor: 3, registered: 1, arrived: 2 })).toEqual({ signed: 4, total: 6 })
  })
  it('knows which states are open', () => {
    expect(RECEIVED_VIEWS.waiting.every(isOpen)).toBe(true)
    expect(RECEIVED_VIEWS.ended.some(isOpen)).toBe(false)
  })
})
