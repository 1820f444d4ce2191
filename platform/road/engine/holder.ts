import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** Names this process among those on one database: who holds a lease. */
export const holderName = (): string => `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`

/**
 * Whether the holder of a lease is surely gone: it ran on this machine and its process is no more. Of others nobody here can tell; their leases run out.
 * A mistake costs a shipment sent twice, which the next centre answers as before.
 */
export function isGone(holder: string, own: string): boolean {
  const [host, pid] = holder.split(':')
  if (holder === own || host !== hostname()) return false
  if (Number(pid) === process.pid) return true // the number was given out again, to us
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}
