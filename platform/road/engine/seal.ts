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
  const home = new Set(due.filter(({ route }) => route === 'home').map(({ receipt }) => receipt.id))
  const write = (ids: (id: string) => boolean, lazy: boolean): void => {
    const some = signed.filter(({ receipt }) => ids(receipt.id))
    if (some.length === 0) return
    const rows = due.filter(({ receipt }) => ids(receipt.id))
    road.writer.write({ kind: 'sealed', due: rows, signed: some, keys: [], weight: some.length * 1024, lazy })
      .catch((error: unknown) => road.node.log.warn({ err: error }, 'seals not kept; they will be made again'))
  }
  write((id) => !home.has(id), true)
  write((id) => home.has(id), false)
}

/** After a crash: signs what is older than `ageMs` and still unsigned. Answers how many. */
export async function sealLeftovers(road: Road, ageMs: number): Promise<number> {
  const due = await road.node.transaction(service('road'), (tx) => oldDue(tx, new Date(road.node.now().getTime() - ageMs), AT_ONCE))
  await sealDue(road, due)
  return due.length
}
