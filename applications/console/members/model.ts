import { oneLine } from '@postroad/kernel/text'
import { directoryId } from '@postroad/waybill'
import { z } from 'zod'

// Shapes that travel between the node and the page 成员节点; read by both, no I/O. Times are ISO 8601, UTC.

const instant = z.string()
const person = z.strictObject({ id: z.string(), name: z.string() })
const level = z.enum(['province', 'city', 'county', 'department'])
const place = z.strictObject({
  title: oneLine(200),
  level,
  region: oneLine(32),
  regionTitle: oneLine(100),
  maxLabel: z.number().int().min(0).max(2),
})

/** Who is to be invited. */
export const invitationDraft = place.extend({ node: directoryId })
export type InvitationDraft = z.infer<typeof invitationDraft>
/** The one-time code in lines: shown once, kept nowhere. */
export const invited = z.strictObject({ id: z.uuid(), expires: instant, code: z.array(z.string()) })
export type Invited = z.infer<typeof invited>

export const approval = z.strictObject({ fingerprint: z.string().regex(/^[0-9a-f]{64}$/) })
export const reasoned = z.strictObject({ reason: z.string().trim().min(1).max(450) })

/** `compromisedSince`: what was signed with the node's keys after that instant is not to be trusted. */
export const blocking = reasoned.extend({ compromisedSince: z.iso.datetime({ precision: 3 }).nullable() })

/** `forced`: the node cannot be asked any more; what waits for it becomes undeliverable. */
export const dismissal = reasoned.extend({ forced: z.boolean() })

const count = z.number().int()
const leaving = z.strictObject({ phase: z.enum(['closing', 'gone']), since: instant, reason: z.string(), /** It said that nothing waits there any more. */ ready: z.boolean() })
/** What this node itself still has to do before it can leave; `open`: documents sent that others have not signed for. */
const undone = z.strictObject({ shipments: count, receipts: count, unsigned: count, open: count })
export type OwnLeaving = NonNullable<Members['leaving']>

/** An invitation and where it stands. */
export const invitation = z.strictObject({
  id: z.uuid(),
  node: directoryId,
  place: place.nullable(),
  state: z.enum(['invited', 'asked', 'approved', 'refused', 'withdrawn', 'expired', 'joined']),
  created: instant,
  expires: instant,
  by: person.nullable(),
  /** Whoever showed the code. `spoken`: the fingerprint as two people compare it by telephone. */
  asked: z.strictObject({ at: instant, title: z.string(), address: z.string(), fingerprint: z.string(), spoken: z.string() }).nullable(),
  /** Other machines that showed the same code. */
  contested: z.number().int(),
  decided: z.strictObject({ at: instant, by: person, reason: z.string() }).nullable(),
})
export type InvitationRow = z.infer<typeof invitation>

export const member = z.strictObject({ node: directoryId, title: z.string(), level, regionTitle: z.string(), endpoint: z.string().nullable(), organs: z.number().int(), certificateUntil: instant,
  /** Since when and why its neighbours deal with it no more; `own`: by this centre, which can end it. */
  blocked: z.strictObject({ since: instant, reason: z.string(), own: z.boolean() }).nullable(),
  /** How it stands that leaves (退网); `waiting`: documents and receipts that wait for it here, `since`: handed to it since it said farewell. */
  leaving: leaving.extend({ own: z.boolean(), waiting: z.strictObject({ shipments: count, receipts: count, since: count }) }).nullable(),
})
export type Member = z.infer<typeof member>

export const members = z.strictObject({ self: place.extend({ node: directoryId }), twoPersons: z.boolean(), invitations: z.array(invitation), members: z.array(member), /** This node itself is leaving. */ leaving: leaving.extend({ undone }).nullable() })
export type Members = z.infer<typeof members>
