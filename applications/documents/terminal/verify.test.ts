import { base64url, type KeyPair } from '@postroad/gm'
import { issueCertificate } from '@postroad/gm/certificate'
import { signCms } from '@postroad/gm/cms'
import { suites } from '@postroad/gm/node'
import { anchorFingerprint, appendStatements, type DirectoryView, nextHopLine, pack, type Packed, readLogs, type SealedChunk, signBatch, type SignedHopLine, type SignedStatement, type StatementBody } from '@postroad/waybill'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Verdict } from './types.ts'
import { type Claim, verifyMessage } from './verify.ts'

const suite = suites.SM
const AT = '2026-11-22T06:00:00.000Z'
const FOREVER = { from: '2026-01-01T00:00:00.000Z', until: null }
const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))
const keys: Record<string, KeyPair> = {}
const keyOf = (name: string): KeyPair => (keys[name] ??= suite.generateKeyPair())

const nodeBody = (node: string, parent: string | null): StatementBody => ({
  kind: 'node', node, title: `${node}中心`, level: parent === null ? 'province' : 'county', region: node, regionTitle: node, maxLabel: 2, parent,
  keys: [{ id: `${node}.sm`, suite: 'SM', publicKey: base64url(keyOf(node).publicKey) }], tls: { certificate: '' }, endpoint: null,
})
const organBodies = (organ: string): StatementBody[] => [
  { kind: 'organ', organ, title: `${organ}办公室`, system: 'party', region: organ, regionTitle: organ, successors: [], ...FOREVER },
  { kind: 'issuingName', name: `${organ}.name`, title: `${organ}委`, code: '委', organ, ...FOREVER },
  ...(['sign', 'encrypt'] as const).map((purpose): StatementBody => ({ kind: 'key', key: `${organ}.${purpose}`, owner: organ, purpose, suite: 'SM', publicKey: base64url(keyOf(`${organ}.${purpose}`).publicKey), certificate: '', ...FOREVER })),
]
const logOf = (node: string, bodies: StatementBody[]): SignedStatement[] => appendStatements(suites, { log: node, last: null, at: FOREVER.from, signer: { key: `${node}.sm`, suite: 'SM', keyPair: keyOf(node) } }, bodies)

function directoryWith(extra: StatementBody[] = []): DirectoryView {
  const childKeys = [{ id: 'county.sm', suite: 'SM' as const, publicKey: base64url(keyOf('county').publicKey) }]
  const logs = {
    province: logOf('province', [nodeBody('province', null), { kind: 'child', node: 'county', keys: childKeys }, ...organBodies('sender'), ...extra]),
    county: logOf('county', [nodeBody('county', 'province'), ...organBodies('reader')]),
  }
  const rootKeys = [{ id: 'province.sm', suite: 'SM' as const, publicKey: base64url(keyOf('province').publicKey) }]
  const read = readLogs(suites, { node: 'province', fingerprint: anchorFingerprint(suites, 'province', rootKeys) }, logs)
  expect(read.faults).toEqual([])
  return read.view
}

function hopsOf(packed: Packed, nodes: readonly string[]): SignedHopLine[] {
  const hops: SignedHopLine[] = []
  for (const node of nodes) {
    const line = nextHopLine(suite, { head: packed.head, hops, node, at: AT, directory: 'A'.repeat(43), random })
    if (!line.ok) throw new Error(line.fault.code)
    const [seal] = signBatch(suite, { key: `${node}.sm`, keyPair: keyOf(node) }, 'hop', [line.value])
    hops.push({ line: line.value, seal: seal as SignedHopLine['seal'] })
  }
  return hops
}

async function packedBy(signer = 'sender.sign'): Promise<Packed> {
  const keyPair = keyOf(signer)
  const certificate = issueCertificate(suite, { name: { commonName: 'ca' }, keyPair: keyOf('ca') }, { commonName: 'sender', publicKey: keyPair.publicKey }, { serial: '01', notBefore: new Date('2026-01-01'), notAfter: new Date('2036-01-01'), usage: 'sign' })
  const made = await pack({
    suite,
    draft: {
      id: '019ab000-0000-7000-8000-000000000001', kind: 'document', thread: '019ab000-0000-7000-8000-000000000001', ordinal: 0, regarding: null,
      sender: { organ: 'sender', name: 'sender.name', key: 'sender.sign' }, urgency: 'normal', label: 0, created: AT, expires: '2026-12-22T06:00:00.000Z',
      content: { title: '关于核验的通知', number: '委〔2026〕1号', issuingName: 'sender委', printedTo: '', printedCc: '', note: '' },
    },
    parts: [{ name: '正文.txt', mediaType: 'text/plain', bytes: new TextEncoder().encode('正文') }],
    addressees: [{ organ: 'reader', name: 'reader.name', role: 'to', key: 'reader.encrypt', publicKey: keyOf('reader.encrypt').publicKey }],
    own: { key: 'sender.encrypt', publicKey: keyOf('sender.encrypt').publicKey },
    sign: (content) => signCms(suite, { content, keyPair, certificates: [certificate] }),
    random,
    onChunk: (_: SealedChunk) => undefined,
  })
  if (!made.ok) throw new Error(made.fault.code)
  return made.value
}

const claimOf = (message: Packed, hops = hopsOf(message, ['province', 'county'])): Claim => ({
  head: message.head, manifest: message.manifest, contentKey: message.contentKey, slice: message.recipients[0] ?? null, hops, chunkHashes: message.chunkHashes, organ: 'reader',
})
const verdicts = (view: DirectoryView, claim: Claim): Record<string, Verdict> => Object.fromEntries(verifyMessage(suites, view, claim).steps.map(({ step, verdict }) => [step, verdict]))
const ALL_GOOD = { signature: 'valid', issuer: 'valid', recipients: 'valid', route: 'valid', integrity: 'valid' }

describe('the five questions before opening', () => {
  let message: Packed
  let view: DirectoryView
  beforeAll(async () => {
    view = directoryWith()
    message = await packedBy()
  })
  it('finds nothing wrong with a good message, in words', () => {
    const verified = verifyMessage(suites, view, claimOf(message))
    expect(verdicts(view, claimOf(message))).toEqual(ALL_GOOD)
    expect(verified.verdict).toBe('valid')
    expect(verified.steps.map(({ text }) => text).join()).toContain('经 province中心 → county中心，共 2 站')
    expect(verified.signed?.manifest.content.title).toBe('关于核验的通知')
  })
  it('notices urgency, label or limit changed on the way', () => {
    for (const change of [{ urgency: 'extraUrgent' as const }, { label: 2 }, { expires: '2027-01-01T00:00:00.000Z' }]) {
      const head = { ...message.head, ...change }
      expect(verdicts(view, { ...claimOf(message), head }).signature).toBe('invalid')
    }
  })
  it('notices a manifest swapped or damaged', () => {
    const manifest = message.manifest.slice()
    manifest[40] = (manifest[40] ?? 0) ^ 1
    expect(verifyMessage(suites, view, { ...claimOf(message), manifest }).verdict).toBe('invalid')
  })
  it('notices a signer that is not the sender', async () => {
    expect(verdicts(view, claimOf(await packedBy('other.sign')))).toEqual({ ...ALL_GOOD, issuer: 'invalid' })
  })
  it('leaves open what a compromised key signed, and does not call it wrong', () => {
    const compromised = directoryWith([{ kind: 'keyStatus', key: 'sender.sign', status: 'compromised', since: '2026-06-01T00:00:00.000Z' }])
    const { verdict, steps } = verifyMessage(suites, compromised, claimOf(message))
    expect(verdict).toBe('indeterminate')
    expect(steps.find(({ step }) => step === 'issuer')?.finding).toBe('compromisedKey')
  })
  it('notices that it is for somebody else', () => {
    expect(verdicts(view, { ...claimOf(message), organ: 'sender' }).recipients).toBe('invalid')
  })
  it('notices a broken, forged and unexpected way', () => {
    const hops = hopsOf(message, ['province', 'county'])
    expect(verdicts(view, claimOf(message, hops.slice(1))).route).toBe('invalid')
    const forged = hops.map(({ line, seal }) => ({ line, seal: { ...seal, signature: 'A'.repeat(86) } }))
    expect(verdicts(view, claimOf(message, forged)).route).toBe('invalid')
    expect(verdicts(view, claimOf(message, hopsOf(message, ['province']))).route).toBe('indeterminate')
    expect(verdicts(view, claimOf(message, hopsOf(message, ['county', 'province']))).route).toBe('invalid')
  })
  it('notices missing chunks', () => {
    expect(verdicts(view, { ...claimOf(message), chunkHashes: [] }).integrity).toBe('invalid')
  })
  it('says what it could not check without the key, as for 代收', () => {
    const { verdict, steps } = verifyMessage(suites, view, { ...claimOf(message), contentKey: null })
    expect(verdict).toBe('indeterminate')
    expect(steps.find(({ step }) => step === 'route')?.verdict).toBe('valid')
  })
})
