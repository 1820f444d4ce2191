import type { Tx } from '@postroad/kernel/database'
import { asRoad } from './store/acting.ts'
import { type Holdings, countHoldings, moveHoldings } from './store/holdings.ts'

export type { Holdings }

/** What an organ has here: for the plan of a reorganisation. */
export const holdingsOf = (tx: Tx, organ: string): Promise<Holdings> => asRoad(tx, () => countHoldings(tx, organ))

/**
 * Hands over what an organ that ends has here, in the caller's transaction: from its commit on the heirs' people see it and act on it. What lies unsigned
 * in the inbox of an organ whose heir is at another node goes there by the road once the directory says so (engine/reroute.ts). Answers what moved.
 */
export const handOver = (tx: Tx, organ: string, heirs: Readonly<Record<keyof Holdings, string>>): Promise<Holdings> => asRoad(tx, () => moveHoldings(tx, organ, heirs))
