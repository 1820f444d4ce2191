import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { definePlugin } from '@postroad/kernel/plugin'
import { loopDelay, startLoopDelay } from './gather/process.ts'
import { showMetrics } from './metrics.ts'
import { keptCondition, look, nothingKept, verifyNow } from './service.ts'
import { TITLE } from './words.ts'

/** How often neighbours are called and alarms judged. */
const LOOK_MS = 30_000

/** Looks after the node for as long as it runs. Starts after the road, which it asks. */
export const watch = definePlugin({
  id: 'watch',
  title: TITLE,
  migrations: new URL('./migrations/', import.meta.url),
  jobs: [{ name: 'verifyLedger', every: '23 3 * * *', run: (_payload, node) => verifyNow(node) }],
  async start(node) {
    const delay = startLoopDelay()
    node.slots.set(loopDelay, delay)
    node.slots.set(keptCondition, nothingKept())
    showMetrics(node)
    const looking = repeat(node)
    return {
      async stop() {
        await looking.stop()
        delay.disable()
      },
    }
  },
})

/** Looks again and again, never twice at once, and in one process of the node; the first time a little after the start, when neighbours have been greeted. */
function repeat(node: Node): { stop(): Promise<void> } {
  let stopping = false
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout
  const plan = (): void => {
    if (!stopping) timer = setTimeout(() => (running = lookOnce(node).then(plan)), LOOK_MS).unref()
  }
  plan()
  return {
    async stop() {
      stopping = true
      clearTimeout(timer)
      await running
    },
  }
}

async function lookOnce(node: Node): Promise<void> {
  try {
    if (node.processes.isEldest('jobs')) await look(node)
  } catch (error) {
    if (!(error instanceof Refusal)) node.log.error({ err: error }, 'watch: look failed') // a refusal: the node has not joined yet
  }
}
