import type { KeyPair, Suite, SuiteId, Suites } from '@postroad/gm'
import { base64url, hex } from '@postroad/gm'
import { issueCertificate } from '@postroad/gm/certificate'
import { signCms } from '@postroad/gm/cms'
import type { BatchSigner } from '../batch.ts'
import { anchorFingerprint, appendStatements, type DirectoryView, type NodeBody, type PinnedRoot, readLogs, type SignedStatement, type StatementBody } from '../directory.ts'

/** One node of an invented tree. `organs` are the ids it hosts; each holds one issuing name `<organ>.name`. */
export type NodeSpec = { readonly node: string; readonly parent: string | null; readonly organs: readonly string[]; readonly level?: NodeBody['level']; readonly maxLabel?: number }
export type OrganKeys = { readonly sign: KeyPair; readonly encrypt: KeyPair; readonly certificate: Uint8Array }

/** An invented network with real keys: for tests, the simulation and the vectors. */
export type Network = {
  readonly suites: Suites
  readonly specs: readonly NodeSpec[]
  readonly pinned: PinnedRoot
  readonly logs: Record<string, SignedStatement[]>
  readonly view: DirectoryView
  nodeKey(node: string, suite: SuiteId): KeyPair
  nodeSigner(node: string, suite: SuiteId): BatchSigner & { readonly suite: SuiteId }
  organKeys(organ: string, suite: SuiteId): OrganKeys
  organSigner(organ: string, suite: SuiteId): BatchSigner
  signManifest(organ: string, suite: SuiteId): (manifest: Uint8Array) => Uint8Array
}

const LEVELS = ['province', 'city', 'county', 'department'] as const
export const nodeKeyName = (node: string, suite: SuiteId): string => `${node}.node.${suite.toLowerCase()}`
export const organKeyName = (organ: string, purpose: 'sign' | 'encrypt', suite: SuiteId): string => `${organ}.${purpose}.${suite.toLowerCase()}`

/** Builds keys, certificates and logs. `keyOf` answers key pairs by name; vectors give fixed ones. Parents stand before their children in `specs`. */
export function createNetwork(
  suites: Suites,
  specs: readonly NodeSpec[],
  terms: { readonly at: string; readonly suiteIds?: readonly SuiteId[]; readonly keyOf?: (suite: Suite, name: string) => KeyPair; readonly statements?: Readonly<Record<string, readonly StatementBody[]>> },
): Network {
  const suiteIds = terms.suiteIds ?? ['SM', 'P256']
  const pairs = new Map<string, KeyPair>()
  function pair(suite: SuiteId, name: string): KeyPair {
    const known = pairs.get(name) ?? terms.keyOf?.(suites[suite], name) ?? suites[suite].generateKeyPair()
    pairs.set(name, known)
    return known
  }
  const nodeKey = (node: string, suite: SuiteId): KeyPair => pair(suite, nodeKeyName(node, suite))
  const nodeSigner = (node: string, suite: SuiteId): BatchSigner & { suite: SuiteId } => ({ key: nodeKeyName(node, suite), keyPair: nodeKey(node, suite), suite })
  const nodeKeys = (node: string): NodeBody['keys'] => suiteIds.map((suite) => ({ id: nodeKeyName(node, suite), suite, publicKey: base64url(nodeKey(node, suite).publicKey) }))
  const certificates = new Map<string, Uint8Array>()

  function certificate(node: string, organ: string, suite: SuiteId): Uint8Array {
    const name = organKeyName(organ, 'sign', suite)
    const known = certificates.get(name)
    if (known !== undefined) return known
    const validity = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2031-01-01T00:00:00Z') }
    const serial = hex(suites.P256.hash(new TextEncoder().encode(name)).subarray(0, 8)).replace(/^[89a-f]/, '1')
    const made = issueCertificate(
      suites[suite],
      { name: { commonName: node }, keyPair: nodeKey(node, suite) },
      { commonName: organ, publicKey: pair(suite, name).publicKey },
      { serial, ...validity, usage: 'sign' },
    )
    certificates.set(name, made)
    return made
  }
  function bodiesOf(spec: NodeSpec): StatementBody[] {
    const { node, parent, organs } = spec
    const depth = depthOf(specs, spec)
    const region = { region: node.slice(0, 32), regionTitle: node }
    const home: StatementBody = {
      kind: 'node',
      node,
      title: `${node} 交换中心`,
      level: spec.level ?? (LEVELS[Math.min(depth, 3)] as NodeBody['level']),
      ...region,
      maxLabel: spec.maxLabel ?? 2,
      parent,
      keys: nodeKeys(node),
      tls: { certificate: '' },
      endpoint: null,
    }
    const span = { from: terms.at, until: null }
    const children = specs.filter((child) => child.parent === node).map((child): StatementBody => ({ kind: 'child', node: child.node, keys: nodeKeys(child.node) }))
    const hosted = organs.flatMap((organ): StatementBody[] => [
      { kind: 'organ', organ, title: `${organ} 办公室`, system: 'party', ...region, ...span, successors: [] },
      { kind: 'issuingName', name: `${organ}.name`, title: organ, code: '', organ, ...span },
      ...suiteIds.flatMap((suite): StatementBody[] => [
        {
          kind: 'key',
          key: organKeyName(organ, 'sign', suite),
          owner: organ,
          purpose: 'sign',
          suite,
          publicKey: base64url(pair(suite, organKeyName(organ, 'sign', suite)).publicKey),
          certificate: base64url(certificate(node, organ, suite)),
          ...span,
        },
        {
          kind: 'key',
          key: organKeyName(organ, 'encrypt', suite),
          owner: organ,
          purpose: 'encrypt',
          suite,
          publicKey: base64url(pair(suite, organKeyName(organ, 'encrypt', suite)).publicKey),
          certificate: '',
          ...span,
        },
      ]),
    ])
    return [home, ...children, ...hosted, ...(terms.statements?.[node] ?? [])]
  }
  const logSuite = suiteIds[0] ?? 'SM'
  const logs = Object.fromEntries(
    specs.map((spec) => [spec.node, appendStatements(suites, { log: spec.node, last: null, at: terms.at, signer: nodeSigner(spec.node, logSuite) }, bodiesOf(spec))]),
  )
  const root = specs.find(({ parent }) => parent === null) as NodeSpec
  const pinned = { node: root.node, fingerprint: anchorFingerprint(suites, root.node, nodeKeys(root.node)) }
  const read = readLogs(suites, pinned, logs)
  if (read.faults.length > 0) throw new Error(JSON.stringify(read.faults))
  const homeOf = (organ: string): string => read.view.organ(organ)?.node ?? ''
  const organKeys = (organ: string, suite: SuiteId): OrganKeys => ({
    sign: pair(suite, organKeyName(organ, 'sign', suite)),
    encrypt: pair(suite, organKeyName(organ, 'encrypt', suite)),
    certificate: certificate(homeOf(organ), organ, suite),
  })
  return {
    suites,
    specs,
    pinned,
    logs,
    view: read.view,
    nodeKey,
    nodeSigner,
    organKeys,
    organSigner: (organ, suite) => ({ key: organKeyName(organ, 'sign', suite), keyPair: organKeys(organ, suite).sign }),
    signManifest: (organ, suite) => (manifest) => signCms(suites[suite], { content: manifest, keyPair: organKeys(organ, suite).sign, certificates: [organKeys(organ, suite).certificate] }),
  }
}

function depthOf(specs: readonly NodeSpec[], spec: NodeSpec): number {
  const parent = specs.find(({ node }) => node === spec.parent)
  return parent === undefined ? 0 : 1 + depthOf(specs, parent)
}

/** A complete tree: `cities` under one province, `counties` under each, `organs` at every node. */
export function treeOf(cities: number, counties: number, organs: number): NodeSpec[] {
  const hosted = (node: string): string[] => Array.from({ length: organs }, (_, i) => `${node}.o${i}`)
  const specs: NodeSpec[] = [{ node: 'js', parent: null, organs: hosted('js') }]
  for (let city = 0; city < cities; city++) {
    const cityNode = `js-c${city}`
    specs.push({ node: cityNode, parent: 'js', organs: hosted(cityNode) })
    for (let county = 0; county < counties; county++) specs.push({ node: `${cityNode}-x${county}`, parent: cityNode, organs: hosted(`${cityNode}-x${county}`) })
  }
  return specs
}
