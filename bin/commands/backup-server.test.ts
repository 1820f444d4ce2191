import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { writeSettings } from '../settings.ts'
import { serverOf } from './backup-server.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync('/tmp/postroad-backup-server-')
  for (const name of ['DATABASE_URL', 'DATABASE_REPLICATION_URL']) vi.stubEnv(name, undefined)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(home, { recursive: true, force: true })
})

describe('the server that a backup is taken from', () => {
  it('is the external one that the home names, and before it the one that the environment names', async () => {
    writeSettings(home, { DATABASE_URL: 'postgresql://a@one,two/db', DATABASE_REPLICATION_URL: 'postgresql://r@one,two/db' })
    expect(await serverOf(home)).toMatchObject({ url: 'postgresql://r@one,two/db', kind: 'external' })
    vi.stubEnv('DATABASE_REPLICATION_URL', 'postgresql://r@three/db')
    expect(await serverOf(home)).toMatchObject({ url: 'postgresql://r@three/db', kind: 'external' })
  })

  it.each<[string, () => void]>([
    ['names an external one that nobody may replicate from', () => writeSettings(home, { DATABASE_URL: 'postgresql://a@one,two/db' })],
    ['has known an external one and names none', () => writeFileSync(join(home, 'database.json'), '{"v":1,"system":"7","timeline":1}')],
    ['has no database', () => undefined],
  ])('is not made up where the home %s', async (_, prepare) => {
    prepare()
    await expect(serverOf(home)).rejects.toMatchObject({ code: 'cli.usage' })
    expect(existsSync(join(home, 'postgres'))).toBe(false)
  })
})
