import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Figure, figure } from '../figure.ts'

const REPOSITORY = join(import.meta.dirname, '..', '..')

/** `npm ci` in a fresh clone: seconds, and megabytes on disk. The registry's cache is whatever the machine has. */
export function measureInstallation(): Figure[] {
  const folder = mkdtempSync(join(tmpdir(), 'postroad-install-'))
  try {
    const clone = join(folder, 'postroad')
    execFileSync('git', ['clone', '--quiet', '--no-hardlinks', REPOSITORY, clone])
    const begun = performance.now()
    execFileSync('npm', ['ci'], { cwd: clone, stdio: 'ignore' })
    const seconds = (performance.now() - begun) / 1000
    const megabytes = Number(execFileSync('du', ['-sm', join(clone, 'node_modules')]).toString().split('\t')[0])
    return [figure({ name: 'npm ci', unit: 's', value: seconds, limit: [90, 'the demand: at most 90 s'] }), figure({ name: 'installed size', unit: 'MB', value: megabytes, limit: [700, 'the demand: at most 700 MB'] })]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
