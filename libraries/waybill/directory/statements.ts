import type { Suite, SuiteId, Suites } from '@postroad/gm'
import { fromBase64url, hex } from '@postroad/gm'
import { z } from 'zod'
import { type BatchSigner, signBatch } from '../batch.ts'
import { canonicalText, hashOf, readCanonical } from '../canonical.ts'
import type { Result } from '../fault.ts'
import { batchSignature, directoryId, hashText, instant, suiteId, VERSION } from '../model.ts'

const title = z.string().min(1).max(200)
const publicKey = z.string().regex(/^[A-Za-z0-9_-]{87}$/) // 65 bytes
const region = z.string().max(32)
const der = z.string().regex(/^[A-Za-z0-9_-]*$/).max(8192)
const span = { from: instant, until: instant.nullable() }

/** A node's own signing keys, at least one per suite it signs in. */
export const nodeKeySet = z.array(z.strictObject({ id: directoryId, suite: suiteId, publicKey })).min(1).max(8)
export type NodeKeys = z.infer<typeof nodeKeySet>

const bodies = {
  /** Statement 0 of a node's own log; may be stated again when something but the keys changes. */
  node: z.strictObject({
    kind: z.literal('node'),
    node: directoryId,
    title,
    level: z.enum(['province', 'city', 'county', 'department']),
    region,
    regionTitle: z.string().max(100),
    maxLabel: z.number().int().min(0).max(7),
    parent: directoryId.nullable(),
    keys: nodeKeySet,
    /** The TLS certificate that the node shows, and others that it may show: the next one, published before it is used, or the last one. */
    tls: z.strictObject({ certificate: der, also: z.array(der).min(1).max(2).optional() }),
    endpoint: z.string().max(300).nullable(),
    /** Persons of whom any two together may give this node new keys when its own are lost. */
    recoverers: z.array(z.strictObject({ person: directoryId, suite: suiteId, publicKey })).max(16).optional(),
  }),
  /** In the parent's log: introduces a child by the keys of the child's statement 0. Never other keys for the same child. */
  child: z.strictObject({ kind: z.literal('child'), node: directoryId, keys: nodeKeySet }),
  organ: z.strictObject({
    kind: z.literal('organ'),
    organ: directoryId,
    title,
    system: z.enum(['party', 'government', 'congress', 'cppcc', 'mass']),
    region,
    regionTitle: z.string().max(100),
    ...span,
    /** Where its documents are forwarded after `until`. */
    successors: z.array(directoryId).max(16),
    /** The node that may state this organ from `until` on: the organ moves there. Without it an id that ended is nobody's. */
    movedTo: directoryId.optional(),
  }),
  issuingName: z.strictObject({ kind: z.literal('issuingName'), name: directoryId, title, code: z.string().max(40), organ: directoryId, ...span }),
  key: z.strictObject({ kind: z.literal('key'), key: directoryId, owner: directoryId, purpose: z.enum(['sign', 'encrypt']), suite: suiteId, publicKey, certificate: der, ...span }),
  keyStatus: z.strictObject({ kind: z.literal('keyStatus'), key: directoryId, status: z.enum(['retired', 'revoked', 'compromised']), since: instant }),
  /** 代收: `deputy` may sign for what is addressed to `organ`. */
  deputy: z.strictObject({ kind: z.literal('deputy'), organ: directoryId, deputy: directoryId, ...span }),
  /** Roll-over of the node's keys, signed by an old one. */
  nodeKey: z.strictObject({ kind: z.literal('nodeKey'), keys: nodeKeySet }),
  /** In the parent's log: new keys for a child that lost its own, approved by two of the persons the child itself had named. */
  recovery: z.strictObject({
    kind: z.literal('recovery'),
    node: directoryId,
    keys: nodeKeySet,
    /** The last statement of the child's log that stands; what came after it is void. */
    after: z.strictObject({ seq: z.number().int().min(0), hash: hashText }),
    reason: z.string().min(1).max(500),
    approvals: z.array(batchSignature).length(2),
  }),
  /**
   * In the log of the node's parent, or of any above it: its neighbours refuse and hold what is for it (封锁). `key`: only that key of the node's or of an
   * organ that it hosts is not good any more. `compromisedSince`: what was signed after that instant cannot be judged.
   */
  block: z.strictObject({ kind: z.literal('block'), node: directoryId, key: directoryId.nullable(), compromisedSince: instant.nullable(), reason: z.string().min(1).max(500) }),
  /** Ends the same log's block of the same node and key (解除封锁); what was compromised stays so. */
  unblock: z.strictObject({ kind: z.literal('unblock'), node: directoryId, key: directoryId.nullable(), reason: z.string().min(1).max(500) }),
  /**
   * In the log of the node's parent, or of any above it (退网). `closing`: nothing new is addressed to the node's organs or sent by them, what is under way arrives.
   * `staying`: the same log's closing is taken back. `gone`: from this line's instant on its organs, names and keys are ended, for ever.
   */
  leave: z.strictObject({ kind: z.literal('leave'), node: directoryId, phase: z.enum(['closing', 'staying', 'gone']), reason: z.string().min(1).max(500) }),
  /**
   * In the leaving node's own log: nothing waits there any more. `closing` is the hash of the line that it answers: a later closing wants its own. `taken`: how many
   * shipments it had taken over from its parent by then, ever; what comes after wants another farewell.
   */
  farewell: z.strictObject({ kind: z.literal('farewell'), closing: hashText, taken: z.number().int().min(0) }),
  heartbeat: z.strictObject({ kind: z.literal('heartbeat') }),
}
export const statementBody = z.discriminatedUnion('kind', [
  bodies.node,
  bodies.child,
  bodies.organ,
  bodies.issuingName,
  bodies.key,
  bodies.keyStatus,
  bodies.deputy,
  bodies.nodeKey,
  bodies.recovery,
  bodies.block,
  bodies.unblock,
  bodies.leave,
  bodies.farewell,
  bodies.heartbeat,
])
export type StatementBody = z.infer<typeof statementBody>
export type NodeBody = z.infer<typeof bodies.node>
export type OrganBody = z.infer<typeof bodies.organ>
export type IssuingNameBody = z.infer<typeof bodies.issuingName>
export type KeyBody = z.infer<typeof bodies.key>
export type DeputyBody = z.infer<typeof bodies.deputy>
export type FarewellBody = z.infer<typeof bodies.farewell>
export type RecoveryBody = z.infer<typeof bodies.recovery>

/** One line of a node's append-only log. `previous` is the hash of the line before. */
export const statement = z.strictObject({ v: z.literal(VERSION), log: directoryId, seq: z.number().int().min(0).max(100_000_000), previous: hashText.nullable(), at: instant, body: statementBody })
export type Statement = z.infer<typeof statement>
export const signedStatement = z.strictObject({ statement, seal: batchSignature })
export type SignedStatement = z.infer<typeof signedStatement>

/** Most bytes and lines of one log read at once. */
export const MAX_LOG_BYTES = 64 * 1024 * 1024
const logFile = z.array(signedStatement).max(100_000)
/** Reads a log (canonical JSON array of signed statements) from hostile bytes. */
export const readLog = (bytes: Uint8Array): Result<SignedStatement[]> => readCanonical(bytes, logFile, { maxBytes: MAX_LOG_BYTES })

/** Hash of a statement, in the suite in which it was sealed. */
export const statementHash = (suite: Suite, value: Statement): string => hashOf(suite, 'statement', value)
export const signedStatementHash = (suites: Suites, signed: SignedStatement): string => statementHash(suites[signed.seal.suite], signed.statement)

/**
 * The next statements of a log, chained and sealed with one signature. `last` is the log's newest line (null at the birth of a node).
 * Time never runs backwards within a log: a clock that was set back is lifted to the last line's instant.
 */
export function appendStatements(
  suites: Suites,
  to: { readonly log: string; readonly last: SignedStatement | null; readonly at: string; readonly signer: BatchSigner & { readonly suite: SuiteId } },
  bodiesToState: readonly StatementBody[],
): SignedStatement[] {
  if (bodiesToState.length === 0) return []
  const suite = suites[to.signer.suite]
  const at = to.last !== null && to.last.statement.at > to.at ? to.last.statement.at : to.at
  let previous = to.last === null ? null : signedStatementHash(suites, to.last)
  let seq = to.last === null ? 0 : to.last.statement.seq + 1
  const statements = bodiesToState.map((body): Statement => {
    const next = statement.parse({ v: VERSION, log: to.log, seq: seq++, previous, at, body })
    previous = statementHash(suite, next)
    return next
  })
  const seals = signBatch(suite, to.signer, 'statement', statements)
  return statements.map((value, i) => ({ statement: value, seal: seals[i] as SignedStatement['seal'] }))
}

/** Whether two key sets are the same keys, in any order. */
export const sameKeys = (a: NodeKeys, b: NodeKeys): boolean => canonicalText(sorted(a)) === canonicalText(sorted(b))
const sorted = (keys: NodeKeys): NodeKeys => [...keys].sort((a, b) => (a.id < b.id ? -1 : 1))

/**
 * Fingerprint of a node by its first keys, 64 hex digits (SM3): what a join code and `verify` pin for the root of the tree.
 */
export const anchorFingerprint = (suites: Suites, node: string, keys: NodeKeys): string =>
  hex(fromBase64url(hashOf(suites.SM, 'anchor', { node, keys: sorted(keys) })))

/** What two recoverers approve: signed under the domain `recovery`, one seal each, `key` naming the person. */
export const recoveryOrder = (body: Pick<RecoveryBody, 'node' | 'keys' | 'after' | 'reason'>): unknown => ({ node: body.node, keys: sorted(body.keys), after: body.after, reason: body.reason })

/** Every TLS certificate that a node may show now (base64url DER): callers and callees are recognised by any of them. */
export const tlsCertificates = ({ tls }: NodeBody): readonly string[] => [tls.certificate, ...(tls.also ?? [])]
