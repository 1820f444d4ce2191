import { describe, expect, it } from 'vitest'
import type { DirectoryEntry } from '../terminal/port.ts'
import { directoryTree, searchEntries } from './tree.ts'

const province = { id: 'jy', title: '江源省公文交换中心', regionTitle: '江源省' }
const city = { id: 'lc', title: '临川市公文交换中心', regionTitle: '江源省临川市' }
const county = { id: 'wc', title: '望川县公文交换中心', regionTitle: '临川市望川县' }
const entry = (organ: string, title: string, regionTitle: string, path: DirectoryEntry['path'], name = ''): DirectoryEntry => ({ organ, title, region: '', regionTitle, level: '', keyed: true, leaving: false, path, system: 'party', deputies: [], former: [], names: name === '' ? [] : [{ id: `${organ}.name`, title: name, code: '' }] })

const entries = [
  entry('wc.party', '县委办公室', '临川市望川县', [province, city, county], '中共望川县委'),
  entry('al.party', '县委办公室', '临川市安澜县', [province, city], '中共安澜县委'),
  entry('lc.party', '市委办公室', '江源省临川市', [province, city], '中共临川市委'),
  entry('jy.party', '省委办公厅', '江源省', [province], '中共江源省委'),
]
const outline = (branches: ReturnType<typeof directoryTree>): unknown[] => branches.map(({ title, children }) => (children.length === 0 ? title : [title, outline(children)]))

describe('the picker over the directory', () => {
  it('puts organs under their nodes, and hosted regions apart', () => {
    expect(outline(directoryTree(entries))).toEqual([
      ['江源省公文交换中心', ['省委办公厅', ['临川市公文交换中心', ['市委办公室', ['临川市安澜县', ['县委办公室']], ['望川县公文交换中心', ['县委办公室']]]]]],
    ])
  })
  it('finds namesakes by name and tells them apart by region', () => {
    expect(searchEntries(entries, '县委办').map(({ regionTitle }) => regionTitle).sort()).toEqual(['临川市安澜县', '临川市望川县'])
    expect(searchEntries(entries, '安澜 县委').map(({ organ }) => organ)).toEqual(['al.party'])
    expect(searchEntries(entries, '中共临川').map(({ organ }) => organ)).toEqual(['lc.party'])
    expect(searchEntries(entries, '  ')).toEqual([])
  })
})
