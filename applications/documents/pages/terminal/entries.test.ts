import { suites } from '@postroad/gm/node'
import { appendStatements, type DirectoryView, extend, type SignedStatement, type StatementBody } from '@postroad/waybill'
import { createNetwork, nodeKeyName, treeOf } from '@postroad/waybill/simulation'
import { describe, expect, it } from 'vitest'
import { searchEntries } from '../directory/tree.ts'
import { directoryEntries } from './entries.ts'

const AT = '2026-11-01T00:00:00.000Z'
const THEN = '2026-11-05T00:00:00.000Z'
const net = createNetwork(suites, treeOf(1, 1, 2), { at: AT, suiteIds: ['SM'] })

function told(view: DirectoryView, bodies: readonly StatementBody[]): DirectoryView {
  const signer = { key: nodeKeyName('js', 'SM'), keyPair: net.nodeKey('js', 'SM'), suite: 'SM' as const }
  return extend(view, appendStatements(suites, { log: 'js', last: view.log('js').at(-1) as SignedStatement, at: THEN, signer }, [...bodies])).view
}
const organ = (id: string, title: string, more: Partial<Extract<StatementBody, { kind: 'organ' }>> = {}): StatementBody =>
  ({ kind: 'organ', organ: id, title, system: 'government', region: '', regionTitle: '某县', from: AT, until: null, successors: [], ...more })

describe('an organ that took another over', () => {
  const view = told(net.view, [organ('js.o0', '旧局'), organ('js.o1', '新局'), organ('js.o0', '旧局', { until: THEN, successors: ['js.o1'] }), organ('js.o1', '大数据局', { from: THEN })])
  it('is found by the other’s name and by its own former one, and says so', () => {
    const entries = directoryEntries(view, THEN)
    const found = searchEntries(entries, '旧局')
    expect(found.map(({ organ: id, title }) => [id, title])).toEqual([['js.o1', '大数据局']])
    expect(found[0]?.former).toEqual(expect.arrayContaining([{ organ: 'js.o0', title: '旧局' }, { organ: 'js.o1', title: '新局' }]))
    expect(searchEntries(entries, '新局').map(({ organ: id }) => id)).toEqual(['js.o1'])
    expect(entries.some(({ organ: id }) => id === 'js.o0')).toBe(false)
  })
  it('was nothing of the kind before', () => {
    expect(directoryEntries(view, '2026-11-04T00:00:00.000Z').filter(({ organ: id }) => id.startsWith('js.o')).map(({ title, former }) => [title, former])).toEqual([['旧局', []], ['新局', []]])
  })
})
