import { directoryId } from '@postroad/waybill'
import { z } from 'zod'

// Shapes that travel between the node and the page 摆渡; read by both, no I/O. Times are ISO 8601, UTC; sizes are bytes.

const list = <T extends z.ZodType>(of: T) => z.array(of).readonly()
const count = z.number().int()
const instant = z.string()
const person = z.strictObject({ id: z.string(), name: z.string() })

/** A bundle that waits for a second person or for the medium. `bytes`: of its documents. */
const openBundle = z.strictObject({
  number: count, state: z.enum(['prepared', 'released']), preparedBy: person.nullable(), releasedBy: person.nullable(),
  shipments: count, receipts: count, answers: count, bytes: count, topLabel: count,
})
export type OpenBundle = z.infer<typeof openBundle>

/** How a link stands that is carried by bundle; what each part means is told in the road's `BundleStatus`. */
const bundleLink = z.strictObject({
  link: directoryId, title: z.string(), oneWay: z.boolean(), twoPersons: z.boolean(), lastWritten: count,
  open: openBundle.nullable(),
  waiting: z.strictObject({ shipments: count, bytes: count, receipts: count, answers: count }),
  /** Above the link's label; those above the reader's clearance are counted only. */
  held: list(z.strictObject({ shipment: z.string(), sender: z.string(), created: instant, urgency: z.string(), label: count })),
  heldAbove: count,
  unconfirmed: list(z.strictObject({ number: count, writtenAt: instant, isMissed: z.boolean() })),
  unanswered: list(z.strictObject({ number: count, shipments: count, times: count })),
  heard: z.strictObject({ highest: count, at: instant.nullable(), gaps: list(z.strictObject({ from: count, to: count })), partial: list(count) }),
})
export type BundleLink = z.infer<typeof bundleLink>
export const bundleLinks = z.strictObject({ links: list(bundleLink) })
export type BundleLinks = z.infer<typeof bundleLinks>

/** What whoever releases a bundle looks at: heads only, those above the reader's clearance counted. */
export const contents = z.strictObject({
  shipments: list(z.strictObject({ message: z.string(), sender: z.string(), recipients: list(z.string()), urgency: z.string(), label: count, bytes: count, created: instant })),
  aboveClearance: count,
})
export type Contents = z.infer<typeof contents>
