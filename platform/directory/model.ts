import { directoryId, hashText, signedStatement } from '@postroad/waybill'
import { z } from 'zod'

const title = z.string().min(1).max(200)
const regionId = z.string().min(1).max(32)
const regionTitle = z.string().min(1).max(100)
/** 64 hex digits: `anchorFingerprint` of the root of the tree. */
export const fingerprint = z.string().regex(/^[0-9a-f]{64}$/)
export const joinCode = z.string().min(20).max(200)

const bootstrapName = z.strictObject({ id: directoryId, title, code: z.string().max(40) })
const bootstrapOrgan = z.strictObject({
  id: directoryId,
  title,
  system: z.enum(['party', 'government', 'congress', 'cppcc', 'mass']),
  region: regionId,
  regionTitle,
  names: z.array(bootstrapName).min(1).max(50),
  /** Organs that may sign for this one (代收). */
  deputies: z.array(directoryId).max(50).default([]),
})
const bootstrapPost = z.strictObject({ id: z.string().min(1).max(64), organ: directoryId, title: z.string().min(1).max(100), duties: z.array(z.string().max(64)).max(50) })
const bootstrapPerson = z.strictObject({ id: z.string().min(1).max(64), name: z.string().min(1).max(50), posts: z.array(bootstrapPost).min(1).max(20), clearance: z.number().int().min(0).max(7) })

/** A node's first-start settings, read once. */
export const bootstrapSchema = z.strictObject({
  node: z.strictObject({
    id: directoryId,
    title,
    level: z.enum(['province', 'city', 'county', 'department']),
    region: regionId,
    regionTitle,
    maxLabel: z.number().int().min(0).max(2),
    /** Where others reach this node's road, if that is not the address it listens on. */
    endpoint: z.url({ protocol: /^https$/ }).max(300).optional(),
  }),
  /** Null: this node is the root of its tree. `anchor` is the root's fingerprint, `code` works once. */
  parent: z.strictObject({ node: directoryId, url: z.url({ protocol: /^https$/ }), code: joinCode, anchor: fingerprint }).nullable(),
  /** Nodes that may join under this one, and the codes they will bring. */
  invites: z.array(z.strictObject({ node: directoryId, code: joinCode })).max(1000).default([]),
  organs: z.array(bootstrapOrgan).max(10_000).default([]),
  people: z.array(bootstrapPerson).max(100_000).default([]),
  desk: z.record(z.string(), z.unknown()).optional(),
})
export type Bootstrap = z.infer<typeof bootstrapSchema>
export type BootstrapOrgan = Bootstrap['organs'][number]

/** People of an organ who hold its keys: those whose post handles documents. */
export const holdersOf = (bootstrap: Bootstrap, organ: string): string[] =>
  bootstrap.people.filter((person) => person.posts.some((post) => post.organ === organ && post.duties.some((duty) => duty.startsWith('documents.')))).map((person) => person.id)

/** Statements in one message between nodes; the rest follows in the next. */
export const MAX_STATEMENTS = 500
/** Bytes of one message between nodes. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

const head = z.strictObject({ seq: z.number().int().min(0), hash: hashText })
export const heads = z.record(directoryId, head)
export type Heads = z.infer<typeof heads>

const der = z.string().regex(/^[A-Za-z0-9_-]+$/).max(8192)
const chain = z.array(der).min(1).max(12)
/** A node's CA certificates from its own up to the root's, for each suite. */
export const caChains = z.strictObject({ SM: chain, P256: chain })
export type CaChains = z.infer<typeof caChains>

/** `POST /road/v1/directory`: what I know, and what I think you lack. */
export const exchangeRequest = z.strictObject({ v: z.literal(1), heads, statements: z.array(signedStatement).max(MAX_STATEMENTS) })
export type ExchangeRequest = z.infer<typeof exchangeRequest>
export const exchangeAnswer = z.strictObject({ v: z.literal(1), heads, statements: z.array(signedStatement).max(MAX_STATEMENTS) })
export type ExchangeAnswer = z.infer<typeof exchangeAnswer>

/** `POST /road/v1/anchor`, for anybody: the root's first line, whose keys have the anchor's fingerprint. A mistyped anchor costs no code. */
export const anchorRequest = z.strictObject({ v: z.literal(1) })
export const anchorLine = z.strictObject({ v: z.literal(1), first: signedStatement })

/** Who a new node will be. */
export const invitedPlace = z.strictObject({ title, level: z.enum(['province', 'city', 'county', 'department']), region: regionId, regionTitle, maxLabel: z.number().int().min(0).max(2) })

/**
 * `POST /road/v1/invitation`: what does this code invite to? `proof` shows that the caller holds the code, for the certificate that it saw (`seen`, a hash),
 * so that nobody in the middle can pass it on unseen.
 */
export const invitationRequest = z.strictObject({ v: z.literal(1), node: directoryId, seen: hashText, proof: hashText })
export type InvitationRequest = z.infer<typeof invitationRequest>
export const invitationAnswer = z.strictObject({ v: z.literal(1), node: directoryId, place: invitedPlace.nullable(), expires: z.iso.datetime(), parent: z.string().max(200), asked: z.boolean() })
export type InvitationAnswer = z.infer<typeof invitationAnswer>

/** `POST /road/v1/join`: a node's own log so far, with the same proof. */
export const joinRequest = z.strictObject({ v: z.literal(1), node: directoryId, statements: z.array(signedStatement).min(1).max(20_000), seen: hashText, proof: hashText })
export type JoinRequest = z.infer<typeof joinRequest>
/** Either the tree's directory and the node's certificates, or: somebody at the centre's desk has to approve first. */
export const joinAnswer = z.union([
  z.strictObject({ v: z.literal(1), statements: z.array(signedStatement).max(100_000), caChains }),
  z.strictObject({ v: z.literal(1), pending: z.literal(true) }),
])
export type JoinAnswer = z.infer<typeof joinAnswer>

/** `POST /road/v1/certificates`, by a child: CA certificates for keys of its own that the directory has, one of each suite. */
export const certificatesRequest = z.strictObject({ v: z.literal(1), keys: z.array(directoryId).length(2) })
export const certificatesAnswer = z.strictObject({ v: z.literal(1), caChains })

export const changedEvent = z.strictObject({ logs: z.array(directoryId) })
