import { describe, expect, it } from 'vitest'
import { answerCounts, answerRecall, hasGreeted, hear, type Hello, mayForget, mayTellCustody, nextOffers, type Offer, remember, splitKnown, STRANGER, turnOf } from './custody.ts'
import { advance, type DeliveryFact, NO_FACTS } from './delivery.ts'

const hello = (epoch: string, taken: number, receipts: number, givenReceipts: number): Hello => ({ node: 'b', epoch, marks: { taken, receipts }, given: { taken: 0, receipts: givenReceipts } })
const offer = (changes: Partial<Offer>): Offer => ({ kind: 'document', thread: 't', sender: 's', ordinal: 0, urgency: 'normal', bytes: 2048, queued: 0, inFlight: false, ...changes })

describe('a greeting', () => {
  const known = { epoch: '1', marks: { taken: 57, receipts: 9 } }
  it('changes nothing when the peer remembers all', () => {
    expect(hear(known, { taken: 3, receipts: 4 }, hello('1', 60, 9, 4), true)).toEqual({ known: { epoch: '1', marks: { taken: 60, receipts: 9 } }, offerAgainAbove: null, relayAgainAbove: null, tellBackAbove: null })
    expect(hear(STRANGER, { taken: 0, receipts: 0 }, hello('1', 0, 0, 0), true)).toMatchObject({ offerAgainAbove: null })
  })
  it('offers again what a peer that stepped back has forgotten', () => {
    expect(hear(known, { taken: 3, receipts: 4 }, hello('1', 40, 7, 2), true)).toMatchObject({ offerAgainAbove: 40, relayAgainAbove: 7, tellBackAbove: 2 })
  })
  it('offers everything to a peer in a new epoch, whatever its marks say', () => {
    expect(hear(known, { taken: 3, receipts: 4 }, hello('2', 99, 99, 99), true)).toMatchObject({ offerAgainAbove: 0, relayAgainAbove: 0, tellBackAbove: 0 })
  })
  it('raises the mark of our own receipts only with an answer, which tells back what we forgot', () => {
    const own = { taken: 0, receipts: 0 }
    const stale = { epoch: '1', marks: { taken: 57, receipts: 3 } }
    expect(hear(stale, own, hello('1', 57, 9, 0), false).known.marks.receipts).toBe(3)
    expect(hear(stale, own, hello('1', 57, 9, 0), true).known.marks.receipts).toBe(9)
    expect(hear(stale, own, hello('1', 57, 2, 0), false).known.marks.receipts).toBe(2)
  })
  it('comes before everything else, and answers from before a restore move nothing', () => {
    expect([hasGreeted('2', '2'), hasGreeted('2', '1')]).toEqual([true, false])
    expect([answerCounts(known, '1'), answerCounts(known, '0')]).toEqual([true, false])
    expect(remember(known, { taken: 12 }).marks.taken).toBe(57)
    expect(remember(known, { taken: 58, receipts: 10 }).marks).toEqual({ taken: 58, receipts: 10 })
  })
})

describe('offers', () => {
  it('keep a thread in line and let a recall request overtake', () => {
    const [first, second, recall, other] = [offer({ ordinal: 0 }), offer({ ordinal: 1 }), offer({ ordinal: 2, kind: 'recallRequest' }), offer({ thread: 'u', queued: 5 })] as const
    expect(nextOffers([second, recall, other, first])).toEqual([recall, first, other])
    expect(nextOffers([second, { ...first, inFlight: true }])).toEqual([])
    expect(nextOffers([second, offer({ sender: 'another' })])).toHaveLength(2)
  })
  it('prefer the urgent and the small, and starve nobody', () => {
    const film = offer({ bytes: 5e9, thread: 'a' })
    const note = offer({ queued: 60_000, urgency: 'extraUrgent', thread: 'b' })
    const letter = offer({ queued: 60_000, thread: 'c' })
    expect(nextOffers([film, letter, note])).toEqual([note, letter, film])
    expect(turnOf(film)).toBeLessThan(turnOf(offer({ queued: 6 * 3_600_000, urgency: 'extraUrgent' })))
  })
})

describe('custody', () => {
  it('is told after both payload and rows are on disk, of what is new', () => {
    expect(mayTellCustody({ payloadDurable: true, rowsDurable: false })).toBe(false)
    expect(mayTellCustody({ payloadDurable: true, rowsDurable: true })).toBe(true)
    expect(splitKnown([1, 2, 3], (n) => n === 2)).toEqual({ fresh: [1, 3], known: [2] })
  })
  it('is kept for the next hop’s horizon', () => {
    expect([mayForget(null, 1e9, 10), mayForget(100, 105, 10), mayForget(100, 111, 10)]).toEqual([false, false, true])
  })
  it('answers a recall by what the people did', () => {
    const fact = (kind: DeliveryFact['kind']): DeliveryFact => ({ kind, id: kind, node: 'n', at: '2026-11-02T00:00:00.000Z' })
    const arrived = advance(NO_FACTS, fact('arrived'))
    expect([answerRecall(null), answerRecall(arrived), answerRecall(advance(arrived, fact('signedFor')))]).toEqual(['tombstone', 'recalled', 'recallRefused'])
  })
})
