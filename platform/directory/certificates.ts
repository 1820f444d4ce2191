import { randomBytes } from 'node:crypto'
import { type KeyPair, SUITE_IDS, type SuiteId, type Suites, base64url, fromBase64url } from '@postroad/gm'
import { type CertificateName, issueCertificate, pem, privateKeyPem, readCertificate, verifyChain } from '@postroad/gm/certificate'
import type { Node } from '@postroad/kernel/node'
import { type PublicOrganKey, listOrgans, setCertificates } from '@postroad/keys/service'
import type { DirectoryView, NodeBody, PinnedRoot } from '@postroad/waybill'
import type { CaChains } from './model.ts'
import { type DirectoryRoom, changeSecrets, directoryRoom } from './room.ts'
import { type NodeKey, loadedPair } from './secrets.ts'

const YEAR_MS = 365.25 * 24 * 3600_000
const CA_YEARS = 20
const TLS_YEARS = 2
const ORGAN_YEARS = 10
const CLOCK_SLACK_MS = 5 * 60_000

const terms = (now: Date, years: number): { serial: string; notBefore: Date; notAfter: Date } => {
  const serial = randomBytes(16)
  serial[0] = (serial.readUInt8(0) & 0x7f) | 0x40 // positive, and always of full length (RFC 5280 §4.1.2.2)
  return { serial: serial.toString('hex'), notBefore: new Date(now.getTime() - CLOCK_SLACK_MS), notAfter: new Date(now.getTime() + years * YEAR_MS) }
}

/** X.520 allows 64 characters of an organisation's name. */
export const certificateName = (id: string, title: string): CertificateName => ({ commonName: id, organisation: [...title].slice(0, 64).join('') })

const keyOf = (keys: readonly NodeKey[], suite: SuiteId): KeyPair => {
  const found = keys.find((key) => key.suite === suite)
  if (found === undefined) throw new Error(`no ${suite} key`)
  return found.keyPair
}

/** The node's CA certificates under its own signature: all that the root ever has, and what others have until they join. */
export function selfCaChains(suites: Suites, name: CertificateName, keys: readonly NodeKey[], now: Date): CaChains {
  const of = (suite: SuiteId): string[] => {
    const keyPair = keyOf(keys, suite)
    return [base64url(issueCertificate(suites[suite], { name, keyPair }, { ...name, publicKey: keyPair.publicKey }, { ...terms(now, CA_YEARS), usage: 'ca' }))]
  }
  return { SM: of('SM'), P256: of('P256') }
}

/** The node's TLS certificate, issued by itself as CA: the directory names the very certificate, the chain is for TLS front ends and other software. */
export function issueTls(suites: Suites, name: CertificateName, keys: readonly NodeKey[], publicKey: Uint8Array, now: Date): Uint8Array {
  return issueCertificate(suites.P256, { name, keyPair: keyOf(keys, 'P256') }, { ...name, publicKey }, { ...terms(now, TLS_YEARS), usage: 'tls', dnsNames: [name.commonName, 'localhost'] })
}

/** CA certificates for a child's keys (those it names, else its first of each suite), with the way up to the root behind them. */
export function issueCaChains(node: Node, child: Pick<NodeBody, 'node' | 'title' | 'keys'>): CaChains {
  const room = node.slots.get(directoryRoom)
  const of = (suite: SuiteId): string[] => {
    const key = child.keys.find((each) => each.suite === suite)
    if (key === undefined) throw new Error(`the child has no ${suite} key`)
    const issuer = { name: ownName(room), keyPair: room.keys[suite].keyPair }
    const subject = { ...certificateName(child.node, child.title), publicKey: fromBase64url(key.publicKey) }
    return [base64url(issueCertificate(room.suites[suite], issuer, subject, { ...terms(node.now(), CA_YEARS), usage: 'ca' })), ...room.secrets.caChains[suite]]
  }
  return { SM: of('SM'), P256: of('P256') }
}

/** A certificate of an organ's key, issued by the node that hosts it. */
export function certifyOrganKey(node: Node, organ: { readonly id: string; readonly title: string }, key: PublicOrganKey): Uint8Array {
  const room = node.slots.get(directoryRoom)
  const subject = { ...certificateName(organ.id, organ.title), publicKey: fromBase64url(key.publicKey) }
  return issueCertificate(room.suites[key.suite], { name: ownName(room), keyPair: room.keys[key.suite].keyPair }, subject, { ...terms(node.now(), ORGAN_YEARS), usage: key.purpose })
}

/** The name in the node's own CA certificate: what it issues must carry the same bytes. */
function ownName(room: DirectoryRoom): CertificateName {
  const [own] = room.secrets.caChains.P256
  if (own === undefined) throw new Error('the node has no CA certificate')
  return readCertificate(fromBase64url(own)).subject
}

/** Whether these chains lead from this node's keys to the root's keys as the directory has them. */
export function chainsAreAnchored(room: DirectoryRoom, view: DirectoryView, pinned: PinnedRoot, chains: CaChains, now: Date, keys: readonly NodeKey[] = [room.keys.SM, room.keys.P256]): boolean {
  return SUITE_IDS.every((suite) => {
    const chain = chains[suite].map(fromBase64url)
    const [own, root] = [chain[0], chain.at(-1)]
    if (own === undefined || root === undefined || !verifyChain(room.suites, chain, now, root, undefined, 'ca').ok) return false
    const isRoots = view.state.logs.get(pinned.node)?.allKeys.some((key) => key.suite === suite && key.publicKey === base64url(readCertificate(root).publicKey)) ?? false
    return isRoots && base64url(readCertificate(own).publicKey) === base64url(keyOf(keys, suite).publicKey)
  })
}

/** Keeps the chains and the root that a join brought, once they have been checked. */
export function adoptCaChains(node: Node, caChains: CaChains, anchor: PinnedRoot): void {
  const room = node.slots.get(directoryRoom)
  changeSecrets(node, { ...room.secrets, caChains, anchor: { ...anchor } })
}

/** Gives the key process the chain of every organ key that has none or one of another length, or of `all`: documents are signed with it. */
export async function distributeCertificates(node: Node, all = false): Promise<void> {
  const room = node.slots.get(directoryRoom)
  const { view } = room
  if (view === null) return
  for (const { organ, keys } of await listOrgans(node)) {
    for (const key of keys) {
      const leaf = view.key(key.key)?.certificate
      const chain = leaf === undefined ? [] : [leaf, ...room.secrets.caChains[key.suite]]
      if (chain.length > 0 && (all || key.certificates !== chain.length)) await setCertificates(node, organ, key.key, chain.map(fromBase64url))
    }
  }
}

/** What the road's TLS needs, as PEM: the node's key, its certificate with the chain, and the root to trust. */
export function tls(node: Node): { readonly key: string; readonly cert: string; readonly ca: string } {
  const { suites, secrets } = node.slots.get(directoryRoom)
  const chain = [secrets.tls.certificate, ...secrets.caChains.P256].map((der) => pem('CERTIFICATE', fromBase64url(der)))
  return { key: privateKeyPem(suites.P256, loadedPair(secrets.tls)), cert: chain.join(''), ca: chain.at(-1) ?? '' }
}

/** The TLS certificate itself (DER), as the directory names it. */
export const tlsCertificate = (node: Node): Uint8Array => fromBase64url(node.slots.get(directoryRoom).secrets.tls.certificate)
/** Every TLS certificate that this node may show: while one takes over from another, both. */
export const ownCertificates = (node: Node): readonly Uint8Array[] => {
  const { secrets } = node.slots.get(directoryRoom)
  return [secrets.tls, ...(secrets.tlsNext === undefined ? [] : [secrets.tlsNext])].map(({ certificate }) => fromBase64url(certificate))
}
/** When the TLS certificate that a node now shows ends, ISO 8601. */
export const certificateUntil = (body: NodeBody): string => readCertificate(fromBase64url(body.tls.certificate)).notAfter.toISOString()
