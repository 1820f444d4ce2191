import { view } from '@postroad/directory/service'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import type { PersonPrincipal, Post } from '@postroad/kernel/principal'
import { rooms } from '@postroad/kernel/seams'
import { z } from 'zod'
import { accountOf } from './people.ts'

const post = z.strictObject({ id: z.string(), organ: z.string(), organTitle: z.string(), title: z.string(), duties: z.array(z.string()) })
/** What the desk knows of who is signed in; the only way out of this room for a session. */
export const sessionView = z.strictObject({
  session: z.string(),
  person: z.strictObject({ id: z.string(), name: z.string(), account: z.string() }),
  node: z.strictObject({ id: z.string(), title: z.string() }),
  posts: z.array(post),
  acting: post,
  clearance: z.number(),
  csrf: z.string(),
  menu: z.array(z.strictObject({ id: z.string(), title: z.string(), path: z.string(), order: z.number() })),
})
export type SessionView = z.infer<typeof sessionView>

/** The session as its page sees it: posts with the organs' printed names, and the menu that its duties open. */
export async function viewOf(node: Node, person: PersonPrincipal, csrf: string): Promise<SessionView> {
  const titles = titlesOf(node)
  const withTitle = ({ id, organ, title, duties }: Post) => ({ id, organ, organTitle: titles.organ(organ), title, duties: [...duties] })
  const duties = new Set(person.posts.flatMap((each) => each.duties))
  const menu = node.slots.get(rooms).flatMap((room) => room.menu ?? []).filter(({ permission }) => permission === null || [permission].flat().some((duty) => duties.has(duty)))
  return {
    session: person.session,
    person: { id: person.person, name: person.name, account: (await accountOf(node, person.person)) ?? person.person },
    node: { id: node.config.node, title: titles.node },
    posts: person.posts.map(withTitle),
    acting: withTitle(person.acting),
    clearance: person.clearance,
    csrf,
    menu: menu.map(({ id, title, path, order }) => ({ id, title, path, order })).toSorted((a, b) => a.order - b.order),
  }
}

/** Names as the directory states them; a node that has not joined its tree yet shows ids. */
function titlesOf(node: Node): { organ(id: string): string; readonly node: string } {
  try {
    const directory = view(node)
    return { organ: (id) => directory.organ(id)?.title ?? id, node: directory.node(node.config.node)?.title ?? node.config.node }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { organ: (id) => id, node: node.config.node }
  }
}
