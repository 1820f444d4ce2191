import { readFileSync } from 'node:fs'
import { append, refresh, view } from '@postroad/directory/service'
import { readConfig } from '@postroad/kernel/config'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { startNode } from '@postroad/kernel/start'
import type { SignedReceipt, StatementBody } from '@postroad/waybill'
import { type FaultPoint, armFault } from '../faultpoints.ts'
import { type Submission, act, dispatch, inbox, linkReports, track } from '../service.ts'
import { ROOMS } from './rooms.ts'

/** A node as a process of its own, told what to do by the test that forked it. Killed at any time. */
export type Order =
  | { readonly kind: 'dispatch'; readonly by: PersonPrincipal; readonly submission: Submission }
  | { readonly kind: 'act'; readonly by: PersonPrincipal; readonly receipts: readonly SignedReceipt[] }
  | { readonly kind: 'track'; readonly by: PersonPrincipal; readonly message: string }
  | { readonly kind: 'inbox'; readonly by: PersonPrincipal }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'links' }
  | { readonly kind: 'fault'; readonly point: FaultPoint; readonly passings: number }
export type Answer = { readonly number: number; readonly value?: unknown; readonly code?: string }

async function obey(node: Node, order: Order): Promise<unknown> {
  if (order.kind === 'dispatch') return dispatch(node, order.by, order.submission)
  if (order.kind === 'act') return act(node, order.by, order.receipts)
  if (order.kind === 'track') return node.transaction(order.by, (tx) => track(tx, order.message))
  if (order.kind === 'inbox') return node.transaction(order.by, (tx) => inbox(tx, { limit: 1000 }))
  if (order.kind === 'links') return linkReports(node)
  if (order.kind === 'fault') return armFault(order.point, order.passings)
  return view(node).checkpoint().hash
}

const { node } = await startNode(readConfig(process.env), ROOMS, { listen: false, jobs: false })
const bodies = JSON.parse(readFileSync(process.env['STATION_BODIES'] ?? '', 'utf8')) as StatementBody[]
if (bodies.length > 0) await stateOnce(bodies)
process.on('message', ({ number, order }: { number: number; order: Order }) => {
  obey(node, order).then(
    (value) => process.send?.({ number, value } satisfies Answer),
    (error: { code?: string; message: string }) => process.send?.({ number, code: error.code ?? error.message } satisfies Answer),
  )
})
process.on('disconnect', () => process.exit(0))
process.send?.({ number: 0 } satisfies Answer)

/** The organs' statements, once the node has joined; a station started again has made them already. */
async function stateOnce(wanted: readonly StatementBody[]): Promise<void> {
  for (;;) {
    try {
      const first = wanted[0]
      if (first?.kind === 'organ' && view(node).organ(first.organ) !== null) return
      break
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50)) // not joined yet
    }
  }
  await node.transaction(service('directory'), (tx) => append(tx, node, wanted))
  await refresh(node)
}
