import { alarm, condition } from '@postroad/watch/model'
import { z } from 'zod'

// Shapes that travel between the node and the console's pages; read by both, no I/O.

/** How the node is doing, with the alarms that stand and the last that were cleared. */
export const conditionAnswer = z.strictObject({ condition, open: z.array(alarm), cleared: z.array(alarm) })
export type ConditionAnswer = z.infer<typeof conditionAnswer>

export const alarmParams = z.object({ id: z.uuid() })
/** What is being done about an alarm, in a person's words. */
export const seenRequest = z.strictObject({ note: z.string().trim().min(1).max(500) })
