import type { SuiteId } from '@postroad/gm'
import type { Node, Slot } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import type { OrganSummary } from './keyring.ts'
import { MAX_FRAME_BYTES, type Note, type PublicOrganKey } from './model.ts'
import type { KeyProcess } from './supervisor.ts'
import { ACTS, keysFaults } from './words.ts'

export type { OrganSummary } from './keyring.ts'
export type { PublicOrganKey } from './model.ts'

export const keyProcessSlot: Slot<KeyProcess> = { name: 'keys.process' }

/** The running key process of this node; set when the keys room has started. */
export const keyProcess = (node: Node): KeyProcess => node.slots.get(keyProcessSlot)

/** Public key (base64url) and fingerprint (hex hash) of the key process, by suite: a terminal may pin the fingerprint. */
export type ProcessKeys = Readonly<Record<SuiteId, { readonly publicKey: string; readonly fingerprint: string }>>

/**
 * Makes a hosted organ's four keys (sign and encrypt, both suites) and one secret per holder, all inside the key process. The secrets go to
 * `<home>/first-sign-in/keys/<person>-<organ>.json` and never through this process. An organ that has keys answers those it has.
 */
export async function createOrganKeys(node: Node, organ: string, holders: readonly { readonly person: string }[]): Promise<readonly PublicOrganKey[]> {
  const { header } = await keyProcess(node).ask({ control: 'createOrgan', organ, holders: holders.map(({ person }) => person) })
  const keys = header['keys'] as readonly PublicOrganKey[]
  await node.transaction(service('keys'), (tx) =>
    record(tx, node, { act: ACTS.createOrganKeys, actor: actorOf(service('keys')), object: organ, outcome: 'done', detail: { keys: keys.length, holders: holders.length } }))
  return keys
}

/** Hands the key process the certificate chain (DER, leaf first) of one of an organ's keys; manifests are signed with it from now on. @throws keys.certificateMismatch */
export async function setCertificates(node: Node, organ: string, key: string, chain: readonly Uint8Array[]): Promise<void> {
  await keyProcess(node).ask({ control: 'setCertificates', organ, key }, chain)
  await node.transaction(service('keys'), (tx) =>
    record(tx, node, { act: ACTS.setCertificates, actor: actorOf(service('keys')), object: key, outcome: 'done', detail: { organ, certificates: chain.length } }))
}

/** The organs whose keys live here, with their holders and public keys. */
export async function listOrgans(node: Node): Promise<readonly OrganSummary[]> {
  return (await keyProcess(node).ask({ control: 'listOrgans' })).header['organs'] as readonly OrganSummary[]
}

/** Who gave its keys for decrypting to whom, here. */
export async function listBequests(node: Node): Promise<readonly { readonly from: string; readonly to: string }[]> {
  return (await keyProcess(node).ask({ control: 'listBequests' })).header['bequests'] as readonly { from: string; to: string }[]
}

/** Hands the key process what another node's made for an organ of this one. It is taken in when the organ's keys are next opened. @throws keys.unknownOrgan, keys.malformed */
export async function takeBequest(node: Node, person: PersonPrincipal, given: unknown): Promise<void> {
  const { header } = await keyProcess(node).ask({ control: 'takeBequest' }, [new TextEncoder().encode(JSON.stringify(given))])
  await node.transaction(person, (tx) => record(tx, node, { act: ACTS.takeBequest, actor: actorOf(person), object: String(header['to']), outcome: 'done', detail: { from: String(header['from']) } }))
}

export async function processKeys(node: Node): Promise<ProcessKeys> {
  return (await keyProcess(node).ask({ control: 'processKeys' })).header['suites'] as ProcessKeys
}

/** How many organs' keys live here, and how many of them are open. @throws keys.unavailable */
export async function countOrgans(node: Node): Promise<{ readonly organs: number; readonly open: number }> {
  const { header } = await keyProcess(node).ask({ control: 'count' })
  return { organs: Number(header['organs']), open: Number(header['open']) }
}

/** Passes a terminal's frame on and its answer back, after what was done is in the ledger: no audit, no answer. */
export async function relay(node: Node, person: PersonPrincipal, frame: Uint8Array): Promise<Uint8Array> {
  if (frame.length > MAX_FRAME_BYTES) throw keysFaults.tooMany()
  const { header, binaries } = await keyProcess(node).ask({ control: 'relay', person: person.person, session: person.session }, [frame])
  const note = header['note'] as Note
  const [answer] = binaries
  if (answer === undefined) throw keysFaults.unavailable()
  const detail = { count: note.count, ...(note.code === null ? {} : { code: note.code }) }
  await node.transaction(person, (tx) => record(tx, node, { act: ACTS[note.op], actor: actorOf(person), object: note.organ ?? '-', outcome: note.outcome, detail }))
  return answer
}

/** Ends a signed-out or revoked session's channels; its organs are closed and their keys overwritten. */
export async function closeSession(node: Node, session: string): Promise<void> {
  await keyProcess(node).ask({ control: 'closeSession', session })
}
