import { describe, expect, it } from 'vitest'
import type { DirectoryEntry } from '../terminal/port.ts'
import { expand, inScope, joined, levelOf, regionsOf } from './ranges.ts'

const entry = (organ: string, region: string, system: string, change: Partial<DirectoryEntry> = {}): DirectoryEntry =>
  ({ organ, title: `${organ} 办公室`, region, regionTitle: `地${region}`, level: levelOf(region, 'department'), keyed: true, leaving: false, system, path: [], deputies: [], former: [], names: [{ id: `${organ}.name`, title: organ, code: '' }], ...change })

const entries = [
  entry('jy.party', '320000', 'party'), entry('lc.party', '320100', 'party'), entry('lc.gov', '320100', 'government'),
  entry('wc.party', '320121', 'party'), entry('wc.gov', '320121', 'government'), entry('al.party', '320122', 'party', { keyed: false }), entry('other.party', '330121', 'party', { names: [] }), entry('moving.party', '330121', 'party', { leaving: true }),
]
const organs = (found: readonly { readonly organ: string }[]): string[] => found.map(({ organ }) => organ)
const byOrgan = new Map(entries.map((each) => [each.organ, each]))

describe('a range of recipients', () => {
  it('is a region with all below it, a system and a level, as the directory stands', () => {
    expect(organs(inScope(entries, { region: '320000', system: 'party', level: 'county' }))).toEqual(['wc.party', 'al.party'])
    expect(organs(inScope(entries, { region: '320100', system: '', level: '' }))).toEqual(['lc.party', 'lc.gov', 'wc.party', 'wc.gov', 'al.party'])
    expect(organs(inScope(entries, { region: '', system: 'government', level: 'city' }))).toEqual(['lc.gov'])
    expect(regionsOf(entries).map(({ region }) => region)).toEqual(['320000', '320100', '320121', '320122', '330121'])
  })
  it('leaves out whom nobody can write to, and says why', () => {
    const { addressees, leftOut } = expand(byOrgan, [...organs(entries), 'gone.party'].map((organ) => ({ organ, role: 'to' as const })))
    expect(organs(addressees)).toEqual(['jy.party', 'lc.party', 'lc.gov', 'wc.party', 'wc.gov'])
    expect(leftOut.map(({ organ, reason }) => `${organ} ${reason}`)).toEqual(['al.party noKey', 'other.party noName', 'moving.party leaving', 'gone.party ended'])
    expect(expand(byOrgan, [{ organ: 'wc.gov', name: 'an old name', role: 'cc' }]).addressees).toEqual([{ organ: 'wc.gov', name: 'wc.gov.name', role: 'cc' }])
  })
  it('adds nobody twice, never the sender, and keeps what was chosen by hand', () => {
    const chosen = [{ organ: 'wc.gov', name: 'wc.gov.name', role: 'cc' as const }]
    const more = expand(byOrgan, inScope(entries, { region: '', system: 'government', level: '' }).map(({ organ }) => ({ organ, role: 'to' as const }))).addressees
    expect(joined(chosen, more, 'jy.party')).toEqual([...chosen, { organ: 'lc.gov', name: 'lc.gov.name', role: 'to' }])
    expect(joined([], more, 'lc.gov').map(({ organ }) => organ)).toEqual(['wc.gov'])
  })
})
