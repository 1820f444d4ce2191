import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { transaction } from './database.ts'
import { service } from './principal.ts'
import { type TestNode, personOf, testNode } from './testing.ts'

let running: TestNode
beforeAll(async () => {
  running = await testNode([])
})
afterAll(() => running.stop())

const CURRENT = ['kernel.current_service()', 'kernel.current_person()', 'kernel.current_organs()', 'kernel.current_clearance()', `kernel.is_service('road')`]

describe('who acts', () => {
  it('is read back as it was set', async () => {
    const person = personOf('zhang', ['js.dw', 'js.zf'], [], 1)
    const { rows } = await transaction(running.node.database, person, (tx) =>
      sql`select kernel.current_service() as service, kernel.current_person() as person, kernel.current_organs() as organs, kernel.current_clearance() as clearance, kernel.is_service('road') as road`.execute(tx),
    )
    expect(rows).toEqual([{ service: '-', person: 'zhang', organs: ['js.dw', 'js.zf'], clearance: 1, road: false }])
    const road = await transaction(running.node.database, service('road'), (tx) => sql`select kernel.is_service('road') as road, kernel.current_organs() as organs`.execute(tx))
    expect(road.rows).toEqual([{ road: true, organs: [] }])
  })

  it.each(CURRENT)('%s raises outside of a transaction that says who acts', async (expression) => {
    await expect(running.node.database.pool.query(`select ${expression}`)).rejects.toThrow('no principal in this transaction')
  })

  it.each(CURRENT)('%s raises on a connection that was somebody’s before', async (expression) => {
    const client = await running.node.database.pool.connect()
    await client.query(`begin; select set_config('postroad.service', 'road', true), set_config('postroad.person', 'p', true), set_config('postroad.organs', '{a}', true), set_config('postroad.clearance', '1', true); commit`)
    await expect(client.query(`select ${expression}`)).rejects.toThrow('no principal in this transaction')
    client.release()
  })
})

describe('the application’s role', () => {
  it.each(['create table kernel.mine ()', 'create table public.mine ()', 'create temporary table mine ()', 'create schema mine', 'drop table kernel.event', 'alter table kernel.event disable row level security', 'truncate kernel.event', 'update kernel.event set name = name', 'select from kernel.migration', 'set role postroad_migrator'])(
    'may not %s',
    async (statement) => {
      await expect(running.node.database.pool.query(statement)).rejects.toThrow(/permission denied|must be owner|must be able to/)
    },
  )
})
