import { ledger } from '@postroad/ledger/plugin'
import { personOf, type TestNode, testNode } from '@postroad/kernel/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ListChange } from './model.ts'
import { listsOf, saveList } from './service.ts'
import { definePlugin } from '@postroad/kernel/plugin'

const documents = definePlugin({ id: 'documents', title: '公文', migrations: new URL('../migrations/', import.meta.url) })
let test: TestNode
beforeAll(async () => {
  test = await testNode([ledger, documents])
})
afterAll(async () => test?.stop())

const writer = personOf('wang', ['alpha'], ['documents.send'])
const keeper = personOf('li', ['alpha'], ['documents.send', 'documents.share'])
const other = personOf('zhao', ['beta'], ['documents.send', 'documents.share'])
const list = (id: string, version: number, change: Partial<ListChange> = {}): ListChange =>
  ({ list: id, version, shared: false, title: '各县（市、区）委', members: [{ organ: 'wc.party', name: 'wc.party.name', role: 'to' }], ended: false, ...change })
const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'fine', (error: { code?: string }) => error.code ?? String(error))

describe('常用发送范围', () => {
  it('is an organ’s own; each change is a version, and two at once cannot both be the next', async () => {
    const id = crypto.randomUUID()
    await saveList(test.node, writer, list(id, 1))
    await saveList(test.node, writer, list(id, 2, { title: '各县委' }))
    expect((await listsOf(test.node, writer)).lists).toMatchObject([{ list: id, version: 2, title: '各县委', own: true, shared: false }])
    expect((await listsOf(test.node, other)).lists).toEqual([])
    expect(await codeOf(saveList(test.node, writer, list(id, 2)))).toBe('documents.listChanged')
    const both = await Promise.all([codeOf(saveList(test.node, writer, list(id, 3, { title: '甲' }))), codeOf(saveList(test.node, keeper, list(id, 3, { title: '乙' })))])
    expect(both.sort()).toEqual(['documents.listChanged', 'fine'])
  })

  it('is shared by whom it is trusted to, used by all of the node, and changed by its own organ only', async () => {
    const id = crypto.randomUUID()
    expect(await codeOf(saveList(test.node, writer, list(id, 1, { shared: true })))).toBe('documents.dutyMissing')
    await saveList(test.node, keeper, list(id, 1, { shared: true, title: '省直各单位' }))
    expect((await listsOf(test.node, other)).lists).toMatchObject([{ list: id, organ: 'alpha', title: '省直各单位', own: false, shared: true }])
    await saveList(test.node, other, list(id, 1, { title: '同号的另一个' })) // beta's own list, whatever its id
    expect((await listsOf(test.node, writer)).lists.filter((one) => one.shared)).toMatchObject([{ organ: 'alpha', title: '省直各单位', version: 1 }])
    expect(await codeOf(saveList(test.node, keeper, list(id, 2, { shared: false })))).toBe('documents.listFixed')
    await saveList(test.node, keeper, list(id, 2, { shared: true, ended: true }))
    expect((await listsOf(test.node, other)).lists.filter((one) => one.shared)).toEqual([])
    expect(await codeOf(saveList(test.node, keeper, list(id, 3, { shared: true })))).toBe('documents.listChanged')
  })
})
