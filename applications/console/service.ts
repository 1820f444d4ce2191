import { view } from '@postroad/directory/service'
import type { Node } from '@postroad/kernel/node'
import { linkReports } from '@postroad/road/service'
import type { Condition } from './model.ts'

/** How this node is doing now, by counts and ids of nodes only. @throws directory.notJoined before the node has joined its tree */
export function conditionOf(node: Node): Condition {
  const directory = view(node)
  return {
    node: node.config.node,
    at: node.now().toISOString(),
    links: linkReports(node).map(({ pausedUntil, ...link }) => ({ ...link, title: directory.node(link.peer)?.title ?? link.peer, pausedUntil: pausedUntil?.toISOString() ?? null })),
  }
}
