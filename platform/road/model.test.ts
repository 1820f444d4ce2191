import type { SlicedRecipient, Urgency } from '@postroad/waybill'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { INLINE_BYTES, type Way, type Ways, adoptions, backOff, laneOf, rankOf, splitByWay, urgencyNumber, wayTo } from './model.ts'

const at = new Date('2026-06-01T01:00:00.000Z')
const entryOf = (organ: string, index = 0): SlicedRecipient => ({ leaf: { organ, name: `${organ}.n`, role: 'to', key: `${organ}.k`, wrapHash: 'w', salt: 's' }, wrap: 'AA', index, path: [] })

describe('lanes and ranks', () => {
  it('a body is small as long as it fits into a row', () => {
    expect([laneOf(0), laneOf(INLINE_BYTES), laneOf(INLINE_BYTES + 1)]).toEqual(['small', 'small', 'large'])
  })
  it('urgent before plain, small before large, of what came at the same time', () => {
    const rank = (urgency: Urgency, bodyBytes: number) => rankOf({ urgency, bodyBytes, at })
    const order = [rank('extraUrgent', 2000), rank('urgent', 2000), rank('normal', 2000), rank('normal', 50 * 1024 * 1024)]
    expect(order.toSorted((a, b) => a - b)).toEqual(order)
  })
  it('nothing starves: whatever waited long enough goes before anything that comes now', () => {
    fc.assert(fc.property(fc.constantFrom('normal', 'urgent', 'extraUrgent'), fc.nat(5e9), fc.constantFrom('normal', 'urgent', 'extraUrgent'), fc.nat(5e9), (u1, b1, u2, b2) =>
      rankOf({ urgency: u1, bodyBytes: b1, at }) < rankOf({ urgency: u2, bodyBytes: b2, at: new Date(at.getTime() + 3 * 3600_000) })))
  })
  it('numbers urgencies upwards', () => expect((['normal', 'urgent', 'extraUrgent'] as const).map(urgencyNumber)).toEqual([0, 1, 2]))
})

describe('back-off', () => {
  it('grows, is capped, and never is nothing', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (failures, random) => {
      const pause = backOff(failures, random)
      return pause >= 250 && pause <= 60_000 && pause >= backOff(failures, 0)
    }))
    expect([backOff(1, 0), backOff(2, 0), backOff(3, 0), backOff(50, 0)]).toEqual([250, 500, 1000, 30_000])
  })
})

describe('ways', () => {
  const ways: Ways = {
    organ: (id) => (['here', 'north', 'south', 'merged', 'ended', 'left', 'island'].includes(id) ? { node: id === 'left' ? 'gone' : 'n' } : null),
    leaving: (node) => (node === 'gone' ? { phase: 'gone' } : null),
    standsFor: (organ) => (organ === 'merged' ? 'south' : ['ended', 'left', 'nobody'].includes(organ) ? null : organ),
    nextHop: (from, organ) => ({ here: from, north: 'n', south: 's', island: null })[organ] ?? null,
  }
  const way = (organ: string) => wayTo(ways, 'self', organ, at.toISOString())
  it('leads here, over a link, or nowhere with a reason', () => {
    expect(way('here')).toEqual({ kind: 'here', keeper: 'here', forwarded: false })
    expect(way('north')).toEqual({ kind: 'link', peer: 'n', keeper: 'north', forwarded: false })
    expect(way('merged')).toEqual({ kind: 'link', peer: 's', keeper: 'south', forwarded: true })
    expect(['nobody', 'ended', 'left', 'island'].map((organ) => { const found = way(organ); return found.kind === 'nowhere' ? found.reason.code : found.kind })).toEqual(['unknownOrgan', 'organEnded', 'nodeLeft', 'noWay'])
  })
  it('one slice per link; nothing goes back where it came from unless it was forwarded', () => {
    const slice = ['here', 'north', 'merged', 'south', 'nobody'].map(entryOf)
    const split = splitByWay(slice, way, null)
    expect(split.here.map(({ entry }) => entry.leaf.organ)).toEqual(['here'])
    expect([...split.links].map(([peer, entries]) => [peer, entries.map(({ leaf }) => leaf.organ)])).toEqual([['n', ['north']], ['s', ['merged', 'south']]])
    expect(split.forwarded.map(({ entry, to }) => [entry.leaf.organ, to])).toEqual([['merged', 'south']])
    const back = splitByWay(slice, way, 's')
    expect(back.nowhere.map(({ entry, reason }) => [entry.leaf.organ, reason.code])).toEqual([['south', 'wrongRecipient'], ['nobody', 'unknownOrgan']])
    expect(back.links.get('s')?.map(({ leaf }) => leaf.organ)).toEqual(['merged'])
  })
  it('what lies with a keeper that ended goes to its heir here, and a view that has not heard of the end takes nothing back from the heir', () => {
    const known = (heirs: Readonly<Record<string, string>>) => (organ: string): Way => ({ kind: 'here', keeper: heirs[organ] ?? organ, forwarded: organ in heirs })
    const waiting = [{ organ: 'old', keeper: 'old' }, { organ: 'old', keeper: 'new' }, { organ: 'new', keeper: 'new' }]
    expect(adoptions(waiting, known({ old: 'new' }))).toEqual([{ organ: 'old', keeper: 'old', heir: 'new' }])
    expect(adoptions(waiting, known({}))).toEqual([])
    // the heir ended as well: of two mergers each view knows none, the first, or both, and whatever comes late undoes nothing
    expect(adoptions([{ organ: 'old', keeper: 'newest' }], known({ old: 'new' }))).toEqual([])
    expect(adoptions(waiting, known({ old: 'newest', new: 'newest' })).map(({ heir }) => heir)).toEqual(['newest', 'newest', 'newest'])
    expect(adoptions([{ organ: 'merged', keeper: 'merged' }, { organ: 'ended', keeper: 'ended' }], way)).toEqual([])
  })
  it('every recipient has exactly one way', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('here', 'north', 'south', 'merged', 'ended', 'island', 'nobody')), fc.constantFrom(null, 'n', 's'), (organs, from) => {
      const { here, links, nowhere } = splitByWay(organs.map(entryOf), way, from)
      return here.length + nowhere.length + [...links.values()].reduce((sum, entries) => sum + entries.length, 0) === organs.length
    }))
  })
})
