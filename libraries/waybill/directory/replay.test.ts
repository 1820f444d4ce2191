import type { KeyPair } from '@postroad/gm'
import { base64url } from '@postroad/gm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeKeyOf, organKey } from '../authority.ts'
import { signBatch } from '../batch.ts'
import {
  appendStatements,
  type DirectoryView,
  extend,
  type LogFault,
  type NodeBody,
  type NodeKeys,
  readLogs,
  type RecoveryBody,
  recoveryOrder,
  type SignedStatement,
  signedStatementHash,
  type StatementBody,
} from '../directory.ts'
import { suites } from '../fixture.ts'
import type { BatchSignature } from '../model.ts'
import { createNetwork, nodeKeyName, organKeyName, treeOf } from '../simulation/network.ts'

/** What `directory.test.ts` does not ask: lines that reach into another node's affairs, and lines that come in an awkward order. */
const AT = '2026-11-01T00:00:00.000Z'
const at = (day: number): string => `2026-11-${String(day).padStart(2, '0')}T00:00:00.000Z`
const net = createNetwork(suites, treeOf(2, 1, 2), { at: AT, suiteIds: ['P256'] })
const { view, logs, pinned } = net
const P256 = suites.P256
const fault = (result: { ok: true } | { ok: false; fault: { code: string } }): string => (result.ok ? 'ok' : result.fault.code)
const codes = (faults: readonly LogFault[]): string[] => faults.map((found) => `${found.log} ${found.fault.code}`)
const keysOf = (id: string, pair: KeyPair): NodeKeys => [{ id, suite: 'P256', publicKey: base64url(pair.publicKey) }]

/** Lines of a log after `last` (its newest by default), by the node's own key unless another is given. */
function stating(log: string, bodies: StatementBody[], terms: { at?: string; last?: SignedStatement; key?: string; pair?: KeyPair } = {}): SignedStatement[] {
  const signer = { key: terms.key ?? nodeKeyName(log, 'P256'), keyPair: terms.pair ?? net.nodeKey(log, 'P256'), suite: 'P256' as const }
  return appendStatements(suites, { log, last: terms.last ?? (logs[log]?.at(-1) as SignedStatement), at: terms.at ?? at(2), signer }, bodies)
}
const grown = (...lines: SignedStatement[]): DirectoryView => extend(view, lines).view
const organ = (id: string, from: string, until: string | null, more: { movedTo?: string; successors?: string[]; title?: string } = {}): StatementBody =>
  ({ kind: 'organ', organ: id, title: id, system: 'party', region: '', regionTitle: '', from, until, successors: [], ...more })
const keyFor = (owner: string, key: string, pair: KeyPair, until: string | null = null): StatementBody =>
  ({ kind: 'key', key, owner, purpose: 'sign', suite: 'P256', publicKey: base64url(pair.publicKey), certificate: '', from: AT, until })

const orderOf = (of: readonly unknown[]): fc.Arbitrary<number[]> => fc.shuffledSubarray([...of.keys()], { minLength: of.length })

describe('a node among others', () => {
  const rootKey = nodeKeyName('js', 'P256')
  const seal: BatchSignature = { suite: 'P256', key: rootKey, size: 1, index: 0, path: [], signature: 'A'.repeat(86) }
  const rootKeyAt = (over: DirectoryView, instant: string): string => fault(nodeKeyOf(over)('js', seal, instant))

  it('cannot denounce another node’s key by giving its own the same name', () => {
    const own = P256.generateKeyPair()
    const roll = stating('js-c0', [{ kind: 'nodeKey', keys: keysOf(rootKey, own) }])
    const denounce = stating('js-c0', [{ kind: 'keyStatus', key: rootKey, status: 'compromised', since: AT }], { last: roll[0] as SignedStatement, key: rootKey, pair: own })
    const told = extend(view, [...roll, ...denounce])
    expect(told.faults).toEqual([])
    expect(rootKeyAt(told.view, at(3))).toBe('ok')
    expect(fault(nodeKeyOf(told.view)('js-c0', seal, at(3)))).toBe('compromisedKey')
  })

  it('cannot end another node’s key by stating an organ’s key of the same name', () => {
    expect(rootKeyAt(grown(...stating('js-c0', [keyFor('js-c0.o0', rootKey, P256.generateKeyPair(), AT)])), at(3))).toBe('ok')
  })

  it('cannot denounce an organ’s key of another node by taking its name for its own', () => {
    const own = P256.generateKeyPair()
    const key = organKeyName('js.o0', 'sign', 'P256')
    const roll = stating('js-c0', [{ kind: 'nodeKey', keys: keysOf(key, own) }])
    const denounce = stating('js-c0', [{ kind: 'keyStatus', key, status: 'revoked', since: AT }], { last: roll[0] as SignedStatement, key, pair: own })
    expect(fault(organKey(grown(...roll, ...denounce), 'js.o0', key, 'sign', 'P256', at(3)))).toBe('ok')
  })

  it('cannot give a key other bytes, another owner or another purpose under its old name', () => {
    const key = organKeyName('js-c0.o0', 'sign', 'P256')
    const told = grown(...stating('js-c0', [keyFor('js-c0.o0', key, P256.generateKeyPair()), keyFor('js-c0.o1', key, net.organKeys('js-c0.o0', 'P256').sign)]))
    expect(told.remarks().map((remark) => remark.fault.code)).toEqual(['idTaken', 'idTaken'])
    expect(told.key(key)).toEqual(view.key(key))
  })

  it('signs with a key from its first day to its last', () => {
    const fresh = P256.generateKeyPair()
    const rolled = grown(...stating('js', [{ kind: 'nodeKey', keys: keysOf('js.2', fresh) }], { at: at(5) }))
    const judged = (key: string, instant: string): string => fault(nodeKeyOf(rolled)('js', { ...seal, key }, instant))
    expect([judged(rootKey, at(4)), judged(rootKey, at(5)), judged(rootKey, at(6))]).toEqual(['ok', 'ok', 'retiredKey'])
    expect([judged('js.2', at(4)), judged('js.2', at(5)), judged('js.2', at(6))]).toEqual(['notYetValidKey', 'ok', 'ok'])
    expect(judged('js.3', at(6))).toBe('unknownKey')
    expect(fault(nodeKeyOf(rolled)('js', { ...seal, suite: 'SM' }, at(4)))).toBe('wrongSuite')
  })
})

describe('a tree that changes', () => {
  const home = (changes: Partial<NodeBody>): StatementBody => ({ ...(view.node('js-c0-x0') as NodeBody), ...changes })
  const firstKeysOf = (node: string): NodeKeys => net.view.state.logs.get(node)?.firstKeys ?? []

  it('lets a node move below a parent that introduces it, and below no other', () => {
    const move = stating('js-c0-x0', [home({ parent: 'js-c1' })])
    expect(codes(extend(view, move).faults)).toEqual(['js-c0-x0 unknownNode'])
    const welcome = stating('js-c1', [{ kind: 'child', node: 'js-c0-x0', keys: firstKeysOf('js-c0-x0') }])
    for (const lines of [[...move, ...welcome], [...welcome, ...move]]) {
      const moved = extend(view, lines)
      expect([moved.faults, moved.view.ancestors('js-c0-x0'), moved.view.nextHop('js', 'js-c0-x0.o0')]).toEqual([[], ['js-c0-x0', 'js-c1', 'js'], 'js-c1'])
    }
    const swapped = stating('js-c1', [{ kind: 'child', node: 'js-c0-x0', keys: keysOf('js-c0-x0.2', P256.generateKeyPair()) }])
    expect(codes(extend(view, [...swapped, ...move]).faults)).toEqual(['js-c0-x0 childKeySwapped'])
  })

  it('does not lose itself in a circle of parents', () => {
    const welcome = stating('js-c0-x0', [{ kind: 'child', node: 'js-c0', keys: firstKeysOf('js-c0') }])
    const below = stating('js-c0', [{ ...(view.node('js-c0') as NodeBody), parent: 'js-c0-x0' }])
    const circle = grown(...welcome, ...below)
    expect(circle.ancestors('js-c0')).toEqual(['js-c0', 'js-c0-x0'])
    expect([circle.path('js-c0', 'js'), circle.nextHop('js', 'js-c0.o0'), circle.path('js-c0', 'js-c0-x0')]).toEqual([null, null, ['js-c0', 'js-c0-x0']])
  })
})

describe('the same lines', () => {
  const seen = (over: DirectoryView): unknown => ({
    checkpoint: over.checkpoint().hash,
    organs: over.organs().map(({ organ: id, node, until }) => `${id} ${node} ${until}`).sort(),
    keys: [...over.state.keys.values()].map(({ key, node }) => `${key} ${node}`).sort(),
    names: over.names().map(({ name, node }) => `${name} ${node}`).sort(),
    remarks: over.remarks(),
  })
  const pair = P256.generateKeyPair()
  const leaving = stating('js-c0', [organ('js-c0.o0', AT, at(3), { movedTo: 'js-c1' })], { at: at(2) })
  const arriving = stating('js-c1', [organ('js-c0.o0', at(3), null), keyFor('js-c0.o0', 'js-c0.o0.sign.2', pair)], { at: at(3) })
  const squatting = stating('js-c1-x0', [organ('js.o0', AT, null), keyFor('js.o0', 'js.o0.false', pair)], { at: at(4) })
  const all = [...Object.values(logs).flat(), ...leaving, ...arriving, ...squatting]
  const whole = readLogs(suites, pinned, { all })

  it('make one directory: an organ keeps the keys of its old home at the new one', () => {
    expect(whole.faults).toEqual([])
    expect(whole.view.organ('js-c0.o0')?.node).toBe('js-c1')
    expect(whole.view.key('js-c0.o0.sign.2')?.node).toBe('js-c1')
    expect(whole.view.key(organKeyName('js-c0.o0', 'sign', 'P256'))?.node).toBe('js-c0')
    expect(whole.view.organ('js.o0')?.node).toBe('js')
    expect(whole.view.remarks().map(({ log, fault: { code } }) => `${log} ${code}`)).toEqual(['js-c1-x0 idTaken', 'js-c1-x0 notOwner'])
  })

  it('read at once make one directory in whatever order they come', () => {
    fc.assert(
      fc.property(orderOf(all), (order) => {
        expect(seen(readLogs(suites, pinned, { mixed: order.map((i) => all[i] as SignedStatement) }).view)).toEqual(seen(whole.view))
      }),
      { numRuns: 12 },
    )
  })

  it('make one directory where the new home of an organ speaks before the old one lets it go', () => {
    const early = extend(view, arriving).view
    expect([early.organ('js-c0.o0')?.node, early.remarks().map((remark) => remark.fault.code)]).toEqual(['js-c0', ['idTaken', 'notOwner']])
    const moved = extend(early, leaving).view
    expect(seen(moved)).toEqual(seen(extend(extend(view, leaving).view, arriving).view))
    expect([moved.organ('js-c0.o0')?.node, moved.remarks()]).toEqual(['js-c1', []])
  })

  it('take nothing away from whom a reader knows to hold it, however old they say they are', () => {
    const backdated = stating('js-c1-x0', [organ('js-c0.o0', AT, null), keyFor('js-c0.o0', 'js-c0.o0.false', pair)], { at: AT })
    const robbed = grown(...stating('js-c0', [organ('js-c0.o7', AT, null)]), ...stating('js-c1', [organ('js-c0.o7', AT, null)], { at: AT }), ...backdated)
    expect([robbed.organ('js-c0.o0')?.node, robbed.key('js-c0.o0.false'), robbed.organ('js-c0.o7')?.node]).toEqual(['js-c0', null, 'js-c0'])
    expect(robbed.remarks().map(({ log, fault: { code } }) => `${log} ${code}`)).toEqual(['js-c1 idTaken', 'js-c1-x0 idTaken', 'js-c1-x0 notOwner'])
  })

  it('given in the order in which they came make the directory of before', () => {
    const first = stating('js-c0', [organ('js-c0.o7', AT, null)])
    const late = stating('js-c1', [organ('js-c0.o7', AT, null)], { at: AT })
    const came = [...Object.values(logs).flat(), ...first, ...late]
    expect(seen(extend(readLogs(suites, pinned, {}).view, came).view)).toEqual(seen(extend(extend(view, first).view, late).view))
  })

  it('leave the view that was extended as it was', () => {
    const before = seen(view)
    extend(view, [...arriving, ...leaving, ...squatting])
    expect(seen(view)).toEqual(before)
  })
})

describe('a recovery', () => {
  const persons = ['zhang', 'wang'].map((person) => ({ person, pair: P256.generateKeyPair() }))
  const recoverers = persons.map(({ person, pair }) => ({ person, suite: 'P256' as const, publicKey: base64url(pair.publicKey) }))
  const named = stating('js-c0', [{ ...(view.node('js-c0') as NodeBody), recoverers }])
  const stands = named[0] as SignedStatement
  const after = { seq: stands.statement.seq, hash: signedStatementHash(suites, stands) }
  const thiefs = stating('js-c0', [organ('js-c0.stolen', AT, null), { kind: 'heartbeat' }], { last: stands })
  const fresh = P256.generateKeyPair()
  const order = { node: 'js-c0', keys: keysOf('js-c0.2', fresh), after, reason: '密钥介质遗失' }
  const approved = (of: typeof order, suite = P256): RecoveryBody['approvals'] =>
    persons.map(({ person, pair }) => signBatch(suite, { key: person, keyPair: pair }, 'recovery', [recoveryOrder(of)])[0] as BatchSignature)
  const recovery = stating('js', [{ kind: 'recovery', ...order, approvals: approved(order) }], { at: at(3) })
  const renewed = stating('js-c0', [organ('js-c0.o9', at(3), null), { kind: 'heartbeat' }], { last: stands, key: 'js-c0.2', pair: fresh, at: at(4) })

  it('voids the thief’s lines for whoever reads everything at once, in any order', () => {
    const all = [...Object.values(logs).flat(), ...named, ...thiefs, ...recovery, ...renewed]
    fc.assert(
      fc.property(orderOf(all), (places) => {
        const { view: read, accepted } = readLogs(suites, pinned, { mixed: places.map((i) => all[i] as SignedStatement) })
        expect(accepted).toHaveLength(all.length - thiefs.length)
        expect(read.log('js-c0').map((line) => signedStatementHash(suites, line))).toEqual([...(logs['js-c0'] ?? []), ...named, ...renewed].map((line) => signedStatementHash(suites, line)))
        expect([read.organ('js-c0.stolen'), read.organ('js-c0.o9')?.node]).toEqual([null, 'js-c0'])
      }),
      { numRuns: 12 },
    )
  })

  it('ends the old keys and begins the new ones', () => {
    const read = grown(...named, ...recovery, ...renewed)
    const seal = { suite: 'P256' as const, key: 'js-c0.2', size: 1, index: 0, path: [], signature: '' }
    expect(fault(nodeKeyOf(read)('js-c0', seal, at(5)))).toBe('ok')
    expect(fault(nodeKeyOf(read)('js-c0', { ...seal, key: nodeKeyName('js-c0', 'P256') }, at(5)))).toBe('retiredKey')
    const old = stating('js-c0', [{ kind: 'heartbeat' }], { last: renewed.at(-1) as SignedStatement })
    expect(codes(extend(read, old).faults)).toEqual(['js-c0 wrongSigner'])
  })

  it('is the parent’s to state, about lines that are known, and exactly what was approved', () => {
    const told = grown(...named)
    const refused = (log: string, body: Partial<RecoveryBody>): string[] => codes(extend(told, stating(log, [{ kind: 'recovery', ...order, approvals: approved(order), ...body }])).faults)
    expect(refused('js', {})).toEqual([])
    expect(refused('js-c1', {})).toEqual(['js-c1 badRecovery'])
    expect(refused('js', { keys: keysOf('js-c0.3', P256.generateKeyPair()) })).toEqual(['js badRecovery'])
    expect(refused('js', { after: { ...after, seq: after.seq + 5 } })).toEqual(['js gap'])
    expect(refused('js', { after: { ...after, hash: 'A'.repeat(43) } })).toEqual(['js fork'])
    const earlier = logs['js-c0']?.at(-1) as SignedStatement
    const unnamed = { ...order, after: { seq: earlier.statement.seq, hash: signedStatementHash(suites, earlier) } }
    expect(refused('js', { ...unnamed, approvals: approved(unnamed) })).toEqual(['js badRecovery'])
  })
})
