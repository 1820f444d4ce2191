import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Finding, alarmKey, detailsNow, step } from './alarms.ts'
import { ALARM_CODES, type Condition, type LinkCondition } from './model.ts'
import { AT, healthy, inDays, link, minutesAgo, queueOf } from './testing.ts'
import { ALARMS, fill } from './words.ts'

const raised = (condition: Condition, open: readonly Finding[] = []): string[] => step(condition, open).raise.map(alarmKey)
const standing = (...keys: readonly string[]): Finding[] => keys.map((key) => ({ code: key.split(' ')[0] as Finding['code'], subject: key.split(' ')[1] ?? '', detail: {} }))
/** What stands after looking at one condition after the other. */
function after(conditions: readonly Condition[], open: readonly Finding[] = []): readonly Finding[] {
  return conditions.reduce((now, condition) => {
    const { raise, clear } = step(condition, now)
    return [...now.filter((one) => !clear.includes(one)), ...raise]
  }, open)
}

const EVERY_WRONG: readonly (readonly [string, Partial<Condition>])[] = [
  ['linkSilent city', { links: [link({ heardAt: minutesAgo(4), probe: { outcome: 'unreachable', milliseconds: 1, clockSeconds: null } })] }],
  ['linkWrongCertificate city', { links: [link({ probe: { outcome: 'wrongCertificate', milliseconds: 1, clockSeconds: null } })] }],
  ['extraUrgentWaiting city', { links: [link({ queues: [queueOf({ urgency: 'extraUrgent', oldest: minutesAgo(6) })] })] }],
  ['queueOld city', { links: [link({ queues: [queueOf({ oldest: minutesAgo(61) })] })] }],
  ['poisonedShipment city', { links: [link({ queues: [queueOf({ mostAttempts: 20 })] })] }],
  ['strandedQueue city', { links: [link({ direction: 'gone', queues: [queueOf()] })] }],
  ['bundleMissing city', { links: [link({ bundles: { missing: 1, partial: 0, held: 0 } })] }],
  ['bundleHeld city', { links: [link({ bundles: { missing: 0, partial: 0, held: 2 } })] }],
  ['leavingAsked -', { leaving: { reason: '并入县中心' } }],
  ['clockOff city', { links: [link({ probe: { outcome: 'good', milliseconds: 1, clockSeconds: -31 } })] }],
  ['directoryStale -', { directory: { normal: 1, warn: 1, knownPartnersOnly: 0, stale: [{ node: 'city', title: '市中心' }] } }],
  ['certificateSoon tls.county', { certificates: [{ kind: 'tls', id: 'county', title: '县中心', until: inDays(29) }] }],
  ['certificateNow tls.county', { certificates: [{ kind: 'tls', id: 'county', title: '县中心', until: inDays(6) }] }],
  ['diskLow home', { disks: [{ volume: 'home', free: 9_999, total: 100_000, low: 10_000, full: 2_000 }] }],
  ['diskFull home', { disks: [{ volume: 'home', free: 1_999, total: 100_000, low: 10_000, full: 2_000 }] }],
  ['keyProcessDown -', { keyProcess: { up: false, organs: 0, open: 0 } }],
  ['ledgerBroken -', { ledger: { at: AT, ok: false, size: 1 } }],
  ['backupOld -', { backup: minutesAgo(27 * 60) }],
  ['standbyMissing -', { database: { ...healthy().database, standbyRequired: true, standbys: [{ name: 'b', sync: false, lagSeconds: 0, lagBytes: 0 }] } }],
  ['standbyLag b', { database: { ...healthy().database, standbys: [{ name: 'b', sync: true, lagSeconds: 31, lagBytes: 1 }] } }],
  ['oldSnapshot -', { database: { ...healthy().database, oldestSeconds: 16 * 60 } }],
  ['failedJobs -', { database: { ...healthy().database, failedJobs: 1 } }],
]

describe('the rules of alarms', () => {
  it('ring for nothing on a healthy node, and for each thing that can be wrong exactly once', () => {
    expect(raised(healthy())).toEqual([])
    for (const [key, wrong] of EVERY_WRONG) expect(raised(healthy(wrong))).toEqual([key])
    expect(new Set(EVERY_WRONG.map(([key]) => key.split(' ')[0]))).toEqual(new Set(ALARM_CODES))
  })

  it('clear each when the node is healthy again, and only then', () => {
    for (const [key, wrong] of EVERY_WRONG) {
      expect(after([healthy(wrong), healthy(wrong)]).map(alarmKey)).toEqual([key])
      expect(after([healthy(wrong), healthy()])).toEqual([])
    }
  })

  it('leave an alarm as it stands while nothing can be learned about its subject', () => {
    const open = standing('linkWrongCertificate city', 'clockOff city', 'ledgerBroken -', 'backupOld -')
    expect(step(healthy({ links: [link({ probe: null })], ledger: null, backup: null }), open)).toEqual({ raise: [], clear: [] })
  })

  it('clear what a link that is no more, or a certificate that was replaced, rang for', () => {
    expect(step(healthy({ links: [], certificates: [] }), standing('linkSilent city', 'certificateNow tls.county')).clear.map(alarmKey)).toEqual(['linkSilent city', 'certificateNow tls.county'])
  })

  it('ring once for all organs whose certificates end together, and say how many', () => {
    const organs = Array.from({ length: 40 }, (_, at) => ({ kind: 'organ' as const, id: `o${at}`, title: `单位${at}`, until: inDays(20 + (at === 7 ? -1 : at)) }))
    expect(step(healthy({ certificates: organs }), []).raise).toEqual([{ code: 'certificateSoon', subject: 'organ', detail: { title: '单位7', days: 19, count: 10 } }])
  })

  it('tell a silent link from a poisoned shipment: on a silent link every shipment is tried in vain', () => {
    const down = link({ heardAt: minutesAgo(10), failures: 30, queues: [queueOf({ mostAttempts: 40 })] })
    expect(raised(healthy({ links: [down] }))).toEqual(['linkSilent city'])
  })
})

const condition = (): fc.Arbitrary<Condition> =>
  fc.record({
    links: fc.uniqueArray(fc.record({
      peer: fc.constantFrom('a', 'b', 'c'), direction: fc.constantFrom<LinkCondition['direction']>('up', 'down', 'gone'), failures: fc.nat(3),
      heard: fc.option(fc.nat(10)), clock: fc.option(fc.integer({ min: -60, max: 60 })), outcome: fc.constantFrom('good', 'unreachable', 'wrongCertificate', 'noEndpoint'),
      queues: fc.array(fc.record({ urgency: fc.constantFrom('normal', 'urgent', 'extraUrgent'), age: fc.nat(90), attempts: fc.nat(30) }), { maxLength: 3 }),
    }), { selector: ({ peer }) => peer, maxLength: 3 }),
    free: fc.nat(20_000), days: fc.nat(60), keys: fc.boolean(), ledger: fc.option(fc.boolean()), backup: fc.option(fc.nat(60 * 40)), lag: fc.nat(60), seconds: fc.nat(1200), required: fc.boolean(),
  }).map(({ links, free, days, keys, ledger, backup, lag, seconds, required }) => healthy({
    links: links.map(({ peer, direction, failures, heard, clock, outcome, queues }) => link({
      peer, direction, failures, heardAt: heard === null ? null : minutesAgo(heard), probe: { outcome: outcome as 'good', milliseconds: 1, clockSeconds: clock },
      queues: queues.map(({ urgency, age, attempts }) => queueOf({ urgency: urgency as 'normal', oldest: minutesAgo(age), mostAttempts: attempts })),
    })),
    disks: [{ volume: 'home', free, total: 100_000, low: 10_000, full: 2_000 }], certificates: [{ kind: 'tls', id: 'x', title: 'x', until: inDays(days) }],
    keyProcess: { up: keys, organs: 1, open: 0 }, ledger: ledger === null ? null : { at: AT, ok: ledger, size: 1 }, backup: backup === null ? null : minutesAgo(backup),
    database: { ...healthy().database, oldestSeconds: seconds, standbyRequired: required, standbys: [{ name: 'b', sync: lag < 45, lagSeconds: lag, lagBytes: 0 }] },
  }))

describe('raising and clearing', () => {
  it('never rings twice for a subject that rings, and never clears what does not stand', () => {
    fc.assert(fc.property(fc.array(condition(), { maxLength: 6 }), (conditions) => {
      let open: readonly Finding[] = []
      for (const one of conditions) {
        const { raise, clear } = step(one, open)
        const keys = new Set(open.map(alarmKey))
        expect(raise.map(alarmKey).filter((key) => keys.has(key))).toEqual([])
        expect(new Set(raise.map(alarmKey)).size).toBe(raise.length)
        expect(clear.every((alarm) => open.includes(alarm))).toBe(true)
        open = after([one], open)
      }
    }))
  })

  it('comes to rest: the same condition again changes nothing', () => {
    fc.assert(fc.property(condition(), fc.array(condition(), { maxLength: 4 }), (last, before) => {
      expect(step(last, after([...before, last]))).toEqual({ raise: [], clear: [] })
    }))
  })

  it('ends with nothing standing once all is well, whatever was before', () => {
    fc.assert(fc.property(fc.array(condition(), { maxLength: 6 }), (before) => {
      expect(after([...before, healthy()])).toEqual([])
    }))
  })

  it('does not ring on and off for a value that wavers between the two thresholds', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 10_000, max: 10_999 }), { minLength: 1, maxLength: 20 }), (wavering) => {
      const disk = (free: number) => healthy({ disks: [{ volume: 'home', free, total: 100_000, low: 10_000, full: 2_000 }] })
      let open = after([disk(9_999)])
      for (const free of wavering) {
        expect(step(disk(free), open)).toEqual({ raise: [], clear: [] })
        open = after([disk(free)], open)
      }
    }))
  })
})

describe('the words of an alarm', () => {
  it('say for every code what is wrong, whether anything is lost and what to do, with every gap filled from its detail', () => {
    for (const [key, wrong] of EVERY_WRONG) {
      const detail = detailsNow(healthy(wrong)).get(key) ?? {}
      const { what, lost, toDo } = ALARMS[key.split(' ')[0] as Finding['code']]
      for (const text of [what, lost, toDo]) {
        const gaps = [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
        expect(gaps.filter((name) => detail[name] === undefined)).toEqual([])
        expect(fill(text, detail)).not.toMatch(/[{}]|undefined|NaN/)
      }
    }
  })
})
