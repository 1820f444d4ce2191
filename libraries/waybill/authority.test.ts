import { describe, expect, it } from 'vitest'
import { checkRecipientKeys, checkSigner, nodeKeyOf, organKey, receiptKeyOf } from './authority.ts'
import { signBatch } from './batch.ts'
import { canonical } from './canonical.ts'
import { type DirectoryView, extend, appendStatements, type StatementBody } from './directory.ts'
import { AT, clerk, dice, hopsAlong, LATER, packed, receiptOf, suites } from './fixture.ts'
import { MAX_HOPS, nextHopLine, verifyHops } from './hops.ts'
import { type BatchSignature, type Receipt, receiptKind, type SignedHopLine, type SignedReceipt } from './model.ts'
import { makeReceipt, readReceipts, receiptHash, verifyReceipt } from './receipts.ts'
import { createNetwork, nodeKeyName, organKeyName, treeOf } from './simulation/network.ts'

const START = '2026-11-01T00:00:00.000Z'
const DEPUTY_UNTIL = '2026-11-02T02:00:00.000Z'
const FROM = 'js.o0'
const HERE = 'js-c0.o0'
const NEIGHBOUR = 'js-c0.o1'
const net = createNetwork(suites, treeOf(2, 1, 2), { at: START, statements: { 'js-c0': [{ kind: 'deputy', organ: HERE, deputy: NEIGHBOUR, from: START, until: DEPUTY_UNTIL }] } })
const fault = (result: { ok: true } | { ok: false; fault: { code: string } }): string => (result.ok ? 'ok' : result.fault.code)
const told = (log: string, ...bodies: StatementBody[]): DirectoryView =>
  extend(net.view, appendStatements(suites, { log, last: net.logs[log]?.at(-1) ?? null, at: START, signer: net.nodeSigner(log, 'SM') }, bodies)).view

describe.each(['SM', 'P256'] as const)('custody in %s', (suiteId) => {
  const suite = suites[suiteId]
  const other = suiteId === 'SM' ? 'P256' : 'SM'
  const message = packed(net, suiteId, FROM, [HERE])

  it('is a chain that nobody can shorten, swap, move to another message or seal for another', async () => {
    const { head } = await message
    const hops = hopsAlong(net, head, ['js', 'js-c0', 'js-c0-x0'])
    const [a, b, c] = hops as [SignedHopLine, SignedHopLine, SignedHopLine]
    const check = (lines: readonly SignedHopLine[], of = head): string => fault(verifyHops(suites, { head: of, hops: lines, keyOf: nodeKeyOf(net.view) }))
    const sealed = (line: SignedHopLine['line'], domain: 'hop' | 'receipt' = 'hop', by = line.node, in_ = suiteId): SignedHopLine => {
      const [seal] = signBatch(suites[in_], net.nodeSigner(by, in_), domain, [line])
      return { line, seal: seal as BatchSignature }
    }
    expect([check(hops), check([a]), check([])]).toEqual(['ok', 'ok', 'ok'])
    expect(check([a, sealed({ ...b.line, previous: a.line.previous })])).toBe('hopChainBroken')
    expect(check([a, sealed({ ...b.line, ordinal: 2 })])).toBe('hopChainBroken')
    expect(check([{ line: { ...a.line, directory: 'A'.repeat(43) }, seal: a.seal }, b, c])).toBe('badSeal')
    expect(check([sealed(a.line, 'receipt')])).toBe('badSeal')
    expect(check([sealed(a.line, 'hop', 'js-c0')])).toBe('unknownKey')
    expect(check([sealed(a.line, 'hop', 'js', other)])).toBe('wrongSuite')
    expect(check([{ line: a.line, seal: { ...b.seal, key: a.seal.key } }])).toBe('badSeal')
    const second = await packed(net, suiteId, FROM, [HERE])
    expect(check(hops, second.head)).toBe('wrongMessage')
    expect(check([sealed({ ...a.line, message: second.head.id })], second.head)).toBe('hopChainBroken')
  })

  it('passes a node twice only where the document was forwarded', async () => {
    const { head } = await message
    const way = hopsAlong(net, head, ['js', 'js-c0'])
    const back = (forwards?: number): ReturnType<typeof nextHopLine> =>
      nextHopLine(suite, { head, hops: way, node: 'js', at: LATER, directory: net.view.checkpoint().hash, random: dice.bytes, ...(forwards === undefined ? {} : { forwards }) })
    expect(fault(back())).toBe('hopLoop')
    const line = back(1)
    if (!line.ok) throw new Error(line.fault.code)
    const hops = [...way, { line: line.value, seal: signBatch(suite, net.nodeSigner('js', suiteId), 'hop', [line.value])[0] as BatchSignature }]
    expect(fault(verifyHops(suites, { head, hops, keyOf: nodeKeyOf(net.view) }))).toBe('hopLoop')
    expect(fault(verifyHops(suites, { head, hops, keyOf: nodeKeyOf(net.view), forwards: 1 }))).toBe('ok')
  })

  it(`ends after ${MAX_HOPS} lines`, async () => {
    const { head } = await message
    const [first] = hopsAlong(net, head, ['js']) as [SignedHopLine]
    const long = (length: number): SignedHopLine[] => Array.from({ length }, (_, i) => ({ ...first, line: { ...first.line, node: `n${i}` } }))
    const next = (length: number): string => fault(nextHopLine(suite, { head, hops: long(length), node: 'js', at: LATER, directory: first.line.directory, random: dice.bytes }))
    expect([next(MAX_HOPS - 1), next(MAX_HOPS)]).toEqual(['ok', 'tooManyHops'])
  })

  it('by a compromised or revoked node key does not count from that instant on', async () => {
    const { head } = await message
    const hops = hopsAlong(net, head, ['js', 'js-c0'])
    const key = nodeKeyName('js-c0', suiteId)
    const judged = (status: 'compromised' | 'revoked' | 'retired', since: string): string =>
      fault(verifyHops(suites, { head, hops, keyOf: nodeKeyOf(told('js-c0', { kind: 'keyStatus', key, status, since })) }))
    expect([judged('compromised', LATER), judged('revoked', LATER), judged('retired', AT)]).toEqual(['compromisedKey', 'revokedKey', 'retiredKey'])
    expect(judged('compromised', '2026-11-03T00:00:00.000Z')).toBe('ok')
  })
})

describe.each(['SM', 'P256'] as const)('receipts in %s', (suiteId) => {
  const message = packed(net, suiteId, FROM, [HERE, 'js-c1.o0'])
  const judge = async (signed: SignedReceipt, view = net.view): Promise<string> => fault(verifyReceipt(suites, { signed, head: (await message).head, keyOf: receiptKeyOf(view) }))
  const made = async (fact: Parameters<typeof receiptOf>[2], organ?: string): Promise<SignedReceipt> => receiptOf(net, (await message).head, fact, organ)
  const here = { recipient: HERE, node: 'js-c0' } as const
  const why = { reason: { code: 'wrongRecipient', text: '不属本单位职责' } }

  it('of the organ’s own acts are the organ’s, with each of them', async () => {
    for (const kind of ['delivered', 'signedFor', 'registered', 'returned'] as const) {
      const signed = await made({ kind, ...here, actor: clerk(HERE), ...why }, HERE)
      expect([kind, await judge(signed)]).toEqual([kind, 'ok'])
      expect([kind, await judge(await made({ kind, ...here, actor: clerk(HERE), ...why }))]).toEqual([kind, 'unknownKey'])
      expect([kind, await judge(await made({ kind, ...here, actor: clerk(HERE), ...why }, 'js-c1.o0'))]).toEqual([kind, 'wrongSigner'])
    }
  })

  it('of 代收 need an authorisation that holds at that instant, and cover no more than signing for', async () => {
    const byDeputy = (kind: Receipt['kind'], at = LATER): Promise<SignedReceipt> => made({ kind, ...here, at, actor: clerk(NEIGHBOUR, HERE), ...why }, NEIGHBOUR)
    expect(await judge(await byDeputy('signedFor'))).toBe('ok')
    expect(await judge(await byDeputy('delivered'))).toBe('ok')
    expect(await judge(await byDeputy('signedFor', DEPUTY_UNTIL))).toBe('notDeputy')
    expect(await judge(await byDeputy('registered'))).toBe('notDeputy')
    expect(await judge(await byDeputy('returned'))).toBe('notDeputy')
    expect(await judge(await made({ kind: 'signedFor', ...here, actor: clerk('js-c1.o0', HERE) }, 'js-c1.o0'))).toBe('notDeputy')
    // Authorised or not, a deputy seals with its own key.
    expect(await judge(await made({ kind: 'signedFor', ...here, actor: clerk(NEIGHBOUR, HERE) }, HERE))).toBe('wrongSigner')
  })

  it('of nodes are theirs: arrival by the host, the rest by whom they name', async () => {
    expect(await judge(await made({ kind: 'arrived', ...here }))).toBe('ok')
    expect(await judge(await made({ kind: 'arrived', recipient: HERE, node: 'js' }))).toBe('wrongNode')
    expect(await judge(await made({ kind: 'arrived', recipient: 'nobody', node: 'js' }))).toBe('unknownOrgan')
    for (const kind of ['undeliverable', 'recallRefused', 'late', 'forwarded', 'recalled'] as const) {
      expect(await judge(await made({ kind, recipient: HERE, node: 'js', ...why }))).toBe('ok')
    }
    const signed = await made({ kind: 'custody', recipient: null, node: 'js' })
    expect(await judge(signed)).toBe('ok')
    expect(await judge({ ...signed, receipt: { ...signed.receipt, node: 'js-c0' } })).toBe('unknownKey')
  })

  it('are about one message, in its suite, and not one byte else', async () => {
    const signed = await made({ kind: 'signedFor', ...here, actor: clerk(HERE) }, HERE)
    const changed = async (changes: Partial<Receipt>): Promise<string> => judge({ ...signed, receipt: { ...signed.receipt, ...changes } })
    const second = await packed(net, suiteId, FROM, [HERE])
    expect(fault(verifyReceipt(suites, { signed, head: second.head, keyOf: receiptKeyOf(net.view) }))).toBe('wrongMessage')
    expect(fault(verifyReceipt(suites, { signed, head: { ...(await message).head, label: 0 }, keyOf: receiptKeyOf(net.view) }))).toBe('wrongMessage')
    expect(await changed({ at: '2026-11-02T01:05:00.001Z' })).toBe('badSeal')
    expect(await changed({ kind: 'registered' })).toBe('badSeal')
    expect(await changed({ actor: { ...clerk(HERE), name: '王文书' } })).toBe('badSeal')
    expect(await changed({ recipient: 'js-c1.o0' })).toBe('receiptIncomplete')
    expect(await judge({ ...signed, seal: { ...signed.seal, suite: suiteId === 'SM' ? 'P256' : 'SM' } })).toBe('wrongSuite')
    expect(await judge({ ...signed, seal: { ...signed.seal, key: organKeyName(HERE, 'encrypt', suiteId) } })).toBe('wrongKeyPurpose')
    expect(receiptHash(suites[suiteId], signed.receipt)).not.toBe(receiptHash(suites[suiteId], { ...signed.receipt, salt: 'A'.repeat(22) }))
  })

  it('count as far as the organ’s key was good at their instant', async () => {
    const signed = await made({ kind: 'signedFor', ...here, actor: clerk(HERE) }, HERE)
    const key = organKeyName(HERE, 'sign', suiteId)
    const judged = (status: 'compromised' | 'revoked' | 'retired', since: string): Promise<string> => judge(signed, told('js-c0', { kind: 'keyStatus', key, status, since }))
    expect([await judged('compromised', AT), await judged('revoked', LATER), await judged('retired', LATER)]).toEqual(['compromisedKey', 'revokedKey', 'retiredKey'])
    expect(await judged('compromised', '2026-11-02T01:05:00.001Z')).toBe('ok')
  })
})

describe('a receipt', () => {
  const NEEDS = {
    recipient: (kind: string) => kind !== 'submitted' && kind !== 'custody',
    actor: ['signedFor', 'registered', 'returned', 'closed'],
    reason: ['returned', 'undeliverable', 'recallRefused', 'closed', 'late', 'forwarded'],
  }

  it('of each kind needs its recipient, its person and its reason', async () => {
    const { head } = await packed(net, 'P256', FROM, [HERE])
    const reason = { code: 'other', text: '' }
    for (const kind of receiptKind.options) {
      const full = { kind, head, node: 'js', at: LATER, directory: head.body.root, random: dice.bytes, recipient: NEEDS.recipient(kind) ? HERE : null, actor: clerk(HERE), reason }
      const code = (changes: object): string => fault(makeReceipt(suites.P256, { ...full, ...changes }))
      expect([kind, code({})]).toEqual([kind, 'ok'])
      expect([kind, code({ recipient: NEEDS.recipient(kind) ? null : HERE })]).toEqual([kind, 'receiptIncomplete'])
      expect([kind, code({ actor: null })]).toEqual([kind, NEEDS.actor.includes(kind) ? 'receiptIncomplete' : 'ok'])
      expect([kind, code({ reason: null })]).toEqual([kind, NEEDS.reason.includes(kind) ? 'receiptIncomplete' : 'ok'])
    }
  })

  it('is read from canonical bytes, up to a thousand at once', async () => {
    const { head } = await packed(net, 'P256', FROM, [HERE])
    const signed = receiptOf(net, head, { kind: 'custody', recipient: null, node: 'js' })
    expect(readReceipts(canonical([signed, signed]))).toEqual({ ok: true, value: [signed, signed] })
    expect(fault(readReceipts(canonical(Array.from({ length: 1001 }, () => signed))))).toBe('malformed')
    expect(fault(readReceipts(canonical([{ ...signed, more: 1 }])))).toBe('malformed')
    expect(fault(readReceipts(canonical([{ ...signed, receipt: { ...signed.receipt, at: '2026-11-02T01:05:00Z' } }])))).toBe('malformed')
  })
})

describe('the sender and the addressees of a head', () => {
  it('are who the directory says, with keys and names that hold at submission', async () => {
    const { head, recipients } = await packed(net, 'SM', FROM, [HERE])
    const signer = { suite: 'SM' as const, publicKey: net.organKeys(FROM, 'SM').sign.publicKey }
    const check = (changes: Partial<typeof head.sender>, at = AT, view = net.view): string => fault(checkSigner(view, { ...head, sender: { ...head.sender, ...changes } }, signer, at))
    expect(check({})).toBe('ok')
    expect(check({ organ: 'nobody' })).toBe('unknownOrgan')
    expect(check({ key: 'no.key' })).toBe('unknownKey')
    expect(check({ key: organKeyName('js.o1', 'sign', 'SM') })).toBe('wrongSigner')
    expect(check({ key: organKeyName(FROM, 'encrypt', 'SM') })).toBe('wrongKeyPurpose')
    expect(check({ key: organKeyName(FROM, 'sign', 'P256') })).toBe('wrongSuite')
    expect(check({ name: 'js.o1.name' })).toBe('nameNotHeld')
    expect(check({}, '2026-10-31T00:00:00.000Z')).toBe('notYetValidKey')
    const ended: StatementBody = { kind: 'issuingName', name: `${FROM}.name`, title: '旧名', code: '', organ: FROM, from: START, until: AT }
    expect(check({}, AT, told('js', ended))).toBe('nameNotHeld')
    const key = net.view.key(head.sender.key) as Extract<StatementBody, { kind: 'key' }> & { node: string }
    const { node: _, ...stated } = key
    expect(check({}, AT, told('js', { ...stated, until: AT }))).toBe('expiredKey')
    expect(fault(checkSigner(net.view, head, { ...signer, publicKey: net.organKeys('js.o1', 'SM').sign.publicKey }, AT))).toBe('signerNotSender')
    expect(fault(checkRecipientKeys(net.view, head, recipients))).toBe('ok')
    const leaf = (changes: object): { leaf: { organ: string; key: string } }[] => recipients.map((entry) => ({ leaf: { ...entry.leaf, ...changes } }))
    expect(fault(checkRecipientKeys(net.view, head, leaf({ key: organKeyName(HERE, 'sign', 'SM') })))).toBe('wrongKeyPurpose')
    expect(fault(checkRecipientKeys(net.view, head, leaf({ organ: 'js-c1.o0' })))).toBe('wrongSigner')
    const retired = told('js-c0', { kind: 'keyStatus', key: organKeyName(HERE, 'encrypt', 'SM'), status: 'retired', since: START })
    expect(fault(checkRecipientKeys(retired, head, recipients))).toBe('retiredKey')
    expect(fault(organKey(net.view, HERE, organKeyName(HERE, 'encrypt', 'SM'), 'encrypt', 'SM', AT))).toBe('ok')
  })
})
