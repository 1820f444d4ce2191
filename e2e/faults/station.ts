import { readConfig } from '@postroad/kernel/config'
import { definePlugin } from '@postroad/kernel/plugin'
import { startNode } from '@postroad/kernel/start'
import { verifyLedger } from '@postroad/ledger/service'
import { tls } from '@postroad/directory/service'
import { road, transportSlot } from '@postroad/road/plugin'
import { type Order, obey, serveOrders, stateOnce } from '@postroad/road/testing/orders'
import { ROOMS } from '@postroad/road/testing/rooms'
import { httpsTransport } from '@postroad/road/transport/https'
import { createDice } from '@postroad/waybill/simulation'
import { troubledPost } from './post.ts'

/** A node under fire: the real one, with a clock that can be put wrong and a post that can be troubled. */
export type FireOrder = Order | { readonly kind: 'clock'; readonly byMs: number } | { readonly kind: 'post'; readonly troubled: boolean } | { readonly kind: 'ledger' }

/** What a link calls dead, in a run that lasts a minute: half of what it is in production would still be half an hour of waiting. */
const PATIENCE_MS = 4_000

const wrong = { clockBy: 0, isPostTroubled: false }
const dice = createDice(Number(process.env['FAULT_SEED'] ?? 1))
const post = definePlugin({
  id: 'post',
  title: '测试',
  start: async (node) => {
    const { host, port } = node.config.road
    node.slots.set(transportSlot, troubledPost(httpsTransport({ identity: () => tls(node), host, port, patienceMs: PATIENCE_MS }), dice, () => wrong.isPostTroubled))
    return { stop: async () => undefined }
  },
})

const now = (): Date => new Date(Date.now() + wrong.clockBy)
// with a desk, for somebody who looks at the console meanwhile, it is the whole node
const hasDesk = process.env['POSTROAD_DESK_PORT'] !== undefined
const rooms = hasDesk ? (await import('@postroad/bin/node')).ROOMS : ROOMS
const { node } = await startNode(readConfig(process.env), rooms.toSpliced(rooms.indexOf(road), 0, post), { now, listen: hasDesk })
await stateOnce(node)
serveOrders<FireOrder>(async (order) => {
  if (order.kind === 'clock') return void (wrong.clockBy = order.byMs)
  if (order.kind === 'post') return void (wrong.isPostTroubled = order.troubled)
  if (order.kind === 'ledger') return verifyLedger(node)
  return obey(node, order)
})
