import type { KeyPair } from '@postroad/gm'
import { base64url } from '@postroad/gm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signBatch } from './batch.ts'
import {
  appendStatements,
  checkHeads,
  destinationOf,
  extend,
  freshness,
  type LogFault,
  type NodeBody,
  type NodeKeys,
  readLog,
  readLogs,
  type RecoveryBody,
  recoveryOrder,
  type SignedStatement,
  signedStatementHash,
  type StatementBody,
} from './directory.ts'
import { canonical } from './canonical.ts'
import { suites } from './fixture.ts'
import { createNetwork, nodeKeyName, organKeyName, treeOf } from './simulation/network.ts'

const AT = '2026-11-01T00:00:00.000Z'
const SOON = '2026-11-02T00:00:00.000Z'
const net = createNetwork(suites, treeOf(2, 2, 2), { at: AT, suiteIds: ['P256', 'SM'] })
const { view, logs, pinned } = net
const P256 = suites.P256
const all = Object.values(logs).flat()
const codes = (faults: readonly LogFault[]): string[] => faults.map(({ log, fault }) => `${log} ${fault.code}`)
const last = (log: string): SignedStatement => logs[log]?.[(logs[log]?.length ?? 0) - 1] as SignedStatement
const signerOf = (node: string): { key: string; keyPair: KeyPair; suite: 'P256' } => ({ key: nodeKeyName(node, 'P256'), keyPair: net.nodeKey(node, 'P256'), suite: 'P256' })
const stating = (log: string, bodies: StatementBody[], signer = signerOf(log), at = SOON): SignedStatement[] => appendStatements(suites, { log, last: last(log), at, signer }, bodies)
const keysOf = (id: string, pair: KeyPair): NodeKeys => [{ id, suite: 'P256', publicKey: base64url(pair.publicKey) }]
const span = { from: AT, until: null }

describe('reading logs from a pinned root', () => {
  it('gives the same view for any order of the statements', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (mixed) => {
        const read = readLogs(suites, pinned, { any: mixed })
        expect(read.faults).toEqual([])
        expect(read.view.checkpoint().hash).toBe(view.checkpoint().hash)
      }),
      { numRuns: 10 },
    )
  })
  it('knows organs, names and keys of every node', () => {
    expect(view.nodes()).toHaveLength(7)
    expect(view.organsUnder('js-c0').map(({ organ }) => organ).sort()).toEqual(['js-c0-x0.o0', 'js-c0-x0.o1', 'js-c0-x1.o0', 'js-c0-x1.o1', 'js-c0.o0', 'js-c0.o1'])
    expect(view.keysOf('js.o0', 'encrypt', 'SM', SOON).map(({ key }) => key)).toEqual([organKeyName('js.o0', 'encrypt', 'SM')])
    expect(view.keysOf('js.o0', 'encrypt', 'SM', '2020-01-01T00:00:00.000Z')).toEqual([])
    expect(view.namesOf('js.o1', SOON).map(({ name }) => name)).toEqual(['js.o1.name'])
  })
  it('finds the next hop up to the lowest common ancestor, then down', () => {
    expect(view.nextHop('js-c0-x0', 'js-c0-x0.o0')).toBe('js-c0-x0')
    expect(view.nextHop('js-c0-x0', 'js-c0-x1.o0')).toBe('js-c0')
    expect(view.nextHop('js-c0', 'js-c0-x1.o0')).toBe('js-c0-x1')
    expect(view.nextHop('js-c0', 'js-c1-x1.o0')).toBe('js')
    expect(view.nextHop('js', 'js-c1-x1.o0')).toBe('js-c1')
    expect(view.nextHop('js', 'nobody')).toBe(null)
    expect(view.path('js-c0-x0', 'js-c1-x1')).toEqual(['js-c0-x0', 'js-c0', 'js', 'js-c1', 'js-c1-x1'])
    for (const { node } of view.nodes()) {
      for (const { organ, node: home } of view.organs()) {
        const walked = [node]
        for (let at = node; at !== home; walked.push(at)) at = view.nextHop(at, organ) as string
        expect(walked).toEqual(view.path(node, home))
      }
    }
  })
  it('refuses another root and nodes that nobody introduced', () => {
    const other = readLogs(suites, { ...pinned, fingerprint: '00'.repeat(32) }, logs)
    expect(other.view.nodes()).toEqual([])
    expect(codes(other.faults)[0]).toBe('js unknownRoot')
    const { 'js-c0': _, ...without } = logs
    const partial = readLogs(suites, pinned, without)
    expect(codes(partial.faults).sort()).toEqual(['js-c0-x0 unknownNode', 'js-c0-x1 unknownNode'])
    expect(extend(partial.view, all).view.checkpoint().hash).toBe(view.checkpoint().hash)
  })
  it('reads a log from bytes', () => {
    expect(readLog(canonical(logs.js))).toEqual({ ok: true, value: logs.js })
  })
})

describe('what a log may not do', () => {
  const cut = (log: string, at: number): Record<string, readonly SignedStatement[]> => ({ ...logs, [log]: (logs[log] ?? []).filter((_, i) => i !== at) })
  it('gap, rollback, fork, forged signer, backdating', () => {
    expect(codes(readLogs(suites, pinned, cut('js', 2)).faults)).toContain('js gap')
    const heads = view.checkpoint().logs
    expect(codes(readLogs(suites, pinned, { ...logs, js: (logs.js ?? []).slice(0, -1) }, heads).faults)).toContain('js rollback')
    expect(codes(readLogs(suites, pinned, logs, { js: { seq: 1, hash: 'A'.repeat(43) } }).faults)).toEqual(['js fork'])
    const [next] = stating('js', [{ kind: 'heartbeat' }]) as [SignedStatement]
    const [rival] = stating('js', [{ kind: 'deputy', organ: 'js.o0', deputy: 'js.o1', ...span }]) as [SignedStatement]
    const grown = extend(view, [next])
    expect(grown.accepted).toHaveLength(1)
    expect(view.log('js')).toHaveLength((logs.js ?? []).length)
    expect(codes(extend(grown.view, [rival]).faults)).toEqual(['js fork'])
    expect(extend(grown.view, [next])).toMatchObject({ accepted: [], faults: [] })
    expect(codes(extend(view, stating('js', [{ kind: 'heartbeat' }], signerOf('js-c0'))).faults)).toEqual(['js wrongSigner'])
    expect(codes(extend(view, stating('js', [{ kind: 'heartbeat' }], { ...signerOf('js'), keyPair: P256.generateKeyPair() })).faults)).toEqual(['js badSeal'])
    const early = { ...next.statement, at: '2026-10-01T00:00:00.000Z' }
    expect(codes(extend(view, [{ statement: early, seal: signBatch(P256, signerOf('js'), 'statement', [early])[0] as SignedStatement['seal'] }]).faults)).toEqual(['js timeReversed'])
    expect(checkHeads(view, heads, { ...heads, js: { seq: 0, hash: 'x' } })).toMatchObject({ ok: false, fault: { code: 'rollback' } })
    expect(checkHeads(view, {}, { js: { seq: 0, hash: 'x' } })).toMatchObject({ ok: false, fault: { code: 'fork' } })
  })
  it('a forged line next to a good one does not stop the good one', () => {
    const [next] = stating('js', [{ kind: 'heartbeat' }]) as [SignedStatement]
    const forged = { ...next, seal: { ...next.seal, signature: base64url(new Uint8Array(64)) } }
    const read = extend(view, [forged, next])
    expect([read.accepted.length, codes(read.faults)]).toEqual([1, ['js badSeal']])
  })
  it('a parent cannot swap a child’s key', () => {
    const thief = P256.generateKeyPair()
    const swap = stating('js', [{ kind: 'child', node: 'js-c0', keys: keysOf('js-c0.new', thief) }])
    const read = extend(view, swap)
    expect(codes(read.faults)).toEqual(['js childKeySwapped'])
    expect(read.view.nodeKey('js-c0', 'js-c0.new')).toBe(null)
    const body: StatementBody = { ...(view.node('js-c0') as NodeBody), keys: keysOf('js-c0.new', thief) }
    const own = stating('js-c0', [body], { key: 'js-c0.new', keyPair: thief, suite: 'P256' })
    expect(codes(extend(view, own).faults)).toEqual(['js-c0 wrongSigner'])
  })
  it('names that are taken, and keys for others’ organs, have no effect', () => {
    const key: StatementBody = { kind: 'key', key: 'false.key', owner: 'js.o0', purpose: 'encrypt', suite: 'P256', publicKey: base64url(P256.generateKeyPair().publicKey), certificate: '', ...span }
    const organ: StatementBody = { kind: 'organ', organ: 'js.o0', title: '冒名', system: 'party', region: '', regionTitle: '', ...span, successors: [] }
    const read = extend(view, stating('js-c0', [key, organ, { kind: 'keyStatus', key: organKeyName('js.o0', 'sign', 'SM'), status: 'revoked', since: AT }]))
    expect(read.faults).toEqual([])
    expect(read.view.remarks().map(({ fault }) => fault.code)).toEqual(['notOwner', 'idTaken', 'notOwner'])
    expect(read.view.key('false.key')).toBe(null)
    expect(read.view.organ('js.o0')?.node).toBe('js')
  })
})

describe('keys over time', () => {
  it('roll over by the old key', () => {
    const fresh = P256.generateKeyPair()
    const roll = stating('js-c0', [{ kind: 'nodeKey', keys: keysOf('js-c0.2', fresh) }])
    const rolled = extend(view, roll)
    expect(rolled.faults).toEqual([])
    const later = appendStatements(suites, { log: 'js-c0', last: roll[0] as SignedStatement, at: SOON, signer: { key: 'js-c0.2', keyPair: fresh, suite: 'P256' } }, [{ kind: 'heartbeat' }])
    expect(extend(rolled.view, later).accepted).toHaveLength(1)
    const old = appendStatements(suites, { log: 'js-c0', last: roll[0] as SignedStatement, at: SOON, signer: signerOf('js-c0') }, [{ kind: 'heartbeat' }])
    expect(codes(extend(rolled.view, old).faults)).toEqual(['js-c0 wrongSigner'])
    expect(rolled.view.nodeKey('js-c0', nodeKeyName('js-c0', 'P256'))?.until).toBe(SOON)
    expect(rolled.view.nodeKey('js-c0', 'js-c0.2')?.from).toBe(SOON)
  })
  it('are judged at an instant', () => {
    const key = organKeyName('js.o0', 'sign', 'SM')
    const told = extend(view, stating('js', [{ kind: 'keyStatus', key, status: 'compromised', since: SOON }])).view
    expect(told.keyState(key, AT)).toMatchObject({ ok: true })
    expect(told.keyState(key, SOON)).toMatchObject({ ok: false, fault: { code: 'compromisedKey' } })
    expect(told.compromisedSince(key)).toBe(SOON)
    expect(told.keysOf('js.o0', 'sign', 'SM', SOON)).toEqual([])
    expect(view.compromisedSince(key)).toBe(null)
  })
  it('are recovered by two of the persons the node had named, never by its parent alone', () => {
    const persons = ['zhang', 'wang', 'li'].map((person) => ({ person, suite: 'P256' as const, pair: P256.generateKeyPair() }))
    const named = stating('js-c0', [{ ...(view.node('js-c0') as NodeBody), recoverers: persons.map(({ person, suite, pair }) => ({ person, suite, publicKey: base64url(pair.publicKey) })) }])
    const stands = named[0] as SignedStatement
    const prepared = extend(view, named).view
    const thiefs = appendStatements(suites, { log: 'js-c0', last: stands, at: SOON, signer: signerOf('js-c0') }, [{ kind: 'keyStatus', key: organKeyName('js-c0.o0', 'sign', 'SM'), status: 'revoked', since: AT }])
    const robbed = extend(prepared, thiefs).view
    const fresh = P256.generateKeyPair()
    const order = { node: 'js-c0', keys: keysOf('js-c0.2', fresh), after: { seq: stands.statement.seq, hash: signedStatementHash(suites, stands) }, reason: '密钥介质遗失' }
    const recoveryBy = (...who: { person: string; pair: KeyPair }[]): SignedStatement[] => {
      const approvals = who.map(({ person, pair }) => signBatch(P256, { key: person, keyPair: pair }, 'recovery', [recoveryOrder(order)])[0]) as RecoveryBody['approvals']
      return stating('js', [{ kind: 'recovery', ...order, approvals }])
    }
    const [zhang, wang] = persons as [(typeof persons)[0], (typeof persons)[0]]
    expect(codes(extend(robbed, recoveryBy(zhang, zhang)).faults)).toEqual(['js badRecovery'])
    expect(codes(extend(robbed, recoveryBy(zhang, { person: 'wang', pair: P256.generateKeyPair() })).faults)).toEqual(['js badRecovery'])
    expect(codes(extend(robbed, recoveryBy(zhang, { person: 'stranger', pair: P256.generateKeyPair() })).faults)).toEqual(['js badRecovery'])
    const recovered = extend(robbed, recoveryBy(zhang, wang))
    expect(recovered.faults).toEqual([])
    expect(recovered.view.compromisedSince(organKeyName('js-c0.o0', 'sign', 'SM'))).toBe(null)
    expect(recovered.view.keyState(organKeyName('js-c0.o0', 'sign', 'SM'), SOON).ok).toBe(true)
    const after = appendStatements(suites, { log: 'js-c0', last: stands, at: SOON, signer: { key: 'js-c0.2', keyPair: fresh, suite: 'P256' } }, [{ kind: 'heartbeat' }])
    expect(extend(recovered.view, after).accepted).toHaveLength(1)
    expect(codes(extend(recovered.view, thiefs).faults)).toEqual(['js-c0 wrongSigner'])
    // Whoever reads everything from the start comes to the same.
    const replayed = readLogs(suites, pinned, { ...logs, more: [...named, ...recoveryBy(zhang, wang), ...after] })
    expect(replayed.faults).toEqual([])
    expect(replayed.view.nodeKey('js-c0', 'js-c0.2')).not.toBe(null)
  })
})

describe('reorganisation and age', () => {
  it('forwards to the successor, also at another node', () => {
    const moved = extend(view, [
      ...stating('js-c0', [{ kind: 'organ', organ: 'js-c0.o1', title: '旧', system: 'party', region: '', regionTitle: '', from: AT, until: SOON, successors: ['js-c1.o0'] }]),
      ...stating('js-c1', [{ kind: 'deputy', organ: 'js-c1.o0', deputy: 'js-c1.o1', from: AT, until: SOON }]),
    ]).view
    expect(destinationOf(moved, 'js-c0.o1', AT)).toMatchObject({ value: { organ: 'js-c0.o1', node: 'js-c0', forwarded: false } })
    expect(destinationOf(moved, 'js-c0.o1', SOON)).toMatchObject({ value: { organ: 'js-c1.o0', node: 'js-c1', forwarded: true } })
    expect(destinationOf(moved, 'nobody', SOON)).toMatchObject({ ok: false })
    expect(moved.deputiesOf('js-c1.o0', AT)).toEqual(['js-c1.o1'])
    expect(moved.deputiesOf('js-c1.o0', SOON)).toEqual([])
  })
  it('lets an organ move with its name once its old home let it go', () => {
    const body = (until: string | null, from = AT, to: { movedTo?: string } = {}): StatementBody => ({ kind: 'organ', organ: 'js-c0.o1', title: '单位', system: 'party', region: '', regionTitle: '', from, until, successors: [], ...to })
    const leaving = extend(view, stating('js-c0', [body(SOON, AT, { movedTo: 'js-c1' })])).view
    expect([leaving.nextHop('js', 'js-c0.o1', AT), leaving.nextHop('js', 'js-c0.o1', SOON), leaving.standsFor('js-c0.o1', SOON)]).toEqual(['js-c0', 'js-c1', 'js-c0.o1'])
    const moved = extend(leaving, stating('js-c1', [body(null, SOON)])).view
    expect([moved.organ('js-c0.o1')?.node, moved.organ('js-c0.o1', AT)?.node, moved.nextHop('js', 'js-c0.o1', SOON)]).toEqual(['js-c1', 'js-c0', 'js-c1'])
    // What merely ended, or goes elsewhere, is nobody's to take: its mail belongs to its heirs.
    for (const to of [{}, { movedTo: 'js-c0-x0' }]) {
      const robbed = extend(extend(view, stating('js-c0', [body(SOON, AT, to)])).view, stating('js-c1', [body(null, SOON)])).view
      expect([robbed.organ('js-c0.o1')?.node, robbed.remarks().map(({ fault }) => fault.code)]).toEqual(['js-c0', ['idTaken']])
    }
  })
  it('grades freshness without a cliff', () => {
    const at = (day: number): string => freshness(view, `2026-11-${String(day).padStart(2, '0')}T00:00:00.000Z`).js as string
    expect([at(2), at(8), at(9), freshness(view, '2026-12-05T00:00:00.000Z').js]).toEqual(['normal', 'normal', 'warn', 'knownPartnersOnly'])
    expect(freshness(view, '2026-10-01T00:00:00.000Z').js).toBe('normal')
  })
  it('never throws on hostile statements', () => {
    fc.assert(
      fc.property(fc.constantFrom(...all), fc.string(), fc.nat(5), (signed, text, which) => {
        const { statement, seal } = signed
        const seq = (logs[statement.log] ?? []).length
        const bent = [
          { statement: { ...statement, seq }, seal },
          { statement: { ...statement, seq, previous: text }, seal },
          { statement, seal: { ...seal, signature: text } },
          { statement, seal: { ...seal, path: [text] } },
          { statement: { ...statement, log: 'js', seq: 0, body: { ...(view.node('js') as NodeBody), keys: [{ id: 'x', suite: 'SM' as const, publicKey: text }] } }, seal },
          { statement: { ...statement, log: text, seq: 0 }, seal },
        ][which] as SignedStatement
        expect(extend(view, [bent]).view.checkpoint().hash).toBe(view.checkpoint().hash)
      }),
    )
  })
})
