import { describe, expect, it } from 'vitest'
import { holdStill } from './still.ts'

const items = (...ids: string[]) => ids.map((id) => ({ id }))
const ids = ({ shown }: { readonly shown: readonly { readonly id: string }[] }) => shown.map(({ id }) => id).join('')
const at = (found: string, selected: string | null, scope = 'waiting') => ({ items: items(...found), selected, scope })

describe('a list that holds still', () => {
  it('shows what was found while nothing is open', () => {
    const first = holdStill(null, at('abc', null))
    expect(ids(holdStill(first, at('zabc', null)))).toBe('zabc')
  })
  it('lets arrivals wait while something is open', () => {
    const after = holdStill(holdStill(null, at('abc', 'b')), at('zabcy', 'b'))
    expect(ids(after)).toBe('abc')
    expect(after.waiting).toBe(2)
  })
  it('keeps the open item in its place after it left the filter, and lets it go with the next choice', () => {
    const signed = holdStill(holdStill(null, at('abc', 'b')), at('ac', 'b'))
    expect(ids(signed)).toBe('abc')
    expect(ids(holdStill(signed, at('ac', 'c')))).toBe('ac')
  })
  it('begins anew in another scope', () => {
    expect(ids(holdStill(holdStill(null, at('abc', 'b')), at('xyz', 'b', 'registered')))).toBe('xyz')
  })
})
