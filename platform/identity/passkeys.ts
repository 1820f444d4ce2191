import { randomBytes, randomUUID } from 'node:crypto'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import { generateRegistrationOptions, type RegistrationResponseJSON, verifyRegistrationResponse } from '@simplewebauthn/server'
import { CHALLENGE_MS, MAX_KEYS } from './model.ts'
import { relyingParty } from './proofs.ts'
import { requireFreshProof } from './sessions.ts'
import { type Challenge, insertChallenge, insertKey, type Key, keysOf, revokeCredentials, takeChallenge } from './store.ts'
import { identityFaults, RELYING_PARTY } from './words.ts'

/** What `navigator.credentials.create` takes. @throws identity.proveAgain, identity.tooManyKeys */
export async function startPasskey(node: Node, person: PersonPrincipal) {
  const { keys, challenge } = await node.transaction(service('identity'), async (tx) => {
    await requireFreshProof(tx, node, person)
    const own = await keysOf(tx, person.person)
    if (own.length >= MAX_KEYS) throw identityFaults.tooManyKeys()
    const made: Challenge = { id: randomUUID(), person: person.person, purpose: 'passkey', session: person.session, value: randomBytes(32), expires: new Date(node.now().getTime() + CHALLENGE_MS) }
    await insertChallenge(tx, made)
    return { keys: own, challenge: made }
  })
  return generateRegistrationOptions({
    rpName: RELYING_PARTY,
    rpID: relyingParty(node),
    userName: person.person,
    userDisplayName: person.name,
    userID: new TextEncoder().encode(person.person),
    challenge: new Uint8Array(challenge.value),
    excludeCredentials: keys.flatMap(({ passkey, transports }) => (passkey === null ? [] : [{ id: passkey, transports }])),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
  })
}

/** Keeps a passkey that answers this session's challenge. @throws identity.passkeyRefused */
export async function registerPasskey(node: Node, person: PersonPrincipal, response: Readonly<Record<string, unknown>>): Promise<void> {
  const challenge = await node.transaction(service('identity'), (tx) => takeChallenge(tx, 'passkey', { session: person.session }, node.now()))
  const credential = challenge === null ? null : await readRegistration(node, challenge, response)
  if (credential === null) throw identityFaults.passkeyRefused()
  await node.transaction(service('identity'), async (tx) => {
    const row = { id: randomUUID(), kind: 'passkey', publicKey: credential.publicKey, passkey: credential.id, transports: credential.transports ?? [], counter: credential.counter } as const
    if (!(await insertKey(tx, person.person, row, node.now()))) throw identityFaults.passkeyRefused()
    await record(tx, node, { act: 'identity.registerPasskey', actor: actorOf(person), object: row.id, outcome: 'done', detail: {} })
  })
}

async function readRegistration(node: Node, challenge: Challenge, response: Readonly<Record<string, unknown>>) {
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: response as unknown as RegistrationResponseJSON, // hostile until verified: the library checks every field it uses
      expectedChallenge: challenge.value.toString('base64url'),
      expectedOrigin: node.config.desk.origin,
      expectedRPID: relyingParty(node),
      requireUserVerification: false,
    })
    return verified ? registrationInfo.credential : null
  } catch {
    return null // the library throws for everything that does not verify
  }
}

/** The person's devices and passkeys. */
export const listKeys = (node: Node, person: PersonPrincipal): Promise<readonly Key[]> => node.transaction(service('identity'), (tx) => keysOf(tx, person.person))

/** A device or passkey that may no longer sign in; the last one stays. @throws identity.notYourKey, identity.lastKey */
export async function revokeKey(node: Node, person: PersonPrincipal, id: string): Promise<void> {
  await node.transaction(service('identity'), async (tx) => {
    await requireFreshProof(tx, node, person)
    const keys = await keysOf(tx, person.person)
    if (!keys.some((key) => key.id === id)) throw identityFaults.notYourKey()
    if (keys.length === 1) throw identityFaults.lastKey()
    await revokeCredentials(tx, person.person, node.now(), id)
    await record(tx, node, { act: 'identity.revokeKey', actor: actorOf(person), object: id, outcome: 'done', detail: {} })
  })
}
