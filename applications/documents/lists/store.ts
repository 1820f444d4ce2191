import type { Tx } from '@postroad/kernel/database'
import { sql } from 'kysely'
import type { ListChange, RecipientList } from './model.ts'

type Version = Omit<RecipientList, 'own' | 'at'> & { readonly ended: boolean; readonly at: Date }

/** The newest version of each list that whoever acts may use. */
export async function newestLists(tx: Tx): Promise<readonly Version[]> {
  const { rows } = await sql<Version>`select distinct on (organ, list) organ, list, version, shared, title, members, ended, at from documents.list_version order by organ, list, version desc`.execute(tx)
  return rows.filter(({ ended }) => !ended)
}

/** The newest version of one organ's list, ended or not. */
export async function newestVersion(tx: Tx, organ: string, list: string): Promise<Pick<Version, 'version' | 'shared' | 'ended'> | null> {
  const { rows } = await sql<Pick<Version, 'version' | 'shared' | 'ended'>>`select version, shared, ended from documents.list_version where organ = ${organ} and list = ${list} order by version desc limit 1`.execute(tx)
  return rows[0] ?? null
}

/** Adds a version; answers false where somebody was quicker. */
export async function insertVersion(tx: Tx, by: { readonly organ: string; readonly person: string }, change: ListChange): Promise<boolean> {
  const { rows } = await sql`insert into documents.list_version (organ, list, version, shared, title, members, ended, person)
    values (${by.organ}, ${change.list}, ${change.version}, ${change.shared}, ${change.title}, ${JSON.stringify(change.members)}::json, ${change.ended}, ${by.person}) on conflict do nothing returning version`.execute(tx)
  return rows.length > 0
}
