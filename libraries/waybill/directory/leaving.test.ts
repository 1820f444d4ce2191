import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readLogs, type SignedStatement, signedStatementHash, type StatementBody } from '../directory.ts'
import { statedNetwork, suites } from '../fixture.ts'
import { nodeKeyName } from '../simulation/network.ts'

const { view, logs, root, middle, other, low, organ, key, at, stating, grown, fault } = statedNetwork()

type Phase = Extract<StatementBody, { kind: 'leave' }>['phase']
const leave = (node: string, phase: Phase): StatementBody => ({ kind: 'leave', node, phase, reason: '并入县中心' })
const organBody = (title: string, from: string): StatementBody => ({ kind: 'organ', organ, title, system: 'government', region: 'r', regionTitle: '', from, until: null, successors: [] })

describe('leaving', () => {
  it('is for those above to state: a sibling, a child or the node itself has no say', () => {
    for (const [log, node] of [[other, low], [low, middle], [low, low], [middle, root]] as const) {
      const told = grown(stating(log, [[2, leave(node, 'gone')]]))
      expect([log, node, told.leaving(node), told.remarks().map(({ fault: { code } }) => code)]).toEqual([log, node, null, ['notOwner']])
    }
    for (const log of [root, middle]) expect(grown(stating(log, [[2, leave(low, 'closing')]])).leaving(low)).toMatchObject({ by: log, phase: 'closing', farewell: null })
  })

  it('takes all below along', () => {
    const told = grown(stating(root, [[2, leave(middle, 'closing')], [4, leave(middle, 'gone')]]))
    expect(told.leaving(low)).toMatchObject({ node: middle, phase: 'gone', since: at(4) })
    expect([told.organ(organ, at(3)) === null, told.organ(organ, at(5))]).toEqual([false, null])
    expect(told.leaving(other)).toBeNull()
  })

  it('while it is closing changes nothing that stands, and can be taken back by the log that began it', () => {
    const told = grown(stating(root, [[2, leave(low, 'closing')]]))
    expect(told.organ(organ, at(5))).toEqual(view.organ(organ, at(5)))
    expect(fault(told.keyState(key, at(5)))).toBe('ok')
    expect(grown(stating(middle, [[3, leave(low, 'staying')]]), told).leaving(low)).not.toBeNull()
    expect(grown(stating(root, [[2, leave(low, 'closing')], [3, leave(low, 'staying')]])).leaving(low)).toBeNull()
  })

  it('is agreed to by the node itself, for that closing and no other', () => {
    const [closing, staying, again] = stating(middle, [[2, leave(low, 'closing')], [3, leave(low, 'staying')], [4, leave(low, 'closing')]]) as [SignedStatement, SignedStatement, SignedStatement]
    const farewell = (to: SignedStatement): SignedStatement[] => stating(low, [[6, { kind: 'farewell', closing: signedStatementHash(suites, to), taken: 7 }]])
    expect(grown([closing, ...farewell(closing)]).leaving(low)?.farewell?.taken).toBe(7)
    expect(grown([closing, staying, again, ...farewell(closing)]).leaving(low)?.farewell).toBeNull()
    expect(grown([closing, staying, again, ...farewell(again)]).leaving(low)?.farewell?.taken).toBe(7)
    expect(grown([closing, ...stating(other, [[6, { kind: 'farewell', closing: signedStatementHash(suites, closing), taken: 7 }]])]).leaving(low)?.farewell).toBeNull()
  })

  it('ends organs, names and keys at that instant: what was signed before still verifies, what comes after does not', () => {
    const told = grown(stating(middle, [[5, leave(low, 'closing')], [10, leave(low, 'gone')]]))
    expect([4, 9, 10, 11].map((day) => fault(told.keyState(key, at(day))))).toEqual(['ok', 'ok', 'expiredKey', 'expiredKey'])
    expect([9, 11].map((day) => fault(told.nodeKeyState(low, nodeKeyName(low, 'P256'), at(day))))).toEqual(['ok', 'retiredKey'])
    expect([9, 11].map((day) => told.namesOf(organ, at(day)).length)).toEqual([1, 0])
    expect([told.standsFor(organ, at(9)), told.standsFor(organ, at(11))]).toEqual([organ, null])
    expect(fault(told.nodeKeyState(other, nodeKeyName(other, 'P256'), at(11)))).toBe('ok')
    expect(told.organ(organ)?.node).toBe(low)
  })

  it('is final: neither the log that said it nor another brings the node back, nor does the node itself', () => {
    const gone = stating(middle, [[10, leave(low, 'gone')], [11, leave(low, 'staying')], [12, leave(low, 'closing')]])
    const told = grown([...gone, ...stating(root, [[11, leave(low, 'closing')], [12, leave(low, 'staying')]]), ...stating(low, [[13, organBody('又回来了', at(13))]])])
    expect(told.leaving(low)).toMatchObject({ phase: 'gone', since: at(10) })
    expect([14, 20].map((day) => told.organ(organ, at(day)))).toEqual([null, null])
  })

  it('leads to the same directory in whatever order its lines come, also where two levels and the node speak at the same time', () => {
    const phases = fc.array(fc.constantFrom<Phase>('closing', 'staying', 'gone'), { maxLength: 4 })
    const days = fc.array(fc.integer({ min: 2, max: 12 }), { maxLength: 3 })
    fc.assert(fc.property(phases, phases, days, fc.infiniteStream(fc.nat()), (byRoot, byParent, renamed, turns) => {
      const linesOf = (log: string, given: readonly Phase[]) => stating(log, given.map((phase, index) => [3 + 2 * index, leave(low, phase)] as const))
      const own = stating(low, renamed.sort((a, b) => a - b).map((day, index) => [day, organBody(`改名${index}`, at(day))] as const))
      const queues = [linesOf(root, byRoot), linesOf(middle, byParent), own]
      const whole = readLogs(suites, view.state.pinned, Object.fromEntries(Object.entries(logs).map(([id, lines]) => [id, [...lines, ...(id === root ? queues[0] : id === middle ? queues[1] : id === low ? queues[2] : []) ?? []]]))).view
      let told = view
      for (const left = queues.map((queue) => [...queue]); left.some((queue) => queue.length > 0); ) {
        const open = left.filter((queue) => queue.length > 0)
        told = grown((open[turns.next().value % open.length] as SignedStatement[]).splice(0, 1), told)
      }
      for (const day of [1, 4, 6, 8, 10, 14]) {
        expect(told.organ(organ, at(day))).toEqual(whole.organ(organ, at(day)))
        expect(told.keyState(key, at(day))).toEqual(whole.keyState(key, at(day)))
      }
      expect(told.leaving(low)?.phase).toBe(whole.leaving(low)?.phase)
      expect(told.leaving(low)?.phase === 'gone').toBe(byRoot.includes('gone') || byParent.includes('gone'))
    }), { numRuns: 60 })
  })
})
