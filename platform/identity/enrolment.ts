import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import { codeFrom, ENROLMENT_MS, isStrongPassword, MAX_KEYS, normaliseCode } from './model.ts'
import { hashPassword, isPassword } from './passwords.ts'
import { clientKeyFrom } from './proofs.ts'
import { end, requireFreshProof } from './sessions.ts'
import type { Source } from './sign-in.ts'
import { findPerson, insertEnrolment, insertKey, insertPassword, keysOf, lockEnrolment, passwordOf, peopleOf, type Purpose, revokeCredentials, useEnrolment } from './store.ts'
import { throttle } from './throttle.ts'
import { identityFaults } from './words.ts'

const hashCode = (code: string): Buffer => createHash('sha256').update(normaliseCode(code)).digest()

/** Makes a one-time code; earlier ones for the same purpose stop working. Only its hash is kept. */
export async function issueCode(tx: Tx, node: Node, person: string, purpose: Purpose, issuedBy: string): Promise<{ code: string; expires: Date }> {
  const code = codeFrom(randomBytes(20))
  const created = node.now()
  const expires = new Date(created.getTime() + ENROLMENT_MS[purpose])
  await insertEnrolment(tx, { id: randomUUID(), person, purpose, codeHash: hashCode(code), issuedBy, created, expires })
  return { code, expires }
}

export type Enrolment = { readonly account: string; readonly code: string; readonly password: string; readonly publicKey: Uint8Array }

/**
 * Turns a one-time code into credentials. For an `account` code the password is a new one, and whatever could sign in before is revoked;
 * for a `device` code it is the present one, and the device is added. @throws identity.enrolmentRefused, identity.weakPassword, identity.badClientKey
 */
export async function enrol(node: Node, asked: Enrolment, from: Source): Promise<{ person: string; name: string }> {
  if (clientKeyFrom(asked.publicKey) === null) throw identityFaults.badClientKey()
  const verdict = await node.slots.get(throttle).admit(asked.account, from.network)
  if (verdict === 'network') throw identityFaults.tooManyAttempts()
  if (verdict === 'pair') throw identityFaults.enrolmentRefused()
  const enrolled = await node.transaction(service('identity'), async (tx) => {
    const found = await lockEnrolment(tx, asked.account, hashCode(asked.code), node.now())
    if (found === null) throw identityFaults.enrolmentRefused()
    if (found.purpose === 'device') await addDevice(tx, found.id, asked.password)
    else await resetAccount(tx, node, found, asked.password)
    await insertKey(tx, found.id, { id: randomUUID(), kind: 'clientKey', publicKey: asked.publicKey, passkey: null, transports: [], counter: 0 }, node.now())
    await useEnrolment(tx, found.enrolment, node.now())
    await record(tx, node, { act: 'identity.enrol', actor: { kind: 'person', id: found.id }, object: found.id, outcome: 'done', detail: { purpose: found.purpose, network: from.network } })
    return { person: found.id, name: found.name }
  })
  await node.slots.get(throttle).forgive(asked.account, from.network)
  return enrolled
}

async function addDevice(tx: Tx, person: string, password: string): Promise<void> {
  if (!(await isPassword(await passwordOf(tx, person), password))) throw identityFaults.enrolmentRefused()
  if ((await keysOf(tx, person)).length >= MAX_KEYS) throw identityFaults.tooManyKeys()
}

async function resetAccount(tx: Tx, node: Node, { id, account, name }: { id: string; account: string; name: string }, password: string): Promise<void> {
  if (!isStrongPassword(password, account, name)) throw identityFaults.weakPassword()
  await revokeCredentials(tx, id, node.now(), null)
  await end(tx, node, id, null, 'enrolledAgain')
  await insertPassword(tx, randomUUID(), id, await hashPassword(password), node.now())
}

/** A code with which the person adds another device within a quarter of an hour. @throws identity.proveAgain */
export async function issueDeviceCode(node: Node, person: PersonPrincipal): Promise<{ code: string; expires: Date }> {
  return node.transaction(service('identity'), async (tx) => {
    await requireFreshProof(tx, node, person)
    await record(tx, node, { act: 'identity.issueCode', actor: actorOf(person), object: person.person, outcome: 'done', detail: { purpose: 'device' } })
    return issueCode(tx, node, person.person, 'device', person.person)
  })
}

/** A new code for somebody of the acting post's organ who lost device or password. @throws identity.notYourPerson */
export async function issueAccountCode(node: Node, by: PersonPrincipal, person: string): Promise<{ code: string; expires: Date }> {
  return node.transaction(service('identity'), async (tx) => {
    await requireFreshProof(tx, node, by)
    const known = await findPerson(tx, { id: person })
    const colleagues = await peopleOf(tx, by.acting.organ, node.now())
    if (known === null || !colleagues.some(({ id }) => id === person)) throw identityFaults.notYourPerson()
    await record(tx, node, { act: 'identity.issueCode', actor: actorOf(by), object: person, outcome: 'done', detail: { purpose: 'account' } })
    return issueCode(tx, node, person, 'account', by.person)
  })
}
