import { neighbours, view } from '@postroad/directory/service'
import type { Node } from '@postroad/kernel/node'
import { type BundleStatus, type RoadCondition, bundleStatus, roadCondition } from '@postroad/road/service'
import { type LinkCondition, type Probe, probe } from '../model.ts'

export type Readings = ReadonlyMap<string, { readonly value: unknown; readonly at: Date }>
/** Name under which the last call to a neighbour is kept, and the last that was answered. */
export const probeName = (peer: string): string => `probe.${peer}`
export const answerName = (peer: string): string => `answer.${peer}`

export type RoadFacts = { readonly links: LinkCondition[]; readonly deliveries: RoadCondition['deliveries'] }

/** Every neighbour, and every node that is none and still has work waiting for it. */
export async function gatherLinks(node: Node, readings: Readings): Promise<RoadFacts> {
  const [{ links, shipments, receipts, deliveries }, couriers] = await Promise.all([roadCondition(node), bundleStatus(node)])
  const directory = view(node)
  const near = neighbours(node)
  const parent = directory.node(node.config.node)?.parent ?? null
  const stranded = [...new Set([...shipments, ...receipts].map(({ link }) => link))].filter((peer) => !near.includes(peer))
  const conditions = [...near, ...stranded].map((peer): LinkCondition => {
    const state = links.find((link) => link.peer === peer)
    const body = directory.node(peer)
    const back = receipts.find(({ link }) => link === peer)
    return {
      peer, title: body?.title ?? peer, endpoint: body?.endpoint ?? null,
      direction: !near.includes(peer) ? 'gone' : peer === parent ? 'up' : 'down',
      queues: shipments.filter(({ link }) => link === peer).map(({ link: _, oldest, ...queue }) => ({ ...queue, oldest: oldest.toISOString() })),
      receipts: back?.waiting ?? 0, oldestReceipt: back?.oldest.toISOString() ?? null,
      failures: state?.failures ?? 0, pausedUntil: later(state?.nextAt ?? null, node.now()), lastError: state?.lastError ?? null,
      heardAt: latest(state?.heardAt ?? null, readings.get(answerName(peer))?.at ?? null),
      probe: probeOf(readings, peer), bundles: bundlesOf(couriers.find(({ link }) => link === peer)),
    }
  })
  return { links: conditions, deliveries }
}

const bundlesOf = (status: BundleStatus | undefined): LinkCondition['bundles'] =>
  status === undefined ? null : { missing: status.in.gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0), partial: status.in.partial.length, held: status.out.held.length }

const later = (at: Date | null, now: Date): string | null => (at !== null && at > now ? at.toISOString() : null)

function latest(one: Date | null, other: Date | null): string | null {
  const times = [one, other].flatMap((time) => (time === null ? [] : [time.getTime()]))
  return times.length === 0 ? null : new Date(Math.max(...times)).toISOString()
}

function probeOf(readings: Readings, peer: string): Probe | null {
  const read = probe.safeParse(readings.get(probeName(peer))?.value)
  return read.success ? read.data : null
}
