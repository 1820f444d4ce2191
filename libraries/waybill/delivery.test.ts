import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { advance, decidedBy, type Delivery, DELIVERY_STATES, type DeliveryFact, hasEnded, isContradictory, isLate, mayIssue, NO_FACTS, recallOf, stateOf } from './delivery.ts'
import { receiptKind } from './model.ts'

const KINDS = [...receiptKind.options, 'queued', 'recallRequested'] as const
const fact = (kind: DeliveryFact['kind'], at = 1, node = 'n'): DeliveryFact => ({ kind, id: `${kind}-${at}-${node}`, node, at: `2026-11-02T00:00:${String(at).padStart(2, '0')}.000Z` })
const after = (...kinds: DeliveryFact['kind'][]): Delivery => kinds.map((kind, i) => fact(kind, i)).reduce(advance, NO_FACTS)
const anyFacts = fc.array(
  fc.tuple(fc.constantFrom(...KINDS), fc.nat(9), fc.constantFrom('a', 'b', 'c')).map(([kind, at, node]) => fact(kind, at, node)),
  { maxLength: 14 },
)

describe('a delivery', () => {
  it('is the same for any order and any repetition of the same facts', () => {
    fc.assert(
      fc.property(anyFacts, fc.infiniteStream(fc.nat()), (facts, order) => {
        const mixed = [...facts, ...facts].map((value) => ({ value, place: order.next().value ?? 0 })).sort((a, b) => a.place - b.place)
        const one = facts.reduce(advance, NO_FACTS)
        const two = mixed.reduce((delivery, { value }) => advance(delivery, value), NO_FACTS)
        expect(two).toEqual(one)
        expect([stateOf(two), decidedBy(two), recallOf(two), isLate(two)]).toEqual([stateOf(one), decidedBy(one), recallOf(one), isLate(one)])
      }),
    )
  })
  it('only moves forward', () => {
    const rank = (delivery: Delivery): number => DELIVERY_STATES.indexOf(stateOf(delivery))
    fc.assert(
      fc.property(anyFacts, (facts) => {
        let delivery = NO_FACTS
        for (const next of facts) {
          const moved = advance(delivery, next)
          expect(rank(moved)).toBeGreaterThanOrEqual(rank(delivery))
          delivery = moved
        }
      }),
    )
  })
  it('walks the lattice', () => {
    expect(stateOf(NO_FACTS)).toBe('accepted')
    expect(stateOf(after('submitted', 'queued'))).toBe('queued')
    expect(stateOf(after('submitted', 'custody', 'arrived', 'delivered', 'signedFor', 'registered'))).toBe('registered')
    const hops = [fact('custody', 3, 'b'), fact('custody', 1, 'a')].reduce(advance, NO_FACTS)
    expect(hops.custody.map(({ node }) => node)).toEqual(['a', 'b'])
  })
  it('lets a late 签收 win, and 退文 follow it', () => {
    expect(stateOf(after('late', 'closed', 'signedFor'))).toBe('signedFor')
    expect(stateOf(after('signedFor', 'undeliverable'))).toBe('signedFor')
    expect(stateOf(after('arrived', 'signedFor', 'returned'))).toBe('returned')
    expect(isLate(after('arrived', 'late'))).toBe(true)
    expect(isLate(after('late', 'arrived', 'signedFor'))).toBe(false)
    expect(hasEnded(after('arrived'))).toBe(false)
  })
  it('answers a recall once', () => {
    expect(recallOf(after('arrived', 'recallRequested'))).toBe('requested')
    expect(recallOf(after('recallRequested', 'recallRefused'))).toBe('refused')
    expect(recallOf(after('recallRequested', 'signedFor'))).toBe('refused')
    expect(recallOf(after('recalled'))).toBe('done')
    expect(isContradictory(after('recalled', 'signedFor'))).toBe(true)
    expect(isContradictory(after('recallRefused', 'signedFor'))).toBe(false)
  })
  it('lets its destination issue only what follows', () => {
    const code = (delivery: Delivery, kind: (typeof receiptKind.options)[number]): string => {
      const may = mayIssue(delivery, kind)
      return may.ok ? 'ok' : may.fault.code
    }
    expect(code(NO_FACTS, 'signedFor')).toBe('notArrived')
    expect(code(after('arrived'), 'signedFor')).toBe('ok')
    expect(code(after('arrived', 'signedFor'), 'signedFor')).toBe('alreadySignedFor')
    expect(code(after('arrived'), 'registered')).toBe('notSignedFor')
    expect(code(after('arrived', 'signedFor'), 'registered')).toBe('ok')
    expect(code(after('arrived', 'signedFor', 'registered'), 'registered')).toBe('alreadyRegistered')
    expect(code(after('arrived', 'signedFor'), 'recalled')).toBe('alreadySignedFor')
    expect(code(after('arrived'), 'recalled')).toBe('ok')
    expect(code(after('arrived', 'recalled'), 'signedFor')).toBe('alreadyRecalled')
    expect(code(after('arrived', 'signedFor'), 'returned')).toBe('ok')
    expect(code(after('arrived', 'returned'), 'signedFor')).toBe('alreadyReturned')
    expect(code(after('arrived', 'closed'), 'undeliverable')).toBe('alreadyEnded')
    expect(code(after('arrived', 'closed'), 'signedFor')).toBe('ok')
  })
})
