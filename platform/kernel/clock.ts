/** The only place that asks the machine for the time of day. */
export const systemClock = (): Date => new Date()

export type AdjustableClock = { now(): Date; set(time: string | Date): void; advance(milliseconds: number): void }

/** A clock that stands still until told otherwise: for tests and simulations. */
export function adjustableClock(start: string | Date): AdjustableClock {
  let time = new Date(start).getTime()
  return {
    now: () => new Date(time),
    set: (to) => void (time = new Date(to).getTime()),
    advance: (milliseconds) => void (time += milliseconds),
  }
}
