import type { Tx } from '@postroad/kernel/database'
import type { SignedStatement } from '@postroad/waybill'
import { sql } from 'kysely'

export type StoredStatement = { readonly hash: string; readonly signed: SignedStatement }

/** Changes of the directory happen one after another, over all processes of the node. */
export async function lockDirectory(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('directory.statement'))`.execute(tx)
}

const live = sql`not exists (select from directory.void v where (v.log, v.seq, v.hash) = (s.log, s.seq, s.hash))`

/** The newest line of one log. */
export async function lastStatement(tx: Tx, log: string): Promise<SignedStatement | null> {
  const { rows } = await sql<{ signed: SignedStatement }>`select s.signed from directory.statement s where s.log = ${log} and ${live} order by s.seq desc limit 1`.execute(tx)
  return rows[0]?.signed ?? null
}

/** One log, from its first line. */
export async function statementsOf(tx: Tx, log: string): Promise<SignedStatement[]> {
  const { rows } = await sql<{ signed: SignedStatement }>`select s.signed from directory.statement s where s.log = ${log} and ${live} order by s.seq`.execute(tx)
  return rows.map((row) => row.signed)
}

/** Lines of all logs that arrived after the `n`th, and the number of the last one. */
export async function statementsAfter(tx: Tx, n: string): Promise<{ readonly statements: SignedStatement[]; readonly last: string }> {
  const { rows } = await sql<{ n: string; signed: SignedStatement }>`select s.n, s.signed from directory.statement s where s.n > ${n}::bigint and ${live} order by s.n`.execute(tx)
  return { statements: rows.map((row) => row.signed), last: rows.at(-1)?.n ?? n }
}

export async function insertStatements(tx: Tx, statements: readonly StoredStatement[], broughtBy: string | null, at: Date): Promise<void> {
  if (statements.length === 0) return
  await sql`insert into directory.statement (log, seq, hash, signed, brought_by, received)
    select l, s, h, j::jsonb, ${broughtBy}, ${at} from unnest(
      ${statements.map(({ signed }) => signed.statement.log)}::text[], ${statements.map(({ signed }) => signed.statement.seq)}::int[],
      ${statements.map(({ hash }) => hash)}::text[], ${statements.map(({ signed }) => JSON.stringify(signed))}::text[]) as r (l, s, h, j) on conflict do nothing`.execute(tx)
}

/** Marks as void what a recovery took back: lines of `log` after `seq` that are not among `standing`. */
export async function voidStatements(tx: Tx, log: string, seq: number, standing: readonly string[], at: Date): Promise<void> {
  await sql`insert into directory.void (log, seq, hash, at) select s.log, s.seq, s.hash, ${at} from directory.statement s
    where s.log = ${log} and s.seq > ${seq} and not s.hash = any(${standing}::text[]) and ${live}`.execute(tx)
}

/** Keeps what a peer sent; the same thing again is kept once. True: it is new. */
export async function insertMisbehaviour(tx: Tx, row: { peer: string; log: string; seq: number; fault: string; detail: string; evidence: unknown; evidenceHash: string; at: Date }): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`insert into directory.misbehaviour (peer, log, seq, fault, detail, evidence, evidence_hash, at)
    values (${row.peer}, ${row.log}, ${row.seq}, ${row.fault}, ${row.detail}, ${JSON.stringify(row.evidence)}::jsonb, ${row.evidenceHash}, ${row.at})
    on conflict do nothing returning id`.execute(tx)
  return rows.length > 0
}

export type Misbehaviour = { readonly peer: string; readonly log: string; readonly seq: number; readonly fault: string; readonly detail: string; readonly evidence: unknown; readonly at: Date }
export async function listMisbehaviour(tx: Tx): Promise<Misbehaviour[]> {
  const { rows } = await sql<Misbehaviour>`select peer, log, seq, fault, detail, evidence, at from directory.misbehaviour order by id desc limit 1000`.execute(tx)
  return rows
}

export async function insertDeparture(tx: Tx, row: { readonly node: string; readonly begun: Date; readonly by: string }): Promise<void> {
  await sql`insert into directory.departure (node, begun, by) values (${row.node}, ${row.begun}, ${row.by})`.execute(tx)
}

/** Who began last to let this node leave. */
export async function lastDeparture(tx: Tx, node: string): Promise<{ readonly by: string } | null> {
  const { rows } = await sql<{ by: string }>`select by from directory.departure where node = ${node} order by n desc limit 1`.execute(tx)
  return rows[0] ?? null
}
