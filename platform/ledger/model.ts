import type { Principal } from '@postroad/kernel/principal'
import { z } from 'zod'

/** Suite of the ledger's leaves and tree; its checkpoints are signed with the node's key of the same suite. */
export const LEDGER_SUITE = 'SM'

const name = z.string().min(1).max(128)
/** Who did it: a person (with the post acted as), one of the node's own services, a peer node, or somebody not signed in. */
export const ledgerActor = z.strictObject({ kind: z.enum(['person', 'service', 'node', 'anonymous']), id: name, post: name.optional(), organ: name.optional() })
export type LedgerActor = z.infer<typeof ledgerActor>

/** What a room hands to `record`. `detail` holds numbers, codes and ids, never content or secrets. */
export const ledgerEntry = z.strictObject({
  act: z.string().regex(/^[a-z][A-Za-z]*\.[A-Za-z0-9.]{1,63}$/),
  actor: ledgerActor,
  /** Id of what was acted on; `-` where there is none. */
  object: z.string().min(1).max(256),
  outcome: z.enum(['done', 'refused']),
  detail: z.record(z.string().max(64), z.union([z.string().max(512), z.number(), z.boolean()])),
})
export type LedgerEntry = z.infer<typeof ledgerEntry>

/** A leaf as stored. The id is a UUIDv7: its random bits keep whoever sees a neighbour's hash in a proof from guessing its content. */
export const ledgerLeaf = ledgerEntry.extend({ v: z.literal(1), id: z.uuidv7(), at: z.iso.datetime({ precision: 3 }) })
export type LedgerLeaf = z.infer<typeof ledgerLeaf>

/** What the node signs (domain `checkpoint`): the first `size` leaves of the log have this RFC 6962 root. */
export const checkpoint = z.strictObject({ v: z.literal(1), log: z.string(), suite: z.literal(LEDGER_SUITE), size: z.number().int().min(0), root: z.string().length(43), at: z.iso.datetime({ precision: 3 }) })
export type Checkpoint = z.infer<typeof checkpoint>

/** The name of a node's ledger inside its checkpoints. */
export const logName = (node: string): string => `ledger/${node}`

/** The actor that a principal is, as the ledger writes it. */
export function actorOf(principal: Principal): LedgerActor {
  if (principal.kind === 'service') return { kind: 'service', id: principal.service }
  return { kind: 'person', id: principal.person, post: principal.acting.id, organ: principal.acting.organ }
}
