import { base64url } from '@postroad/gm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { receiptKeyOf } from '../authority.ts'
import { signBatch } from '../batch.ts'
import { appendStatements, type DirectoryView, extend, readLogs, type SignedStatement, type StatementBody } from '../directory.ts'
import { suites } from '../fixture.ts'
import type { Receipt, ReceiptKind } from '../model.ts'
import { createNetwork, nodeKeyName, organKeyName, treeOf } from '../simulation/network.ts'

const AT = '2026-11-01T00:00:00.000Z'
const day = (n: number): string => new Date(Date.UTC(2026, 10, n)).toISOString()
const net = createNetwork(suites, treeOf(2, 1, 3), { at: AT, suiteIds: ['P256'] })
const { view, logs, pinned } = net

function stating(over: DirectoryView, log: string, bodies: StatementBody[], at = day(2)): SignedStatement[] {
  const signer = { key: nodeKeyName(log, 'P256'), keyPair: net.nodeKey(log, 'P256'), suite: 'P256' as const }
  return appendStatements(suites, { log, last: over.log(log).at(-1) as SignedStatement, at, signer }, bodies)
}
const told = (over: DirectoryView, log: string, bodies: StatementBody[], at?: string): DirectoryView => extend(over, stating(over, log, bodies, at)).view
const organ = (id: string, more: Partial<Extract<StatementBody, { kind: 'organ' }>> = {}): StatementBody =>
  ({ kind: 'organ', organ: id, title: id, system: 'party', region: '', regionTitle: '', from: AT, until: null, successors: [], ...more })
const name = (id: string, of: string, more: Partial<Extract<StatementBody, { kind: 'issuingName' }>> = {}): StatementBody => ({ kind: 'issuingName', name: id, title: id, code: '', organ: of, from: AT, until: null, ...more })

describe('an organ over time', () => {
  const renamed = told(view, 'js-c0', [organ('js-c0.o0', { title: '新名', from: day(5) }), name('js-c0.o0.name', 'js-c0.o0', { until: day(5) }), name('js-c0.o0.name.2', 'js-c0.o0', { title: '新名义', from: day(5) })])
  it('is called what it was called then', () => {
    expect([renamed.organ('js-c0.o0', day(4))?.title, renamed.organ('js-c0.o0', day(5))?.title, renamed.organ('js-c0.o0')?.title]).toEqual([view.organ('js-c0.o0')?.title, '新名', '新名'])
    expect([4, 5].map((n) => renamed.namesOf('js-c0.o0', day(n)).map((each) => each.name))).toEqual([['js-c0.o0.name'], ['js-c0.o0.name.2']])
    expect([renamed.standsFor('js-c0.o0', day(4)), renamed.standsFor('js-c0.o0', day(9))]).toEqual(['js-c0.o0', 'js-c0.o0'])
  })
  const split = told(view, 'js-c0', [organ('js-c0.o0', { until: day(5), successors: ['js-c0.o1', 'js-c1.o0'] })])
  const twice = told(split, 'js-c0', [organ('js-c0.o1', { until: day(7), successors: ['js-c1.o1'] })])
  it('leads to its heirs once it ended, and to theirs', () => {
    expect([split.standsFor('js-c0.o0', day(4)), split.standsFor('js-c0.o0', day(5)), twice.standsFor('js-c0.o0', day(7))]).toEqual(['js-c0.o0', 'js-c0.o1', 'js-c1.o1'])
    expect([split.heirsOf('js-c0.o0', day(4)), split.heirsOf('js-c0.o0', day(5)), twice.heirsOf('js-c0.o0', day(7))]).toEqual([[], ['js-c0.o1', 'js-c1.o0'], ['js-c1.o1', 'js-c1.o0']])
    expect([twice.predecessorsOf('js-c1.o1', day(7)), twice.predecessorsOf('js-c1.o1', day(6))]).toEqual([['js-c0.o0', 'js-c0.o1'], []])
  })
  it('that leads back to itself leads nowhere', () => {
    const circle = told(twice, 'js-c1', [organ('js-c1.o1', { until: day(8), successors: ['js-c0.o0'] }), organ('js-c1.o0', { until: day(8) })])
    expect([circle.standsFor('js-c0.o0', day(8)), circle.heirsOf('js-c0.o0', day(8)), circle.mayHost('js-c0.o0', 'js', day(60))]).toEqual([null, [], false])
  })
  it('may be spoken of by a host that has not heard of the end for thirty days, by no other node', () => {
    expect(['js-c0', 'js-c1', 'js'].map((node) => [4, 5, 34, 36].map((n) => split.mayHost('js-c0.o0', node, day(n))))).toEqual([[true, true, true, true], [false, true, true, true], [false, false, false, false]])
    expect([8, 34, 38].map((n) => twice.mayHost('js-c0.o0', 'js-c0', day(n)))).toEqual([true, true, false])
  })
})

describe('receipts about an organ that ended', () => {
  const HEIR = 'js-c1.o0'
  const merged = told(told(view, 'js-c0', [organ('js-c0.o0', { until: day(5), successors: [HEIR] })]), 'js-c1', [{ kind: 'deputy', organ: HEIR, deputy: 'js-c1.o2', from: AT, until: null }])
  const judge = (kind: ReceiptKind, at: string, signer: string, over = merged): string => {
    const keyPair = net.organKeys(signer, 'P256').sign
    const receipt: Receipt = {
      v: 1, id: crypto.randomUUID(), kind, message: crypto.randomUUID(), headHash: 'A'.repeat(43), recipient: 'js-c0.o0', node: 'js-c1', at, directory: 'A'.repeat(43),
      actor: { person: 'p', name: '文书', post: 'p', organ: signer, onBehalfOf: signer === 'js-c0.o0' ? null : 'js-c0.o0' }, reason: null, salt: 'A'.repeat(22),
    }
    const [seal] = signBatch(suites.P256, { key: organKeyName(signer, 'sign', 'P256'), keyPair }, 'receipt', [receipt])
    const key = receiptKeyOf(over)(receipt, seal ?? expect.fail())
    return key.ok ? base64url(key.value) === base64url(keyPair.publicKey) ? 'ok' : 'other' : key.fault.code
  }
  it('are its heir’s from that day on, all of them; before that day its own', () => {
    for (const kind of ['delivered', 'signedFor', 'registered', 'returned'] as const) {
      expect([kind, judge(kind, day(5), HEIR), judge(kind, day(4), HEIR) === 'ok', judge(kind, day(4), 'js-c0.o0'), judge(kind, day(5), 'js-c1.o1')]).toEqual([kind, 'ok', false, 'ok', 'notDeputy'])
    }
  })
  it('may be signed by the heir’s deputy, and no more than signed', () => {
    expect([judge('signedFor', day(5), 'js-c1.o2'), judge('signedFor', day(4), 'js-c1.o2'), judge('registered', day(5), 'js-c1.o2')]).toEqual(['ok', 'notDeputy', 'notDeputy'])
  })
})

describe('ids', () => {
  const AFTER = day(3)
  it('that begin with a node’s own belong to it and to the nodes below it', () => {
    const first = (log: string, id: string): string => {
      const after = told(view, log, [organ(id, { from: AFTER })])
      return after.organ(id)?.node ?? after.remarks().map(({ fault }) => fault.code).join()
    }
    expect([first('js-c0', 'js-c0.new'), first('js-c0-x0', 'js-c0.new'), first('js', 'js-c0.new'), first('js-c1', 'js-c0.new'), first('js-c1', 'js-c0'), first('js-c1', 'free.new')])
      .toEqual(['js-c0', 'js-c0-x0', 'idTaken', 'idTaken', 'idTaken', 'js-c1'])
  })
  it('of names and keys may follow their organ to another node, and nobody else', () => {
    const key = (id: string, owner: string): StatementBody => ({ kind: 'key', key: id, owner, purpose: 'sign', suite: 'P256', publicKey: base64url(suites.P256.generateKeyPair().publicKey), certificate: '', from: AT, until: null })
    const gone = told(told(view, 'js-c0', [name('js-c0.o0.name', 'js-c0.o0', { until: AFTER }), organ('js-c0.o0', { until: AFTER, movedTo: 'js-c1' })]), 'js-c1', [organ('js-c0.o0', { from: AFTER })], day(4))
    const tried = told(gone, 'js-c1', [name('js-c0.o0.name', 'js-c0.o0', { from: AFTER }), key('js-c0.o0.sign.2', 'js-c0.o0'), key('js-c0.o1.sign.2', 'js-c0.o0'), name('js-c0.o1.name', 'js-c0.o0', { from: AFTER })], day(5))
    expect([tried.namesOf('js-c0.o0', day(4)).length, tried.namesOf('js-c0.o0', day(2))[0]?.node, tried.key('js-c0.o0.sign.2')?.node, tried.key('js-c0.o1.sign.2')]).toEqual([1, 'js-c0', 'js-c1', null])
    expect(tried.remarks().map(({ fault }) => fault.code)).toEqual(['idTaken', 'idTaken'])
  })

  // Whatever nodes state in whatever order: an organ changes hands only to the node that its holder named, from the day that it named; whoever reads whole logs sees the same.
  it('never change hands against their holder’s word', () => {
    const nodes = ['js', 'js-c0', 'js-c1', 'js-c0-x0']
    const step = fc.record({ log: fc.constantFrom(...nodes), from: fc.integer({ min: 1, max: 20 }), length: fc.option(fc.integer({ min: 1, max: 10 })), movedTo: fc.option(fc.constantFrom(...nodes)) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        let now = view
        for (const [index, { log, from, length, movedTo }] of steps.entries()) {
          now = told(now, log, [organ('js-c0.o0', { from: day(from), until: length === null ? null : day(from + length), ...(movedTo === null ? {} : { movedTo }) })], day(20 + index))
          const periods = now.organPeriods('js-c0.o0')
          expect(periods[0]?.node).toBe('js-c0')
          for (const [at, period] of periods.entries()) {
            const next = periods[at + 1]
            if (next === undefined || next.node === period.node) continue
            expect([period.movedTo, (period.until ?? '9') <= next.from]).toEqual([next.node, true])
          }
        }
        const lines = nodes.flatMap((log) => now.log(log))
        const whole = readLogs(suites, pinned, { ...logs, ...Object.fromEntries(nodes.map((log) => [log, lines.filter(({ statement }) => statement.log === log)])) })
        expect(whole.view.organPeriods('js-c0.o0')).toEqual(now.organPeriods('js-c0.o0'))
      }),
      { numRuns: 40 },
    )
  })
})
