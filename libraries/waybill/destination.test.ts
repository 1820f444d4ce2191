import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { advance, type Delivery, type DeliveryState, forwardedTo, hasEnded, isContradictory, mayIssue, NO_FACTS, recallOf, stateOf } from './delivery.ts'
import { type ReceiptKind, receiptKind } from './model.ts'

const factOf = (kind: ReceiptKind, second: number): Parameters<typeof advance>[1] =>
  ({ kind, id: `${second}`, node: 'n', at: new Date(Date.UTC(2026, 10, 2, 1, 0, second)).toISOString(), reason: { code: 'forwarded', text: 'new.home' } })
const after = (...kinds: ReceiptKind[]): Delivery => kinds.map(factOf).reduce(advance, NO_FACTS)
const code = (delivery: Delivery, kind: ReceiptKind): string => {
  const may = mayIssue(delivery, kind)
  return may.ok ? 'ok' : may.fault.code
}

/** Every state a destination can be in, and what it answers to each act there: 签收, 登记, 退文, 撤回, 办结. */
const ACTS = ['signedFor', 'registered', 'returned', 'recalled', 'closed'] as const
const TABLE: [DeliveryState, ReceiptKind[], string[]][] = [
  ['accepted', [], ['notArrived', 'notSignedFor', 'notArrived', 'ok', 'ok']],
  ['arrived', ['arrived'], ['ok', 'notSignedFor', 'ok', 'ok', 'ok']],
  ['delivered', ['arrived', 'delivered'], ['ok', 'notSignedFor', 'ok', 'ok', 'ok']],
  ['signedFor', ['arrived', 'signedFor'], ['alreadySignedFor', 'ok', 'ok', 'alreadySignedFor', 'alreadySignedFor']],
  ['registered', ['arrived', 'signedFor', 'registered'], ['alreadySignedFor', 'alreadyRegistered', 'ok', 'alreadySignedFor', 'alreadySignedFor']],
  ['returned', ['arrived', 'returned'], ACTS.map(() => 'alreadyReturned')],
  ['recalled', ['arrived', 'recalled'], ['alreadyRecalled', 'alreadyRecalled', 'alreadyRecalled', 'ok', 'alreadyRecalled']],
  ['closed', ['arrived', 'closed'], ['ok', 'notSignedFor', 'ok', 'ok', 'alreadyEnded']],
  ['undeliverable', ['undeliverable'], ['notArrived', 'notSignedFor', 'notArrived', 'ok', 'alreadyEnded']],
]

describe('a destination', () => {
  it.each(TABLE)('in the state %s answers each act', (state, facts, answers) => {
    const delivery = after(...facts)
    expect(stateOf(delivery)).toBe(state)
    expect(ACTS.map((kind) => code(delivery, kind))).toEqual(answers)
  })

  it('that issues only what it may is never contradictory, and never says the same twice', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...receiptKind.options), { maxLength: 25 }), (wishes) => {
        const issued: ReceiptKind[] = []
        let delivery = after('arrived')
        for (const [second, kind] of wishes.entries()) {
          if (!mayIssue(delivery, kind).ok || (kind === 'recalled' && stateOf(delivery) === 'recalled')) continue
          delivery = advance(delivery, factOf(kind, second + 1))
          issued.push(kind)
        }
        expect(isContradictory(delivery)).toBe(false)
        for (const kind of ['signedFor', 'registered', 'returned', 'recalled'] as const) expect(issued.filter((made) => made === kind).length).toBeLessThanOrEqual(1)
        expect(issued.includes('registered') && !issued.includes('signedFor')).toBe(false)
        expect(issued.includes('signedFor') && issued.includes('recalled')).toBe(false)
        expect(recallOf(delivery) === 'done').toBe(issued.includes('recalled') && !issued.includes('returned'))
        expect(hasEnded(delivery) || !issued.includes('closed')).toBe(true)
      }),
    )
  })

  it('that moved is where its forwarding says', () => {
    expect([forwardedTo(after('arrived')), forwardedTo(after('forwarded'))]).toEqual([null, 'new.home'])
  })
})
