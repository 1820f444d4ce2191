import { directoryId } from '@postroad/waybill'
import { z } from 'zod'

// Shapes that travel between the node and the console's pages; read by both, no I/O.

/** How the link to one neighbour is doing. Times are ISO 8601, UTC. */
export const linkCondition = z.strictObject({
  peer: directoryId,
  title: z.string(),
  greeted: z.boolean(),
  failures: z.number().int(),
  pausedUntil: z.string().nullable(),
  lastError: z.string().nullable(),
  /** Shipments, and receipts on their way back, that wait in this process. */
  waiting: z.number().int(),
  receipts: z.number().int(),
})

export const condition = z.strictObject({ node: directoryId, at: z.string(), links: z.array(linkCondition) })
export type Condition = z.infer<typeof condition>
