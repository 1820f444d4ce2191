import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, connect, transaction } from './database.ts'
import { migrate } from './migrate.ts'
import { service } from './principal.ts'
import { personOf } from './testing.ts'
import { type TestDatabase, createTestDatabase } from './testing-database.ts'

let test: TestDatabase
let folder: string
let database: Database
beforeEach(async () => {
  test = await createTestDatabase([])
  folder = mkdtempSync('/tmp/postroad-migrations-')
  mkdirSync(join(folder, 'sample'))
  database = connect(test.app, 2)
})
afterEach(async () => {
  await database.close()
  await test.drop()
  rmSync(folder, { recursive: true, force: true })
})

const write = (file: string, text: string): void => writeFileSync(join(folder, 'sample', file), text)
const run = (): Promise<void> => migrate(test.migrator, [{ id: 'sample', migrations: pathToFileURL(`${join(folder, 'sample')}/`) }])

const NOTE = `create table sample.note (organ text not null, label int not null, text text not null);
  alter table sample.note enable row level security; alter table sample.note force row level security;
  create policy of_organ on sample.note using (organ = any ((select kernel.current_organs())::text[]) and label <= (select kernel.current_clearance()));
  create policy of_road on sample.note using ((select kernel.is_service('road')));
  grant select, insert on sample.note to postroad_app;`

describe('migrations', () => {
  it('run once each, in order, and add what is new', async () => {
    write('0001-note.sql', NOTE)
    await run()
    await run()
    write('0002-more.sql', 'alter table sample.note add column more text')
    await run()
    const { rows } = await transaction(database, service('road'), (tx) => sql`select * from sample.note`.execute(tx))
    expect(rows).toEqual([])
  })

  it('are refused when a file that was applied is changed, removed, or slipped in before', async () => {
    write('0002-note.sql', NOTE)
    await run()
    write('0002-note.sql', `${NOTE} `)
    await expect(run()).rejects.toThrow('sample/0002-note.sql was changed after it was applied')
    write('0002-note.sql', NOTE)
    write('0001-late.sql', 'select 1')
    await expect(run()).rejects.toThrow('sample/0001-late.sql is numbered below 0002-note.sql')
    rmSync(join(folder, 'sample', '0001-late.sql'))
    rmSync(join(folder, 'sample', '0002-note.sql'))
    await expect(run()).rejects.toThrow('sample/0002-note.sql was applied to this database but is gone')
  })

  it('leave nothing behind when they fail, and name the file', async () => {
    write('0001-note.sql', `${NOTE} select 1 / 0;`)
    await expect(run()).rejects.toThrow('migration sample/0001-note.sql failed: division by zero')
    write('0001-note.sql', NOTE)
    await run()
  })

  it('may be started by several processes at once', async () => {
    write('0001-note.sql', NOTE)
    await expect(Promise.all([run(), run(), run()])).resolves.toHaveLength(3)
  })

  it('are refused when a table would be open, or a file has another kind of name', async () => {
    write('0001-open.sql', 'create table sample.open ()')
    await expect(run()).rejects.toThrow('tables without forced row level security: sample.open')
    write('first.sql', 'select 1')
    await expect(run()).rejects.toThrow('sample/first.sql is not named NNNN-name.sql')
  })

  it('give the application only what a file grants', async () => {
    write('0001-note.sql', `${NOTE} create function sample.f() returns int language sql as 'select 1';`)
    await run()
    await expect(database.pool.query('delete from sample.note')).rejects.toThrow('permission denied')
    await expect(database.pool.query('select sample.f()')).rejects.toThrow('permission denied')
  })
})

describe('row level security', () => {
  it('shows each organ its own rows up to the clearance, and fails closed', async () => {
    write('0001-note.sql', NOTE)
    await run()
    await transaction(database, service('road'), (tx) => sql`insert into sample.note values ('a', 0, 'a0'), ('a', 2, 'a2'), ('b', 0, 'b0')`.execute(tx))
    const read = async (organs: string[], clearance: number): Promise<unknown[]> =>
      (await transaction(database, personOf('zhang', organs, [], clearance), (tx) => sql<{ text: string }>`select text from sample.note order by 1`.execute(tx))).rows.map(({ text }) => text)
    expect(await read(['a'], 1)).toEqual(['a0'])
    expect(await read(['a'], 2)).toEqual(['a0', 'a2'])
    expect(await read(['a', 'b'], 0)).toEqual(['a0', 'b0'])
    expect(await read(['c'], 2)).toEqual([])
    await expect(database.pool.query('select * from sample.note')).rejects.toThrow('no principal in this transaction')
    const foreign = transaction(database, personOf('zhang', ['a']), (tx) => sql`insert into sample.note values ('b', 0, 'forged')`.execute(tx))
    await expect(foreign).rejects.toThrow('violates row-level security')
  })
})
