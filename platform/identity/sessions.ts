import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, type Post, service } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import { FRESH_MS, isLive, MAX_SESSIONS, SESSION_TOUCH_MS } from './model.ts'
import { endSessions, findByToken, findSession, insertSession, type Person, postsOf, rotateSession, type Session, sessionsOf, setActing, touchSession } from './store.ts'
import { identityFaults } from './words.ts'

const hashToken = (token: string): Buffer => createHash('sha256').update(token).digest()
const newToken = () => randomBytes(32).toString('base64url')

/** The token that pages send back (`x-postroad-csrf`): bound to the session's own, so it changes with it, and tells nothing of it. */
export const csrfOf = (token: string): string => createHash('sha256').update(`postroad/csrf\0${token}`).digest('base64url')

export function isCsrfOf(token: string, given: string): boolean {
  const [expected, actual] = [Buffer.from(csrfOf(token)), Buffer.from(given)]
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

function principalOf(person: Person, session: string, acting: string, posts: readonly Post[]): PersonPrincipal | null {
  const [first] = posts
  if (first === undefined) return null
  const organs = [...new Set(posts.map(({ organ }) => organ))]
  return { kind: 'person', person: person.id, name: person.name, session, posts, acting: posts.find(({ id }) => id === acting) ?? first, organs, clearance: person.clearance }
}

/** Who holds this token; null for an unknown, idle, old, ended one, or a person without a post. */
export async function principalOfToken(node: Node, token: string): Promise<PersonPrincipal | null> {
  const now = node.now()
  return node.transaction(service('identity'), async (tx) => {
    const found = await findByToken(tx, hashToken(token), now)
    if (found === null || !isLive(found.session, now)) return null
    if (now.getTime() - found.session.used.getTime() >= SESSION_TOUCH_MS) await touchSession(tx, found.session.id, now)
    return principalOf(found.person, found.session.id, found.session.acting, found.posts)
  })
}

/** Begins a session with a token never seen before, whatever the request carried. The oldest sessions beyond the limit end. */
export async function beginSession(tx: Tx, node: Node, person: Person, from: { readonly network: string; readonly agent: string }): Promise<{ token: string; principal: PersonPrincipal }> {
  const now = node.now()
  const posts = await postsOf(tx, person.id, now)
  const id = randomUUID()
  const principal = principalOf(person, id, '', posts)
  if (principal === null) throw identityFaults.noPost()
  for (const old of (await sessionsOf(tx, person.id)).slice(MAX_SESSIONS - 1)) await end(tx, node, person.id, old.id, 'tooMany')
  const token = newToken()
  await insertSession(tx, { id, person: person.id, tokenHash: hashToken(token), acting: principal.acting.id, network: from.network, agent: from.agent.slice(0, 200), created: now, used: now, proven: now })
  return { token, principal }
}

/** A new token for the same session, after a fresh proof; the old one is worth nothing from then on. */
export async function rotate(tx: Tx, node: Node, session: string): Promise<string> {
  const token = newToken()
  await rotateSession(tx, session, hashToken(token), node.now())
  return token
}

/** Ends sessions and announces each (`identity.sessionEnded`), on which the key process closes what was open in it. */
export async function end(tx: Tx, node: Node, person: string, only: string | null, reason: string): Promise<number> {
  const ended = await endSessions(tx, person, only, reason, node.now())
  for (const session of ended) await node.emit(tx, 'identity.sessionEnded', { session, person })
  return ended.length
}

/** Signs out: the session ends on the server, not only in the browser. */
export async function signOut(node: Node, person: PersonPrincipal): Promise<void> {
  await node.transaction(service('identity'), async (tx) => {
    await end(tx, node, person.person, person.session, 'signOut')
    await record(tx, node, { act: 'identity.signOut', actor: actorOf(person), object: person.session, outcome: 'done', detail: {} })
  })
}

/** The person's own live sessions, the one used last first. */
export async function listSessions(node: Node, person: PersonPrincipal): Promise<readonly Session[]> {
  const now = node.now()
  const all = await node.transaction(service('identity'), (tx) => sessionsOf(tx, person.person))
  return all.filter((session) => isLive(session, now))
}

/** Ends one of the person's own sessions. Another person's is not there at all. @throws identity.notYourSession */
export async function revokeSession(node: Node, person: PersonPrincipal, id: string): Promise<void> {
  await node.transaction(service('identity'), async (tx) => {
    if ((await end(tx, node, person.person, id, 'revoked')) === 0) throw identityFaults.notYourSession()
    await record(tx, node, { act: 'identity.revokeSession', actor: actorOf(person), object: id, outcome: 'done', detail: {} })
  })
}

/** From now on acts in this session are done as another of the person's posts. @throws identity.notYourPost */
export async function actAs(node: Node, person: PersonPrincipal, post: string): Promise<PersonPrincipal> {
  const acting = person.posts.find(({ id }) => id === post)
  if (acting === undefined) throw identityFaults.notYourPost()
  await node.transaction(service('identity'), async (tx) => {
    await setActing(tx, person.session, post)
    await record(tx, node, { act: 'identity.actAs', actor: actorOf({ ...person, acting }), object: post, outcome: 'done', detail: { before: person.acting.id } })
  })
  return { ...person, acting }
}

/** Acts that could hand an account to somebody else need a proof of the last quarter of an hour. @throws identity.proveAgain */
export async function requireFreshProof(tx: Tx, node: Node, person: PersonPrincipal): Promise<void> {
  const session = await findSession(tx, person.session)
  if (session === null || node.now().getTime() - session.proven.getTime() > FRESH_MS) throw identityFaults.proveAgain()
}
