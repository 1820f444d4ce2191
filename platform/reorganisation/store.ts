import type { Tx } from '@postroad/kernel/database'
import { sql } from 'kysely'
import type { Order, Step } from './model.ts'

export type StepRow = { readonly step: Step; readonly person: string; readonly post: string; readonly detail: Readonly<Record<string, unknown>>; readonly at: Date }
/** An act with its steps, oldest first. */
export type ActRow = { readonly id: string; readonly order: Order; readonly essence: string; readonly notBefore: Date; readonly steps: readonly StepRow[] }

export async function insertAct(tx: Tx, act: { readonly id: string; readonly order: Order; readonly essence: string; readonly at: Date }): Promise<void> {
  await sql`insert into reorganisation.act (id, "order", essence, not_before, at) values (${act.id}, ${JSON.stringify(act.order)}::json, ${act.essence}, ${new Date(act.order.on)}, ${act.at})`.execute(tx)
}

export async function insertStep(tx: Tx, act: string, { step, person, post, detail, at }: StepRow): Promise<void> {
  await sql`insert into reorganisation.step (act, step, person, post, detail, at) values (${act}, ${step}, ${person}, ${post}, ${JSON.stringify(detail)}::json, ${at})`.execute(tx)
}

const columns = sql`a.id, a."order", a.essence, a.not_before as "notBefore",
  (select json_agg(json_build_object('step', s.step, 'person', s.person, 'post', s.post, 'detail', s.detail, 'at', s.at) order by s.at, array_position(array['prepared', 'approved', 'done', 'stopped', 'withdrawn'], s.step)) from reorganisation.step s where s.act = a.id) as steps`
type Stored = Omit<ActRow, 'steps'> & { readonly steps: readonly (Omit<StepRow, 'at'> & { readonly at: string })[] }
const read = (row: Stored): ActRow => ({ ...row, steps: row.steps.map((step) => ({ ...step, at: new Date(step.at) })) })

export async function listActs(tx: Tx, limit: number): Promise<readonly ActRow[]> {
  const { rows } = await sql<Stored>`select ${columns} from reorganisation.act a order by a.at desc, a.id desc limit ${limit}`.execute(tx)
  return rows.map(read)
}

/** One act; two people who act on it follow one another. */
export async function lockAct(tx: Tx, id: string): Promise<ActRow | null> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`reorganisation ${id}`}, 0))`.execute(tx)
  const { rows } = await sql<Stored>`select ${columns} from reorganisation.act a where a.id = ${id}`.execute(tx)
  return rows[0] === undefined ? null : read(rows[0])
}

/** Approved acts whose day has come. */
export async function dueActs(tx: Tx, now: Date): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`select a.id from reorganisation.act a where a.not_before <= ${now}
    and exists (select from reorganisation.step s where s.act = a.id and s.step = 'approved')
    and not exists (select from reorganisation.step s where s.act = a.id and s.step in ('done', 'stopped', 'withdrawn')) order by a.not_before, a.at`.execute(tx)
  return rows.map(({ id }) => id)
}
