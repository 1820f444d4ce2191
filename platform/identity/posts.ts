import { actingAs } from '@postroad/kernel/acting'
import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import type { Post } from '@postroad/kernel/principal'
import { actorOf, recordAll } from '@postroad/ledger/service'
import { service } from '@postroad/kernel/principal'
import { endPost, insertPost, postsIn } from './store.ts'

export type HeldPost = Post & { readonly person: string }

/** Who holds posts in an organ at this moment. */
export const postsOfOrgan = (tx: Tx, node: Node, organ: string): Promise<readonly HeldPost[]> => actingAs(tx, 'identity', () => postsIn(tx, organ, node.now()))

/** Moves people's posts to another organ, in the caller's transaction: the same post with the same duties, the old one ends. `heir` null only ends it. */
export async function movePosts(tx: Tx, node: Node, moves: readonly { readonly post: HeldPost; readonly heir: string | null }[]): Promise<void> {
  const at = node.now()
  await actingAs(tx, 'identity', async () => {
    for (const { post: { person, id, title, duties }, heir } of moves) {
      await endPost(tx, person, id, at)
      if (heir !== null) await insertPost(tx, person, { id, organ: heir, title, duties }, at)
    }
  })
  await recordAll(tx, node, moves.map(({ post, heir }) => ({ act: 'identity.movePost', actor: actorOf(service('identity')), object: post.person, outcome: 'done' as const, detail: { post: post.id, from: post.organ, to: heir ?? '' } })))
}
