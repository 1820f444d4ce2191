import type { Tx } from '@postroad/kernel/database'
import { sql } from 'kysely'

export type Upload = { readonly id: string; readonly taken: Date | null }

export async function insertUpload(tx: Tx, upload: { id: string; person: string; created: Date }): Promise<void> {
  await sql`insert into files.upload (id, person, created) values (${upload.id}, ${upload.person}, ${upload.created})`.execute(tx)
}

/** The upload, if it is the acting person's: others' are not there at all. */
export async function findUpload(tx: Tx, id: string): Promise<Upload | null> {
  const { rows } = await sql<Upload>`select id, taken from files.upload where id = ${id}`.execute(tx)
  return rows[0] ?? null
}

export async function countOpenUploads(tx: Tx): Promise<number> {
  const { rows } = await sql<{ open: string }>`select count(*) as open from files.upload where taken is null`.execute(tx)
  return Number(rows[0]?.open ?? 0)
}

export async function markTaken(tx: Tx, id: string, at: Date): Promise<void> {
  await sql`update files.upload set taken = coalesce(taken, ${at}) where id = ${id}`.execute(tx)
}

/** Uploads started before `untaken` and never taken, or taken before `taken`. */
export async function staleUploads(tx: Tx, untaken: Date, taken: Date, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from files.upload
    where (taken is null and created < ${untaken}) or taken < ${taken} order by created limit ${limit}`.execute(tx)
  return rows.map((row) => row.id)
}

export async function deleteUploads(tx: Tx, ids: readonly string[]): Promise<void> {
  await sql`delete from files.upload where id = any(${ids}::uuid[])`.execute(tx)
}
