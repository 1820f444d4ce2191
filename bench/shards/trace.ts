/** What a centre's transactions write, seen by triggers in its own database while real traffic passes through it. */
import { randomBytes } from 'node:crypto'
import { type Database, connect } from '@postroad/kernel/database'
import { setup } from '@postroad/kernel/testing-setup'
import { type TestNode, until } from '@postroad/kernel/testing'
import { act, board, dispatch, inbox } from '@postroad/road/service'
import { type Network, type Place, clerk, startNetwork } from '@postroad/road/testing/network'
import { type Letter, letter, organReceipt } from '@postroad/road/testing/terminal'

/** One row that a transaction wrote. `isMove`: a shipment changed its state, not only its lease. */
export type TracedRow = { readonly table: string; readonly message: string | null; readonly link: string | null; readonly organ: string | null; readonly isMove: boolean }
/** The rows of one transaction, in the order of the commits. */
export type Traced = readonly TracedRow[]

const COUNTIES = 6
const ORGANS_EACH = 3
const AT_ONCE = 24
const county = (n: number): string => `county${n}`
const PLACES: readonly Place[] = [
  { id: 'province', parent: null, organs: ['p.party', 'p.government'] },
  { id: 'city', parent: 'province', organs: ['c.party', 'c.government', 'c.office'] },
  ...Array.from({ length: COUNTIES }, (_, n): Place => ({ id: county(n), parent: 'city', organs: Array.from({ length: ORGANS_EACH }, (_unused, i) => `x${n}.o${i}`) })),
]

const TRIGGERS = `
  create schema trace;
  create table trace.row (seq bigserial, xact xid8 not null, name text not null, message text, link text, organ text, moved boolean not null);
  create function trace.note() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
    declare r jsonb := to_jsonb(coalesce(new, old)); o jsonb := case when tg_op = 'UPDATE' then to_jsonb(old) end;
    begin
      insert into trace.row (xact, name, message, link, organ, moved) values (pg_current_xact_id(), tg_table_schema || '.' || tg_table_name,
        coalesce(r->>'message', case when tg_table_name = 'message' then r->>'id' end), coalesce(r->>'link', r->>'peer'), r->>'organ', o is null or r->>'state' is distinct from o->>'state');
      return null;
    end $$;
  do $$ declare t record; begin
    for t in select schemaname, tablename from pg_tables where schemaname in ('road', 'ledger', 'kernel', 'files', 'directory', 'identity', 'documents') loop
      execute format('create trigger zz_trace after insert or update or delete on %I.%I for each row execute function trace.note()', t.schemaname, t.tablename);
    end loop;
  end $$;`

/** So many letters of all kinds across, into and out of one centre, each signed for; answers what the centre's transactions wrote. */
export async function traceCentre(letters: number, tell: (line: string) => void): Promise<readonly Traced[]> {
  const drop = await setup()
  try {
    const network = await startNetwork(PLACES)
    try {
      const city = network.at('city')
      await asSuperuser(city, (pool) => pool.query(TRIGGERS))
      tell(`${letters} letters through a centre of ${COUNTIES + 1} neighbours …`)
      await traffic(network, letters)
      return await asSuperuser(city, readTrace)
    } finally {
      await network.stop()
    }
  } finally {
    await drop()
  }
}

const HOMES = new Map(PLACES.flatMap(({ id, organs }) => organs.map((organ) => [organ, id] as const)))
const ORGANS = [...HOMES.keys()]
const pick = <T>(some: readonly T[], n: number): T => some[n % some.length] as T

async function traffic(network: Network, count: number): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let n = next++; n < count; n = next++) await exchange(network, n)
  }))
}

/** Down to one, up to one, from the city itself, to many, and large: in turn. */
async function exchange(network: Network, n: number): Promise<void> {
  const below = `x${n % COUNTIES}.o${n % ORGANS_EACH}`
  const [from, to] = pick<readonly [string, readonly string[]]>([['p.party', [below]], [below, ['p.government']], ['c.party', [below]], [below, [`x${(n + 1) % COUNTIES}.o0`]], ['p.party', ORGANS.filter((organ) => organ !== 'p.party')], [below, ['c.government']]], n)
  const made = await letter(network, from, to, { bytes: new Uint8Array(randomBytes(n % 11 === 0 ? 400_000 : 8_000)) })
  const { node } = network.at(HOMES.get(from) ?? '')
  await dispatch(node, clerk(from), made.submission)
  await Promise.all(to.map((organ) => signFor(network, organ, made)))
  await until(async () => (await node.transaction(clerk(from), (tx) => board(tx, made.packed.head.id))).every(({ state }) => state === 'signedFor'))
}

async function signFor(network: Network, organ: string, { packed: { head } }: Letter): Promise<void> {
  const home = HOMES.get(organ) ?? ''
  const { node } = network.at(home)
  await until(async () => (await node.transaction(clerk(organ), (tx) => inbox(tx, { limit: 1000 }))).some(({ message }) => message === head.id))
  await act(node, clerk(organ), [organReceipt(network, head, { kind: 'signedFor', recipient: organ, node: home })])
}

async function asSuperuser<T>({ database }: TestNode, work: (pool: Database['pool']) => Promise<T>): Promise<T> {
  const books = connect(database.superuser, 1)
  try {
    return await work(books.pool)
  } finally {
    await books.close()
  }
}

async function readTrace(pool: Database['pool']): Promise<readonly Traced[]> {
  const { rows } = await pool.query<{ rows: TracedRow[] }>(`select json_agg(json_build_object('table', name, 'message', message, 'link', link, 'organ', organ, 'isMove', moved) order by seq) as rows from trace.row group by xact order by max(seq)`)
  return rows.map((row) => row.rows)
}
