import { suiteId } from '@postroad/waybill'
import { z } from 'zod'
import type { ACTS } from './words.ts'

/** Ids that become file names: the directory's and identity's ids are of this form. */
const id = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/)
const base64url = z.string().regex(/^[A-Za-z0-9_-]*$/)

/** A work session with an organ's keys ends after this long without use, and after the second limit in any case. */
export const IDLE_MS = 30 * 60_000
export const ABSOLUTE_MS = 9 * 3_600_000
export const MAX_BATCH = 1000
/** One relayed frame; a manifest to 100,000 recipients fits. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024
export const MAX_CHANNELS_PER_PERSON = 8
export const MAX_CHANNELS = 2000

/** Argon2id for a secret that a person chose: 64 MiB, three passes. */
export const KDF_CHOSEN = { memoryKiB: 64 * 1024, passes: 3, lanes: 1 } as const
/** For a generated one, which has 66 uniform bits already: OWASP's minimum, so that a node with many organs starts quickly. */
export const KDF_GENERATED = { memoryKiB: 19 * 1024, passes: 2, lanes: 1 } as const

const box = z.strictObject({ nonce: base64url, sealed: base64url })
export const organKeyRecord = z.strictObject({
  key: id,
  purpose: z.enum(['sign', 'encrypt']),
  suite: suiteId,
  publicKey: base64url,
  certificates: z.array(base64url),
  private: box,
})
export type OrganKeyRecord = z.infer<typeof organKeyRecord>

export const holderRecord = z.strictObject({
  person: id,
  salt: base64url,
  kdf: z.strictObject({ memoryKiB: z.number().int().max(1024 * 1024), passes: z.number().int().max(20), lanes: z.number().int().max(16) }),
  organKey: box,
  /** The secret was generated for the holder, who has not chosen another yet. */
  temporary: z.boolean(),
  since: z.iso.datetime(),
})
export type HolderRecord = z.infer<typeof holderRecord>

/** A key for decrypting what was sent to an organ that ended: its heir keeps it beside its own. */
const inheritedKey = z.strictObject({ from: id, key: id, suite: suiteId, publicKey: base64url, private: box })
export type InheritedKey = z.infer<typeof inheritedKey>

/** `<home>/keys/organs/<organ>.json`: private keys sealed under a random organ key, that one sealed per holder. */
export const organRecord = z.strictObject({
  v: z.literal(1), organ: id, created: z.iso.datetime(), keys: z.array(organKeyRecord), holders: z.array(holderRecord).min(1), inherited: z.array(inheritedKey).max(1000).optional(),
})
export type OrganRecord = z.infer<typeof organRecord>

/**
 * `<home>/keys/bequests/<from>@<to>.json`: an organ's keys for decrypting, given by one of its holders to the organ that takes over from it. Sealed under a
 * fresh key that only the heir's own key can unwrap; taken in when the heir's keys are next opened, so that nobody can forget it.
 */
export const bequest = z.strictObject({
  v: z.literal(1), from: id, to: id, person: id, at: z.iso.datetime(), heirKey: id, wrap: base64url.max(1000),
  keys: z.array(z.strictObject({ from: id, key: id, suite: suiteId, publicKey: base64url, private: box })).max(1000),
})
export type Bequest = z.infer<typeof bequest>

/** What may be known of an organ's keys without opening them. */
export type PublicOrganKey = { readonly key: string; readonly purpose: 'sign' | 'encrypt'; readonly suite: z.infer<typeof suiteId>; readonly publicKey: string; readonly certificates: number }

/** Operations a terminal asks for inside its channel; secrets, manifests, receipts and wraps come as the parcel's binaries. */
export const operation = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('open'), person: id, organ: id }),
  z.strictObject({ op: z.literal('signManifests'), organ: id, suite: suiteId }),
  z.strictObject({ op: z.literal('signReceipts'), organ: id, suite: suiteId }),
  z.strictObject({ op: z.literal('unwrap'), organ: id, keys: z.array(id).max(MAX_BATCH) }),
  z.strictObject({ op: z.literal('changeSecret'), organ: id }),
  z.strictObject({ op: z.literal('addHolder'), organ: id, person: id }),
  z.strictObject({ op: z.literal('removeHolder'), organ: id, person: id }),
  z.strictObject({ op: z.literal('bequeath'), organ: id, heir: id, key: id }),
  z.strictObject({ op: z.literal('status') }),
  z.strictObject({ op: z.literal('close') }),
])
export type Operation = z.infer<typeof operation>

/** Requests of the web process's own, apart from what it relays. None of them carries or answers a secret. */
export const control = z.discriminatedUnion('control', [
  z.strictObject({ control: z.literal('relay'), person: id, session: z.string().min(1).max(128) }),
  z.strictObject({ control: z.literal('createOrgan'), organ: id, holders: z.array(id).max(200) }),
  z.strictObject({ control: z.literal('setCertificates'), organ: id, key: id }),
  z.strictObject({ control: z.literal('listOrgans') }),
  z.strictObject({ control: z.literal('listBequests') }),
  z.strictObject({ control: z.literal('takeBequest') }),
  z.strictObject({ control: z.literal('pid') }),
  z.strictObject({ control: z.literal('processKeys') }),
  z.strictObject({ control: z.literal('count') }),
  z.strictObject({ control: z.literal('closeSession'), session: z.string().min(1).max(128) }),
])
export type Control = z.infer<typeof control>

/** What the web process learns of a relayed operation: enough for the ledger, nothing of its content. */
export type Note = { readonly op: keyof typeof ACTS; readonly organ: string | null; readonly count: number; readonly outcome: 'done' | 'refused'; readonly code: string | null }

/** Failed openings of one holder. */
export const attempts = z.record(z.string(), z.strictObject({ failures: z.number().int().min(0), notBefore: z.number().min(0) }))
export type Attempts = z.infer<typeof attempts>

const FREE_FAILURES = 2
const LONGEST_WAIT_MS = 3_600_000

/** How long a holder waits after the nth failure in a row: two are free, then 2 s, doubling up to an hour. */
export function waitAfter(failures: number): number {
  return failures <= FREE_FAILURES ? 0 : Math.min(1000 * 2 ** (failures - FREE_FAILURES), LONGEST_WAIT_MS)
}

/** A secret of five groups of four digits (66 bits) from uniform bytes; bytes of 250 and above are passed over so that digits are uniform. */
export function secretFrom(random: (length: number) => Uint8Array): Uint8Array {
  const out = new Uint8Array(24)
  let at = 0
  while (at < out.length) {
    for (const byte of random(32)) {
      if (byte >= 250 || at >= out.length) continue
      if (at % 5 === 4) out[at++] = 0x2d // '-'
      out[at++] = 0x30 + (byte % 10)
    }
  }
  return out
}

/** Whether a person may choose these bytes (already normalised) as key secret: 12 to 128, at least five different, no run up or down throughout. */
export function isStrongSecret(secret: Uint8Array): boolean {
  if (secret.length < 12 || secret.length > 128 || new Set(secret).size < 5) return false
  const steps = new Set<number>()
  for (let i = 1; i < secret.length; i++) steps.add((secret[i] ?? 0) - (secret[i - 1] ?? 0))
  return steps.size > 3
}

/** Sequence numbers seen on a channel. Requests may overtake one another by up to 64; each number works once. */
export type Seen = { readonly highest: bigint; readonly recent: ReadonlySet<bigint> }
export const nothingSeen: Seen = { highest: 0n, recent: new Set() }
const WINDOW = 64n

/** The window after `sequence`, or null if it was seen before or is older than the window. */
export function see(seen: Seen, sequence: bigint): Seen | null {
  if (sequence <= 0n || sequence + WINDOW <= seen.highest || seen.recent.has(sequence)) return null
  const highest = sequence > seen.highest ? sequence : seen.highest
  return { highest, recent: new Set([...seen.recent, sequence].filter((each) => each + WINDOW > highest)) }
}
