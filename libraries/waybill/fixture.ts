import type { SuiteId } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { signBatch } from './batch.ts'
import type { SealedChunk } from './chunks.ts'
import { appendStatements, type DirectoryView, extend, type SignedStatement, type StatementBody } from './directory.ts'
import { nextHopLine } from './hops.ts'
import type { BatchSignature, Head, Receipt, SignedHopLine, SignedReceipt } from './model.ts'
import { type Draft, pack, type Packed, type Source } from './pack.ts'
import { makeReceipt } from './receipts.ts'
import { createNetwork, type Network, nodeKeyName, organKeyName, treeOf } from './simulation/network.ts'
import { createDice } from './simulation/random.ts'
import { uuidv7 } from './uuid.ts'

/** Shared by this room's tests: an invented network and messages on it. */
export const AT = '2026-11-02T01:00:00.000Z'
export const LATER = '2026-11-02T01:05:00.000Z'
export const dice = createDice(7)
export const network = (): Network => createNetwork(suites, treeOf(2, 2, 2), { at: '2026-11-01T00:00:00.000Z' })

export const draftFrom = (organ: string, suite: SuiteId, changes: Partial<Draft> = {}): Draft => {
  const id = uuidv7(AT, dice.bytes)
  return {
    id,
    kind: 'document',
    thread: id,
    ordinal: 0,
    regarding: null,
    sender: { organ, name: `${organ}.name`, key: organKeyName(organ, 'sign', suite) },
    urgency: 'urgent',
    label: 1,
    created: AT,
    expires: '2026-11-09T01:00:00.000Z',
    content: { title: '关于做好冬季防火工作的通知', number: '苏办发〔2026〕1号', issuingName: '中共江苏省委', printedTo: '各市委', printedCc: '', note: '' },
    ...changes,
  }
}

/** Packs a message of `organ` for others; answers it with its sealed chunks. Throws if packing is refused. */
export async function packed(net: Network, suiteId: SuiteId, from: string, to: readonly string[], parts: readonly Source[] = [], draft = draftFrom(from, suiteId)): Promise<Packed & { chunks: SealedChunk[] }> {
  const chunks: SealedChunk[] = []
  const result = await pack({
    suite: suites[suiteId],
    draft,
    parts,
    addressees: to.map((organ, i) => {
      return { organ, name: `${organ}.name`, role: i === 0 ? 'to' : 'cc', key: organKeyName(organ, 'encrypt', suiteId), publicKey: net.organKeys(organ, suiteId).encrypt.publicKey }
    }),
    own: { key: organKeyName(from, 'encrypt', suiteId), publicKey: net.organKeys(from, suiteId).encrypt.publicKey },
    sign: net.signManifest(from, suiteId),
    random: dice.bytes,
    onChunk: (chunk) => void chunks.push(chunk),
  })
  if (!result.ok) throw new Error(JSON.stringify(result.fault))
  return { ...result.value, chunks }
}

/** Custody lines along `nodes`, each sealed by its node. */
export function hopsAlong(net: Network, head: Head, nodes: readonly string[]): SignedHopLine[] {
  const hops: SignedHopLine[] = []
  for (const node of nodes) {
    const line = nextHopLine(suites[head.suite], { head, hops, node, at: LATER, directory: net.view.checkpoint().hash, random: dice.bytes })
    if (!line.ok) throw new Error(JSON.stringify(line.fault))
    hops.push({ line: line.value, seal: signBatch(suites[head.suite], net.nodeSigner(node, head.suite), 'hop', [line.value])[0] as BatchSignature })
  }
  return hops
}

/** A receipt sealed by its node, or by `organ` where one is named. */
export function receiptOf(net: Network, head: Head, fact: Pick<Receipt, 'kind' | 'recipient' | 'node'> & Partial<Pick<Receipt, 'actor' | 'reason' | 'at'>>, organ?: string): SignedReceipt {
  const made = makeReceipt(suites[head.suite], { at: LATER, directory: net.view.checkpoint().hash, head, random: dice.bytes, ...fact })
  if (!made.ok) throw new Error(JSON.stringify(made.fault))
  const signer = organ === undefined ? net.nodeSigner(fact.node, head.suite) : net.organSigner(organ, head.suite)
  return { receipt: made.value, seal: signBatch(suites[head.suite], signer, 'receipt', [made.value])[0] as BatchSignature }
}

export const clerk = (organ: string, onBehalfOf: string | null = null): NonNullable<Receipt['actor']> => ({ person: 'li', name: '李文书', post: '机要文书', organ, onBehalfOf })
export { suites }

/** Three levels of nodes that state things in their logs, day by day of November 2026, and what a reader makes of it. */
export function statedNetwork() {
  const net = createNetwork(suites, treeOf(2, 1, 2), { at: '2026-11-01T00:00:00.000Z', suiteIds: ['P256'] })
  const { view, logs } = net
  const [root, middle, other] = ['js', 'js-c0', 'js-c1'] as const
  const low = view.children(middle)[0] ?? missing('a third level')
  const organ = view.organs().find(({ node }) => node === low)?.organ ?? missing('an organ')
  const at = (day: number): string => `2026-11-${String(day).padStart(2, '0')}T00:00:00.000Z`
  /** Lines of a log, one a day. */
  const stating = (log: string, lines: readonly (readonly [number, StatementBody])[]): SignedStatement[] => {
    const made: SignedStatement[] = []
    for (const [day, body] of lines) {
      const last = made.at(-1) ?? (logs[log]?.at(-1) as SignedStatement)
      made.push(...appendStatements(suites, { log, last, at: at(day), signer: { key: nodeKeyName(log, 'P256'), keyPair: net.nodeKey(log, 'P256'), suite: 'P256' } }, [body]))
    }
    return made
  }
  const grown = (lines: readonly SignedStatement[], from: DirectoryView = view): DirectoryView => extend(from, lines).view
  const fault = (result: { ok: true } | { ok: false; fault: { code: string } }): string => (result.ok ? 'ok' : result.fault.code)
  return { view, logs, root, middle, other, low, organ, key: organKeyName(organ, 'sign', 'P256'), at, stating, grown, fault }
}

function missing(what: string): never {
  throw new Error(`the network lacks ${what}`)
}
