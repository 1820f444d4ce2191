import { utf8 } from '@postroad/gm'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { canonicalText } from './canonical.ts'
import { buildEvidence, EVIDENCE_PATHS, type EvidenceFiles, type EvidenceParts, type EvidenceResult, evidenceLogs, unzipEvidence, verifyEvidence, zipEvidence } from './evidence.ts'
import { FAULT_CODES } from './fault.ts'
import { clerk, hopsAlong, network, packed, receiptOf, suites } from './fixture.ts'
import { createNetwork, nodeKeyName, organKeyName, treeOf } from './simulation/network.ts'
import { unpackManifest } from './unpack.ts'
import { FAULT_WORDS, STEP_WORDS, stepSentence } from './words.ts'

const net = network()
const FROM = 'js.o0'
const TO = ['js-c0-x1.o0', 'js-c1.o0']
const BODY = [utf8('关于防火工作的通知全文'), utf8('附件')]

async function evidence(suiteId: 'SM' | 'P256' = 'P256', over = net): Promise<EvidenceParts> {
  const { head, recipients, manifest, contentKey } = await packed(over, suiteId, FROM, TO, BODY.map((bytes, i) => ({ name: `${i}`, mediaType: 'application/ofd', bytes })))
  const opened = unpackManifest(suites, { head, manifest, contentKey, own: null })
  if (!opened.ok) throw new Error(opened.fault.code)
  const ways = [
    { recipients: [TO[0] as string], hops: hopsAlong(over, head, ['js', 'js-c0', 'js-c0-x1']) },
    { recipients: [TO[1] as string], hops: hopsAlong(over, head, ['js', 'js-c1']) },
  ]
  const [first, second] = TO as [string, string]
  const receipts = [
    receiptOf(over, head, { kind: 'submitted', recipient: null, node: 'js', at: '2026-11-02T01:00:01.000Z' }),
    receiptOf(over, head, { kind: 'custody', recipient: null, node: 'js-c0' }),
    receiptOf(over, head, { kind: 'arrived', recipient: first, node: 'js-c0-x1' }),
    receiptOf(over, head, { kind: 'signedFor', recipient: first, node: 'js-c0-x1', actor: clerk(first) }, first),
    receiptOf(over, head, { kind: 'arrived', recipient: second, node: 'js-c1' }),
    receiptOf(over, head, { kind: 'returned', recipient: second, node: 'js-c1', actor: clerk(second), reason: { code: 'wrongRecipient', text: '不属本单位职责' } }, second),
  ]
  const parts = { head, recipients, ways, receipts }
  return { ...parts, created: '2026-12-01T00:00:00.000Z', manifest: opened.value.cms, sealedManifest: manifest, logs: evidenceLogs(over.view, parts) }
}
const verify = (files: EvidenceFiles, over = net): EvidenceResult => verifyEvidence(suites, files, over.pinned.fingerprint)
const reasonOf = (result: EvidenceResult, step: string): string | undefined => result.steps.find((found) => found.step === step)?.reason

describe('evidence', () => {
  it.each(['SM', 'P256'] as const)('in %s verifies offline, with and without its body', async (suiteId) => {
    const parts = await evidence(suiteId)
    const zip = zipEvidence(buildEvidence({ ...parts, body: BODY }))
    expect(zipEvidence(buildEvidence({ ...parts, body: BODY }))).toEqual(zip)
    const files = unzipEvidence(zip)
    if (!files.ok) throw new Error(files.fault.code)
    const result = verify(files.value)
    expect(result.steps.filter(({ verdict }) => verdict !== 'valid')).toEqual([])
    expect(result.verdict).toBe('valid')
    expect(reasonOf(result, 'time')).toBe('timeByNextCentre')
    expect(result.summary.title).toBe('关于做好冬季防火工作的通知')
    expect(result.summary.recipients.map(({ state, actor }) => [state, actor?.name])).toEqual([['signedFor', '李文书'], ['returned', '李文书']])
    expect(result.summary.timeline).toHaveLength(6)
    const without = verify(buildEvidence(parts))
    expect([without.verdict, reasonOf(without, 'body')]).toEqual(['valid', 'notIncluded'])
  })

  it('trusts the pinned root only', async () => {
    const files = buildEvidence(await evidence())
    const other = network()
    const result = verifyEvidence(suites, files, other.pinned.fingerprint)
    expect([result.verdict, reasonOf(result, 'directory')]).toEqual(['invalid', 'unknownRoot'])
  })

  it('is never valid after any byte of any file was changed', async () => {
    const files = buildEvidence({ ...(await evidence()), body: BODY })
    const proved = verify(files).summary
    const paths = Object.keys(files).filter((path) => path !== EVIDENCE_PATHS.readme)
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.nat(), fc.integer({ min: 1, max: 255 }), (path, at, flip) => {
        const changed = Uint8Array.from(files[path] as Uint8Array)
        const place = at % changed.length
        changed[place] = (changed[place] as number) ^ flip
        const result = verify({ ...files, [path]: changed })
        // When the file was exported is the exporter's own word, and parts of a CMS are not signed: its wrapping, and a certificate of which only the key counts.
        if (path === EVIDENCE_PATHS.evidence || path === EVIDENCE_PATHS.manifest) expect(result.verdict !== 'valid' || canonicalText(result.summary) === canonicalText(proved)).toBe(true)
        else expect([path, place, result.verdict]).not.toEqual([path, place, 'valid'])
      }),
      { numRuns: 250, seed: 5 },
    )
  })

  it('is undecided, not refuted, while something is missing', async () => {
    const files = buildEvidence(await evidence())
    for (const path of [EVIDENCE_PATHS.evidence, EVIDENCE_PATHS.manifest, EVIDENCE_PATHS.receipts, EVIDENCE_PATHS.hops, 'directory/js-c0.json', EVIDENCE_PATHS.head]) {
      const { [path]: _, ...rest } = files
      expect([path, verify(rest).verdict]).toEqual([path, 'indeterminate'])
    }
  })

  it('takes the time from the sender’s hop line where a recipient holds no submission receipt', async () => {
    const parts = await evidence()
    const own = verify(buildEvidence({ ...parts, receipts: parts.receipts.slice(1) }))
    expect([own.verdict, reasonOf(own, 'time')]).toEqual(['valid', 'timeByNextCentre'])
  })

  it.each([
    ['compromised', '2026-11-01T12:00:00.000Z', 'indeterminate', 'compromisedKey'],
    ['revoked', '2026-11-01T12:00:00.000Z', 'invalid', 'revokedKey'],
    ['compromised', '2026-11-20T00:00:00.000Z', 'valid', 'sound'],
    ['retired', '2026-11-20T00:00:00.000Z', 'valid', 'sound'],
  ] as const)('with the sender’s key %s since %s is %s', async (status, since, verdict, reason) => {
    const key = organKeyName(FROM, 'sign', 'P256')
    const over = createNetwork(suites, treeOf(2, 2, 1), { at: '2026-11-01T00:00:00.000Z', statements: { js: [{ kind: 'keyStatus', key, status, since }] } })
    const result = verify(buildEvidence(await evidence('P256', over)), over)
    expect([result.verdict, reasonOf(result, 'signer')]).toEqual([verdict, reason])
  })

  it('is undecided when the clock’s own key was compromised', async () => {
    const over = createNetwork(suites, treeOf(2, 2, 1), {
      at: '2026-11-01T00:00:00.000Z',
      statements: { js: [{ kind: 'keyStatus', key: nodeKeyName('js', 'P256'), status: 'compromised', since: '2026-11-01T12:00:00.000Z' }] },
    })
    expect(verify(buildEvidence(await evidence('P256', over)), over).verdict).toBe('indeterminate')
  })

  it('refuses receipts of another message and recipients it does not name', async () => {
    const parts = await evidence()
    const other = await evidence()
    const mixed = verify(buildEvidence({ ...parts, receipts: [...parts.receipts, ...other.receipts.slice(3, 4)] }))
    expect([mixed.verdict, reasonOf(mixed, 'receipts')]).toEqual(['invalid', 'wrongMessage'])
    const swapped = verify(buildEvidence({ ...parts, manifest: other.manifest }))
    expect([swapped.verdict, reasonOf(swapped, 'manifest')]).toEqual(['invalid', 'headCoreMismatch'])
    const own = verify(buildEvidence({ ...parts, recipients: parts.recipients.slice(0, 1) }))
    expect([own.verdict, reasonOf(own, 'hops')]).toEqual(['invalid', 'recipientMissing'])
  })

  it('opens no foreign, doubled or exploding ZIP', async () => {
    const code = (bytes: Uint8Array, max?: number): string => {
      const opened = unzipEvidence(bytes, max)
      return opened.ok ? 'ok' : opened.fault.code
    }
    expect(code(utf8('PK no'))).toBe('malformed')
    expect(code(zipSync({ '../head.json': utf8('{}') }))).toBe('fileUnknown')
    expect(code(zipSync({ 'body/000': new Uint8Array(100_000) }), 50_000)).toBe('tooLarge')
    const twice = zipSync({ 'head.json': utf8('{}'), 'hops.json': utf8('[]') }, { level: 0 })
    const text = String.fromCharCode(...twice).replaceAll('hops.json', 'head.json')
    expect(code(Uint8Array.from(text, (c) => c.charCodeAt(0)))).toBe('duplicateKey')
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void unzipEvidence(bytes)))
  })

  it('says every fault and every step in Chinese', () => {
    expect(Object.keys(FAULT_WORDS).sort()).toEqual([...FAULT_CODES].sort())
    expect(new Set(Object.values(FAULT_WORDS)).size).toBe(FAULT_CODES.length)
    const reasons = [...FAULT_CODES, 'sound', 'notIncluded', 'timeByNextCentre', 'timeByOwnNode', 'timeContradicts'] as const
    for (const step of Object.keys(STEP_WORDS) as (keyof typeof STEP_WORDS)[]) for (const reason of reasons) expect(stepSentence({ step, reason })).toMatch(/^[一-龥，；、。 0-9KB]+$/)
  })
})
