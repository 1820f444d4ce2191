/** What a row, a commit and a part in a two-phase commit cost one PostgreSQL of this machine. */
import { rmSync } from 'node:fs'
import { type Database, connect } from '@postroad/kernel/database'
import { startPostgres } from '@postroad/kernel/postgres'
import { temporaryHome } from '../road/folder.ts'
import type { Costs } from './simulate.ts'

type Client = { query(text: string, values?: unknown[]): Promise<unknown> }

const CONNECTIONS = 8
const MANY_ROWS = 40

export async function measureCosts(seconds: number): Promise<Costs> {
  const home = temporaryHome('shards')
  const server = await startPostgres(home, { settings: { max_prepared_transactions: '64' } })
  const database = connect(server.url('superuser', 'postgres'), CONNECTIONS)
  const { pool } = database
  try {
    await pool.query('create table part (id bigserial primary key, key text not null, content text not null)')
    let name = 0
    const insert = (client: Client, rows: number) => client.query(`insert into part (key, content) select md5(n::text), repeat('c', 600) from generate_series(1, $1) n`, [rows])
    const whole = (rows: number) => rate(pool, seconds, async (client) => {
      await client.query('begin')
      await insert(client, rows)
      await client.query('commit')
    })
    const one = await whole(1)
    const many = await whole(MANY_ROWS)
    const parts = await rate(pool, seconds, async (client) => {
      const id = `part${(name += 1)}`
      await client.query('begin')
      await insert(client, 1)
      await client.query(`prepare transaction '${id}'`)
      await client.query(`commit prepared '${id}'`)
    })
    const row = Math.max(0, (1000 / many - 1000 / one) / (MANY_ROWS - 1))
    return { row, commit: 1000 / one - row, part: 1000 / parts - row }
  } finally {
    await database.close()
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

async function rate(pool: Database['pool'], seconds: number, work: (client: Client) => Promise<void>): Promise<number> {
  const end = performance.now() + seconds * 1000
  let done = 0
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    const client = await pool.connect()
    try {
      for (; performance.now() < end; done += 1) await work(client)
    } finally {
      client.release()
    }
  }))
  return done / seconds
}
