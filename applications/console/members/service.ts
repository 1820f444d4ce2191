import { admissions, certificateUntil, spokenFingerprint, view } from '@postroad/directory/service'
import { names } from '@postroad/identity/service'
import type { Node } from '@postroad/kernel/node'
import { undone, waitingFor } from '@postroad/road/service'
import type { DirectoryView } from '@postroad/waybill'
import type { Member, Members } from './model.ts'

/** The nodes under this one, and those that were invited. @throws directory.notJoined before the node has joined its tree */
export async function membersOf(node: Node): Promise<Members> {
  const directory = view(node)
  const own = directory.node(node.config.node)
  if (own === null) throw new Error('a node that is not in its own directory')
  const found = await admissions(node)
  const people = await names(node, [...new Set(found.flatMap(({ invitation, decided }) => [invitation.by, decided?.by]).filter((id) => id !== null && id !== undefined))])
  const blockOf = (block: ReturnType<typeof directory.blocked>) => (block === null ? null : { since: block.from, reason: block.reason, own: block.by === own.node })
  const personOf = (id: string): { id: string; name: string } => ({ id, name: people.get(id) ?? id })
  const { title, level, region, regionTitle, maxLabel } = own
  return {
    self: { node: own.node, title, level, region, regionTitle, maxLabel: Math.min(maxLabel, 2) },
    twoPersons: node.config.admission.twoPersons,
    invitations: found.map(({ invitation, state, asked, contested, decided }) => ({
      id: invitation.id, node: invitation.node, place: invitation.place, state, created: invitation.created.toISOString(), expires: invitation.expires.toISOString(),
      by: invitation.by === null ? null : personOf(invitation.by),
      asked: asked === null ? null : { at: asked.at.toISOString(), title: asked.title, address: asked.address, fingerprint: asked.fingerprint, spoken: asked.fingerprint === '' ? '' : spokenFingerprint(asked.fingerprint) },
      contested,
      decided: decided === null ? null : { at: decided.at.toISOString(), by: personOf(decided.by), reason: decided.reason },
    })),
    leaving: await ownLeaving(node, directory),
    members: await Promise.all(directory.children(own.node).flatMap((id) => directory.node(id) ?? []).map(async (body): Promise<Member> => {
      const id = body.node
      return { node: id, title: body.title, level: body.level, regionTitle: body.regionTitle, endpoint: body.endpoint, organs: directory.organs().filter((organ) => organ.node === id).length, certificateUntil: certificateUntil(body), blocked: blockOf(directory.blocked(id)), leaving: await leavingOf(node, directory, id) }
    })),
  }
}

async function leavingOf(node: Node, directory: DirectoryView, id: string): Promise<Member['leaving']> {
  const leaving = directory.leaving(id)
  if (leaving === null) return null
  const { phase, since, reason, farewell } = leaving
  const { shipments, receipts, taken } = await waitingFor(node, id)
  const waiting = { shipments, receipts, since: farewell === null ? 0 : Math.max(0, taken - farewell.taken) }
  return { phase, since, reason, ready: farewell !== null, own: leaving.by === node.config.node && leaving.node === id, waiting }
}

async function ownLeaving(node: Node, directory: DirectoryView): Promise<Members['leaving']> {
  const leaving = directory.leaving(node.config.node)
  if (leaving === null) return null
  const { phase, since, reason, farewell } = leaving
  return { phase, since, reason, ready: farewell !== null, undone: await undone(node) }
}
