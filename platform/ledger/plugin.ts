import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { definePlugin } from '@postroad/kernel/plugin'
import { recordRefusal } from '@postroad/kernel/seams'
import { ledgerRoutes } from './http.ts'
import { flushSuppressed, recordRefusal as writeRefusal, sequence } from './service.ts'
import { ledgerState, openLedger } from './state.ts'
import { ledgerPermissions, ledgerTitle } from './words.ts'

/** How often new leaves are given positions and a signed checkpoint. */
const SEQUENCE_EVERY = 1000
const FLUSH_EVERY = 60_000

/** The first room to start: others record what they do from their own start on. */
export const ledger = definePlugin({
  id: 'ledger',
  title: ledgerTitle,
  migrations: new URL('./migrations/', import.meta.url),
  permissions: ledgerPermissions,
  routes: ledgerRoutes,
  async start(node) {
    node.slots.set(ledgerState, await openLedger(node))
    node.slots.set(recordRefusal, (principal, refusal, source) => writeRefusal(node, principal, refusal, source))
    const sequencing = node.processes.does('jobs') ? [repeat(node, SEQUENCE_EVERY, () => sequence(node))] : []
    const loops = [...sequencing, repeat(node, FLUSH_EVERY, () => flushSuppressed(node))]
    return {
      async stop() {
        for (const loop of loops) await loop.stop()
        await flushSuppressed(node)
        if (node.processes.does('jobs')) await settle(node, () => sequence(node))
      },
    }
  },
})

/** Runs `work` again and again, never twice at once; a failure is logged and the next round tries again. */
function repeat(node: Node, every: number, work: () => Promise<unknown>): { stop(): Promise<void> } {
  let isStopping = false
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout
  const round = (): void => {
    running = settle(node, work).then(() => {
      if (!isStopping) timer = setTimeout(round, every).unref()
    })
  }
  timer = setTimeout(round, every).unref()
  return {
    async stop() {
      isStopping = true
      clearTimeout(timer)
      await running
    },
  }
}

async function settle(node: Node, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    // A ledger that contradicts itself stays unsigned and says so every second; acts are still recorded.
    node.log.error({ err: error, code: error instanceof Refusal ? error.code : undefined }, 'ledger')
  }
}
