import { FRESHNESS_DAYS } from '@postroad/waybill'

const DAY_MS = 24 * 3600_000
/**
 * What is new is in the directory for so long before it is used, and what is old for so long after: a neighbour whose directory is older than that
 * deals with partners known before only (graded freshness), so everybody who may call knows both.
 */
export const OVERLAP_MS = FRESHNESS_DAYS.knownPartnersOnly * DAY_MS
/** A node's signing keys are followed by others after so long. */
export const KEY_LIFE_MS = 3 * 365.25 * DAY_MS
/** A certificate is renewed when this share of its life is left. */
const LEFT_SHARE = 1 / 3

/** A certificate's life. */
export type Life = { readonly from: Date; readonly until: Date }
/** Something of this node's that takes over from something else. Instants are those of the node's own log; null: not there. */
export type Succession = {
  /** The directory names another as the one in use than this node uses: it was stopped in between. */
  readonly isBehind: boolean
  /** What was made to take over, and since when the directory has it. */
  readonly next: { readonly published: Date | null } | null
  /** Something older is still in the directory; since when it is not used any more. */
  readonly old: { readonly since: Date | null } | null
  readonly isDue: boolean
}
export type Step = 'make' | 'publish' | 'use' | 'drop'

/** The one thing to do next, or null: make, publish, wait, use, wait, drop. Each step may be repeated after a crash. */
export function nextStep({ isBehind, next, old, isDue }: Succession, now: Date): Step | null {
  if (isBehind) return 'publish'
  if (next !== null) return next.published === null ? 'publish' : hasPassed(next.published, now) ? 'use' : null
  if (old !== null) return old.since === null ? 'publish' : hasPassed(old.since, now) ? 'drop' : null
  return isDue ? 'make' : null
}

const hasPassed = (since: Date, now: Date): boolean => now.getTime() - since.getTime() >= OVERLAP_MS

/** Whether little is left of a certificate's life. */
export const isEnding = ({ from, until }: Life, now: Date): boolean => until.getTime() - now.getTime() < (until.getTime() - from.getTime()) * LEFT_SHARE
