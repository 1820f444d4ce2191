import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { scanVolume } from './scan.ts'

const folder = mkdtempSync(join(tmpdir(), 'postroad-scan-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content, { mode: 0o700 })
  return join(folder, name)
}

const BAD = `what a scanner is to find ${'x'.repeat(100)}`
const script = (): readonly string[] => [file('scanner', `#!/bin/sh\nif grep -q 'is to find' "$1"; then echo "$1: FOUND"; exit 1; fi\n`)]
/** The real one, with a signature of our own: its exit code is 1 where it found something, 2 where it could not look. */
const clamscan = (): readonly string[] => ['clamscan', '--no-summary', '-d', file('test.hdb', `${createHash('md5').update(BAD).digest('hex')}:${BAD.length}:Postroad.Test\n`)]

const SCANNERS: readonly (readonly [string, () => readonly string[]])[] = [['a script', script], ...(process.env['POSTROAD_TEST_SCANNER'] === 'clamav' ? [['ClamAV', clamscan] as const] : [])]

describe.each(SCANNERS)('%s as a link’s scanner', (_name, commandOf) => {
  it('lets a good volume pass and keeps a bad one, with what it said', async () => {
    const command = commandOf()
    expect(await scanVolume(command, file('good.postroad', 'sealed'))).toEqual({ passed: true })
    expect(await scanVolume(command, file('bad.postroad', BAD))).toMatchObject({ passed: false, exit: '1', said: expect.stringContaining('FOUND') })
  })

  it('that cannot look has let nothing pass', async () => {
    expect(await scanVolume([...commandOf().slice(0, -1), join(folder, 'no-such-file')], file('good.postroad', 'sealed'))).toMatchObject({ passed: false })
    expect(await scanVolume([join(folder, 'no-such-program')], file('good.postroad', 'sealed'))).toMatchObject({ passed: false, exit: 'ENOENT' })
    expect(await scanVolume([file('killed', '#!/bin/sh\nkill -9 $$\n')], file('good.postroad', 'sealed'))).toMatchObject({ passed: false, exit: 'SIGKILL' })
  })
})

it('a link without a scanner lets everything pass', async () => {
  expect(await scanVolume(null, '/nowhere')).toEqual({ passed: true })
})
