import { readConfig } from '@postroad/kernel/config'
import { startNode } from '@postroad/kernel/start'
import { type Order, obey, serveOrders, stateOnce } from './orders.ts'
import { ROOMS } from './rooms.ts'

/** A node as a process of its own, told what to do by the test that forked it. Killed at any time. */
const { node } = await startNode(readConfig(process.env), ROOMS, { listen: false, jobs: false })
await stateOnce(node)
serveOrders<Order>((order) => obey(node, order))
