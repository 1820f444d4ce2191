import { chmodSync, rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { definePlugin } from '@postroad/kernel/plugin'
import { condition } from '@postroad/watch/model'
import { look } from '@postroad/watch/service'
import { z } from 'zod'

// What a running node tells its own operator: `postroad doctor` asks through a socket that only the node's account can open.

export const nodeReport = z.object({
  node: z.string(),
  desk: z.string(),
  database: z.boolean(),
  /** Null while it cannot be told: the node has not joined, or its database does not answer. */
  condition: condition.nullable(),
})
export type NodeReport = z.infer<typeof nodeReport>

const socketOf = (home: string): string => join(home, 'run', 'doctor.sock')

/** Answers the operator's question for as long as the node runs. */
export const inspection = definePlugin({
  id: 'inspection',
  title: '体检',
  async start(node) {
    const path = socketOf(node.config.home)
    rmSync(path, { force: true })
    const server = createServer((socket) => void inspect(node).then((report) => socket.end(JSON.stringify(report)), (error: unknown) => socket.destroy(error as Error)))
    server.on('error', (error) => node.log.error({ err: error }, 'inspection'))
    await new Promise<void>((resolve) => server.listen(path, resolve))
    chmodSync(path, 0o600)
    return { stop: () => new Promise<void>((resolve) => server.close(() => resolve())) }
  },
})

/** Asks the node whose home this is; null when it does not run. */
export function askNode(home: string): Promise<NodeReport | null> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketOf(home))
    let text = ''
    socket.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    socket.once('error', () => resolve(null))
    socket.once('end', () => {
      const read = nodeReport.safeParse(JSON.parse(text))
      if (read.success) resolve(read.data)
      else reject(read.error)
    })
  })
}

/** Neighbours are called anew: whoever asks wants to know how it is now. */
async function inspect(node: Node): Promise<NodeReport> {
  const database = await node.database.pool.query('select 1').then(() => true, () => false)
  const base = { node: node.config.node, desk: node.config.desk.origin, database }
  if (!database) return { ...base, condition: null }
  try {
    return { ...base, condition: (await look(node)).condition }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { ...base, condition: null }
  }
}
