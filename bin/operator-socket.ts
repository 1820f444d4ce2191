import { chmodSync, rmSync } from 'node:fs'
import { type Socket, createServer } from 'node:net'
import { join } from 'node:path'
import type { Node } from '@postroad/kernel/node'

/** Where the operator's commands reach the running node of a home: a socket that only the node's account can open. */
export const operatorSocket = (home: string, name: string): string => join(home, 'run', `${name}.sock`)

/** Serves the operator's commands for as long as the node runs. */
export async function serveOperator(node: Node, name: string, serve: (socket: Socket) => void): Promise<{ stop(): Promise<void> }> {
  const place = operatorSocket(node.config.home, name)
  rmSync(place, { force: true })
  const server = createServer(serve)
  server.on('error', (error) => node.log.error({ err: error }, name))
  await new Promise<void>((resolve) => server.listen(place, resolve))
  chmodSync(place, 0o600)
  return { stop: () => new Promise<void>((resolve) => server.close(() => resolve())) }
}
