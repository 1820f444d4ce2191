import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AdmissionEvent, type Invitation, admissionOf, answerTo, decisionRefusal } from './model.ts'

const DAY = 24 * 3600_000
const START = Date.parse('2026-06-01T00:00:00.000Z')
const place = { title: '望川县教育局', level: 'department' as const, region: '360702', regionTitle: '望川县', maxLabel: 1 }
const invitation = (change: Partial<Invitation> = {}): Invitation =>
  ({ id: 'i', node: 'n', place, created: new Date(START), expires: new Date(START + 7 * DAY), by: 'anna', approved: false, ...change })
const asker = (fingerprint: string) => ({ fingerprint, title: '望川县教育局', address: '10.1.2.3' })

/** Days after the invitation, and what then happens; whoever asks has one of two machines. */
const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom('asked', 'contested', 'approved', 'refused', 'withdrawn', 'joined'), fc.constantFrom('one', 'two')), { maxLength: 12 })
const eventsOf = (given: readonly (readonly [number, string, string])[]): AdmissionEvent[] => {
  let at = START
  return given.map(([days, kind, who]) => {
    at += days * DAY
    if (kind === 'joined') return { kind, at: new Date(at) }
    if (kind === 'asked' || kind === 'contested') return { kind, at: new Date(at), ...asker(who) }
    return { kind: kind as 'approved', at: new Date(at), by: 'bert', reason: '' }
  })
}
const LATER = new Date(START + 1000 * DAY)

describe('an invitation', () => {
  it('lets nobody in whom nobody approved, whatever happens in whatever order', () => {
    fc.assert(fc.property(steps, (given) => {
      const events = eventsOf(given)
      const { state, asked, decided } = admissionOf(invitation(), events, LATER)
      if (state !== 'joined' && state !== 'approved') return
      expect(decided?.kind).toBe('approved')
      const [first, yes] = [events.findIndex(({ kind }) => kind === 'asked'), events.findIndex(({ kind }) => kind === 'approved')]
      expect(first).toBeGreaterThanOrEqual(0)
      // The keys that were asked for first are the ones that stand, and they were there when somebody said yes.
      expect(events[first]).toMatchObject({ fingerprint: asked?.fingerprint })
      expect(events.some((event, index) => event.kind === 'approved' && index > first)).toBe(true)
      expect(yes).toBeGreaterThanOrEqual(0)
    }))
  })

  it('that ended stays as it ended', () => {
    fc.assert(fc.property(steps, steps, (given, more) => {
      const before = eventsOf(given)
      const now = before.at(-1)?.at ?? new Date(START)
      const { state } = admissionOf(invitation(), before, now)
      if (!['refused', 'withdrawn', 'expired', 'joined'].includes(state)) return
      const after = eventsOf(more).map((event) => ({ ...event, at: new Date(event.at.getTime() - START + now.getTime()) }))
      expect(admissionOf(invitation(), [...before, ...after], LATER).state).toBe(state)
    }))
  })

  it('answers one machine only: whoever shows the code with other keys is never let in', () => {
    fc.assert(fc.property(steps, (given) => {
      const admission = admissionOf(invitation(), eventsOf(given), LATER)
      const answers = ['one', 'two'].map((who) => answerTo(admission, who).kind)
      if (admission.asked === null) return
      expect(answers.filter((kind) => kind === 'enter' || kind === 'wait').length).toBeLessThanOrEqual(1)
    }))
  })

  it('goes its usual way: asked, approved, joined; the answer may be asked for again', () => {
    const asked: AdmissionEvent = { kind: 'asked', at: new Date(START + 1), ...asker('one') }
    const approved: AdmissionEvent = { kind: 'approved', at: new Date(START + 2), by: 'bert', reason: '' }
    const joined: AdmissionEvent = { kind: 'joined', at: new Date(START + 3) }
    const now = new Date(START + 4)
    const kinds = [[], [asked], [asked, approved], [asked, approved, joined]].map((events) => answerTo(admissionOf(invitation(), events, now), 'one').kind)
    expect(kinds).toEqual(['ask', 'wait', 'enter', 'enter'])
    expect(answerTo(admissionOf(invitation({ approved: true }), [asked], now), 'one').kind).toBe('enter')
    // What was approved in time waits for its node, however long that was switched off.
    expect(answerTo(admissionOf(invitation(), [asked, approved], LATER), 'one').kind).toBe('enter')
    expect(admissionOf(invitation(), [asked], LATER).state).toBe('expired')
  })

  it('is approved for the keys that were compared, by another person where two are needed', () => {
    const admission = admissionOf(invitation(), [{ kind: 'asked', at: new Date(START), ...asker('one') }], new Date(START + 1))
    const approve = (by: string, fingerprint: string | null, two: boolean) => decisionRefusal(admission, { kind: 'approved', by, fingerprint }, two)?.code ?? null
    expect(approve('anna', 'one', false)).toBeNull()
    expect(approve('anna', 'two', false)).toBe('directory.otherFingerprint')
    expect(approve('anna', null, false)).toBe('directory.otherFingerprint')
    expect(approve('anna', 'one', true)).toBe('directory.secondPersonNeeded')
    expect(approve('bert', 'one', true)).toBeNull()
    expect(decisionRefusal(admissionOf(invitation(), [], new Date(START)), { kind: 'refused', by: 'anna', fingerprint: null }, false)?.code).toBe('directory.notWaiting')
  })
})
