import { randomBytes } from 'node:crypto'
import { type SuiteId, base64url } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import type { PersonPrincipal } from '@postroad/kernel/principal'
import { type Draft, type Head, type Packed, type Receipt, type SignedReceipt, makeReceipt, pack, signBatch, uuidv7 } from '@postroad/waybill'
import { type Submission, dispatch } from '../service.ts'
import { type Network, type Station, clerk, keyName } from './network.ts'

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))

export type LetterOptions = Partial<Pick<Draft, 'kind' | 'thread' | 'ordinal' | 'regarding' | 'urgency' | 'label' | 'created' | 'expires'>> & { readonly suite?: SuiteId; readonly bytes?: Uint8Array; readonly clientId?: string; readonly id?: string }

/** An organ's terminal: packs, seals and signs with the organ's keys, as the browser does. */
export type Letter = { readonly packed: Packed; readonly submission: Submission; readonly chunks: readonly Uint8Array[] }

export async function letter(network: Pick<Network, 'keys'>, from: string, to: readonly string[], options: LetterOptions = {}): Promise<Letter> {
  const suite = suites[options.suite ?? 'SM']
  const now = new Date()
  const id = options.id ?? uuidv7(now.toISOString(), random)
  const chunks: Uint8Array[] = []
  const packed = await pack({
    suite,
    draft: {
      id, kind: options.kind ?? 'document', thread: options.thread ?? id, ordinal: options.ordinal ?? 0, regarding: options.regarding ?? null,
      sender: { organ: from, name: `${from}.name`, key: keyName(from, suite.id, 'sign') }, urgency: options.urgency ?? 'normal', label: options.label ?? 0,
      created: options.created ?? now.toISOString(), expires: options.expires ?? new Date(now.getTime() + 86_400_000).toISOString(),
      content: { title: '关于做好工作的通知', number: '某委〔2026〕1号', issuingName: '中共某委员会', printedTo: '', printedCc: '', note: '' },
    },
    parts: [{ name: '正文.ofd', mediaType: 'application/ofd', bytes: options.bytes ?? random(10_000) }],
    addressees: to.map((organ) => ({
      organ, name: `${organ}.name`, role: 'to' as const, key: keyName(organ, suite.id, 'encrypt'), publicKey: (network.keys.get(organ)?.[suite.id].encrypt ?? suite.generateKeyPair()).publicKey,
    })),
    own: { key: keyName(from, suite.id, 'encrypt'), publicKey: network.keys.get(from)?.[suite.id].encrypt.publicKey ?? new Uint8Array() },
    sign: (manifest) => manifest, // sealed before it leaves: no centre sees what is inside
    random,
    onChunk: ({ sealed }) => void chunks.push(sealed),
  })
  if (!packed.ok) throw new Error(packed.fault.code)
  return { packed: packed.value, chunks, submission: submissionOf(packed.value, chunks, options.clientId ?? id) }
}

export const submissionOf = (packed: Packed, chunks: readonly Uint8Array[], clientId: string): Submission => ({
  clientId, head: packed.head, recipients: packed.recipients, manifest: base64url(packed.manifest), ownWrap: packed.ownWrap, chunkHashes: packed.chunkHashes, uploadId: null, inlineBody: [...chunks],
})

/** Packs and hands in; answers the message's id. */
export async function send(network: Network, station: Station, from: string, to: readonly string[], options: LetterOptions = {}): Promise<string> {
  const { submission } = await letter(network, from, to, options)
  return (await dispatch(station.node, clerk(from), submission)).message
}

/** A receipt that an organ's people sign at their terminal. */
export function organReceipt(network: Pick<Network, 'keys'>, head: Head, fact: { readonly kind: Receipt['kind']; readonly recipient: string; readonly node: string; readonly by?: PersonPrincipal; readonly reason?: Receipt['reason']; readonly onBehalfOf?: string; readonly at?: string }): SignedReceipt {
  const by = fact.by ?? clerk(fact.recipient)
  const suite = suites[head.suite]
  const made = makeReceipt(suite, {
    head, kind: fact.kind, recipient: fact.recipient, node: fact.node, at: fact.at ?? new Date().toISOString(), directory: base64url(new Uint8Array(32)), random, reason: fact.reason ?? null,
    actor: { person: by.person, name: by.name, post: by.acting.id, organ: by.acting.organ, onBehalfOf: fact.onBehalfOf ?? null },
  })
  if (!made.ok) throw new Error(made.fault.code)
  const keyPair = network.keys.get(by.acting.organ)?.[head.suite].sign
  if (keyPair === undefined) throw new Error(`no keys of ${by.acting.organ}`)
  const [seal] = signBatch(suite, { key: keyName(by.acting.organ, head.suite, 'sign'), keyPair }, 'receipt', [made.value])
  return { receipt: made.value, seal: seal as SignedReceipt['seal'] }
}

/** Tries until it is answered, as a terminal does that got no answer. Answers the code of a refusal. */
export async function insist<T>(work: () => Promise<T>): Promise<T | string> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== undefined && code.startsWith('road.')) return code
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
