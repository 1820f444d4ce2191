import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type KeyPair, SUITE_IDS, type SuiteId, type Suites, base64url, fromBase64url } from '@postroad/gm'
import { replaceFile } from '@postroad/kernel/durable-file'
import { type LogHead, directoryId, hashText } from '@postroad/waybill'
import { z } from 'zod'
import { caChains, fingerprint } from './model.ts'

const bytes = z.string().regex(/^[A-Za-z0-9_-]+$/)
const keyPair = z.strictObject({ privateKey: bytes, publicKey: bytes })

/** `<home>/keys/node.json`: what makes this node this node. Organ keys are elsewhere, and this process cannot open them. */
const secretsFile = z.strictObject({
  v: z.literal(1),
  node: directoryId,
  /** Sign statements, hop lines, receipts and checkpoints, and as CA the certificates of organs and children; one per suite. */
  keys: z.array(keyPair.extend({ id: directoryId, suite: z.enum(['SM', 'P256']) })).length(2),
  tls: keyPair.extend({ certificate: bytes }),
  /** Published and not yet used. */
  tlsNext: keyPair.extend({ certificate: bytes }).optional(),
  keysNext: z.array(keyPair.extend({ id: directoryId, suite: z.enum(['SM', 'P256']) })).length(2).optional(),
  /** What signed before: checkpoints of the ledger are still verified with these. */
  retired: z.array(z.strictObject({ id: directoryId, suite: z.enum(['SM', 'P256']), publicKey: bytes })).optional(),
  /** From this node's own CA certificate up: to the root's once the node has joined. */
  caChains,
  /** The root of the tree: this node itself, or known from the join on. */
  anchor: z.strictObject({ node: directoryId, fingerprint }).nullable(),
})
export type SecretsFile = z.infer<typeof secretsFile>
export type NodeKey = { readonly id: string; readonly suite: SuiteId; readonly keyPair: KeyPair }

const pathOf = (home: string): string => join(home, 'keys', 'node.json')

/** The node's keys, or null before its first start. @throws ZodError on a damaged file */
export const readSecrets = (home: string): SecretsFile | null => (existsSync(pathOf(home)) ? secretsFile.parse(JSON.parse(readFileSync(pathOf(home), 'utf8'))) : null)
export const writeSecrets = (home: string, secrets: SecretsFile): void => replaceFile(pathOf(home), JSON.stringify(secrets))

/** Fresh keys of both suites, the `generation`th of the node. */
export function makeNodeKeys(suites: Suites, node: string, generation = 1): NodeKey[] {
  return SUITE_IDS.map((suite) => ({ id: `${node}.${suite.toLowerCase()}.${generation}`, suite, keyPair: suites[suite].generateKeyPair() }))
}

export const storedPair = (pair: KeyPair): z.infer<typeof keyPair> => ({ privateKey: base64url(pair.privateKey), publicKey: base64url(pair.publicKey) })
export const loadedPair = (pair: z.infer<typeof keyPair>): KeyPair => ({ privateKey: fromBase64url(pair.privateKey), publicKey: fromBase64url(pair.publicKey) })

const headFile = (home: string): string => join(home, 'directory', 'head.json')
const ownHead = z.strictObject({ seq: z.number().int().min(0), hash: hashText })

/** The newest line of the node's own log that left this process: a database restored from before it must not grow another line in its place. */
export const readOwnHead = (home: string): LogHead | null => (existsSync(headFile(home)) ? ownHead.parse(JSON.parse(readFileSync(headFile(home), 'utf8'))) : null)
export const writeOwnHead = (home: string, head: LogHead): void => replaceFile(headFile(home), JSON.stringify({ seq: head.seq, hash: head.hash }))
