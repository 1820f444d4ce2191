import { suites } from '@postroad/gm/node'
import type { Node } from '@postroad/kernel/node'
import { type EventDefinition, definePlugin } from '@postroad/kernel/plugin'
import { service } from '@postroad/kernel/principal'
import { signCheckpointsWith } from '@postroad/ledger/service'
import type { z } from 'zod'
import { createSecrets, readBootstrap, stateBootstrap } from './bootstrap.ts'
import { distributeCertificates } from './certificates.ts'
import { startExchange } from './exchange.ts'
import { directoryRoutes } from './http.ts'
import { joinUntilDone } from './joining.ts'
import { readLinkSettings } from './links.ts'
import { changedEvent } from './model.ts'
import { directoryRoom, openRoom, refresh } from './room.ts'
import { renew } from './renewal/renew.ts'
import { readSecrets, writeSecrets } from './secrets.ts'
import { checkpointSigner } from './service.ts'
import { append } from './statements.ts'
import { lastStatement } from './store.ts'
import { directoryDuties, directoryFaults, directoryTitle } from './words.ts'

/** Other processes of this node state things too; a hint of it may get lost. */
const REFRESH_MS = 5000
const HEARTBEAT_MS = 20 * 3600_000

const directoryChanged: EventDefinition<z.infer<typeof changedEvent>> = { name: 'directory.changed', version: 1, parse: (payload) => changedEvent.parse(payload) }

/** Starts after the ledger and the keys room: organ keys are made in the first start. */
export const directory = definePlugin({
  id: 'directory',
  title: directoryTitle,
  migrations: new URL('./migrations/', import.meta.url),
  permissions: directoryDuties,
  routes: directoryRoutes,
  events: [directoryChanged],
  hears: [{ event: directoryChanged.name, hear: refresh }],
  jobs: [{ name: 'heartbeat', every: '41 * * * *', run: async (_payload, node) => beat(node) }, { name: 'renew', every: '23 * * * *', run: (_payload, node) => renewIfJoined(node) }],
  async start(node) {
    const bootstrap = readBootstrap(node)
    let secrets = readSecrets(node.config.home)
    if (secrets === null) {
      if (bootstrap === null) throw directoryFaults.notSetUp()
      secrets = createSecrets(node, suites, bootstrap)
      writeSecrets(node.config.home, secrets)
    }
    if (secrets.node !== node.config.node) throw directoryFaults.otherNode({ configured: node.config.node, found: secrets.node })
    node.slots.set(directoryRoom, openRoom(suites, secrets, readLinkSettings(node.config.links)))
    signCheckpointsWith(node, checkpointSigner(node))
    await refresh(node)
    if (bootstrap !== null) await stateBootstrap(node, bootstrap)
    await distributeCertificates(node)
    const stopping = new AbortController()
    const joining = secrets.anchor === null && node.processes.does('jobs') ? joinUntilDone(node, bootstrap, stopping.signal) : Promise.resolve()
    const exchange = startExchange(node)
    const refreshing = setInterval(() => void refresh(node).catch((error: unknown) => node.log.error({ err: error }, 'directory: refresh failed')), REFRESH_MS).unref()
    return {
      async stop() {
        clearInterval(refreshing)
        stopping.abort()
        await joining
        await exchange.stop()
      },
    }
  },
})

/** Before it has joined, a node has nobody to tell. */
async function renewIfJoined(node: Node): Promise<void> {
  if (node.slots.get(directoryRoom).view !== null) await renew(node)
}

/** A sign of life in the log at least daily: readers grade how fresh a log is. */
async function beat(node: Node): Promise<void> {
  await node.transaction(service('directory'), async (tx) => {
    const last = await lastStatement(tx, node.config.node)
    if (last !== null && node.now().getTime() - Date.parse(last.statement.at) < HEARTBEAT_MS) return
    await append(tx, node, { kind: 'heartbeat' })
  })
  await refresh(node)
}
