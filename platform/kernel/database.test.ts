import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { later } from './database.ts'
import { service } from './principal.ts'
import { type TestNode, testNode } from './testing.ts'

let test: TestNode
beforeAll(async () => {
  test = await testNode([])
})
afterAll(() => test.stop())

const names = async (): Promise<string[]> => {
  const { rows } = await test.node.transaction(service('jobs'), (tx) => sql<{ name: string }>`select name from kernel.event order by id`.execute(tx))
  return rows.map(({ name }) => name)
}
const insert = (name: string | null) => sql`${later} insert into kernel.event (id, name, version, payload, organs) values (nextval('kernel.event_id'), ${name}, 1, '{}'::jsonb, '{}'::text[])`

describe('a statement that nobody waits for', () => {
  it('is done in its order, before what follows and before the commit', async () => {
    await test.node.transaction(service('jobs'), async (tx) => {
      for (const name of ['a', 'b', 'c']) await insert(name).execute(tx)
      const { rows } = await sql<{ n: number }>`select count(*)::int as n from kernel.event where name = any(${['a', 'b', 'c']}::text[])`.execute(tx)
      expect(rows[0]?.n).toBe(3)
      await insert('d').execute(tx)
    })
    expect(await names()).toEqual(['a', 'b', 'c', 'd'])
  })
  it('fails the statement after it with its own error, and nothing of the transaction stays', async () => {
    const before = await names()
    const work = test.node.transaction(service('jobs'), async (tx) => {
      await insert('e').execute(tx)
      await insert(null).execute(tx)
      await sql`select 1`.execute(tx)
    })
    await expect(work).rejects.toThrow('null value in column "name"')
    expect(await names()).toEqual(before)
  })
  it('fails the commit where it stands last', async () => {
    const before = await names()
    await expect(test.node.transaction(service('jobs'), async (tx) => {
      await insert('f').execute(tx)
      await insert(null).execute(tx)
    })).rejects.toThrow('null value in column "name"')
    expect(await names()).toEqual(before)
  })
  it('leaves the connection good for whoever comes next', async () => {
    await Promise.allSettled(Array.from({ length: 60 }, (_, n) => test.node.transaction(service('jobs'), (tx) => insert(n % 3 === 0 ? null : `g${n}`).execute(tx))))
    expect((await names()).filter((name) => name.startsWith('g'))).toHaveLength(40)
  })
})
