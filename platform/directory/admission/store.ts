import type { Tx } from '@postroad/kernel/database'
import { sql } from 'kysely'
import type { AdmissionEvent, Invitation, InvitedPlace } from './model.ts'

/** An invitation with what happened to it, oldest first. */
export type StoredInvitation = { readonly invitation: Invitation; readonly codeHash: Uint8Array; readonly events: readonly AdmissionEvent[] }

/** False: an invitation with this code is there already. */
export async function insertInvitation(tx: Tx, invitation: Invitation, codeHash: Uint8Array): Promise<void> {
  const { id, node, place, created, expires, by, approved } = invitation
  await sql`insert into directory.invitation (id, code_hash, node, place, created, expires, by, approved)
    values (${id}, ${Buffer.from(codeHash)}, ${node}, ${place === null ? null : JSON.stringify(place)}::jsonb, ${created}, ${expires}, ${by}, ${approved}) on conflict (code_hash) do nothing`.execute(tx)
}

export async function insertAdmission(tx: Tx, invitation: string, event: AdmissionEvent): Promise<void> {
  const asker = event.kind === 'asked' || event.kind === 'contested' ? event : null
  const decision = event.kind === 'approved' || event.kind === 'refused' || event.kind === 'withdrawn' ? event : null
  await sql`insert into directory.admission (invitation, kind, at, fingerprint, title, address, by, reason)
    values (${invitation}, ${event.kind}, ${event.at}, ${asker?.fingerprint ?? null}, ${asker?.title ?? null}, ${asker?.address ?? null}, ${decision?.by ?? null}, ${decision?.reason ?? null})
    on conflict do nothing`.execute(tx)
}

type InvitationRow = { id: string; code_hash: Uint8Array; node: string; place: InvitedPlace | null; created: Date; expires: Date; by: string | null; approved: boolean }
type EventRow = { invitation: string; kind: AdmissionEvent['kind']; at: Date; fingerprint: string | null; title: string | null; address: string | null; by: string | null; reason: string | null }

/** Invitations of one node, or the newest of all. */
export async function readInvitations(tx: Tx, of: { readonly node: string } | { readonly id: string } | { readonly newest: number }): Promise<StoredInvitation[]> {
  const which = 'node' in of ? sql`where node = ${of.node}` : 'id' in of ? sql`where id = ${of.id}` : sql``
  const { rows } = await sql<InvitationRow>`select id, code_hash, node, place, created, expires, by, approved from directory.invitation ${which} order by created desc, id limit ${'newest' in of ? of.newest : 1000}`.execute(tx)
  const { rows: happened } = await sql<EventRow>`select invitation, kind, at, fingerprint, title, address, by, reason from directory.admission
    where invitation = any(${rows.map(({ id }) => id)}::uuid[]) order by n`.execute(tx)
  const events = new Map<string, AdmissionEvent[]>()
  for (const row of happened) events.set(row.invitation, [...(events.get(row.invitation) ?? []), eventOf(row)])
  return rows.map(({ code_hash: codeHash, ...invitation }) => ({ invitation, codeHash, events: events.get(invitation.id) ?? [] }))
}

function eventOf({ kind, at, fingerprint, title, address, by, reason }: EventRow): AdmissionEvent {
  if (kind === 'joined') return { kind, at }
  if (kind === 'asked' || kind === 'contested') return { kind, at, fingerprint: fingerprint ?? '', title: title ?? '', address: address ?? '' }
  return { kind, at, by: by ?? '', reason: reason ?? '' }
}
