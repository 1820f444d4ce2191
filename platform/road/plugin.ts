import { onDirectoryChange, refresh, tls, view } from '@postroad/directory/service'
import { suites } from '@postroad/gm/node'
import { Refusal } from '@postroad/kernel/errors'
import type { Node, Slot } from '@postroad/kernel/node'
import { type EventDefinition, definePlugin } from '@postroad/kernel/plugin'
import { processGone } from '@postroad/kernel/processes'
import { directoryId, receiptKind, uuid } from '@postroad/waybill'
import { z } from 'zod'
import { type Engine, QUEUED, giveBack, startEngine, startQuietEngine } from './engine/engine.ts'
import type { LinkReport } from './engine/link.ts'
import { roadSlot } from './engine/road.ts'
import { roadRoutes } from './http.ts'
import { followDeputies, forgetOldBodies, raiseLate } from './limits.ts'
import { httpsTransport } from './transport/https.ts'
import type { LinkTransport } from './transport/port.ts'
import { roadPermissions, roadTitle } from './words.ts'

const engineSlot: Slot<Engine> = { name: 'road.engine' }
/** Another transport than https, set before the start: simulations of many nodes in one process. */
export const transportSlot: Slot<LinkTransport> = { name: 'road.transport' }

/** Documents reached organs hosted here. `organs` are those who keep them. */
export const arrivedEvent = z.object({ organs: z.array(directoryId), deliveries: z.array(z.object({ message: uuid, organ: directoryId })) })
/** Receipts were recorded: `organs` are the senders (or, at a destination, the recipients) whom they concern. */
export const receiptEvent = z.object({ organs: z.array(z.string()), receipts: z.array(z.object({ message: uuid, kind: receiptKind, recipient: directoryId.nullable() })) })
const roadArrived: EventDefinition<z.infer<typeof arrivedEvent>> = { name: 'road.arrived', version: 1, parse: (payload) => arrivedEvent.parse(payload) }
const roadReceipt: EventDefinition<z.infer<typeof receiptEvent>> = { name: 'road.receipt', version: 1, parse: (payload) => receiptEvent.parse(payload) }
/** Something was written within another room's transaction: the engine looks at once. */
const roadQueued: EventDefinition<unknown> = { name: QUEUED, version: 1, parse: (payload) => payload }

/** Starts after ledger, directory and files. */
export const road = definePlugin({
  id: 'road',
  title: roadTitle,
  migrations: new URL('./migrations/', import.meta.url),
  permissions: roadPermissions,
  routes: roadRoutes,
  events: [roadArrived, roadReceipt, roadQueued],
  on: [
    { event: processGone.name, handle: (payload, node) => giveBack(node, [processGone.parse(payload).process]) },
    { event: 'directory.changed', handle: (_payload, node) => followDirectory(node) },
  ],
  hears: [
    { event: roadQueued.name, hear: (node) => node.slots.get(engineSlot).wake() },
    { event: 'directory.changed', hear: (node) => node.slots.get(engineSlot).wake() },
  ],
  jobs: [
    { name: 'late', every: '* * * * *', run: async (_payload, node) => void (await raiseLate(node)) },
    { name: 'forget', every: '37 2 * * *', run: (_payload, node) => forgetOldBodies(node) },
  ],
  async start(node) {
    const transport = node.slots.find(transportSlot) ?? httpsTransport({ identity: () => tls(node), host: node.config.road.host, port: node.config.road.port })
    const engine = await (node.processes.does('road') ? startEngine : startQuietEngine)(node, suites, transport)
    node.slots.set(roadSlot, engine.road)
    node.slots.set(engineSlot, engine)
    if (engine.address !== null) node.log.info({ address: engine.address }, 'road: open')
    const unfollow = followIdentity(node, transport)
    return {
      async stop() {
        unfollow()
        await engine.stop()
      },
    }
  },
})

/** Shows a renewed certificate from now on; requests under way end on the connection that they began on. */
function followIdentity(node: Node, transport: LinkTransport): () => void {
  let { cert } = tls(node)
  return onDirectoryChange(node, () => {
    const now = tls(node).cert
    if (now === cert) return
    cert = now
    transport.renew()
  })
}

/** Deputies come and go. */
async function followDirectory(node: Node): Promise<void> {
  await refresh(node) // it may have changed in another process
  try {
    view(node)
  } catch (error) {
    if (error instanceof Refusal) return // not joined yet: there is nobody to follow
    throw error
  }
  await followDeputies(node)
}

/** How each link of this process is doing, for people who watch the road; none where the process has no links. */
export const linkReports = (node: Node): readonly LinkReport[] => node.slots.get(engineSlot).links()
/** Where other nodes reach this process's road. @throws Error where it has not the role to serve it */
export function roadAddress(node: Node): string {
  const { address } = node.slots.get(engineSlot)
  if (address === null) throw new Error('this process does not serve the road')
  return address
}
