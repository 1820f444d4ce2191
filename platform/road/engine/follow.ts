import { endRelaysToLeft, forwardInboxes, placesOf, rerouteWaiting } from './reroute.ts'
import { type Road, directoryOf, onceJoined } from './road.ts'

const FOLLOW_MS = 30_000
/** No transaction of the road lasts as long: what one that began before the news left in an inbox is found by the looks after it. */
const SETTLED_MS = 20_000

/** Follows organs that merge and move, for what waits here. */
export type Follower = {
  /** A shipment's recipients are no longer behind its link. */
  astray(): void
  /** Whether something went astray since the last look. */
  readonly isNeeded: boolean
  /** Looks at news of the directory, and from time to time, as a stated day comes. What waits is only walked when organs or nodes changed their places. */
  look(): Promise<void>
}

export function followOrgans(road: Road): Follower {
  let isAstray = false
  let followed = { checkpoint: '', places: '', movedAt: 0, at: 0 }
  return {
    astray: () => void (isAstray = true),
    get isNeeded() {
      return isAstray
    },
    async look() {
      const now = performance.now()
      const checkpoint = onceJoined(() => directoryOf(road).checkpoint().hash, null)
      if (checkpoint === null) return
      const isDue = isAstray || checkpoint !== followed.checkpoint || now - followed.at >= FOLLOW_MS
      const places = isDue ? placesOf(road) : followed.places
      const haveMoved = places !== followed.places
      const movedAt = haveMoved ? now : followed.movedAt
      if (isAstray || haveMoved) {
        isAstray = false
        await rerouteWaiting(road)
        await endRelaysToLeft(road)
      }
      if (now < movedAt + SETTLED_MS) await forwardInboxes(road)
      followed = { checkpoint, places, movedAt, at: isDue ? now : followed.at }
    },
  }
}
