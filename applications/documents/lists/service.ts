import type { Node } from '@postroad/kernel/node'
import type { PersonPrincipal } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import { documentsFaults, type DUTIES } from '../words.ts'
import type { ListChange, RecipientList } from './model.ts'
import { insertVersion, newestLists, newestVersion } from './store.ts'

const SHARE: keyof typeof DUTIES = 'documents.share'

/** The lists that the organ acted for may use: its own, and those shared on this node; by title. */
export async function listsOf(node: Node, person: PersonPrincipal): Promise<{ lists: RecipientList[] }> {
  const acting = person.acting.organ
  const rows = await node.transaction({ ...person, organs: [acting] }, newestLists)
  const lists = rows.map(({ ended: _, at, ...list }): RecipientList => ({ ...list, own: list.organ === acting, at: at.toISOString() }))
  return { lists: lists.sort((one, other) => Number(other.own) - Number(one.own) || one.title.localeCompare(other.title, 'zh')) }
}

/**
 * Keeps a new version of a list of the organ acted for. A shared one takes a duty of its own, and stays what it was made as.
 * @throws documents.dutyMissing, documents.listChanged, documents.listFixed
 */
export async function saveList(node: Node, person: PersonPrincipal, change: ListChange): Promise<{ version: number }> {
  if (change.shared && !person.acting.duties.includes(SHARE)) throw documentsFaults.dutyMissing({ duty: SHARE })
  const by = { organ: person.acting.organ, person: person.person }
  return node.transaction({ ...person, organs: [by.organ] }, async (tx) => {
    const before = await newestVersion(tx, by.organ, change.list)
    if ((before?.version ?? 0) + 1 !== change.version || before?.ended === true) throw documentsFaults.listChanged({ version: before?.version ?? 0 })
    if (before !== null && before.shared !== change.shared) throw documentsFaults.listFixed()
    if (!(await insertVersion(tx, by, change))) throw documentsFaults.listChanged({ version: change.version })
    await record(tx, node, { act: 'documents.list', actor: actorOf(person), object: change.list, outcome: 'done', detail: { version: change.version, members: change.members.length, shared: change.shared, ended: change.ended } })
    return { version: change.version }
  })
}
