import { actingAs } from '@postroad/kernel/acting'
import type { Tx } from '@postroad/kernel/database'

/** Lets the road write within a person's transaction, after the road's own checks of what the person may do. */
export const asRoad = <T>(tx: Tx, work: () => Promise<T>): Promise<T> => actingAs(tx, 'road', work)
