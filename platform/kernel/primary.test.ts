import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readServers } from './primary.ts'
import { openTimelines } from './timelines.ts'

const home = mkdtempSync('/tmp/postroad-timelines-')
afterAll(() => rmSync(home, { recursive: true, force: true }))

describe('an address with several servers', () => {
  it('is read as libpq reads it: hosts with their ports, or folders of sockets', () => {
    expect(readServers('postgresql://r:p%40w@one.example:5433,two.example,[::1]:5434/db?sslmode=verify-full&target_session_attrs=read-write')).toEqual({
      servers: [{ host: 'one.example', port: 5433 }, { host: 'two.example', port: 5432 }, { host: '::1', port: 5434 }],
      rest: 'postgresql://r:p%40w@server/db?sslmode=verify-full',
    })
    expect(readServers('postgresql://r:p@/db?host=%2Frun%2Fone,/run/two&port=5432,5433').servers).toEqual([{ host: '/run/one', port: 5432 }, { host: '/run/two', port: 5433 }])
    expect(readServers('postgresql://r:p@/db?host=/run/one,/run/two&port=6000').servers.map(({ port }) => port)).toEqual([6000, 6000])
  })

  it('is refused when it is not whole, without telling the password', () => {
    for (const wrong of ['postgresql://r:secret@/db', 'postgresql://r:secret@a,,b/db', 'postgresql://r:secret@/db?host=a,b,c&port=1,2']) {
      expect(() => readServers(wrong)).toThrow('DATABASE_URL')
      expect(() => readServers(wrong)).not.toThrow('secret')
    }
  })
})

describe('what is remembered of timelines', () => {
  it('refuses a server that was replaced, and another database, also after a restart of the node', () => {
    const first = openTimelines(home)
    expect([1, 3, 2, 3].map((timeline) => first.admit({ system: '7', timeline }))).toEqual([true, true, false, true])
    expect(JSON.parse(readFileSync(join(home, 'database.json'), 'utf8'))).toEqual({ v: 1, system: '7', timeline: 3 })
    const second = openTimelines(home)
    expect(second.admit({ system: '7', timeline: 2 })).toBe(false)
    expect(second.admit({ system: '8', timeline: 4 })).toBe(false)
    expect(second.admit({ system: '7', timeline: 4 })).toBe(true)
    expect(first.admit({ system: '7', timeline: 3 })).toBe(false) // another process of the node saw the promotion
  })
})
