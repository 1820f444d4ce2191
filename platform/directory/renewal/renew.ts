import { base64url, fromBase64url } from '@postroad/gm'
import { readCertificate } from '@postroad/gm/certificate'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import { type NodeKeys, type StatementBody, tlsCertificates } from '@postroad/waybill'
import { openLine } from '../call.ts'
import { certificateName, certifyOrganKey, chainsAreAnchored, distributeCertificates, issueCaChains, issueTls, selfCaChains, tls } from '../certificates.ts'
import { type CaChains, certificatesAnswer } from '../model.ts'
import { changeSecrets, directoryRoom, refresh, view } from '../room.ts'
import { type NodeKey, type SecretsFile, loadedPair, makeNodeKeys, storedPair } from '../secrets.ts'
import { append } from '../statements.ts'
import { directoryFaults } from '../words.ts'
import { KEY_LIFE_MS, type Step, type Succession, isEnding, nextStep } from './model.ts'

/** Steps of one look; the overlaps lie between looks. */
const MOST_STEPS = 8

/**
 * Renews by itself whatever ends: the TLS certificate, the node's signing keys (the old one signs the new), CA chains, certificates of organ keys.
 * A look does what is due and leaves the rest for a later one; stopped anywhere, the next goes on.
 */
export async function renew(node: Node): Promise<void> {
  await refresh(node)
  for (let count = 0; count < MOST_STEPS; count++) {
    const step = nextStep(tlsSuccession(node), node.now())
    if (step === null) break
    await stepTls(node, step)
  }
  for (let count = 0; count < MOST_STEPS; count++) {
    const step = nextStep(keySuccession(node), node.now())
    if (step === null) break
    await stepKeys(node, step)
  }
  await renewChains(node)
  await renewOrganCertificates(node, false)
}

const ownLog = (node: Node) => {
  const log = view(node).state.logs.get(node.config.node)
  if (log === undefined) throw directoryFaults.notJoined()
  return log
}

function tlsSuccession(node: Node): Succession {
  const { secrets } = node.slots.get(directoryRoom)
  const log = ownLog(node)
  const published = tlsCertificates(log.node)
  const stated = (is: (certificates: readonly string[]) => boolean): Date | null => {
    const found = log.statements.find(({ statement: { body } }) => body.kind === 'node' && is(tlsCertificates(body)))
    return found === undefined ? null : new Date(found.statement.at)
  }
  const next = secrets.tlsNext?.certificate
  const { notBefore: from, notAfter: until } = readCertificate(fromBase64url(secrets.tls.certificate))
  return {
    isBehind: published[0] !== secrets.tls.certificate,
    next: next === undefined ? null : { published: published.includes(next) ? stated((certificates) => certificates.includes(next)) : null },
    old: published.some((certificate) => certificate !== secrets.tls.certificate && certificate !== next) ? { since: stated(([shown]) => shown === secrets.tls.certificate) } : null,
    isDue: isEnding({ from, until }, node.now()),
  }
}

async function stepTls(node: Node, step: Step): Promise<void> {
  const room = node.slots.get(directoryRoom)
  const { secrets, suites } = room
  const published = ownLog(node).node.tls.certificate
  if (step === 'make') {
    const pair = suites.P256.generateKeyPair()
    const certificate = issueTls(suites, ownName(secrets), [room.keys.P256], pair.publicKey, node.now())
    changeSecrets(node, { ...secrets, tlsNext: { ...storedPair(pair), certificate: base64url(certificate) } })
  } else if (step === 'use' && secrets.tlsNext !== undefined) {
    const { tlsNext, ...rest } = secrets
    // Shown from now on: everybody has had it in the directory for the overlap, and the old one stays there for as long.
    changeSecrets(node, { ...rest, tls: tlsNext })
  } else if (step === 'publish') {
    const other = secrets.tlsNext?.certificate ?? (published === secrets.tls.certificate ? undefined : published)
    await state(node, 'tls', step, [ownBody(node, { certificate: secrets.tls.certificate, ...(other === undefined ? {} : { also: [other] }) })])
  } else await state(node, 'tls', step, [ownBody(node, { certificate: secrets.tls.certificate })])
}

const ownBody = (node: Node, shown: Extract<StatementBody, { kind: 'node' }>['tls']): StatementBody => {
  const log = ownLog(node)
  return { ...log.node, keys: log.keys, tls: shown }
}

function keySuccession(node: Node): Succession {
  const { secrets } = node.slots.get(directoryRoom)
  const log = ownLog(node)
  const inUse = new Set(secrets.keys.map(({ id }) => id))
  const next = secrets.keysNext
  const current = log.allKeys.find(({ id, until }) => inUse.has(id) && until === null)
  const published = (id: string | undefined): Date | null => {
    const entry = log.allKeys.find((key) => key.id === id)
    return entry === undefined ? null : new Date(entry.from)
  }
  const isOld = log.keys.some(({ id }) => !inUse.has(id) && next?.some((key) => key.id === id) !== true)
  const firstUse = log.statements.find(({ seal }) => inUse.has(seal.key))
  return {
    isBehind: false,
    next: next === undefined ? null : { published: published(next[0]?.id) },
    old: isOld ? { since: firstUse === undefined ? null : new Date(firstUse.statement.at) } : null,
    isDue: current !== undefined && node.now().getTime() - Date.parse(current.from) >= KEY_LIFE_MS,
  }
}

async function stepKeys(node: Node, step: Step): Promise<void> {
  const room = node.slots.get(directoryRoom)
  const { secrets, suites } = room
  const log = ownLog(node)
  if (step === 'make') {
    const generation = 1 + Math.max(...log.allKeys.map(({ id }) => Number(/\.(\d+)$/.exec(id)?.[1] ?? 0)))
    changeSecrets(node, { ...secrets, keysNext: makeNodeKeys(suites, node.config.node, generation).map(({ id, suite, keyPair }) => ({ id, suite, ...storedPair(keyPair) })) })
  } else if (step === 'publish' && secrets.keysNext !== undefined) {
    await state(node, 'keys', step, [{ kind: 'nodeKey', keys: [...log.keys, ...publicKeys(secrets.keysNext)] }])
  } else if (step === 'use' && secrets.keysNext !== undefined) {
    const { keysNext, ...rest } = secrets
    const keys = keysNext.map(({ id, suite, ...pair }): NodeKey => ({ id, suite, keyPair: loadedPair(pair) }))
    const caChains = await chainsFor(node, keys)
    const retired = [...(secrets.retired ?? []), ...publicKeys(secrets.keys)]
    changeSecrets(node, { ...rest, keys: keysNext, caChains, retired })
    await state(node, 'keys', step, [{ kind: 'heartbeat' }])
    await renewOrganCertificates(node, true)
  } else if (step === 'publish') await state(node, 'keys', step, [{ kind: 'heartbeat' }])
  else await state(node, 'keys', step, [{ kind: 'nodeKey', keys: publicKeys(secrets.keys) }])
}

const publicKeys = (keys: SecretsFile['keys']): NodeKeys => keys.map(({ id, suite, publicKey }) => ({ id, suite, publicKey }))
const ownName = ({ caChains }: SecretsFile) => readCertificate(fromBase64url(caChains.P256[0] ?? '')).subject

/** CA certificates for keys of this node: the root's own, else issued by the parent, who knows the keys from the directory. */
async function chainsFor(node: Node, keys: readonly NodeKey[]): Promise<CaChains> {
  const room = node.slots.get(directoryRoom)
  const directory = view(node)
  const own = ownLog(node).node
  if (own.parent === null) return selfCaChains(room.suites, certificateName(own.node, own.title), keys, node.now())
  const parent = directory.node(own.parent)
  if (parent === null || parent.endpoint === null) throw directoryFaults.peerUnreachable({ peer: own.parent, reason: 'noEndpoint' })
  const line = await openLine(parent.endpoint, tls(node))
  try {
    if (!tlsCertificates(parent).includes(base64url(line.certificate))) throw directoryFaults.wrongServer({ peer: own.parent })
    const { caChains } = await line.post('/road/v1/certificates', { v: 1, keys: keys.map(({ id }) => id) }, certificatesAnswer)
    if (!chainsAreAnchored(room, directory, directory.state.pinned, caChains, node.now(), keys)) throw directoryFaults.wrongAnchor()
    return caChains
  } finally {
    line.close()
  }
}

/** The parent's side: certificates for those keys of a child's that the directory has. @throws directory.unknownPeer, directory.notNeighbour, directory.malformed */
export function certifyChild(node: Node, peer: string, ids: readonly string[]): CaChains {
  const log = view(node).state.logs.get(peer)
  if (log === undefined || log.node.parent !== node.config.node) throw directoryFaults.notNeighbour({ peer })
  const keys = log.keys.filter(({ id }) => ids.includes(id))
  if (keys.length !== ids.length || new Set(keys.map(({ suite }) => suite)).size !== 2) throw directoryFaults.malformed({ fault: 'keys' })
  return issueCaChains(node, { node: peer, title: log.node.title, keys })
}

/** Chains are fetched anew while one of their certificates is ending; what comes back is kept if it lasts longer. */
async function renewChains(node: Node): Promise<void> {
  const room = node.slots.get(directoryRoom)
  const now = node.now()
  const lives = (chains: CaChains) => [...chains.SM, ...chains.P256].map((der) => readCertificate(fromBase64url(der)))
  const ends = (chains: CaChains): number => Math.min(...lives(chains).map(({ notAfter }) => notAfter.getTime()))
  if (!lives(room.secrets.caChains).some(({ notBefore: from, notAfter: until }) => isEnding({ from, until }, now))) return
  const caChains = await chainsFor(node, [room.keys.SM, room.keys.P256])
  if (ends(caChains) <= ends(room.secrets.caChains)) return // the parent's own is due first
  changeSecrets(node, { ...room.secrets, caChains })
  await distributeCertificates(node, true)
}

/** New certificates for the same organ keys, where the old ones end or were issued by a key that was followed by another. Needs nobody's secret. */
async function renewOrganCertificates(node: Node, all: boolean): Promise<void> {
  const directory = view(node)
  const now = node.now()
  const due = [...directory.state.keys.values()].filter(({ node: home, certificate, until }) => {
    if (home !== node.config.node || certificate === '' || (until !== null && until <= now.toISOString())) return false
    const { notBefore, notAfter } = readCertificate(fromBase64url(certificate))
    return all || isEnding({ from: notBefore, until: notAfter }, now)
  })
  if (due.length === 0) return
  await state(node, 'organs', 'publish', due.map(({ node: _home, ...body }): StatementBody => {
    const organ = { id: body.owner, title: directory.organ(body.owner)?.title ?? body.owner }
    return { ...body, certificate: base64url(certifyOrganKey(node, organ, { ...body, certificates: 0 })) }
  }))
  await distributeCertificates(node, true)
}

async function state(node: Node, what: string, step: Step, bodies: readonly StatementBody[]): Promise<void> {
  await node.transaction(service('directory'), async (tx) => {
    await append(tx, node, bodies)
    await record(tx, node, { act: 'directory.renew', actor: actorOf(service('directory')), object: node.config.node, outcome: 'done', detail: { what, step } })
  })
  await refresh(node)
}
