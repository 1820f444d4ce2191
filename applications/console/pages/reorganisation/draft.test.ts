import { order } from '@postroad/reorganisation/model'
import { describe, expect, it } from 'vitest'
import { emptyDraft, faultsOf, type HereOrgan, orderOf, type PlanDraft } from './draft.ts'

const organ: HereOrgan = { organ: 'wc.old', title: '县旧局', names: [{ name: 'wc.old.bureau', title: '望川县旧局', code: '望旧' }], posts: [{ person: 'ao', name: '敖', post: 'ao.post', title: '文书' }, { person: 'bo', name: '博', post: 'bo.post', title: '局长' }] }
const draft = (more: Partial<PlanDraft>): PlanDraft => ({ ...emptyDraft('2026-11-23'), organ: 'wc.old', basis: '县编发〔2026〕3号', ...more })
const same = (heir: string) => ({ inbox: heir, cases: '', archive: '' })

describe('a plan drawn on the page', () => {
  it('says what is missing where it is missing', () => {
    expect(Object.keys(faultsOf(emptyDraft('')))).toEqual(['organ', 'basis', 'day', 'inbox', 'cases', 'archive'])
    expect(faultsOf(draft({ basis: '3号文', heirs: same('wc.new') }))).toEqual({ basis: expect.stringContaining('县编发') })
    expect(Object.keys(faultsOf(draft({ kind: 'split', heirs: same('wc.new') })))).toEqual(['cases', 'archive'])
    expect(Object.keys(faultsOf(draft({ kind: 'rename' })))).toEqual(['title'])
    expect(Object.keys(faultsOf(draft({ kind: 'plate' })))).toEqual(['plate'])
    expect(faultsOf(draft({ kind: 'abolish', hasHeirs: false }))).toEqual({})
  })
  it('becomes an order that the node takes, of each kind', () => {
    const orders = [
      orderOf(draft({ heirs: same('wc.new'), keepNames: ['wc.old.bureau'], posts: { 'bo bo.post': '-' } }), organ, 's1'),
      orderOf(draft({ kind: 'split', heirs: { inbox: 'wc.new', cases: 'wc.two', archive: 'wc.new' }, posts: { 'ao ao.post': 'wc.two' } }), organ, 's1'),
      orderOf(draft({ kind: 'rename', title: '县新局', names: { 'wc.old.bureau': { title: '望川县新局', code: '望新' } } }), organ, 's1'),
      orderOf(draft({ kind: 'plate', plate: { title: '望川县数据局', code: '望数', until: '2027-12-31' } }), organ, 's1'),
      orderOf(draft({ kind: 'abolish', hasHeirs: false }), organ, 's1'),
    ]
    for (const one of orders) expect(order.parse(one)).toEqual(one)
    expect(orders[0]).toMatchObject({ heirs: { inbox: 'wc.new', cases: 'wc.new', archive: 'wc.new' }, posts: [{ person: 'bo', post: 'bo.post', heir: null }], keepNames: ['wc.old.bureau'] })
    expect(orders[1]).toMatchObject({ heirs: { inbox: 'wc.new', cases: 'wc.two' }, posts: [{ person: 'ao', heir: 'wc.two' }] })
    expect(orders[2]).toMatchObject({ title: '县新局', names: [{ name: 'wc.old.ns1', replaces: 'wc.old.bureau', code: '望新' }] })
    expect(orders[3]).toMatchObject({ names: [{ until: new Date(2028, 0, 1).toISOString() }] }) // the last day is in it
    expect(orders[4]).toMatchObject({ heirs: null })
  })
})
