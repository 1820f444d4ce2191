import { type OrganEntry, within } from './state.ts'

export type Organs = ReadonlyMap<string, readonly OrganEntry[]>

/** How long after a move or merger a fact may still come from a node that had not heard of it: as old as a directory may be and still be worked with. */
const MOVE_KNOWN_DAYS = 30

/** An organ on its way to another node is there from the day its old home named, also while the new home has not spoken yet: nothing is undeliverable in between. */
function periodsOf(organs: Organs, organ: string): readonly OrganEntry[] {
  const periods = organs.get(organ) ?? []
  const { movedTo, ...last } = periods.at(-1) ?? { movedTo: undefined }
  return movedTo === undefined || !('until' in last) || last.until === null ? periods : [...periods, { ...last, node: movedTo, from: last.until, until: null }]
}

/** The organ as it was at an instant; null before it began and after it ended. */
export const organAt = (organs: Organs, organ: string, at: string): OrganEntry | null => periodsOf(organs, organ).find((period) => within(period, at)) ?? null

/** Whom an organ that does not stand at an instant had named when it ended, the main heir first. */
const namedBy = (organs: Organs, organ: string, at: string): readonly string[] => organs.get(organ)?.findLast(({ until }) => until !== null && until <= at)?.successors ?? []

/** Follows successors, the first named one at each step: an organ that merged has one, one that was split names its main heir first. */
export function standsFor(organs: Organs, organ: string, at: string): string | null {
  const seen = new Set<string>()
  for (let id: string | undefined = organ; id !== undefined && !seen.has(id); [id] = namedBy(organs, id, at)) {
    if (organAt(organs, id, at) !== null) return id
    seen.add(id)
  }
  return null
}

/** Every organ that stands at an instant and to which an ended one leads, the main heir first. An organ that stands has none. */
export function heirsOf(organs: Organs, organ: string, at: string): string[] {
  const heirs = new Set<string>()
  const seen = new Set<string>()
  const follow = (id: string): void => {
    if (seen.has(id)) return
    seen.add(id)
    if (organAt(organs, id, at) !== null) heirs.add(id)
    else for (const next of namedBy(organs, id, at)) follow(next)
  }
  follow(organ)
  heirs.delete(organ)
  return [...heirs]
}

/** Whether a node may say that it hosts an organ's inbox at an instant: it hosts the organ or one of its heirs, or did not long ago. */
export function mayHost(organs: Organs, organ: string, node: string, at: string, seen: ReadonlySet<string> = new Set()): boolean {
  if (seen.has(organ)) return false
  if (periodsOf(organs, organ).some((period) => period.node === node && period.from <= at && (period.until === null || at < later(period.until)))) return true
  return namedBy(organs, organ, at).some((heir) => mayHost(organs, heir, node, at, new Set([...seen, organ])))
}

const later = (instant: string): string => new Date(Date.parse(instant) + MOVE_KNOWN_DAYS * 86_400_000).toISOString()
