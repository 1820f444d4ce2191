import { directoryId } from '@postroad/waybill'
import { z } from 'zod'
import { fingerprint } from './model.ts'

// What the desk and terminals read.
export const nameEntry = z.strictObject({
  name: directoryId,
  title: z.string(),
  code: z.string(),
  organ: directoryId,
  organTitle: z.string(),
  system: z.string(),
  region: z.string(),
  regionTitle: z.string(),
  node: directoryId,
  nodeTitle: z.string(),
  place: z.array(z.string()),
})
const treeOrgan = z.strictObject({
  organ: directoryId,
  title: z.string(),
  system: z.string(),
  region: z.string(),
  regionTitle: z.string(),
  names: z.array(z.strictObject({ name: directoryId, title: z.string(), code: z.string() })),
  deputies: z.array(directoryId),
})
export const treeNode = z.strictObject({
  node: directoryId,
  title: z.string(),
  level: z.string(),
  region: z.string(),
  regionTitle: z.string(),
  organs: z.array(treeOrgan),
  get children() {
    return z.array(treeNode)
  },
})
export const searchQuery = z.strictObject({ q: z.string().min(1).max(100), at: z.iso.datetime({ precision: 3 }).optional() })
export const anchorAnswer = z.strictObject({ node: directoryId, fingerprint, self: directoryId })
