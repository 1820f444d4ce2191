import { createConnection } from 'node:net'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { definePlugin } from '@postroad/kernel/plugin'
import { condition } from '@postroad/watch/model'
import { look } from '@postroad/watch/service'
import { z } from 'zod'
import { operatorSocket, serveOperator } from './operator-socket.ts'

// What a running node tells its own operator: `postroad doctor` asks.

export const nodeReport = z.object({
  node: z.string(),
  desk: z.string(),
  database: z.boolean(),
  /** Null while it cannot be told: the node has not joined, or its database does not answer. */
  condition: condition.nullable(),
})
export type NodeReport = z.infer<typeof nodeReport>

const SOCKET = 'doctor'

/** Answers the operator's question for as long as the node runs. */
export const inspection = definePlugin({
  id: 'inspection',
  title: '体检',
  start: (node) => serveOperator(node, SOCKET, (socket) => void inspect(node).then((report) => socket.end(JSON.stringify(report)), (error: unknown) => socket.destroy(error as Error))),
})

/** Asks the node whose home this is; null when it does not run. */
export function askNode(home: string): Promise<NodeReport | null> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(operatorSocket(home, SOCKET))
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
