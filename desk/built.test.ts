import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildDesk, DIST, MANIFEST } from './build.ts'

type Chunk = { readonly file: string; readonly imports?: readonly string[]; readonly css?: readonly string[] }
let manifest: Readonly<Record<string, Chunk>> = {}

beforeAll(async () => {
  await buildDesk()
  manifest = JSON.parse(await readFile(MANIFEST, 'utf8')) as typeof manifest
}, 120_000)

/** Files that must be there before these modules can run. */
function filesOf(modules: readonly string[]): Set<string> {
  const files = new Set<string>()
  const visited = new Set<string>()
  const visit = (module: string) => {
    const chunk = manifest[module]
    if (visited.has(module)) return
    visited.add(module)
    if (chunk === undefined) throw new Error(`${module} is not in the built desk`)
    files.add(chunk.file)
    for (const style of chunk.css ?? []) files.add(style)
    for (const needed of chunk.imports ?? []) visit(needed)
  }
  modules.forEach(visit)
  return files
}

async function brotliBytes(modules: readonly string[]): Promise<number> {
  const files = ['index.html', ...filesOf(['index.html', ...modules])]
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(DIST, `${file}.br`))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

describe('the built desk', () => {
  it.each([
    ['sign-in', ['sign-in/sign-in.tsx']],
    ['the workbench', ['shell/shell.tsx', '../applications/documents/pages/workbench/workbench.tsx']],
  ])('loads %s first with at most 300 kB of brotli', async (_, modules) => {
    expect(await brotliBytes(modules)).toBeLessThanOrEqual(300_000)
  })

  it('is made for production, whoever makes it', async () => {
    const texts = await Promise.all([...filesOf(['index.html', 'sign-in/sign-in.tsx'])].filter((file) => file.endsWith('.js')).map((file) => readFile(join(DIST, file), 'utf8')))
    expect(texts.filter((text) => text.includes('react-dom-client.development'))).toEqual([])
    expect(texts.some((text) => text.includes('Download the React DevTools'))).toBe(false)
  })

  it('keeps cryptography and pages out of the first load', () => {
    const first = filesOf(['index.html', 'sign-in/sign-in.tsx', 'shell/shell.tsx'])
    for (const page of ['received/received.tsx', 'dispatch/dispatch.tsx', 'sent/sent.tsx', 'verify/verify.tsx']) {
      expect(first).not.toContain(manifest[`../applications/documents/pages/${page}`]?.file)
    }
    expect([...first].filter((file) => file.includes('worker'))).toEqual([])
  })

  // What Chromium 90 lacks and no build step adds. Functions that floor.ts supplies are not listed.
  const TOO_NEW: readonly (readonly [string, RegExp])[] = [
    ['Array.prototype.toSorted and its siblings (110)', /\.(toSorted|toReversed|toSpliced)\(/],
    ['Object.groupBy (117)', /(Object|Map)\.groupBy\(/],
    ['Array.fromAsync (121)', /Array\.fromAsync\(/],
    ['Promise.withResolvers (119)', /Promise\.withResolvers\(/],
    ['CompressionStream deflate-raw (103)', /CompressionStream\(/],
    ['the v flag of regular expressions (112)', /\/[gimsuy]*v[gimsuy]*\.test\(/],
  ]
  it('uses nothing that Chromium 90 lacks', async () => {
    const found: string[] = []
    for (const file of (await readdir(join(DIST, 'assets'))).filter((name) => name.endsWith('.js'))) {
      const text = await readFile(join(DIST, 'assets', file), 'utf8')
      for (const [name, pattern] of TOO_NEW) if (pattern.test(text)) found.push(`${file}: ${name} …${text.slice(Math.max(0, text.search(pattern) - 60), text.search(pattern) + 40)}…`)
    }
    expect(found).toEqual([])
  })
})
