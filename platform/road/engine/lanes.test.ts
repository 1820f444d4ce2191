import { describe, expect, it } from 'vitest'
import { type Waiting, WIDTH, laneQueue } from './lanes.ts'

const entry = (id: string, change: Partial<Waiting> = {}): Waiting => ({ id, rank: 0, bytes: 10, ...change })
const drain = (lane: ReturnType<typeof laneQueue<Waiting>>): string[] => {
  const ids: string[] = []
  for (let next = lane.next(); next !== null; next = lane.next()) {
    ids.push(next.id)
    lane.done(next)
  }
  return ids
}

describe('a lane', () => {
  it('gives out the earliest deadline first', () => {
    const lane = laneQueue<Waiting>('small')
    for (const [id, rank] of [['c', 3], ['a', 1], ['d', 4], ['b', 2]] as const) lane.add(entry(id, { rank }))
    expect(drain(lane)).toEqual(['a', 'b', 'c', 'd'])
  })
  it('has so many under way and no more', () => {
    const lane = laneQueue<Waiting>('large')
    for (let i = 0; i < 5; i += 1) lane.add(entry(String(i), { rank: i }))
    const first = lane.next()
    expect([first?.id, lane.next()?.id, lane.next()]).toEqual(['0', '1', null])
    if (first !== null) lane.done(first)
    expect(lane.next()?.id).toBe('2')
    expect(WIDTH.small).toBeGreaterThan(WIDTH.large)
  })
  it('is full by number and by bytes, and empties', () => {
    const lane = laneQueue<Waiting>('small')
    for (let i = 0; i < 1024; i += 1) lane.add(entry(String(i)))
    expect([lane.hasRoom, lane.size]).toEqual([false, 1024])
    expect(lane.clear()).toHaveLength(1024)
    expect(lane.hasRoom).toBe(true)
    lane.add(entry('huge', { bytes: 20 * 1024 * 1024 }))
    expect(lane.hasRoom).toBe(false)
    const huge = lane.next()
    expect([lane.clear(), lane.held().map(({ id }) => id)]).toEqual([[], ['huge']])
    if (huge !== null) lane.done(huge)
    expect(lane.hasRoom).toBe(true)
  })
})
