import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PLANTED } from './planted.ts'

describe('a planted bug', () => {
  it('there are at least twenty of them, each by its own name', () => {
    expect(new Set(PLANTED.map(({ name }) => name)).size).toBe(PLANTED.length)
    expect(PLANTED.length).toBeGreaterThanOrEqual(20)
  })
  it.each(PLANTED)('$name has exactly one place in the code, and changes it', ({ file, find, replace }) => {
    const source = readFileSync(join(import.meta.dirname, '..', '..', file), 'utf8')
    expect(source.split(find)).toHaveLength(2)
    expect(source.replace(find, () => replace)).not.toBe(source)
  })
})
