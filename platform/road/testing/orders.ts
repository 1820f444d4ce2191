import { readFileSync } from 'node:fs'
import { append, refresh, view } from '@postroad/directory/service'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { verifyLedger } from '@postroad/ledger/service'
import type { SignedReceipt, StatementBody } from '@postroad/waybill'
import { type FaultPoint, armFault } from '../faultpoints.ts'
import { type Submission, act, arrivals, chunk, dispatch, exportBundle, importBundles, inbox, linkReports, track } from '../service.ts'

/** What a test asks of a node that runs as a process of its own. */
export type Order =
  | { readonly kind: 'dispatch'; readonly by: PersonPrincipal; readonly submission: Submission }
  | { readonly kind: 'act'; readonly by: PersonPrincipal; readonly receipts: readonly SignedReceipt[] }
  | { readonly kind: 'track'; readonly by: PersonPrincipal; readonly message: string }
  | { readonly kind: 'inbox'; readonly by: PersonPrincipal }
  /** What newly arrived, oldest first. */
  | { readonly kind: 'arrivals'; readonly by: PersonPrincipal; readonly limit: number }
  | { readonly kind: 'chunk'; readonly by: PersonPrincipal; readonly message: string; readonly index: number }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'links' }
  | { readonly kind: 'ledger' }
  | { readonly kind: 'export'; readonly link: string; readonly to: string }
  | { readonly kind: 'import'; readonly from: string }
  /** Dies at the n-th passing of the point; null disarms. */
  | { readonly kind: 'fault'; readonly point: FaultPoint | null; readonly passings: number }
type Asked<O> = { readonly number: number; readonly order: O }
export type Answer = { readonly number: number; readonly value?: unknown; readonly code?: string }

export async function obey(node: Node, order: Order): Promise<unknown> {
  if (order.kind === 'dispatch') return dispatch(node, order.by, order.submission)
  if (order.kind === 'act') return act(node, order.by, order.receipts)
  if (order.kind === 'track') return node.transaction(order.by, (tx) => track(tx, order.message))
  if (order.kind === 'inbox') return node.transaction(order.by, (tx) => inbox(tx, { limit: 1000 }))
  if (order.kind === 'arrivals') return node.transaction(order.by, (tx) => arrivals(tx, { organs: order.by.organs, limit: order.limit }))
  if (order.kind === 'chunk') return node.transaction(order.by, (tx) => chunk(tx, node, order.message, order.index))
  if (order.kind === 'ledger') return verifyLedger(node)
  if (order.kind === 'links') return linkReports(node)
  if (order.kind === 'export') return exportBundle(node, order)
  if (order.kind === 'import') return importBundles(node, [order.from])
  if (order.kind === 'fault') return armFault(order.point, order.passings)
  return view(node).checkpoint().hash
}

/** Answers the orders of the process that forked this one, until that one is gone. */
export function serveOrders<O>(obeyOne: (order: O) => Promise<unknown>): void {
  process.on('message', ({ number, order }: Asked<O>) => {
    obeyOne(order).then(
      (value) => process.send?.({ number, value } satisfies Answer),
      (error: { code?: string; message: string }) => process.send?.({ number, code: error.code ?? error.message } satisfies Answer),
    )
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ number: 0 } satisfies Answer)
}

/** States the organs of the file that STATION_BODIES names, once the node has joined; a station started again has done it already. */
export async function stateOnce(node: Node): Promise<void> {
  const wanted = JSON.parse(readFileSync(process.env['STATION_BODIES'] ?? '', 'utf8')) as StatementBody[]
  const [first] = wanted
  if (first === undefined) return
  for (;;) {
    try {
      if (first.kind === 'organ' && view(node).organ(first.organ) !== null) return
      break
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50)) // not joined yet
    }
  }
  await node.transaction(service('directory'), (tx) => append(tx, node, wanted))
  await refresh(node)
}
