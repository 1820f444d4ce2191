import { suites } from '@postroad/gm/node'
import { createNetwork, treeOf } from '@postroad/waybill/simulation'
import { describe, expect, it } from 'vitest'
import { type Facts, order, planOf } from './model.ts'
import { tell } from './telling.ts'

const NOW = '2026-11-05T00:00:00.000Z'
const SELF = 'js-c0'
const { view } = createNetwork(suites, treeOf(2, 1, 4), { at: '2026-11-01T00:00:00.000Z', suiteIds: ['SM'] })
const [OLD, NEW, FAR] = ['js-c0.o0', 'js-c0.o1', 'js-c1.o0']
const facts: Facts = { view, self: SELF, now: NOW, posts: [{ person: 'wang', id: 'wang.post', title: '文书' }], holds: 3, bequests: [NEW, FAR].map((to) => ({ from: OLD, to })) }
const called = { organ: (id: string) => id.replace('js-c', '市').replace('.o', '局'), node: (id: string) => id.replace('js-c', '市'), post: (person: string) => `${person}（文书）` }
const told = (given: object) => {
  const read = order.parse({ basis: '县编发〔2026〕3号', on: NOW, organ: OLD, ...given })
  const plan = planOf(read, facts)
  expect(plan.problems).toEqual([])
  return tell(read, plan, { inbox: 2, cases: 1, archive: 7, sent: 4 }, view, called)
}
const all = (heir: string) => ({ inbox: heir, cases: heir, archive: heir })

describe('a plan in words', () => {
  it('says of a merger what ends, where every document goes, who keeps access, and what stays valid', () => {
    expect(told({ kind: 'merge', heirs: all(NEW), posts: [], keepNames: [] })).toEqual({
      directory: [expect.stringMatching(/^发文名义「.+」停用$/), '「市0局0」终止，由「市0局1」承接'],
      documents: ['待签收 2 件转「市0局1」', '已签收未登记 1 件转「市0局1」', '已办结归档 7 件转「市0局1」', '已发出 4 件转「市0局1」', '执行后到达的公文由「市0局1」签收，发件单位看得到是谁承接', '以前的公文、回执和证据包照旧可以验证'],
      people: ['wang（文书）转到「市0局1」，职责不变'],
      keys: ['原单位的签名密钥停用，不能再以它的名义发文；已签的照旧有效', '「市0局1」的人员可以阅读原单位的公文（用移交的解密密钥）'],
    })
  })
  it('says what goes by the road and what stays, where the heir is at another node', () => {
    const { documents, people } = told({ kind: 'merge', heirs: all(FAR), posts: [], keepNames: [] })
    expect(documents.slice(0, 2)).toEqual(['待签收 2 件经驿道转往「市1局0」，发件单位收到转投回执', '已签收未登记 1 件留在原处，由原单位人员收尾'])
    expect(people).toEqual([])
  })
  it('says an old and a new name; of a name for a time until when', () => {
    const title = view.organ(OLD)?.title ?? ''
    expect(told({ kind: 'rename', title: '新局', names: [] }).directory).toEqual([`「${title}」更名为「新局」；此前的公文仍显示原名`])
    expect(told({ kind: 'plate', names: [{ name: `${OLD}.plate`, title: '某市数据局', code: '数', until: '2027-06-30T16:00:00.000Z' }] }).directory).toEqual(['发文名义「某市数据局」启用，由「市0局0」使用到 2027-06-30'])
  })
  it('says of what ends without heirs that letters come back, and of what moves where to', () => {
    const read = order.parse({ kind: 'abolish', basis: '县编发〔2026〕3号', on: NOW, organ: OLD, heirs: null, posts: [] })
    const plan = planOf(read, { ...facts, holds: 0 })
    expect(tell(read, plan, { inbox: 0, cases: 0, archive: 0, sent: 0 }, view, called)).toMatchObject({ directory: [expect.anything(), '「市0局0」终止，没有承接单位；以后寄给它的公文退为无法投递'], people: ['wang（文书）的岗位终止'], documents: ['以前的公文、回执和证据包照旧可以验证'] })
    expect(told({ kind: 'move', to: 'js-c1' })).toMatchObject({ directory: expect.arrayContaining(['「市0局0」迁往节点「市1」']), documents: expect.arrayContaining(['待签收 2 件经驿道转往「市1」，发件单位收到转投回执']) })
  })
})
