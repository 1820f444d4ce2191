import { readFileSync } from 'node:fs'
import { type Suites, base64url } from '@postroad/gm'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { type PublicOrganKey, createOrganKeys } from '@postroad/keys/service'
import { type SignedStatement, type StatementBody, anchorFingerprint } from '@postroad/waybill'
import { certificateName, certifyOrganKey, issueTls, selfCaChains } from './certificates.ts'
import { type Bootstrap, type BootstrapOrgan, bootstrapSchema, holdersOf } from './model.ts'
import { invite } from './admission/invitations.ts'
import { directoryRoom, refresh } from './room.ts'
import { type SecretsFile, makeNodeKeys, storedPair } from './secrets.ts'
import { append } from './statements.ts'
import { statementsOf } from './store.ts'
import { directoryFaults } from './words.ts'

/** Offices are older than this software: their names are good for documents of any day. */
const ALWAYS = '2000-01-01T00:00:00.000Z'
/** Clocks of neighbours differ a little; a key must not be too young for a document sealed to it at once. */
const CLOCK_SLACK_MS = 5 * 60_000

/** The first-start settings, or null where none are named. @throws ZodError, directory.otherNode */
export function readBootstrap(node: Node): Bootstrap | null {
  if (node.config.bootstrap === null) return null
  const bootstrap = bootstrapSchema.parse(JSON.parse(readFileSync(node.config.bootstrap, 'utf8')))
  if (bootstrap.node.id !== node.config.node) throw directoryFaults.otherNode({ configured: node.config.node, bootstrap: bootstrap.node.id })
  return bootstrap
}

/** Makes a node's keys and certificates. The root pins itself; others learn the root when they join. */
export function createSecrets(node: Node, suites: Suites, bootstrap: Bootstrap): SecretsFile {
  const { id, title } = bootstrap.node
  const keys = makeNodeKeys(suites, id)
  const tlsPair = suites.P256.generateKeyPair()
  const name = certificateName(id, title)
  const fingerprint = anchorFingerprint(suites, id, keys.map((key) => ({ id: key.id, suite: key.suite, publicKey: base64url(key.keyPair.publicKey) })))
  return {
    v: 1,
    node: id,
    keys: keys.map((key) => ({ id: key.id, suite: key.suite, ...storedPair(key.keyPair) })),
    tls: { ...storedPair(tlsPair), certificate: base64url(issueTls(suites, name, keys, tlsPair.publicKey, node.now())) },
    caChains: selfCaChains(suites, name, keys, node.now()),
    anchor: bootstrap.parent === null ? { node: id, fingerprint } : null,
  }
}

/**
 * States in this node's own log what the settings say and the log does not yet: the node, its organs, their names, deputies and keys, and
 * writes the invitations. May be cut short and run again: each step looks at what is there.
 */
export async function stateBootstrap(node: Node, bootstrap: Bootstrap): Promise<void> {
  await stateMissing(node, [nodeBody(node, bootstrap), ...bootstrap.organs.flatMap(organBodies)])
  const keyed = await organsWithKeys(node)
  for (const organ of bootstrap.organs.filter(({ id }) => !keyed.has(id))) {
    const holders = holdersOf(bootstrap, organ.id)
    if (holders.length === 0) {
      node.log.warn({ organ: organ.id }, 'directory: nobody here handles documents, so the organ gets no keys')
      continue
    }
    const made = await createOrganKeys(node, organ.id, holders.map((person) => ({ person })))
    await stateMissing(node, organKeyBodies(node, organ, made, new Date(node.now().getTime() - CLOCK_SLACK_MS)))
  }
  for (const { node: child, code } of bootstrap.invites) await invite(node, child, code)
  await refresh(node)
}

/** What is stated of an organ's new keys, each with a certificate of this node. */
export const organKeyBodies = (node: Node, organ: { readonly id: string; readonly title: string }, made: readonly PublicOrganKey[], from: Date): StatementBody[] =>
  made.map(({ key, purpose, suite, publicKey }) => ({
    kind: 'key', key, owner: organ.id, purpose, suite, publicKey, certificate: base64url(certifyOrganKey(node, organ, { key, purpose, suite, publicKey, certificates: 0 })), from: from.toISOString(), until: null,
  }))

function nodeBody(node: Node, { node: own, parent }: Bootstrap): StatementBody {
  const { secrets } = node.slots.get(directoryRoom)
  const { host, port } = node.config.road
  return {
    kind: 'node', node: own.id, title: own.title, level: own.level, region: own.region, regionTitle: own.regionTitle, maxLabel: own.maxLabel, parent: parent?.node ?? null,
    keys: secrets.keys.map(({ id, suite, publicKey }) => ({ id, suite, publicKey })),
    tls: { certificate: secrets.tls.certificate },
    endpoint: own.endpoint ?? `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
  }
}

const organBodies = (organ: BootstrapOrgan): StatementBody[] => [
  { kind: 'organ', organ: organ.id, title: organ.title, system: organ.system, region: organ.region, regionTitle: organ.regionTitle, from: ALWAYS, until: null, successors: [] },
  ...organ.names.map((name): StatementBody => ({ kind: 'issuingName', name: name.id, title: name.title, code: name.code, organ: organ.id, from: ALWAYS, until: null })),
  ...organ.deputies.map((deputy): StatementBody => ({ kind: 'deputy', organ: organ.id, deputy, from: ALWAYS, until: null })),
]

async function organsWithKeys(node: Node): Promise<ReadonlySet<string>> {
  const own = await node.transaction(service('directory'), (tx) => statementsOf(tx, node.config.node))
  return new Set(own.flatMap(({ statement: { body } }) => (body.kind === 'key' ? [body.owner] : [])))
}

/** Appends those bodies whose subject the own log does not mention yet, in one transaction. */
async function stateMissing(node: Node, bodies: readonly StatementBody[]): Promise<void> {
  await node.transaction(service('directory'), async (tx) => {
    const stated = new Set((await statementsOf(tx, node.config.node)).map(subject))
    const missing = bodies.filter((body) => !stated.has(subjectOf(body)))
    if (missing.length > 0) await append(tx, node, missing)
  })
}

const subject = ({ statement }: SignedStatement): string => subjectOf(statement.body)
function subjectOf(body: StatementBody): string {
  if (body.kind === 'organ') return `organ ${body.organ}`
  if (body.kind === 'issuingName') return `name ${body.name}`
  if (body.kind === 'deputy') return `deputy ${body.organ} ${body.deputy}`
  return body.kind === 'key' ? `key ${body.key}` : body.kind
}
