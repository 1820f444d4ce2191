import { suites } from '@postroad/gm/node'
import { appendStatements, type DirectoryView, extend, type StatementBody, type SignedStatement } from '@postroad/waybill'
import { createNetwork, nodeKeyName, treeOf } from '@postroad/waybill/simulation'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { essenceOf, type Facts, mayFollow, type Order, order, type Plan, planOf, PROBLEMS, STEPS } from './model.ts'
import { PROBLEM_WORDS } from './words.ts'

const AT = '2026-11-01T00:00:00.000Z'
const day = (n: number): string => new Date(Date.UTC(2026, 10, n)).toISOString()
const SELF = 'js-c0'
const net = createNetwork(suites, treeOf(2, 1, 4), { at: AT, suiteIds: ['SM'] })
const HERE = ['js-c0.o0', 'js-c0.o1', 'js-c0.o2', 'js-c0.o3']
const FAR = 'js-c1.o0'
const everything = [...HERE, FAR].flatMap((from) => [...HERE, FAR].map((to) => ({ from, to })))

const facts = (view: DirectoryView, now: string, more: Partial<Facts> = {}): Facts => ({ view, self: SELF, now, posts: [{ person: 'wang', id: 'wang.post', title: '文书' }], holds: 3, bequests: everything, ...more })
const told = (view: DirectoryView, log: string, bodies: readonly StatementBody[], at: string): DirectoryView => {
  const signer = { key: nodeKeyName(log, 'SM'), keyPair: net.nodeKey(log, 'SM'), suite: 'SM' as const }
  const read = extend(view, appendStatements(suites, { log, last: view.log(log).at(-1) as SignedStatement, at, signer }, [...bodies]))
  expect([read.faults, read.view.remarks()]).toEqual([[], []])
  return read.view
}
const base = { basis: '县编发〔2026〕3号', on: AT }
const all = (heir: string) => ({ inbox: heir, cases: heir, archive: heir })
const make = (given: object): Order => order.parse('heirs' in given ? { posts: [], ...('kind' in given && given.kind !== 'abolish' ? { keepNames: [] } : {}), ...given } : given)
const codes = (plan: Plan): string[] => plan.problems.map(({ code }) => code)
const planned = (given: object, more: Partial<Facts> = {}, view = net.view): Plan => planOf(make({ ...base, ...given }), facts(view, day(5), more))

describe('合并', () => {
  const merge = { kind: 'merge', organ: 'js-c0.o0', heirs: all('js-c0.o1') }
  it('ends the organ, its names and its keys for signing; its heir stands for it from that moment', () => {
    const plan = planned(merge)
    expect([plan.problems, plan.handOver, plan.postMoves, plan.keyHeirs, plan.elsewhere]).toEqual([[], { ...all('js-c0.o1'), sent: 'js-c0.o1' }, [{ person: 'wang', post: 'wang.post', heir: 'js-c0.o1' }], ['js-c0.o1'], []])
    const after = told(net.view, SELF, plan.statements, day(5))
    expect([after.standsFor('js-c0.o0', day(4)), after.standsFor('js-c0.o0', day(5))]).toEqual(['js-c0.o0', 'js-c0.o1'])
    expect([4, 5].map((n) => [after.namesOf('js-c0.o0', day(n)).length, after.keysOf('js-c0.o0', 'sign', 'SM', day(n)).length, after.keysOf('js-c0.o0', 'encrypt', 'SM', day(n)).length])).toEqual([[1, 1, 1], [0, 0, 1]])
  })
  it('lets the heir go on under a name of the old one, where it is asked to', () => {
    const after = told(net.view, SELF, planned({ ...merge, keepNames: ['js-c0.o0.name'] }).statements, day(5))
    expect([after.namesOf('js-c0.o1', day(5)).map(({ name }) => name).sort(), after.namesOf('js-c0.o0', day(4)).length, after.name('js-c0.o0.name', day(4))?.organ]).toEqual([['js-c0.o0.name', 'js-c0.o1.name'], 1, 'js-c0.o0'])
  })
  it('into an organ of another node leaves what is no longer in the inbox, and the people who wind up, where they are', () => {
    const plan = planned({ ...merge, heirs: all(FAR) })
    expect([plan.problems, plan.handOver, plan.postMoves, plan.elsewhere]).toEqual([[], { inbox: 'js-c0.o0', cases: 'js-c0.o0', archive: 'js-c0.o0', sent: 'js-c0.o0' }, [], [FAR]])
  })
  it('is refused as long as no holder of its keys has given them to every heir', () => {
    expect(codes(planned(merge, { bequests: [] }))).toEqual(['keysNotHandedOver'])
    expect(codes(planned({ ...merge, kind: 'split', heirs: { ...all('js-c0.o1'), archive: 'js-c0.o2' } }, { bequests: [{ from: 'js-c0.o0', to: 'js-c0.o1' }] }))).toEqual(['keysNotHandedOver'])
  })
})

describe('an order that cannot be carried out says why', () => {
  const of = (given: object, more: Partial<Facts> = {}): string[] => codes(planned({ organ: 'js-c0.o0', ...given }, more))
  const names = (name: string, title: string, code: string) => ({ name, title, code })
  it.each([
    ['unknownOrgan', { kind: 'merge', organ: 'js-c0.none', heirs: all('js-c0.o1') }],
    ['notHosted', { kind: 'merge', organ: FAR, heirs: all('js-c0.o1') }],
    ['heirUnknown', { kind: 'merge', heirs: all('js-c0.none') }],
    ['heirIsSelf', { kind: 'merge', heirs: all('js-c0.o0') }],
    ['oneHeir', { kind: 'merge', heirs: { ...all('js-c0.o1'), cases: 'js-c0.o2' } }],
    ['twoHeirs', { kind: 'split', heirs: all('js-c0.o1') }],
    ['heirElsewhere', { kind: 'split', heirs: { ...all('js-c0.o1'), archive: FAR } }],
    ['stillHolds', { kind: 'abolish', heirs: null }],
    ['nameNotHeld', { kind: 'merge', heirs: all('js-c0.o1'), keepNames: ['js-c0.o2.name'] }],
    ['postUnknown', { kind: 'merge', heirs: all('js-c0.o1'), posts: [{ person: 'li', post: 'li.post', heir: null }] }],
    ['postHeir', { kind: 'merge', heirs: all('js-c0.o1'), posts: [{ person: 'wang', post: 'wang.post', heir: 'js-c0.o2' }] }],
    ['nothingChanges', { kind: 'rename', title: net.view.organ('js-c0.o0')?.title ?? '', names: [] }],
    ['nameNotHeld', { kind: 'rename', title: '新名', names: [{ ...names('js-c0.o0.name2', '新名义', '新'), replaces: 'js-c0.o1.name' }] }],
    ['nameTaken', { kind: 'plate', names: [{ ...names('js-c0.o1.name', '新名义', '新'), until: null }] }],
    ['foreignId', { kind: 'plate', names: [{ ...names('js-c1.plate', '新名义', '新'), until: null }] }],
    ['titleTaken', { kind: 'plate', names: [{ ...names('js-c0.o0.plate', net.view.name('js-c0.o1.name')?.title ?? '', '新'), until: null }] }],
    ['untilPast', { kind: 'plate', names: [{ ...names('js-c0.o0.plate', '新名义', '新'), until: day(2) }] }],
    ['alreadyExists', { kind: 'establish', organ: 'js-c0.o1', title: '新局', system: 'party', region: 'r', regionTitle: '', names: [names('js-c0.o1.new', '新名义', '新')], holders: ['wang'] }],
    ['foreignId', { kind: 'establish', organ: 'js-c1.new', title: '新局', system: 'party', region: 'r', regionTitle: '', names: [names('js-c1.new.name', '新名义', '新')], holders: ['wang'] }],
  ])('%s', (code, given) => expect(of(given)).toContain(code))
  it('organEnded, heirEnded, heirLoop, codeTaken', () => {
    const merged = told(net.view, SELF, planned({ kind: 'merge', organ: 'js-c0.o0', heirs: all('js-c0.o1') }).statements, day(3))
    const after = (given: object): string[] => codes(planned(given, {}, merged))
    expect(after({ kind: 'merge', organ: 'js-c0.o0', heirs: all('js-c0.o2') })).toEqual(['organEnded'])
    expect(after({ kind: 'merge', organ: 'js-c0.o1', heirs: all('js-c0.o0') })).toEqual(['heirLoop'])
    expect(after({ kind: 'merge', organ: 'js-c0.o2', heirs: all('js-c0.o0') })).toEqual(['heirEnded'])
    const plated = told(net.view, SELF, planned({ kind: 'plate', organ: 'js-c0.o0', names: [{ ...names('js-c0.o0.plate', '某局', '某'), until: null }] }).statements, day(3))
    expect(codes(planned({ kind: 'plate', organ: 'js-c0.o1', names: [{ ...names('js-c0.o1.plate', '另局', '某'), until: null }] }, {}, plated))).toEqual(['codeTaken'])
  })
  it('in words that a clerk understands, each of them', () => {
    expect(Object.keys(PROBLEM_WORDS).sort()).toEqual([...PROBLEMS].sort())
  })
})

describe('迁出 and 迁入', () => {
  it('lead to the new node without a gap, with the old names and new keys; the old node’s word about the past holds', () => {
    const gone = told(net.view, SELF, planned({ kind: 'move', organ: 'js-c0.o0', to: 'js-c1' }).statements, day(5))
    expect([gone.nextHop('js', 'js-c0.o0', day(4)), gone.nextHop('js', 'js-c0.o0', day(5)), gone.standsFor('js-c0.o0', day(5)), gone.namesOf('js-c0.o0', day(5))]).toEqual(['js-c0', 'js-c1', 'js-c0.o0', []])
    const receive = make({ ...base, kind: 'receive', organ: 'js-c0.o0', holders: ['wang'] })
    expect(codes(planOf(receive, facts(gone, day(6))))).toEqual(['notGiven'])
    expect(codes(planOf(receive, facts(net.view, day(6), { self: 'js-c1' })))).toEqual(['notGiven'])
    const there = told(gone, 'js-c1', planOf(receive, facts(gone, day(6), { self: 'js-c1' })).statements, day(6))
    expect([there.organ('js-c0.o0')?.node, there.namesOf('js-c0.o0', day(6)).map(({ name, node }) => `${name} ${node}`), there.namesOf('js-c0.o0', day(4)).length, there.mayHost('js-c0.o0', SELF, day(5))]).toEqual(['js-c1', ['js-c0.o0.name js-c1'], 1, true])
    expect(codes(planned({ kind: 'move', organ: 'js-c0.o0', to: SELF }))).toEqual(['nodeUnknown'])
  })
})

describe('更名 and 挂牌', () => {
  it('keep what it was called, and add from that day on', () => {
    const renamed = told(net.view, SELF, planned({ kind: 'rename', organ: 'js-c0.o0', title: '大数据局', names: [{ name: 'js-c0.o0.name.2', title: '某县大数据局', code: '某数', replaces: 'js-c0.o0.name' }] }).statements, day(5))
    expect([4, 5].map((n) => [renamed.organ('js-c0.o0', day(n))?.title, renamed.namesOf('js-c0.o0', day(n)).map(({ name }) => name)])).toEqual([[net.view.organ('js-c0.o0')?.title, ['js-c0.o0.name']], ['大数据局', ['js-c0.o0.name.2']]])
    const plated = told(renamed, SELF, planOf(make({ ...base, kind: 'plate', organ: 'js-c0.o0', names: [{ name: 'js-c0.o0.plate', title: '某县密码局', code: '某密', until: day(20) }] }), facts(renamed, day(6))).statements, day(6))
    expect([5, 6, 19, 20].map((n) => plated.namesOf('js-c0.o0', day(n)).length)).toEqual([1, 2, 2, 1])
  })
})

describe('a plan', () => {
  it('is the same whenever it is made; only its instants differ', () => {
    const given = make({ ...base, kind: 'merge', organ: 'js-c0.o0', heirs: all('js-c0.o1') })
    expect(essenceOf(planOf(given, facts(net.view, day(5))), day(5))).toEqual(essenceOf(planOf(given, facts(net.view, day(9))), day(9)))
    expect(essenceOf(planOf(given, facts(net.view, day(5), { posts: [] })), day(5))).not.toEqual(essenceOf(planOf(given, facts(net.view, day(5))), day(5)))
  })
  it('goes through each step once', () => {
    expect(STEPS.flatMap((from) => STEPS.filter((to) => mayFollow(from, to)).map((to) => `${from} ${to}`))).toEqual(['prepared approved', 'prepared withdrawn', 'approved done', 'approved stopped', 'approved withdrawn'])
  })

  // However orders follow one another: what has no problem is taken by the directory whole, and the past stays what it was.
  it('without problems always holds', () => {
    const organs = [...HERE, FAR]
    const heir = fc.constantFrom(...organs)
    const orders = fc.oneof(
      fc.record({ kind: fc.constant('merge'), organ: heir, heirs: heir.map(all) }),
      fc.record({ kind: fc.constant('split'), organ: heir, heirs: fc.record({ inbox: heir, cases: heir, archive: heir }) }),
      fc.record({ kind: fc.constant('abolish'), organ: heir, heirs: fc.option(heir.map(all)) }),
      fc.record({ kind: fc.constant('rename'), organ: heir, title: fc.constantFrom('甲局', '乙局'), names: fc.constant([]) }),
      fc.record({ kind: fc.constant('plate'), organ: heir, names: fc.tuple(heir, fc.nat(2)).map(([of, n]) => [{ name: `${of}.plate${n}`, title: `${of} 牌${n}`, code: `牌${n}`, until: null }]) }),
    )
    let carriedOut = 0
    fc.assert(
      fc.property(fc.array(orders, { minLength: 1, maxLength: 6 }), (sequence) => {
        let view = net.view
        for (const [index, given] of sequence.entries()) {
          const now = day(3 + index)
          const before = view
          const plan = planOf(make({ ...base, ...given }), facts(view, now))
          if (plan.problems.length > 0) continue
          carriedOut += 1
          view = told(view, SELF, plan.statements, now)
          for (const organ of organs) {
            // nobody is left without somebody who stands for him, unless he was abolished without heirs
            const stands = view.standsFor(organ, now)
            if (before.standsFor(organ, now) !== null && !(given.kind === 'abolish' && given.heirs === null)) expect([organ, stands]).not.toEqual([organ, null])
            if (stands !== null) expect([stands, view.keysOf(stands, 'sign', 'SM', now).length > 0]).toEqual([stands, true])
            if (view.organ(organ, now) === null) expect([view.namesOf(organ, now), view.keysOf(organ, 'sign', 'SM', now)]).toEqual([[], []])
            const past = new Date(Date.parse(now) - 1).toISOString()
            for (const over of [before, view]) expect(over.keysOf(organ, 'encrypt', 'SM', now).length).toBe(1)
            expect([view.organ(organ, past)?.title, view.standsFor(organ, past), view.namesOf(organ, past).map(({ name }) => name)]).toEqual([before.organ(organ, past)?.title, before.standsFor(organ, past), before.namesOf(organ, past).map(({ name }) => name)])
          }
          const names = organs.flatMap((organ) => view.namesOf(organ, now))
          expect([new Set(names.map(({ name }) => name)).size, new Set(names.map(({ title }) => title)).size]).toEqual([names.length, names.length])
        }
      }),
      { numRuns: 60 },
    )
    expect(carriedOut).toBeGreaterThan(20)
  })
})
