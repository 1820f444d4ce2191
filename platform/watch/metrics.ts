import type { Attributes, BatchObservableResult, Observable } from '@opentelemetry/api'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import type { Condition } from './model.ts'
import { alarmsOf, conditionOf } from './service.ts'

type Point = readonly [value: number, labels?: Attributes]
type Gauge = { readonly name: string; readonly words: string; points(condition: Condition): readonly Point[] }

const seconds = (from: string | null, to: string): number => (from === null ? 0 : Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000))
/** A number for each class in which something waits for a link. */
const ofQueues = (read: (queue: Condition['links'][number]['queues'][number], at: string) => number) => ({ links, at }: Condition): Point[] =>
  links.flatMap(({ peer, queues }) => queues.map((queue): Point => [read(queue, at), { peer, urgency: queue.urgency, lane: queue.lane }]))
const ofLinks = (read: (link: Condition['links'][number], at: string) => number) => ({ links, at }: Condition): Point[] => links.map((link) => [read(link, at), { peer: link.peer }])

/** What a scrape shows of a condition. Labels are neighbours, volumes, kinds: no message, no person, and organs only by the key whose certificate ends first. */
export const GAUGES: readonly Gauge[] = [
  { name: 'postroad.queue.shipments', words: 'Shipments that wait for a link', points: ofQueues(({ waiting }) => waiting) },
  { name: 'postroad.queue.held', words: 'Of these, held by a process to be sent', points: ofQueues(({ held }) => held) },
  { name: 'postroad.queue.late', words: 'Of these, past their time limit', points: ofQueues(({ late }) => late) },
  { name: 'postroad.queue.bytes', words: 'Bytes that wait for a link', points: ofQueues(({ bytes }) => bytes) },
  { name: 'postroad.queue.oldest.seconds', words: 'Age of the oldest that waits', points: ofQueues(({ oldest }, at) => seconds(oldest, at)) },
  { name: 'postroad.link.receipts', words: 'Receipts on their way back that wait for a link', points: ofLinks(({ receipts }) => receipts) },
  { name: 'postroad.link.failing', words: 'Failures in a row; 0 on a good link', points: ofLinks(({ failures }) => failures) },
  { name: 'postroad.link.paused', words: '1 while the link rests after failures', points: ofLinks(({ pausedUntil }) => (pausedUntil === null ? 0 : 1)) },
  { name: 'postroad.link.silence.seconds', words: 'Time since the last sign of life; absent before the first', points: ({ links, at }) => links.flatMap(({ peer, heardAt }): Point[] => (heardAt === null ? [] : [[seconds(heardAt, at), { peer }]])) },
  { name: 'postroad.link.clock.seconds', words: 'The neighbour’s clock minus ours', points: ({ links }) => links.flatMap(({ peer, probe }): Point[] => (probe?.clockSeconds == null ? [] : [[probe.clockSeconds, { peer }]])) },
  { name: 'postroad.deliveries', words: 'Deliveries that are not ended: sent from here, of these late, and waiting at the door of organs here', points: ({ deliveries }) => Object.entries(deliveries).map(([where, count]) => [count, { where }]) },
  { name: 'postroad.receipts.unsigned', words: 'Own receipts that wait for their signature', points: ({ unsignedReceipts }) => [[unsignedReceipts]] },
  { name: 'postroad.certificate.left.seconds', words: 'Until the first certificate of each kind ends', points: firstEnds },
  { name: 'postroad.directory.logs', words: 'Logs of nodes by freshness', points: ({ directory }) => (['normal', 'warn', 'knownPartnersOnly'] as const).map((freshness) => [directory[freshness], { freshness }]) },
  { name: 'postroad.disk.free.bytes', words: 'Free bytes', points: ({ disks }) => disks.map(({ volume, free }) => [free, { volume }]) },
  { name: 'postroad.disk.watermark.bytes', words: 'Below low no large things are taken, below full nothing', points: ({ disks }) => disks.flatMap(({ volume, low, full }): Point[] => [[low, { volume, mark: 'low' }], [full, { volume, mark: 'full' }]]) },
  { name: 'postroad.database.bytes', words: 'Size of the database', points: ({ database }) => [[database.bytes]] },
  { name: 'postroad.database.connections', words: 'Open connections', points: ({ database }) => [[database.connections]] },
  { name: 'postroad.database.snapshot', words: 'Transactions since the oldest snapshot that is held', points: ({ database }) => [[database.oldestSnapshot]] },
  { name: 'postroad.database.transaction.seconds', words: 'How long the oldest transaction has run', points: ({ database }) => [[database.oldestSeconds]] },
  { name: 'postroad.standby.sync', words: 'Standbys that have every commit', points: ({ database }) => [[database.standbys.filter(({ sync }) => sync).length]] },
  { name: 'postroad.standby.lag.seconds', words: 'How far a standby is behind', points: ({ database }) => database.standbys.map(({ name, lagSeconds }) => [lagSeconds, { standby: name }]) },
  { name: 'postroad.events.due', words: 'Events not handled yet', points: ({ database }) => [[database.events]] },
  { name: 'postroad.jobs.due', words: 'Jobs not run yet', points: ({ database }) => [[database.jobs]] },
  { name: 'postroad.jobs.failed', words: 'Jobs that failed as often as they may', points: ({ database }) => [[database.failedJobs]] },
  { name: 'postroad.keys.up', words: '1 while the key process answers', points: ({ keyProcess }) => [[keyProcess.up ? 1 : 0]] },
  { name: 'postroad.keys.open', words: 'Organs whose keys are open', points: ({ keyProcess }) => [[keyProcess.open]] },
  { name: 'postroad.ledger.ok', words: '1 if the last verification of the audit ledger held; absent before the first', points: ({ ledger }) => (ledger === null ? [] : [[ledger.ok ? 1 : 0]]) },
  { name: 'postroad.process.memory.bytes', words: 'Resident memory of this process', points: ({ process }) => [[process.residentBytes]] },
  { name: 'postroad.process.handles', words: 'Handles and requests that keep the event loop busy', points: ({ process }) => [[process.handles]] },
  { name: 'postroad.process.loop.seconds', words: 'How late the event loop was, 99th percentile since the last look', points: ({ process }) => [[process.loopDelayMs / 1000]] },
]

function firstEnds({ certificates, at }: Condition): readonly Point[] {
  const kinds = [...new Set(certificates.map(({ kind }) => kind))]
  return kinds.map((kind) => [Math.min(...certificates.filter((one) => one.kind === kind).map(({ until }) => (Date.parse(until) - Date.parse(at)) / 1000)), { kind }])
}

/** Shows the condition to whoever scrapes; nothing is gathered while nobody does. */
export function showMetrics(node: Node): void {
  if (node.config.metrics === null) return
  const { meter } = node.telemetry
  const gauges = GAUGES.map((gauge) => [gauge, meter.createObservableGauge(gauge.name, { description: gauge.words })] as const)
  const up = meter.createObservableGauge('postroad.up', { description: '1 if the node could tell how it is; 0 before it has joined or without its database' })
  const alarms = meter.createObservableGauge('postroad.alarm', { description: '1 for each alarm that stands' })
  const observe = async (result: BatchObservableResult): Promise<void> => {
    try {
      const condition = await conditionOf(node)
      for (const [{ points }, gauge] of gauges) for (const [value, labels] of points(condition)) result.observe(gauge, value, labels)
      for (const { code, subject, urgent } of (await alarmsOf(node, condition, 0)).open) result.observe(alarms, 1, { code, subject, urgent: String(urgent) })
      result.observe(up, 1)
    } catch (error) {
      if (!(error instanceof Refusal)) node.log.warn({ err: error }, 'watch: nothing to show to a scrape')
      result.observe(up, 0)
    }
  }
  meter.addBatchObservableCallback(observe, [...gauges.map(([, gauge]): Observable => gauge), up, alarms])
}
