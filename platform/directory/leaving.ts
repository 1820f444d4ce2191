import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import type { DirectoryView, Leaving } from '@postroad/waybill'
import { hasLeftIn, refresh, view, viewNow } from './room.ts'
import { append } from './statements.ts'
import { insertDeparture, lastDeparture, lockDirectory } from './store.ts'
import { directoryFaults } from './words.ts'

/**
 * Begins to let a node of its own leave (开始退网): from now on nothing new is addressed to its organs or sent by them; what is under way arrives.
 * @throws directory.notBelow, directory.leavingAlready, directory.membersLeft
 */
export const closeMember = (node: Node, person: PersonPrincipal, target: string, reason: string): Promise<void> =>
  state(node, person, target, { act: 'directory.close', phase: 'closing', reason }, async (tx, current) => {
    if (current.leaving(target) !== null) throw directoryFaults.leavingAlready({ node: target })
    const members = current.children(target).filter((child) => !hasLeftIn(current, child))
    if (members.length > 0) throw directoryFaults.membersLeft({ node: target, members: members.length })
    await insertDeparture(tx, { node: target, begun: node.now(), by: person.person })
  })

/** Takes this node's own closing back (撤回退网). @throws directory.notBelow, directory.notLeaving */
export const keepMember = (node: Node, person: PersonPrincipal, target: string, reason: string): Promise<void> =>
  state(node, person, target, { act: 'directory.keep', phase: 'staying', reason }, async (_tx, current) => void requireClosing(current, target, node.config.node))

/**
 * Completes the leaving (办结退网), for ever: organs, names and keys of the node end with this instant. It wants the node's own farewell, or force, for a node that
 * nobody can ask any more; where two persons are required, force is for another than who began.
 * @throws directory.notBelow, directory.notLeaving, directory.noFarewell, directory.otherPersonNeeded
 */
export const dismissMember = (node: Node, person: PersonPrincipal, target: string, { reason, forced }: { readonly reason: string; readonly forced: boolean }): Promise<void> =>
  state(node, person, target, { act: forced ? 'directory.dismissByForce' : 'directory.dismiss', phase: 'gone', reason }, async (tx, current) => {
    const { farewell } = requireClosing(current, target, node.config.node)
    if (!forced && farewell === null) throw directoryFaults.noFarewell({ node: target })
    if (forced && node.config.admission.twoPersons && (await lastDeparture(tx, target))?.by === person.person) throw directoryFaults.otherPersonNeeded({ node: target })
  })

/** This node, which is to leave, says that nothing waits here any more (确认交接完毕). `taken`: shipments taken over from the parent, ever. @throws directory.notLeaving */
export async function sayFarewell(node: Node, person: PersonPrincipal, taken: number): Promise<void> {
  await refresh(node)
  const leaving = view(node).leaving(node.config.node)
  if (leaving?.phase !== 'closing') throw directoryFaults.notLeaving({ node: node.config.node })
  await node.transaction(service('directory'), async (tx) => {
    await append(tx, node, { kind: 'farewell', closing: leaving.closing, taken })
    await record(tx, node, { act: 'directory.farewell', actor: actorOf(person), object: node.config.node, outcome: 'done', detail: { taken } })
  })
  await refresh(node)
}

type Step = { readonly act: string; readonly phase: 'closing' | 'staying' | 'gone'; readonly reason: string }

/** Under the directory's lock, so that of two people who decide at once one is refused. */
async function state(node: Node, person: PersonPrincipal, target: string, { act, phase, reason }: Step, require: (tx: Tx, current: DirectoryView) => Promise<void>): Promise<void> {
  await refresh(node)
  if (view(node).node(target)?.parent !== node.config.node) throw directoryFaults.notBelow({ node: target })
  await node.transaction(service('directory'), async (tx) => {
    await lockDirectory(tx)
    await require(tx, await viewNow(tx, node))
    await append(tx, node, { kind: 'leave', node: target, phase, reason })
    await record(tx, node, { act, actor: actorOf(person), object: target, outcome: 'done', detail: { reason } })
  })
  await refresh(node)
}

function requireClosing(current: DirectoryView, target: string, self: string): Leaving {
  const leaving = current.leaving(target)
  if (leaving?.phase !== 'closing' || leaving.node !== target || leaving.by !== self) throw directoryFaults.notLeaving({ node: target })
  return leaving
}
