import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { checkArrows } from './check-arrows.ts'
import { checkHouse } from './check-house.ts'

/**
 * `npm test`: everything that must hold before a change is taken, cheapest first, stopping at the first that does not.
 * The last line tells how many tests passed; a skipped one fails the run.
 */

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules', '.bin')

type Step = { readonly title: string; run(): boolean | Promise<boolean> }

const program = (title: string, command: string, ...args: string[]): Step => ({
  title,
  run: () => {
    const { status, error } = spawnSync(join(BIN, command), args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, PATH: `${BIN}${delimiter}${process.env['PATH'] ?? ''}` } })
    if (error !== undefined) console.error(error.message)
    return status === 0
  },
})

const own = (title: string, find: () => string[] | Promise<string[]>): Step => ({
  title,
  run: async () => {
    const problems = await find()
    for (const problem of problems) console.error(`  ${problem}`)
    return problems.length === 0
  },
})

const STEPS: readonly Step[] = [
  program('types', 'tsc', '--noEmit', '-p', '.'),
  program('lint', 'oxlint', '--quiet'),
  own('arrows between rooms', checkArrows),
  own('rules of the house', checkHouse),
  program('nothing unused', 'knip', '--no-progress', '--no-config-hints'),
  program('under fire', 'node', 'e2e/faults/run.ts', '--seed', '20261123'),
  program('a planted bug', 'node', 'e2e/faults/run.ts', '--seed', '20261123', '--plant', 'bodyNotAwaited'),
  program('tests', 'vitest', 'run', '--configLoader', 'native'),
]

const [, , ...only] = process.argv
for (const { title, run } of STEPS) {
  if (only.length > 0 && !only.some((word) => title.includes(word))) continue
  const start = performance.now()
  console.log(`\n── ${title}`)
  if (!(await run())) {
    console.error(`\n✗ ${title}`)
    process.exit(1)
  }
  if (title !== 'tests') console.log(`✓ ${((performance.now() - start) / 1000).toFixed(1)} s`)
}
