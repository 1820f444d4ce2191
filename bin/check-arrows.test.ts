import { describe, expect, it } from 'vitest'
import { circles, importsOf } from './check-arrows.ts'

describe('imports of a source text', () => {
  it('are found in every form that our style has', () => {
    const source = [
      `import 'a'`,
      `import b from 'b'`,
      `import type { C } from 'c'`,
      `import { type D, d } from 'd'`,
      `import {\n  e,\n  type E,\n} from 'e'`,
      `import * as f from 'f'`,
      `export { g } from 'g'`,
      `export type * from 'h'`,
      `const late = () => import('i')`,
      `const text = "from 'nothing'"`,
    ].join('\n')
    expect(importsOf(source)).toEqual([
      { specifier: 'a', typeOnly: false },
      { specifier: 'b', typeOnly: false },
      { specifier: 'c', typeOnly: true },
      { specifier: 'd', typeOnly: false },
      { specifier: 'e', typeOnly: false },
      { specifier: 'f', typeOnly: false },
      { specifier: 'g', typeOnly: false },
      { specifier: 'h', typeOnly: true },
      { specifier: 'i', typeOnly: false },
    ])
  })
})

describe('circles', () => {
  it('are found, also behind a way in', () => {
    const edges = (text: string): { from: string; to: string }[] => text.split(' ').map((edge) => ({ from: edge[0] ?? '', to: edge[1] ?? '' }))
    expect(circles(edges('ab bc cd'))).toEqual([])
    expect(circles(edges('ab bc cb'))).toEqual([['b', 'c', 'b']])
    expect(circles(edges('ab ac bd cd'))).toEqual([])
    expect(circles(edges('aa'))).toEqual([['a', 'a']])
  })
})
