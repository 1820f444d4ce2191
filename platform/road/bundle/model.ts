import type { LinkSetting } from '@postroad/directory/service'

/** A shipment that waits for a bundle. `line`: the thread in which it keeps its place, null where it has none. */
export type Candidate = { readonly id: string; readonly label: number; readonly line: string | null; readonly ordinal: number; readonly rank: number }

/**
 * Which shipments go, and in which order: the earliest deadline first, within a thread by their numbers. `waits` are those of a thread that are on their way
 * or wait for something: a later one goes behind an earlier one in the same bundle, never in a later bundle before the earlier one has arrived,
 * as bundles may be imported in any order. Over a link without a way back nobody would ever know, so there only the order within a bundle is kept.
 */
export function chooseShipments<C extends Candidate>(candidates: readonly C[], waits: readonly Pick<Candidate, 'line' | 'ordinal'>[], setting: Pick<LinkSetting, 'maxLabel' | 'oneWay'>): readonly C[] {
  const allowed = candidates.filter(({ label }) => label <= setting.maxLabel.out)
  const above = candidates.filter(({ label }) => label > setting.maxLabel.out)
  const before = new Map<string, number>()
  if (!setting.oneWay) for (const { line, ordinal } of [...waits, ...above]) if (line !== null) before.set(line, Math.min(ordinal, before.get(line) ?? Infinity))
  const going = allowed.filter(({ line, ordinal }) => line === null || ordinal <= (before.get(line) ?? Infinity))
  // each place is taken by the next of its thread
  const lines = Map.groupBy(going.filter(({ line }) => line !== null), ({ line }) => line)
  for (const line of lines.values()) line.sort((a, b) => a.ordinal - b.ordinal)
  return going.toSorted((a, b) => a.rank - b.rank).map((one) => (one.line === null ? one : (lines.get(one.line)?.shift() as C)))
}

/** A bundle of a peer that was seen, within one life. */
export type Seen = { readonly number: number; readonly previous: number; readonly floor: number }
export type Gap = { readonly from: number; readonly to: number }

/** Numbers that a peer has written and that never came, oldest first; what its floor covers is missed by nobody any more. */
export function gapsOf(seen: readonly Seen[]): readonly Gap[] {
  const floor = Math.max(0, ...seen.map((one) => one.floor))
  const gaps: Gap[] = []
  let last = floor
  for (const { number, previous } of seen.toSorted((a, b) => a.number - b.number)) {
    if (previous > last) gaps.push({ from: last + 1, to: previous })
    last = Math.max(last, number)
  }
  return gaps
}

/** What was heard last from a peer by bundle. */
export type LastHeard = { readonly life: string | null; readonly number: number; readonly created: Date | null }

/**
 * Whether a bundle's greeting speaks of the present: marks of an older one, imported late, would look like a restore. A life that is not the one heard last
 * is another only if the bundle is younger than all that was heard.
 */
export const isPresent = (last: LastHeard, bundle: { readonly life: string; readonly number: number; readonly created: Date }): boolean =>
  last.life === bundle.life ? bundle.number >= last.number : last.created === null || bundle.created > last.created
