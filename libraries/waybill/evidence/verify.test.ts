import { utf8 } from '@postroad/gm'
import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { canonical } from '../canonical.ts'
import { appendStatements, extend, type SignedStatement, type StatementBody } from '../directory.ts'
import { clerk, draftFrom, hopsAlong, packed, receiptOf, suites } from '../fixture.ts'
import type { SignedReceipt } from '../model.ts'
import type { Draft } from '../pack.ts'
import { createNetwork, type Network, organKeyName, treeOf } from '../simulation/network.ts'
import { unpackManifest } from '../unpack.ts'
import { buildEvidence, directoryPath, EVIDENCE_PATHS, type EvidenceFiles, evidenceLogs, type EvidenceParts, partPath, unzipEvidence } from './files.ts'
import { EVIDENCE_STEPS } from './steps.ts'
import { type EvidenceResult, verifyEvidence } from './verify.ts'

const START = '2026-11-01T00:00:00.000Z'
const SUBMITTED = '2026-11-02T01:00:01.000Z'
const FROM = 'js.o0'
const TO = ['js-c0.o0', 'js-c1.o0', 'js-c1.o1'] as const
const BODY = [utf8('关于防火工作的通知全文'), utf8('附件')]
const tree = treeOf(2, 1, 2)
const network = (statements: Record<string, StatementBody[]> = {}): Network => createNetwork(suites, tree, { at: START, suiteIds: ['P256'], statements })
const net = network()

async function evidence(over: Network, changes: Partial<Draft> = {}): Promise<EvidenceParts & { body: Uint8Array[] }> {
  const sources = BODY.map((bytes, i) => ({ name: `${i}`, mediaType: '', bytes }))
  const { head, recipients, manifest, contentKey } = await packed(over, 'P256', FROM, TO, sources, draftFrom(FROM, 'P256', changes))
  const opened = unpackManifest(suites, { head, manifest, contentKey, own: null })
  if (!opened.ok) throw new Error(opened.fault.code)
  const ways = [
    { recipients: [TO[0]], hops: hopsAlong(over, head, ['js', 'js-c0']) },
    { recipients: [TO[1], TO[2]], hops: hopsAlong(over, head, ['js', 'js-c1']) },
  ]
  const receipts = [
    receiptOf(over, head, { kind: 'submitted', recipient: null, node: 'js', at: SUBMITTED }),
    receiptOf(over, head, { kind: 'arrived', recipient: TO[0], node: 'js-c0' }),
    receiptOf(over, head, { kind: 'signedFor', recipient: TO[0], node: 'js-c0', actor: clerk(TO[0]) }, TO[0]),
    receiptOf(over, head, { kind: 'arrived', recipient: TO[1], node: 'js-c1' }),
  ]
  const parts = { head, recipients, ways, receipts }
  return { ...parts, created: '2026-12-01T00:00:00.000Z', manifest: opened.value.cms, sealedManifest: manifest, logs: evidenceLogs(over.view, parts), body: BODY }
}
const whole = await evidence(net)
const second = await evidence(net)
const verify = (files: EvidenceFiles, over = net): EvidenceResult => verifyEvidence(suites, files, over.pinned.fingerprint)
/** The verdict, and the steps that are not good with their reasons. */
const judged = (files: EvidenceFiles, over = net): [string, Record<string, string>] => {
  const { verdict, steps } = verify(files, over)
  return [verdict, Object.fromEntries(steps.filter((step) => step.verdict !== 'valid').map(({ step, reason }) => [step, reason]))]
}
const built = (changes: Partial<EvidenceParts>): EvidenceFiles => buildEvidence({ ...whole, ...changes })
const without = (path: string, files: EvidenceFiles = buildEvidence(whole)): EvidenceFiles => Object.fromEntries(Object.entries(files).filter(([name]) => name !== path))
const logOf = (over: Network, node: string): readonly SignedStatement[] => over.logs[node] ?? []

describe('evidence with something changed says what', () => {
  const [submitted, ...later] = whole.receipts as [SignedReceipt, ...SignedReceipt[]]
  const [far, near] = whole.ways as [EvidenceParts['ways'][0], EvidenceParts['ways'][0]]
  const moved = { ...submitted, receipt: { ...submitted.receipt, at: '2026-11-02T00:59:00.000Z' } }
  const undated = { time: 'timeUnknown' }
  const unread = { manifest: 'headCoreMismatch', signer: 'fileMissing', body: 'fileMissing' }
  const untrusted = { signer: 'fileMissing', hops: 'fileMissing', receipts: 'fileMissing', ...undated }
  const nobody = { hops: 'recipientMissing', receipts: 'recipientMissing', ...undated }
  const nothing = Object.fromEntries(EVIDENCE_STEPS.slice(2).map((step) => [step, 'fileMissing']))
  const swapped = whole.recipients.map((entry) => ({ ...entry, wrap: second.recipients[0]?.wrap ?? '' }))
  const arrivedAt = (node: string, recipient: string): SignedReceipt => receiptOf(net, whole.head, { kind: 'arrived', recipient, node })
  const redated = far.hops.map((hop) => ({ ...hop, line: { ...hop.line, at: START } }))
  const gapped = { ...whole.logs, js: logOf(net, 'js').toSpliced(2, 1) }
  const foreign = { ...whole.logs, 'js-c0': logOf(network(), 'js-c0') }
  const cases: [string, EvidenceFiles, Record<string, string>][] = [
    ['another head', built({ head: { ...whole.head, label: 0 } }), { ...unread, hops: 'hopChainBroken', receipts: 'wrongMessage', ...undated }],
    ['a head that is none', { ...buildEvidence(whole), 'head.json': utf8('{}') }, { ...nothing, head: 'malformed' }],
    ['a wrap swapped', built({ recipients: swapped }), { recipients: 'wrapSwapped', ...nobody }],
    ['recipients of another message', built({ recipients: second.recipients }), { recipients: 'recipientRootMismatch', ...nobody }],
    ['a manifest of another message', built({ manifest: second.manifest }), unread],
    ['a manifest that is none', built({ manifest: utf8('none') }), { ...unread, manifest: 'badManifestSignature' }],
    ['another sealed manifest', built({ sealedManifest: second.sealedManifest as Uint8Array }), { ...unread, manifest: 'manifestHashMismatch' }],
    ['a hop left out', built({ ways: [far, { ...near, hops: near.hops.slice(1) }] }), { hops: 'hopChainBroken' }],
    ['the hops of another message', built({ ways: second.ways }), { hops: 'wrongMessage' }],
    ['a hop at another time', built({ ways: [{ ...far, hops: redated }] }), { hops: 'badSeal' }],
    ['a way to a stranger', built({ ways: [{ ...far, recipients: ['js-c0.o1'] }] }), { hops: 'recipientMissing' }],
    ['a receipt of another message', built({ receipts: [submitted, ...second.receipts.slice(1)] }), { receipts: 'wrongMessage', ...undated }],
    ['a receipt at another time', built({ receipts: [moved, ...later] }), { receipts: 'badSeal', ...undated }],
    ['a receipt for a stranger', built({ receipts: [submitted, arrivedAt('js-c0', 'js-c0.o1')] }), { receipts: 'recipientMissing', ...undated }],
    ['a receipt by the wrong node', built({ receipts: [submitted, arrivedAt('js-c1', TO[0])] }), { receipts: 'wrongNode', ...undated }],
    ['another body', built({ body: [BODY[0] as Uint8Array, utf8('附件二')] }), { body: 'plaintextHashMismatch' }],
    ['parts in another order', built({ body: BODY.toReversed() }), { body: 'plaintextHashMismatch' }],
    ['a part too many', built({ body: [...BODY, utf8('more')] }), { body: 'fileUnknown' }],
    ['a file nobody knows', { ...buildEvidence(whole), 'more.txt': utf8('') }, { structure: 'fileUnknown' }],
    ['a note about another message', { ...buildEvidence(whole), 'evidence.json': buildEvidence(second)['evidence.json'] as Uint8Array }, { structure: 'wrongMessage' }],
    ['a log that is none', { ...buildEvidence(whole), [directoryPath('js')]: utf8('[') }, { directory: 'malformed', ...untrusted }],
    ['a log with a line left out', built({ logs: gapped }), { directory: 'gap', ...untrusted }],
    ['a log of another network', built({ logs: foreign }), { directory: 'childKeySwapped', ...untrusted }],
    ['all logs of another network', built({ logs: network().logs }), { directory: 'unknownRoot', ...untrusted }],
  ]
  it.each(cases)('%s', (_, files, steps) => {
    expect(judged(files)).toEqual(['invalid', steps])
  })
  it('and nothing of a good one', () => {
    expect(judged(buildEvidence(whole))).toEqual(['valid', {}])
    expect(verify(buildEvidence(whole)).summary.sender.title).toBe('js.o0 办公室')
  })
})

describe('evidence with something left out', () => {
  const { body: _, ...bodiless } = whole
  it('proves the same without its body, and nothing less with a part of it', () => {
    expect(judged(buildEvidence(bodiless))).toEqual(['valid', { body: 'notIncluded' }])
    expect(judged(without(partPath(1)))).toEqual(['indeterminate', { body: 'fileMissing' }])
  })
  it('is undecided without its manifest, whether the body is there or not', () => {
    const missing = { structure: 'fileMissing', manifest: 'fileMissing', signer: 'fileMissing' }
    expect(judged(without(EVIDENCE_PATHS.manifest))).toEqual(['indeterminate', { ...missing, body: 'fileMissing' }])
    expect(judged(without(EVIDENCE_PATHS.manifest, buildEvidence(bodiless)))).toEqual(['indeterminate', { ...missing, body: 'notIncluded' }])
  })
  it('does without the sealed manifest and the readme', () => {
    expect(judged(without(EVIDENCE_PATHS.sealedManifest))[0]).toBe('valid')
    expect(judged(without(EVIDENCE_PATHS.readme))[0]).toBe('valid')
  })
  it('is a recipient’s own with its own leaf, way and receipts only', () => {
    const own = whole.recipients.slice(0, 1)
    const receipts = whole.receipts.filter(({ receipt }) => receipt.recipient === null || receipt.recipient === TO[0])
    const parts = { ...whole, recipients: own, ways: whole.ways.slice(0, 1), receipts }
    const files = buildEvidence({ ...parts, logs: evidenceLogs(net.view, parts) })
    expect(files[directoryPath('js-c1')]).toBe(undefined)
    expect(judged(files)).toEqual(['valid', {}])
    expect(verify(files).summary.recipients.map(({ organ, state, at }) => [organ, state, at])).toEqual([[TO[0], 'signedFor', '2026-11-02T01:05:00.000Z']])
  })
})

describe('the time of evidence', () => {
  const key = organKeyName(FROM, 'sign', 'P256')

  it('is that of submission: keys that ended, certificates that expired and names that were given up since then change nothing', async () => {
    const until = '2026-11-10T00:00:00.000Z'
    const over = network()
    const parts = await evidence(over)
    const ends = (node: string): StatementBody[] => logOf(over, node).flatMap(({ statement: { body } }) => ('until' in body ? [{ ...body, until }] : []))
    const later = (node: string): SignedStatement[] =>
      appendStatements(suites, { log: node, last: logOf(over, node).at(-1) as SignedStatement, at: '2035-01-01T00:00:00.000Z', signer: over.nodeSigner(node, 'P256') }, [
        ...ends(node),
        { kind: 'nodeKey', keys: [{ id: `${node}.new`, suite: 'P256', publicKey: over.view.node(node)?.keys[0]?.publicKey ?? '' }] },
      ])
    const ended = extend(over.view, ['js', 'js-c0', 'js-c1'].flatMap(later))
    expect(ended.faults).toEqual([])
    expect(ended.view.keysOf(FROM, 'sign', 'P256', '2035-01-01T00:00:00.000Z')).toEqual([])
    expect(judged(buildEvidence({ ...parts, logs: evidenceLogs(ended.view, parts) }), over)).toEqual(['valid', {}])
  })

  it('is told by the sender’s own node: neither another node nor a thief of the key can date a message to before the theft', async () => {
    const over = network({ js: [{ kind: 'keyStatus', key, status: 'compromised', since: '2026-11-01T12:00:00.000Z' }] })
    const created = '2026-11-01T11:00:00.000Z'
    const parts = await evidence(over, { created })
    const stolen = ['indeterminate', { signer: 'compromisedKey' }]
    expect(judged(buildEvidence(parts), over)).toEqual(stolen)
    const early = receiptOf(over, parts.head, { kind: 'submitted', recipient: null, node: 'js-c1', at: created })
    expect(judged(buildEvidence({ ...parts, receipts: [early, ...parts.receipts] }), over)).toEqual(stolen)
    expect(judged(buildEvidence({ ...parts, receipts: parts.receipts.slice(1) }), over)).toEqual(stolen)
    expect(judged(buildEvidence({ ...parts, ways: [], receipts: [early] }), over)).toEqual(['indeterminate', { time: 'timeUnknown' }])
    const detour = [{ recipients: [TO[0]], hops: hopsAlong(over, parts.head, ['js-c1', 'js-c0']) }]
    expect(judged(buildEvidence({ ...parts, ways: detour, receipts: parts.receipts.slice(1) }), over)).toEqual(['indeterminate', { time: 'timeUnknown' }])
  })

  it('is told by the sender’s own hop line where a recipient has no receipt of the submission', () => {
    const files = buildEvidence({ ...whole, receipts: whole.receipts.slice(1) })
    expect([judged(files), verify(files).steps.find(({ step }) => step === 'time')?.reason]).toEqual([['valid', {}], 'timeByNextCentre'])
  })

  it('is undecided where its clocks are apart', async () => {
    const parts = whole
    const at = (instant: string): EvidenceFiles => buildEvidence({ ...parts, receipts: [receiptOf(net, parts.head, { kind: 'submitted', recipient: null, node: 'js', at: instant }), ...parts.receipts.slice(1)] })
    expect(judged(at('2026-11-02T01:14:00.000Z'))).toEqual(['valid', {}])
    expect(judged(at('2026-11-02T01:16:00.000Z'))).toEqual(['indeterminate', { time: 'timeContradicts' }])
    expect(judged(at('2026-11-02T00:49:00.000Z'))).toEqual(['indeterminate', { time: 'timeContradicts' }])
    const alone = verify(buildEvidence({ ...parts, ways: [], receipts: parts.receipts.slice(0, 1) }))
    expect([alone.verdict, alone.steps.find(({ step }) => step === 'time')?.reason]).toEqual(['valid', 'timeByOwnNode'])
  })

  it('is undecided where the recipient’s key was compromised before it signed', async () => {
    const over = network({ 'js-c0': [{ kind: 'keyStatus', key: organKeyName(TO[0], 'sign', 'P256'), status: 'compromised', since: '2026-11-02T01:00:00.000Z' }] })
    expect(judged(buildEvidence(await evidence(over)), over)).toEqual(['indeterminate', { receipts: 'compromisedKey', time: 'timeUnknown' }])
  })

  it('holds the name under which the sender wrote', async () => {
    const over = network({ js: [{ kind: 'issuingName', name: `${FROM}.name`, title: '市委', code: '', organ: FROM, from: START, until: '2026-11-01T12:00:00.000Z' }] })
    expect(judged(buildEvidence(await evidence(over)), over)).toEqual(['invalid', { signer: 'nameNotHeld' }])
  })
})

describe('an evidence ZIP', () => {
  const code = (bytes: Uint8Array, max?: number): string => {
    const opened = unzipEvidence(bytes, max)
    return opened.ok ? 'ok' : opened.fault.code
  }
  /** Writes other figures into the ZIP's own account of a file: packed size at 20, unpacked size at 24, place at 42. */
  const claiming = (zip: Uint8Array, claims: { readonly file: number; readonly field: 20 | 24 | 42; readonly value: number }[]): Uint8Array => {
    const copy = zip.slice()
    const view = new DataView(copy.buffer)
    const entries: number[] = []
    for (let at = view.getUint32(copy.length - 6, true); view.getUint32(at, true) === 0x02014b50; at += 46 + view.getUint16(at + 28, true)) entries.push(at)
    for (const { file, field, value } of claims) view.setUint32((entries[file] as number) + field, value, true)
    return copy
  }
  it('is opened by known names only, in bounds', () => {
    const many = Object.fromEntries(Array.from({ length: 2001 }, (_, i) => [directoryPath(`n${i}`), new Uint8Array(0)]))
    expect(code(zipSync(many, { level: 0 }))).toBe('tooLarge')
    expect(code(zipSync({ 'directory/../js.json': utf8('') }))).toBe('fileUnknown')
    expect(code(zipSync({ 'body/0000': utf8('') }))).toBe('fileUnknown')
    expect(code(zipSync({ '__proto__': utf8('') } as Record<string, Uint8Array>))).toBe('ok')
    expect(code(zipSync({ [directoryPath('js')]: utf8('[]') }))).toBe('ok')
  })
  it('that lies about its sizes unpacks to no more than it says', () => {
    const zip = zipSync({ 'body/000': new Uint8Array(5_000_000) })
    expect([code(zip, 6_000_000), code(zip, 4_000_000)]).toEqual(['ok', 'tooLarge'])
    const shorter = unzipEvidence(claiming(zip, [{ file: 0, field: 24, value: 10 }]), 4_000_000)
    expect(shorter.ok && shorter.value['body/000']?.length).toBe(10)
  })
  it('whose files share their bytes is refused', () => {
    const zip = zipSync({ 'body/000': new Uint8Array(9000), 'body/001': utf8('1'), 'body/002': utf8('2') }, { level: 0 })
    const shared = [1, 2].flatMap((file) => [{ file, field: 20 as const, value: 9000 }, { file, field: 24 as const, value: 9000 }, { file, field: 42 as const, value: 0 }])
    expect([code(zip), code(claiming(zip, shared))]).toEqual(['ok', 'malformed'])
  })
  it('holds structures in canonical form', () => {
    const files = buildEvidence(whole)
    expect(files[EVIDENCE_PATHS.head]).toEqual(canonical(whole.head))
    expect(judged({ ...files, [EVIDENCE_PATHS.receipts]: utf8(JSON.stringify(whole.receipts, null, 1)) })[1]).toMatchObject({ receipts: 'notCanonical' })
  })
})
