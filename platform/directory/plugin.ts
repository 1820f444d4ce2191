import { suites } from '@postroad/gm/node'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { type EventDefinition, definePlugin } from '@postroad/kernel/plugin'
import { service } from '@postroad/kernel/principal'
import { signCheckpointsWith } from '@postroad/ledger/service'
import type { z } from 'zod'
import { createSecrets, readBootstrap, stateBootstrap } from './bootstrap.ts'
import { distributeCertificates } from './certificates.ts'
import { startExchange } from './exchange.ts'
import { directoryRoutes } from './http.ts'
import { joinParent } from './join.ts'
import { type Bootstrap, changedEvent } from './model.ts'
import { directoryRoom, openRoom, refresh } from './room.ts'
import { readSecrets, writeSecrets } from './secrets.ts'
import { checkpointSigner } from './service.ts'
import { append } from './statements.ts'
import { lastStatement } from './store.ts'
import { directoryFaults, directoryTitle } from './words.ts'

const JOIN_PAUSE_MS = 2000
const LONGEST_JOIN_PAUSE_MS = 30_000
/** Other processes of this node state things too; a hint of it may get lost. */
const REFRESH_MS = 5000
const HEARTBEAT_MS = 20 * 3600_000

const directoryChanged: EventDefinition<z.infer<typeof changedEvent>> = { name: 'directory.changed', version: 1, parse: (payload) => changedEvent.parse(payload) }

/** Starts after the ledger and the keys room: organ keys are made in the first start. */
export const directory = definePlugin({
  id: 'directory',
  title: directoryTitle,
  migrations: new URL('./migrations/', import.meta.url),
  routes: directoryRoutes,
  events: [directoryChanged],
  hears: [{ event: directoryChanged.name, hear: refresh }],
  jobs: [{ name: 'heartbeat', every: '41 * * * *', run: async (_payload, node) => beat(node) }],
  async start(node) {
    const bootstrap = readBootstrap(node)
    let secrets = readSecrets(node.config.home)
    if (secrets === null) {
      if (bootstrap === null) throw directoryFaults.notSetUp()
      secrets = createSecrets(node, suites, bootstrap)
      writeSecrets(node.config.home, secrets)
    }
    if (secrets.node !== node.config.node) throw directoryFaults.otherNode({ configured: node.config.node, found: secrets.node })
    node.slots.set(directoryRoom, openRoom(suites, secrets))
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

async function joinUntilDone(node: Node, bootstrap: Bootstrap | null, signal: AbortSignal): Promise<void> {
  const parent = bootstrap?.parent ?? null
  if (parent === null) return void node.log.error('directory: this node has not joined its tree and knows no parent; start it with its first-start settings')
  for (let pause = JOIN_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 1.5, LONGEST_JOIN_PAUSE_MS)) {
    if (!node.processes.isEldest('jobs')) {
      await pauseFor(JOIN_PAUSE_MS, signal)
      continue
    }
    if (node.slots.get(directoryRoom).secrets.anchor !== null) return // the process that was at it before has done it
    try {
      await joinParent(node, parent)
      await distributeCertificates(node)
      return node.log.info({ parent: parent.node }, 'directory: joined')
    } catch (error) {
      if (error instanceof Refusal) node.log.warn({ parent: parent.node, code: error.code, detail: error.detail }, 'directory: not joined yet')
      else node.log.error({ err: error, parent: parent.node }, 'directory: joining failed')
    }
    await pauseFor(pause, signal)
  }
}

const pauseFor = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })

/** A sign of life in the log at least daily: readers grade how fresh a log is. */
async function beat(node: Node): Promise<void> {
  await node.transaction(service('directory'), async (tx) => {
    const last = await lastStatement(tx, node.config.node)
    if (last !== null && node.now().getTime() - Date.parse(last.statement.at) < HEARTBEAT_MS) return
    await append(tx, node, { kind: 'heartbeat' })
  })
  await refresh(node)
}
