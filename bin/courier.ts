import { createConnection, type Socket } from 'node:net'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { definePlugin } from '@postroad/kernel/plugin'
import { bundleStatus, exportBundle, importBundles } from '@postroad/road/service'
import { z } from 'zod'
import { operatorSocket, serveOperator } from './operator-socket.ts'

// `postroad bundle` hands its orders to the running node: one process writes, and no other needs its keys.

const path = z.string().min(1).max(4096)
const link = z.string().min(1).max(64)
const order = z.discriminatedUnion('act', [
  z.strictObject({ act: z.literal('export'), link, to: path, volumeBytes: z.number().int().min(1000).max(2 ** 40).optional(), number: z.number().int().min(1).max(999_999).optional() }),
  z.strictObject({ act: z.literal('import'), places: z.array(path).min(1).max(1000) }),
  z.strictObject({ act: z.literal('status'), link: link.optional() }),
])
export type CourierOrder = z.infer<typeof order>

const told = z.union([z.strictObject({ done: z.unknown() }), z.strictObject({ refused: z.strictObject({ code: z.string(), message: z.string(), advice: z.string(), detail: z.record(z.string(), z.unknown()) }) })])

const LONGEST_ORDER = 1024 * 1024
const NAME = 'courier'

/** Takes the operator's orders for as long as the node runs: one line of JSON in, one answer out. */
export const courier = definePlugin({
  id: NAME,
  title: '摆渡',
  start: (node) => serveOperator(node, NAME, (socket) => serve(node, socket)),
})

function serve(node: Node, socket: Socket): void {
  let text = ''
  socket.on('error', () => undefined)
  socket.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
    if (text.length > LONGEST_ORDER) return void socket.destroy()
    if (!text.endsWith('\n')) return
    answer(node, text).then((reply) => socket.end(JSON.stringify(reply)), (error: unknown) => {
      node.log.error({ err: error }, 'courier: order failed')
      socket.destroy()
    })
  })
}

async function answer(node: Node, text: string): Promise<z.infer<typeof told>> {
  try {
    return { done: await obey(node, order.parse(JSON.parse(text))) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { refused: { code: error.code, message: error.message, advice: error.advice, detail: { ...error.detail } } }
  }
}

function obey(node: Node, given: CourierOrder): Promise<unknown> {
  if (given.act === 'export') return exportBundle(node, given)
  if (given.act === 'import') return importBundles(node, given.places)
  return bundleStatus(node, given.link)
}

/** Gives the node of this home an order. Null: it does not run. @throws with `code`, `message`, `advice` what the node refused */
export function orderCourier<T>(home: string, given: CourierOrder): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(operatorSocket(home, NAME))
    let text = ''
    socket.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    socket.once('connect', () => socket.write(`${JSON.stringify(given)}\n`))
    socket.once('error', () => resolve(null))
    socket.once('end', () => {
      if (text === '') return reject(new Error('节点中断了，请查看 logs/node.log'))
      const reply = told.parse(JSON.parse(text))
      if ('refused' in reply) reject(Object.assign(new Error(reply.refused.message), reply.refused))
      else resolve(reply.done as T)
    })
  })
}
