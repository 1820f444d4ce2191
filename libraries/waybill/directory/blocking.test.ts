import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SignedStatement, StatementBody } from '../directory.ts'
import { statedNetwork } from '../fixture.ts'
import { nodeKeyName } from '../simulation/network.ts'

const { root, middle, other, low, key, at, stating, grown, fault } = statedNetwork()

const block = (node: string, change: { key?: string; compromisedSince?: string } = {}): StatementBody => ({ kind: 'block', node, key: null, compromisedSince: null, reason: '失窃', ...change })
const unblock = (node: string, of: string | null = null): StatementBody => ({ kind: 'unblock', node, key: of, reason: '已查清' })

describe('a block', () => {
  it('is for those above: a sibling, a child or the node itself has no say', () => {
    for (const [log, node] of [[other, low], [low, middle], [low, low], [middle, root], [middle, other]] as const) {
      const told = grown(stating(log, [[2, block(node)]]))
      expect([log, node, told.blocked(node)]).toEqual([log, node, null])
      expect(told.remarks().map(({ fault: { code } }) => code)).toEqual(['notOwner'])
    }
    for (const log of [root, middle]) expect(grown(stating(log, [[2, block(low)]])).blocked(low)?.by).toBe(log)
  })

  it('ends by the log that made it and no other, whatever comes in whatever order', () => {
    const acts = fc.array(fc.constantFrom('block', 'unblock'), { maxLength: 5 })
    fc.assert(fc.property(acts, acts, fc.infiniteStream(fc.boolean()), (byRoot, byParent, turns) => {
      const linesOf = (log: string, given: readonly string[]) => stating(log, given.map((act, index) => [2 + index, act === 'block' ? block(low) : unblock(low)] as const))
      const [mine, theirs] = [linesOf(root, byRoot), linesOf(middle, byParent)]
      const mixed: SignedStatement[] = []
      for (const [a, b] = [[...mine], [...theirs]]; a.length + b.length > 0; ) mixed.push(...((turns.next().value === true ? a : b).splice(0, 1)))
      const expected = byRoot.at(-1) === 'block' || byParent.at(-1) === 'block'
      expect(grown(mixed).blocked(low) !== null).toBe(expected)
    }), { numRuns: 40 })
  })

  it('with an instant of compromise makes what was signed since then undecidable, before it and elsewhere nothing', () => {
    const told = grown(stating(root, [[10, block(low, { compromisedSince: at(5) })], [12, unblock(low)]]))
    const own = nodeKeyName(low, 'P256')
    expect([4, 6, 11, 20].map((day) => fault(told.nodeKeyState(low, own, at(day))))).toEqual(['ok', 'compromisedKey', 'compromisedKey', 'compromisedKey'])
    expect(fault(told.nodeKeyState(middle, nodeKeyName(middle, 'P256'), at(20)))).toBe('ok')
    expect(fault(told.keyState(key, at(20)))).toBe('ok')
  })

  it('of one key puts that key out of use while it lasts, or for ever where it was compromised', () => {
    const lasting = grown(stating(root, [[10, block(low, { key })], [12, unblock(low, key)]]))
    expect([9, 11, 13].map((day) => fault(lasting.keyState(key, at(day))))).toEqual(['ok', 'revokedKey', 'ok'])
    expect(lasting.blocked(low)).toBeNull()
    const compromised = grown(stating(root, [[10, block(low, { key, compromisedSince: at(8) })], [12, unblock(low, key)]]))
    expect([7, 9, 20].map((day) => fault(compromised.keyState(key, at(day))))).toEqual(['ok', 'compromisedKey', 'compromisedKey'])
    expect(compromised.compromisedSince(key)).toBe(at(8))
    expect(grown(stating(root, [[2, block(other, { key })]])).remarks().map(({ fault: { code } }) => code)).toEqual(['unknownKey'])
  })
})
