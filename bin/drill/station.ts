import { backup } from '@postroad/backup/plugin'
import { readConfig } from '@postroad/kernel/config'
import { startNode } from '@postroad/kernel/start'
import { type Order, obey, serveOrders, stateOnce } from '@postroad/road/testing/orders'
import { ROOMS } from '@postroad/road/testing/rooms'

/** A node of a drill: the road, and the backup that watches it. */
const { node } = await startNode(readConfig(process.env), [...ROOMS, backup], { listen: false, jobs: false })
await stateOnce(node)
serveOrders<Order>((order) => obey(node, order))
