import type { SignedReceipt } from '@postroad/waybill'
import type { TrackedDelivery, Tracking } from '../../model.ts'

export type BoardCounts = { readonly expected: number; readonly delivered: number; readonly signed: number; readonly unsigned: number; readonly returned: number }

const DELIVERED = new Set(['delivered', 'signedFor', 'registered', 'returned', 'closed'])
const SIGNED = new Set(['signedFor', 'registered'])
const ENDED = new Set(['returned', 'recalled', 'undeliverable', 'closed'])

/** 应收 = 已签收 + 未签收 + 退文 + those that ended otherwise; 已送达 is how many a recipient's terminal has opened and verified, or acted on. */
export function boardCounts(deliveries: readonly Pick<TrackedDelivery, 'state'>[]): BoardCounts {
  const count = (wanted: (state: string) => boolean) => deliveries.filter(({ state }) => wanted(state)).length
  return {
    expected: deliveries.length,
    delivered: count((state) => DELIVERED.has(state)),
    signed: count((state) => SIGNED.has(state)),
    unsigned: count((state) => !SIGNED.has(state) && !ENDED.has(state)),
    returned: count((state) => state === 'returned'),
  }
}

/** The story of one delivery, in order: what was said of the whole message by the nodes on its way, then of this recipient. */
export function storyOf(tracking: Pick<Tracking, 'receipts'>, delivery: Pick<TrackedDelivery, 'organ' | 'receipts'>, nodesOnTheWay: ReadonlySet<string>): SignedReceipt[] {
  const common = tracking.receipts.filter(({ receipt }) => receipt.recipient === null && (receipt.kind === 'submitted' || nodesOnTheWay.has(receipt.node)))
  const byId = new Map([...common, ...delivery.receipts].map((signed) => [signed.receipt.id, signed]))
  return [...byId.values()].sort((one, other) => one.receipt.at.localeCompare(other.receipt.at))
}

/** When something last happened to a delivery, and the reason that goes with it. */
export function latest(delivery: Pick<TrackedDelivery, 'receipts'>): SignedReceipt | null {
  return delivery.receipts.reduce<SignedReceipt | null>((last, signed) => (last === null || signed.receipt.at >= last.receipt.at ? signed : last), null)
}
