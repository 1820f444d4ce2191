import { networkConsole } from '@postroad/console/plugin'
import { documents } from '@postroad/documents/plugin'
import { backup } from '@postroad/backup/plugin'
import { directory } from '@postroad/directory/plugin'
import { files } from '@postroad/files/plugin'
import { identity } from '@postroad/identity/plugin'
import { type Config, readConfig } from '@postroad/kernel/config'
import type { Node } from '@postroad/kernel/node'
import type { Plugin } from '@postroad/kernel/plugin'
import { startNode } from '@postroad/kernel/start'
import { keys } from '@postroad/keys/plugin'
import { ledger } from '@postroad/ledger/plugin'
import { road } from '@postroad/road/plugin'
import { watch } from '@postroad/watch/plugin'
import { courier } from './courier.ts'
import { inspection } from './inspect.ts'

/** Every room of this node, in the order in which they start: each may lean on those before it. */
export const ROOMS: readonly Plugin[] = [ledger, keys, directory, identity, files, road, watch, documents, networkConsole, inspection, courier, backup]

/** Starts the node and stops it on SIGINT, SIGTERM, or when the process that forked it is gone. */
export async function runNode(config: Config): Promise<{ readonly node: Node; readonly stopped: Promise<void>; stop(): void }> {
  const stop = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.resolve())
  process.on('disconnect', () => stop.resolve())
  const running = await startNode(config, ROOMS)
  const stopped = stop.promise.then(() => running.stop())
  process.send?.({ ready: { desk: config.desk.origin } })
  return { node: running.node, stopped, stop: () => stop.resolve() }
}

if (import.meta.main) {
  const { stopped } = await runNode(readConfig(process.env))
  await stopped
  process.exit(0)
}
