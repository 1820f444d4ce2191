import { createHash } from 'node:crypto'
import type { Node, Slot } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { CompiledQuery } from 'kysely'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'
import { deleteThrottles } from './store.ts'

/** Failures of one account from one network, and of one network whatever the account. Locking an account everywhere would let anybody lock out anybody. */
const PAIR = { points: 5, duration: 10 * 60, blockDuration: 15 * 60 } as const
const NETWORK = { points: 100, duration: 10 * 60, blockDuration: 15 * 60 } as const

/** How an attempt stands: `network` is refused at once, `pair` is treated like a wrong password. */
export type Verdict = 'admitted' | 'pair' | 'network'
export type Throttle = {
  /** Counts an attempt before it is looked at, so that attempts side by side count too. */
  admit(account: string, network: string): Promise<Verdict>
  /** Forgets what has run out. */
  sweep(): Promise<void>
  /** The attempt was a good one: takes it out of the count. */
  forgive(account: string, network: string): Promise<void>
}
export const throttle: Slot<Throttle> = { name: 'identity.throttle' }

export function createThrottle(node: Node): Throttle {
  const store = { storeClient: clientOf(node), storeType: 'client', schemaName: 'identity', tableName: 'throttle', tableCreated: true, clearExpiredByTimeout: false }
  const pairs = new RateLimiterPostgres({ ...store, ...PAIR, keyPrefix: 'pair' })
  const networks = new RateLimiterPostgres({ ...store, ...NETWORK, keyPrefix: 'network' })
  // hashed: the column is short and what is typed as an account may be a password
  const pairKey = (account: string, network: string) => createHash('sha256').update(`${account.toLowerCase()}\0${network}`).digest('base64url')
  return {
    async admit(account, network) {
      if (!(await takes(networks, network))) return 'network'
      return (await takes(pairs, pairKey(account, network))) ? 'admitted' : 'pair'
    },
    async forgive(account, network) {
      await pairs.delete(pairKey(account, network))
      await networks.reward(network, 1)
    },
    sweep: () => node.transaction(service('identity'), (tx) => deleteThrottles(tx, Date.now())), // the limiter counts with the machine's clock
  }
}

async function takes(limiter: RateLimiterPostgres, key: string): Promise<boolean> {
  try {
    await limiter.consume(key)
    return true
  } catch (rejected) {
    if (rejected instanceof RateLimiterRes) return false
    throw rejected
  }
}

/** What the limiter takes for a database client: each query is a transaction as the service `identity`, which row policies ask for. */
function clientOf(node: Node) {
  return {
    query: ({ text, values }: { text: string; values: readonly unknown[] }) =>
      node.transaction(service('identity'), async (tx) => {
        const { rows, numAffectedRows } = await tx.executeQuery(CompiledQuery.raw(text, [...values]))
        return { rows, rowCount: Number(numAffectedRows ?? rows.length) }
      }),
  }
}
