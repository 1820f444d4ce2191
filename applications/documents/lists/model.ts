import { oneLine } from '@postroad/kernel/text'
import { directoryId, instant, uuid } from '@postroad/waybill'
import { z } from 'zod'

/** One recipient of a list, as a draft names it. */
const listMember = z.strictObject({ organ: directoryId, name: directoryId, role: z.enum(['to', 'cc']) })
const title = oneLine(60)

/** A list of recipients (常用发送范围) as it stands now. `own`: of the organ acted for, which alone may change it. */
export const recipientList = z.strictObject({ list: uuid, organ: directoryId, own: z.boolean(), version: z.number().int(), shared: z.boolean(), title, members: z.array(listMember), at: instant })
export type RecipientList = z.infer<typeof recipientList>
export const listsAnswer = z.strictObject({ lists: z.array(recipientList) })

/** A new version of a list. `version` is one more than the version it replaces, 1 for a new list: who changed an older one is told so. */
export const listChange = z.strictObject({
  list: uuid,
  version: z.number().int().min(1).max(1_000_000),
  shared: z.boolean(),
  title,
  members: z.array(listMember).max(20_000).refine((members) => new Set(members.map(({ organ }) => organ)).size === members.length),
  /** Taken out of use; its versions stay. */
  ended: z.boolean(),
})
export type ListChange = z.infer<typeof listChange>
export const listAnswer = z.strictObject({ version: z.number().int() })
