import { connect, type Database } from '@postroad/kernel/database'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWorld, tablesOf, type World } from './world.ts'

let world: World
let tables: readonly string[]
let databases: readonly Database[]
/** One connection, kept: what is begun on it is undone on it. */
const lineTo = ({ pool }: Database) => pool.connect()
type Line = Awaited<ReturnType<typeof lineTo>>
let superuser: Line
let app: Line
beforeAll(async () => {
  world = await startWorld()
  tables = (await tablesOf(world.sql)).filter((table) => !table.startsWith('graphile_worker.')) // the job runner's own: names of jobs, nothing of anybody
  const [whole, own] = [connect(world.node.database.superuser, 1), connect(world.node.database.app, 1)]
  databases = [whole, own]
  ;[superuser, app] = await Promise.all([lineTo(whole), lineTo(own)])
})
afterAll(async () => {
  for (const line of [superuser, app]) line.release()
  for (const database of databases) await database.close()
  await world.stop()
})

const APP = 'postroad_app'
/** insufficient_privilege: no grant, no policy that lets it through, or no principal. */
const REFUSED = '42501'

/** Runs a statement and undoes it; answers rows, or the code of the error. */
async function tried(client: Line, statement: string): Promise<{ code: string | null; rows: readonly unknown[] }> {
  await client.query('savepoint tried')
  try {
    const { rows } = await client.query(statement)
    return { code: null, rows: rows as unknown[] }
  } catch (error) {
    return { code: (error as { code?: string }).code ?? String(error), rows: [] }
  } finally {
    await client.query('rollback to savepoint tried')
  }
}

async function undone<T>(client: Line, work: () => Promise<T>): Promise<T> {
  await client.query('begin')
  try {
    return await work()
  } finally {
    await client.query('rollback')
  }
}

/** Leaves one row in a table, whatever its columns and checks ask for. */
async function fill(table: string): Promise<void> {
  const checks = await superuser.query<{ name: string }>(`select conname as name from pg_constraint where conrelid = '${table}'::regclass and contype = 'c'`)
  for (const { name } of checks.rows) await superuser.query(`alter table ${table} drop constraint "${name}"`)
  await superuser.query(`delete from ${table}`)
  const columns = await superuser.query<{ name: string; type: string; list: boolean }>(`select attname as name, format_type(atttypid, null) as type, t.typcategory = 'A' as list
    from pg_attribute a join pg_type t on t.oid = a.atttypid where attrelid = '${table}'::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`)
  const values = columns.rows.map(({ type, list }) => (list ? `'{}'::${type}` : `${SAMPLES[type] ?? "'1'"}::${type}`))
  await superuser.query(`insert into ${table} (${columns.rows.map(({ name }) => `"${name}"`).join(', ')}) overriding system value values (${values.join(', ')})`)
}
const SAMPLES: Readonly<Record<string, string>> = {
  uuid: "'00000000-0000-4000-8000-00000000ffff'", json: `'{"id":"01a20642-36c4-7305-988c-5602f2a36643"}'`, jsonb: `'{"id":"01a20642-36c4-7305-988c-5602f2a36643"}'`, 'timestamp with time zone': 'now()', bytea: "'\\x00'", boolean: 'true',
}

const columnOf = async (table: string): Promise<string> =>
  (await superuser.query<{ name: string }>(`select attname as name from pg_attribute where attrelid = '${table}'::regclass and attnum > 0 and not attisdropped and attidentity = '' and attgenerated = '' order by attnum limit 1`)).rows[0]?.name ?? ''

describe('the application’s role', () => {
  it('is no superuser, owns nothing, passes by no policy and makes nothing', async () => {
    const [role] = await world.sql(`select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, (select count(*)::int from pg_class where relowner = r.oid) as owned,
      (select count(*)::int from pg_auth_members where member = r.oid) as memberships from pg_roles r where rolname = '${APP}'`)
    expect(role).toEqual({ rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false, rolreplication: false, owned: 0, memberships: 0 })
    const makes = await world.sql<{ nspname: string }>(`select nspname from pg_namespace where has_schema_privilege('${APP}', oid, 'create') and nspname !~ '^pg_(temp|toast_temp)'`)
    expect(makes.map(({ nspname }) => nspname)).toEqual([])
  })

  it('finds row security forced on every table', async () => {
    const loose = await world.sql<{ name: string }>(`select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname || '.' || c.relname = any($1) and not (c.relrowsecurity and c.relforcerowsecurity)`, [tables])
    expect(tables.length).toBeGreaterThan(25)
    expect(loose.map(({ name }) => name)).toEqual([])
  })

  it('meets no view, function or sequence by which rows come past the policies', async () => {
    const views = await world.sql(`select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('v', 'm') and n.nspname = any($1)`, [[...new Set(tables.map((table) => table.split('.')[0]))]])
    const definers = await world.sql(`select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.prosecdef and n.nspname = any($1)`, [[...new Set(tables.map((table) => table.split('.')[0]))]])
    expect([views, definers]).toEqual([[], []])
  })

  it('is refused every row of every table while nobody acts, one row being there', async () => {
    const wrong: string[] = []
    for (const table of tables) {
      await undone(superuser, async () => {
        await superuser.query(`set local session_replication_role = 'replica'`)
        await fill(table)
        await superuser.query(`set local role ${APP}`)
        const column = await columnOf(table)
        for (const statement of [`select * from ${table}`, `select count(*) from ${table}`, `delete from ${table}`, `update ${table} set "${column}" = "${column}"`, `select 1 from ${table} for update`]) {
          const { code, rows } = await tried(superuser, statement)
          if (code !== REFUSED) wrong.push(`${statement}: ${code ?? `${rows.length} rows`}`)
        }
      })
    }
    expect(wrong).toEqual([])
  })

  it('is refused also when what says who acts is empty, in the form of a trick, or left over', async () => {
    const forms: readonly (readonly [string, string, string, string])[] = [['', '', '', ''], ['-', '', '{}', '0'], ['', '-', '{}', '0'], ['-', '-', '', ''], ["road' or '1'='1", '-', '{}', '0']]
    const wrong: string[] = []
    for (const [service, person, organs, clearance] of forms) {
      await undone(app, async () => {
        await app.query(`select set_config('postroad.service', $1, true), set_config('postroad.person', $2, true), set_config('postroad.organs', $3, true), set_config('postroad.clearance', $4, true)`, [service, person, organs, clearance])
        for (const table of tables.filter((each) => !each.startsWith('directory.'))) {
          const { code, rows } = await tried(app, `select * from ${table}`)
          if (code === null && rows.length > 0) wrong.push(`${JSON.stringify([service, person, organs, clearance])} sees ${rows.length} of ${table}`)
        }
      })
    }
    await undone(app, async () => {
      const { code } = await tried(app, 'select * from road.message')
      expect(code).toBe(REFUSED) // set for one transaction only: on the same connection the next has nobody again
    })
    expect(wrong).toEqual([])
  })
})

describe('a person of another organ', () => {
  /** The tables of the directory are for everybody who is somebody: it is what all nodes show each other. */
  const OPEN = ['directory.statement', 'directory.void']
  const acting = (person: string, organs: string, clearance = 2): Promise<unknown> =>
    app.query(`select set_config('postroad.service', '-', true), set_config('postroad.person', $1, true), set_config('postroad.organs', $2, true), set_config('postroad.clearance', $3, true)`, [person, `{${organs}}`, String(clearance)])
  const visible = async (person: string, organs: string, clearance = 2): Promise<Readonly<Record<string, readonly string[]>>> => {
    const seen: Record<string, readonly string[]> = {}
    await undone(app, async () => {
      await acting(person, organs, clearance)
      for (const table of tables.filter((each) => !OPEN.includes(each))) seen[table] = (await tried(app, `select to_jsonb(t)::text as row from ${table} t`)).rows.map((row) => (row as { row: string }).row)
    })
    return seen
  }

  it('sees no row of ours in any table', async () => {
    const marks = [world.own.message, world.own.upload, world.own.session, world.own.key, 'alpha', 'gamma', 'anna', 'carl', 'dora']
    const seen = await visible('bert', 'beta')
    const leaks = Object.entries(seen).flatMap(([table, rows]) => rows.flatMap((row) => marks.filter((mark) => row.includes(mark)).map((mark) => `${table} shows ${mark}: ${row.slice(0, 200)}`)))
    expect(leaks).toEqual([])
    const own = Object.entries(seen).filter(([, rows]) => rows.length > 0).map(([table, rows]) => [table, rows.length])
    expect(own).toEqual([['identity.person', 1], ['identity.post', 1], ['identity.session', 1]])
  })

  it('would see them as one of ours: the marks are really there', async () => {
    const ours = await visible('anna', 'alpha')
    const filled = Object.entries(ours).filter(([, rows]) => rows.some((row) => row.includes('alpha') || row.includes('anna') || row.includes(world.own.message))).map(([table]) => table)
    expect(filled).toEqual(expect.arrayContaining(['files.upload', 'identity.person', 'identity.post', 'identity.session', 'road.body', 'road.delivery', 'road.message', 'road.receipt', 'road.submission']))
    const theirs = await visible('carl', 'gamma')
    expect([theirs['road.delivery']?.length, theirs['road.submission']?.length, theirs['files.upload']?.length]).toEqual([1, 0, 0])
  })

  it('and one of ours below the label sees nothing of it either', async () => {
    const seen = await visible('anna', 'alpha', 0)
    expect(['road.message', 'road.delivery', 'road.body', 'road.receipt'].map((table) => [table, seen[table]?.length])).toEqual([['road.message', 0], ['road.delivery', 0], ['road.body', 0], ['road.receipt', 0]])
  })

  it('cannot write a row into anything but what a person may write, nor in another’s name', async () => {
    await undone(app, async () => {
      await acting('bert', 'beta')
      const upload = (person: string) => tried(app, `insert into files.upload (id, person, created) values (gen_random_uuid(), '${person}', now())`)
      expect([(await upload('bert')).code, (await upload('anna')).code]).toEqual([null, REFUSED])
      const leaf = (person: string) => tried(app, `insert into ledger.record (leaf, mac) values (jsonb_build_object('id', gen_random_uuid(), 'actor', jsonb_build_object('kind', 'person', 'id', '${person}')), decode(repeat('00', 32), 'hex'))`)
      expect([(await leaf('bert')).code, (await leaf('anna')).code]).toEqual([null, REFUSED])
      const changes = [
        `update road.delivery set state = 'signedFor'`, `update identity.session set ended = null`, `update identity.person set clearance = 7`, `delete from identity.challenge`,
        `delete from files.upload`, `update road.shipment set state = 'ended'`, `delete from kernel.event`, `update directory.invitation set approved = true`,
      ]
      for (const statement of changes) {
        await app.query('savepoint change')
        const changed = await app.query(statement).then(({ rowCount }) => rowCount, (error: { code: string }) => error.code)
        await app.query('rollback to savepoint change')
        expect([statement, changed === 0 || changed === REFUSED]).toEqual([statement, true])
      }
    })
  })
})

/**
 * What the application's role may do with each table beyond reading: reviewed, one line a table. `a` insert, `w` update (of some column), `d` delete.
 * Append-only ones have neither `w` nor `d`. A table without its line fails: whoever adds one says here what may be done with it.
 */
const GRANTS: Readonly<Record<string, string>> = {
  'documents.list_version': 'ra',
  'directory.admission': 'ra', 'directory.departure': 'ra', 'directory.invitation': 'ra', 'directory.misbehaviour': 'ra', 'directory.statement': 'ra', 'directory.void': 'ra',
  'files.upload': 'rawd',
  'identity.challenge': 'rad', 'identity.credential': 'raw', 'identity.enrolment': 'raw', 'identity.person': 'raw', 'identity.post': 'raw', 'identity.session': 'raw', 'identity.throttle': 'rawd',
  'kernel.event': 'rad', 'kernel.event_delivery': 'rawd', 'kernel.migration': '', 'kernel.process': 'rawd',
  'ledger.checkpoint': 'ra', 'ledger.position': 'ra', 'ledger.record': 'ra',
  'road.arrival': 'ra', 'road.attempt': 'ra', 'road.message': 'ra', 'road.receipt': 'ra', 'road.submission': 'ra', 'road.succession': 'ra', 'road.taken': 'ra', 'road.tombstone': 'ra',
  'reorganisation.act': 'ra', 'reorganisation.step': 'ra',
  'road.bundle': 'raw', 'road.bundle_answer': 'rawd', 'road.bundle_item': 'ra', 'road.bundle_link': 'raw', 'road.bundle_part': 'rad', 'road.bundle_taken': 'raw',
  'road.body': 'raw', 'road.delivery': 'raw', 'road.shipment': 'raw', 'road.relay': 'raw', 'road.link': 'raw', 'road.due': 'rad', 'road.epoch': 'raw',
  'watch.alarm': 'ra', 'watch.alarm_clear': 'ra', 'watch.alarm_seen': 'ra', 'watch.reading': 'raw',
}
const APPEND_ONLY = ['documents.list_version', 'directory.admission', 'directory.departure', 'directory.invitation', 'directory.misbehaviour', 'directory.statement', 'directory.void', 'ledger.checkpoint', 'ledger.position', 'ledger.record', 'road.arrival', 'road.attempt', 'road.bundle_item', 'road.message', 'road.receipt', 'road.submission', 'road.succession', 'road.taken', 'road.tombstone', 'reorganisation.act', 'reorganisation.step', 'watch.alarm', 'watch.alarm_clear', 'watch.alarm_seen']

describe('a table', () => {
  it('gives the application’s role what the list says and no more; nothing can be emptied', async () => {
    const rows = await world.sql<{ name: string; given: string; truncate: boolean }>(`select t as name,
      case when has_any_column_privilege('${APP}', t, 'select') then 'r' else '' end || case when has_any_column_privilege('${APP}', t, 'insert') then 'a' else '' end ||
      case when has_any_column_privilege('${APP}', t, 'update') then 'w' else '' end || case when has_table_privilege('${APP}', t, 'delete') then 'd' else '' end as given,
      has_table_privilege('${APP}', t, 'truncate') or has_table_privilege('${APP}', t, 'trigger') or has_any_column_privilege('${APP}', t, 'references') as truncate from unnest($1::text[]) t`, [tables])
    expect(Object.fromEntries(rows.map(({ name, given }) => [name, given]))).toEqual(GRANTS)
    expect(rows.filter(({ truncate }) => truncate).map(({ name }) => name)).toEqual([])
  })

  it('that is only appended to refuses every change, whoever acts', async () => {
    const services = ['road', 'directory', 'identity', 'keys', 'ledger', 'files', 'jobs', 'bootstrap']
    const wrong: string[] = []
    for (const service of services) {
      await undone(app, async () => {
        await app.query(`select set_config('postroad.service', $1, true), set_config('postroad.person', '-', true), set_config('postroad.organs', '{}', true), set_config('postroad.clearance', '0', true)`, [service])
        for (const table of APPEND_ONLY) {
          const column = await columnOf(table)
          for (const statement of [`update ${table} set "${column}" = "${column}"`, `delete from ${table}`, `truncate ${table}`, `drop table ${table}`, `alter table ${table} disable row level security`]) {
            const { code } = await tried(app, statement)
            if (code !== REFUSED) wrong.push(`${service}: ${statement}: ${String(code)}`)
          }
        }
      })
    }
    expect(wrong).toEqual([])
  })
})
