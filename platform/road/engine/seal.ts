import type { SuiteId } from '@postroad/gm'
import { service } from '@postroad/kernel/principal'
import type { SignedReceipt } from '@postroad/waybill'
import { type DueReceipt, oldDue } from '../store/receipts.ts'
import type { Road } from './road.ts'

const AT_ONCE = 1000

/**
 * Signs receipts whose facts are durable: one signature per suite for all of them. Keeping the seals is left to the next transaction: a crash before it
 * loses a signature, never a fact, and the receipt is signed again.
 */
export async function sealDue(road: Road, due: readonly DueReceipt[]): Promise<readonly SignedReceipt[]> {
  const signed: SignedReceipt[] = []
  for (const suite of new Set(due.map((one) => one.suite)) as ReadonlySet<SuiteId>) {
    const batch = due.filter((one) => one.suite === suite)
    const seals = await road.sign(suite, 'receipt', batch.map(({ receipt }) => receipt))
    signed.push(...batch.map(({ receipt }, i) => ({ receipt, seal: seals[i] as SignedReceipt['seal'] })))
  }
  if (signed.length > 0) keepSeals(road, due, signed)
  return signed
}

function keepSeals(road: Road, due: readonly DueReceipt[], signed: readonly SignedReceipt[]): void {
  road.writer.write({ kind: 'sealed', due, signed, keys: [], weight: signed.length * 1024, lazy: true })
    .catch((error: unknown) => road.node.log.warn({ err: error }, 'seals not kept; they will be made again'))
}

/** After a crash: signs what is older than `ageMs` and still unsigned. Answers how many. */
export async function sealLeftovers(road: Road, ageMs: number): Promise<number> {
  const due = await road.node.transaction(service('road'), (tx) => oldDue(tx, new Date(road.node.now().getTime() - ageMs), AT_ONCE))
  await sealDue(road, due)
  return due.length
}
