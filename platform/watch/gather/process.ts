import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Node, Slot } from '@postroad/kernel/node'
import type { Condition } from '../model.ts'

const RESOLUTION_MS = 20
const NANOSECONDS = 1e6
type LoopDelay = ReturnType<typeof monitorEventLoopDelay>
export const loopDelay: Slot<LoopDelay> = { name: 'watch.loopDelay' }

/** Measures how late the event loop is, for as long as the node runs. */
export function startLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  return histogram
}

/** This process: of several that serve a node, the one that was asked. The delay is the 99th percentile since the last look. */
export function gatherProcess(node: Node): Condition['process'] {
  const histogram = node.slots.get(loopDelay)
  const late = histogram.count === 0 ? 0 : Math.max(0, histogram.percentile(99) / NANOSECONDS - RESOLUTION_MS)
  histogram.reset()
  return {
    since: new Date(Date.now() - process.uptime() * 1000).toISOString(),
    residentBytes: process.memoryUsage.rss(), loopDelayMs: Math.round(late * 10) / 10, handles: process.getActiveResourcesInfo().length,
  }
}
