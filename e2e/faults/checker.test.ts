import { describe, expect, it } from 'vitest'
import { check } from './checker.ts'

type Event = Readonly<Record<string, unknown>> & { readonly e: string }

/** A run in which one letter went from the province to the county and everything was as it should be. */
const GOOD: readonly Event[] = [
  { e: 'submitted', node: 'province', organ: 'p', message: 'm', kind: 'document', thread: 'm', ordinal: 0, regarding: null, recipients: ['c'], digest: 'd' },
  { e: 'accepted', node: 'province', message: 'm' },
  { e: 'countedOn', node: 'province', messages: ['m'], receipts: [] },
  { e: 'holds', node: 'province', messages: ['m'], receipts: [] },
  { e: 'shown', node: 'county', organ: 'c', message: 'm', thread: 'm', sender: 'p', ordinal: 0, digest: 'd' },
  { e: 'act', node: 'county', organ: 'c', message: 'm', kind: 'signedFor', receipt: 'r' },
  { e: 'told', node: 'province', organ: 'c', message: 'm', kind: 'signedFor', receipt: 'r' },
  { e: 'end', message: 'm', organ: 'c', state: 'signedFor' },
  { e: 'endThere', message: 'm', organ: 'c', state: 'signedFor' },
  { e: 'books', node: 'province', peer: 'county', side: 'handed', count: '1', digest: 'x' },
  { e: 'books', node: 'county', peer: 'province', side: 'taken', count: '1', digest: 'x' },
  { e: 'ledger', node: 'province', ok: true },
  { e: 'quiet' },
]
const rulesOf = (events: readonly Event[]): readonly string[] => check(events.map((event, t) => JSON.stringify({ t, ...event }))).map(({ rule }) => rule)
const without = (e: string): readonly Event[] => GOOD.filter((event) => event.e !== e)
const changed = (e: string, change: Readonly<Record<string, unknown>>): readonly Event[] => GOOD.map((event) => (event.e === e ? { ...event, ...change } : event))

describe('the checker of a run under fire', () => {
  it('has nothing to say about a good run', () => expect(rulesOf(GOOD)).toEqual([]))
  it.each([
    ['what was promised and is not on the disk after a power cut', 'notHeld', changed('holds', { messages: [] })],
    ['a disk that nobody looked at', 'notHeld', without('holds')],
    ['bytes that changed on the way', 'altered', changed('shown', { digest: 'other' })],
    ['a shipment that one end has and the other has not', 'countsDiffer', changed('books', { count: '1', digest: 'x' }).filter((event) => event['side'] !== 'taken')],
    ['a ledger that does not verify', 'ledgerBroken', changed('ledger', { ok: false })],
    ['a node whose books nobody can read', 'unreadable', [...GOOD, { e: 'unreadable', node: 'county', why: 'down' }]],
    ['a letter that was accepted and never shown', 'lost', without('shown')],
    ['a delivery that was given up', 'gaveUp', changed('end', { state: 'undeliverable' })],
    ['a refusal that no fault explains', 'unclear', [...GOOD, { e: 'refused', node: 'province', message: 'n', code: 'road.clientIdReused' }]],
    ['a node that ended without having been struck', 'diedByItself', [...GOOD, { e: 'diedByItself', node: 'county' }]],
    ['a run that never came to rest', 'neverQuiet', without('quiet')],
  ])('finds %s', (_words, rule, events) => expect(rulesOf(events)).toContain(rule))
  it('finds a process that grows, and not one that warms up', () => {
    const run = (megabytes: (at: number) => number): Event[] => Array.from({ length: 40 }, (_, at) => ({ e: 'resources', node: 'province', megabytes: megabytes(at), files: 50 }))
    expect(rulesOf([...run((at) => 200 + at * 40), ...GOOD])).toContain('growing')
    expect(rulesOf([...run((at) => 200 + Math.min(at, 8) * 10), ...GOOD])).toEqual([])
  })
})
