import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import { hasLeft, refresh, view } from './room.ts'
import { append } from './statements.ts'
import { directoryFaults } from './words.ts'

/** What is blocked: a whole node, or one key of its own or of an organ that it hosts. */
export type Blocked = { readonly node: string; readonly key: string | null }

/**
 * Blocks a node below this one, or a key there, at once (封锁): whoever knows of it refuses its calls and holds what is for it.
 * What was signed after `compromisedSince` cannot be judged any more. Audited in the person's name.
 * @throws directory.notBelow, directory.blockedAlready, directory.invalidStatement
 */
export async function blockNode(node: Node, person: PersonPrincipal, what: Blocked, said: { readonly compromisedSince: string | null; readonly reason: string }): Promise<void> {
  await requireBelow(node, what.node)
  if (isBlockedHere(node, what)) throw directoryFaults.blockedAlready()
  await node.transaction(service('directory'), async (tx) => {
    await append(tx, node, { kind: 'block', ...what, ...said })
    await record(tx, node, { act: 'directory.block', actor: actorOf(person), object: what.node, outcome: 'done', detail: { key: what.key ?? '', compromisedSince: said.compromisedSince ?? '', reason: said.reason } })
  })
  await refresh(node)
}

/** Ends this node's own block (解除封锁); what was held goes on by itself. @throws directory.notBelow, directory.notBlocked */
export async function unblockNode(node: Node, person: PersonPrincipal, what: Blocked, reason: string): Promise<void> {
  await requireBelow(node, what.node)
  if (!isBlockedHere(node, what)) throw directoryFaults.notBlocked()
  await node.transaction(service('directory'), async (tx) => {
    await append(tx, node, { kind: 'unblock', ...what, reason })
    await record(tx, node, { act: 'directory.unblock', actor: actorOf(person), object: what.node, outcome: 'done', detail: { key: what.key ?? '', reason } })
  })
  await refresh(node)
}

/** Whether nothing is to be exchanged with a node now: it is blocked, or one of the two has left. */
export const isBlocked = (node: Node, peer: string): boolean => view(node).blocked(peer) !== null || hasLeft(node, peer)

async function requireBelow(node: Node, target: string): Promise<void> {
  await refresh(node)
  const above = view(node).ancestors(target)
  if (target === node.config.node || !above.includes(node.config.node)) throw directoryFaults.notBelow({ node: target })
}

const isBlockedHere = (node: Node, what: Blocked): boolean =>
  (view(node).state.blocks.get(what.node) ?? []).some(({ by, key, until }) => by === node.config.node && key === what.key && until === null)
