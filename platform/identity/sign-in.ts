import { randomBytes, randomUUID } from 'node:crypto'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import { CHALLENGE_MS } from './model.ts'
import { isPassword } from './passwords.ts'
import { passkeyRequest, type Proof, provingKey } from './proofs.ts'
import { beginSession, end, rotate } from './sessions.ts'
import { type Challenge, findPerson, insertChallenge, type Key, keysOf, markKeyUsed, passwordOf, type Person, takeChallenge } from './store.ts'
import { throttle } from './throttle.ts'
import { identityFaults } from './words.ts'

/** Where a request comes from; `network` as `networkOf` writes it. */
export type Source = { readonly network: string; readonly agent: string }
/** What the person's device signs (`challenge`, base64url) or hands to the browser (`passkey`); good for one proof within two minutes. */
export type Attempt = { readonly attempt: string; readonly challenge: string; readonly passkey: Awaited<ReturnType<typeof passkeyRequest>> }
export type SignedIn = { readonly token: string; readonly principal: PersonPrincipal }

/**
 * First factor. A wrong password, an account that does not exist, has no password yet, or is locked for this network get the same answer after the
 * same work. @throws identity.signInRefused, identity.tooManyAttempts
 */
export async function startSignIn(node: Node, account: string, password: string, from: Source): Promise<Attempt> {
  const verdict = await node.slots.get(throttle).admit(account, from.network)
  if (verdict === 'network') throw identityFaults.tooManyAttempts()
  const { person, hash } = await node.transaction(service('identity'), async (tx) => {
    const found = await findPerson(tx, { account })
    return { person: found, hash: found === null ? null : await passwordOf(tx, found.id) }
  })
  const matches = await isPassword(verdict === 'admitted' ? hash : null, password)
  if (person === null || !matches) {
    await recordRefused(node, person, verdict === 'pair' ? 'locked' : person === null ? 'unknownAccount' : 'password', from)
    throw identityFaults.signInRefused()
  }
  return node.transaction(service('identity'), async (tx) => {
    const keys = await keysOf(tx, person.id)
    const challenge = challengeFor(node, person.id, 'signIn', null)
    await insertChallenge(tx, challenge)
    return attemptOf(node, challenge, keys)
  })
}

/** Second factor: begins the session. The challenge is used up, right or wrong. @throws identity.signInRefused, identity.noPost */
export async function proveSignIn(node: Node, attempt: string, given: Proof, from: Source, before: PersonPrincipal | null): Promise<SignedIn> {
  // the challenge goes in a transaction of its own: a refusal afterwards must not bring it back
  const challenge = await node.transaction(service('identity'), (tx) => takeChallenge(tx, 'signIn', { id: attempt, session: null }, node.now()))
  if (challenge === null) throw identityFaults.signInRefused()
  const { person, proven } = await prove(node, challenge, given)
  if (person === null || proven === null) {
    await recordRefused(node, person, 'proof', from)
    throw identityFaults.signInRefused()
  }
  const signedIn = await node.transaction(service('identity'), async (tx) => {
    await markKeyUsed(tx, proven.key.id, proven.counter, node.now())
    if (before !== null) await end(tx, node, before.person, before.session, 'signedInAgain')
    const begun = await beginSession(tx, node, person, from)
    await record(tx, node, { act: 'identity.signIn', actor: actorOf(begun.principal), object: begun.principal.session, outcome: 'done', detail: { factor: proven.key.kind, network: from.network } })
    return begun
  })
  await node.slots.get(throttle).forgive(person.account, from.network)
  return signedIn
}

/** Asks a signed-in person for a fresh proof before a dangerous act. */
export async function startStepUp(node: Node, person: PersonPrincipal): Promise<Attempt> {
  return node.transaction(service('identity'), async (tx) => {
    const challenge = challengeFor(node, person.person, 'stepUp', person.session)
    await insertChallenge(tx, challenge)
    return attemptOf(node, challenge, await keysOf(tx, person.person))
  })
}

/** Proves afresh; the session's token is replaced. @throws identity.proofRefused */
export async function proveStepUp(node: Node, person: PersonPrincipal, attempt: string, given: Proof): Promise<string> {
  const challenge = await node.transaction(service('identity'), (tx) => takeChallenge(tx, 'stepUp', { id: attempt, session: person.session }, node.now()))
  if (challenge === null) throw identityFaults.proofRefused()
  const { proven } = await prove(node, challenge, given)
  if (proven === null) throw identityFaults.proofRefused()
  return node.transaction(service('identity'), async (tx) => {
    await markKeyUsed(tx, proven.key.id, proven.counter, node.now())
    await record(tx, node, { act: 'identity.stepUp', actor: actorOf(person), object: person.session, outcome: 'done', detail: { factor: proven.key.kind } })
    return rotate(tx, node, person.session)
  })
}

async function prove(node: Node, challenge: Challenge, given: Proof): Promise<{ person: Person | null; proven: Awaited<ReturnType<typeof provingKey>> }> {
  const { person, keys } = await node.transaction(service('identity'), async (tx) => ({ person: await findPerson(tx, { id: challenge.person }), keys: await keysOf(tx, challenge.person) }))
  return { person, proven: person === null ? null : await provingKey(node, challenge, keys, given) }
}

/** 32 random bytes behind words that say what they are for: a signature over them means nothing anywhere else. */
function challengeFor(node: Node, person: string, purpose: 'signIn' | 'stepUp', session: string | null): Challenge {
  const id = randomUUID()
  const value = Buffer.concat([Buffer.from(`postroad/1/${purpose}\0${node.config.node}\0${id}\0`), randomBytes(32)])
  return { id, person, purpose, session, value, expires: new Date(node.now().getTime() + CHALLENGE_MS) }
}

async function attemptOf(node: Node, challenge: Challenge, keys: readonly Key[]): Promise<Attempt> {
  return { attempt: challenge.id, challenge: challenge.value.toString('base64url'), passkey: await passkeyRequest(node, challenge, keys) }
}

/** The true reason, for auditors only. What was typed as an unknown account is not kept: it may be a password. */
async function recordRefused(node: Node, person: Person | null, reason: string, { network }: Source): Promise<void> {
  await node.transaction(service('identity'), (tx) =>
    record(tx, node, { act: 'identity.signIn', actor: { kind: 'anonymous', id: network }, object: person?.id ?? '-', outcome: 'refused', detail: { reason } }))
}
