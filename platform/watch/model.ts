import { z } from 'zod'

// How a node is doing, in counts, times and ids of nodes. Read by the node, its command line and the console's page; no I/O.

const count = z.number().int().min(0)
/** ISO 8601, UTC. */
const instant = z.string()

/** What waits for one neighbour in one class. */
export const queue = z.strictObject({
  urgency: z.enum(['normal', 'urgent', 'extraUrgent']),
  lane: z.enum(['small', 'large']),
  waiting: count,
  /** Of these, how many some process holds to send them. */
  held: count,
  late: count,
  bytes: count,
  oldest: instant,
  mostAttempts: count,
})
export type Queue = z.infer<typeof queue>

/** What came of calling a neighbour: `noEndpoint` is called by nobody and calls itself. */
export const PROBE_OUTCOMES = ['good', 'unreachable', 'wrongCertificate', 'noEndpoint', 'byBundle'] as const
export const probe = z.strictObject({
  outcome: z.enum(PROBE_OUTCOMES),
  milliseconds: count,
  /** The peer's clock minus ours, whole seconds; null where nothing answered. */
  clockSeconds: z.number().int().nullable(),
})
export type Probe = z.infer<typeof probe>

export const linkCondition = z.strictObject({
  peer: z.string(),
  title: z.string(),
  /** Towards the parent, a child, or (with work still waiting) a node that is no neighbour any more. */
  direction: z.enum(['up', 'down', 'gone']),
  endpoint: z.string().nullable(),
  queues: z.array(queue),
  /** Receipts on their way back that wait for this link. */
  receipts: count,
  oldestReceipt: instant.nullable(),
  failures: count,
  /** No try before this time, unless something is heard from the peer. */
  pausedUntil: instant.nullable(),
  lastError: z.string().nullable(),
  /** The last sign of life: something came from the peer, or it answered. */
  heardAt: instant.nullable(),
  probe: probe.nullable(),
  /** Of a link that goes by courier: numbers that never came, bundles of which a part was not taken, documents above the link's label; null of others. */
  bundles: z.strictObject({ missing: count, partial: count, held: count }).nullable(),
})
export type LinkCondition = z.infer<typeof linkCondition>

export const certificate = z.strictObject({ kind: z.enum(['tls', 'peerTls', 'ca', 'organ']), id: z.string(), title: z.string(), until: instant })
export type Certificate = z.infer<typeof certificate>
/** Below `low` large submissions stop, below `full` everything does. Bytes. */
export const disk = z.strictObject({ volume: z.string(), free: count, total: count, low: count, full: count })
export type Disk = z.infer<typeof disk>
export const standby = z.strictObject({ name: z.string(), sync: z.boolean(), lagSeconds: z.number().min(0), lagBytes: z.number().min(0) })

export const databaseCondition = z.strictObject({
  bytes: count,
  connections: count,
  mostConnections: count,
  /** Age of the oldest snapshot that keeps dead rows from being cleaned up, in transactions; and how long the oldest transaction has run. */
  oldestSnapshot: count,
  oldestSeconds: z.number().min(0),
  standbys: z.array(standby),
  /** Every commit is to be on a standby too. */
  standbyRequired: z.boolean(),
  /** Events and jobs that are due and not done. */
  events: count,
  oldestEvent: instant.nullable(),
  jobs: count,
  failedJobs: count,
})
export const processCondition = z.strictObject({ since: instant, residentBytes: count, loopDelayMs: z.number().min(0), handles: count })

export const condition = z.strictObject({
  node: z.string(),
  title: z.string(),
  at: instant,
  /** Null before the node has joined its tree. */
  anchor: z.string().nullable(),
  links: z.array(linkCondition),
  /** Deliveries that wait for a person, by where they stand. */
  deliveries: z.strictObject({ sent: count, late: count, atTheDoor: count }),
  unsignedReceipts: count,
  /** The centre above lets this node leave, and waits for its farewell. */
  leaving: z.strictObject({ reason: z.string() }).nullable(),
  /** The first to end; of organs' keys not all, where there are thousands. */
  certificates: z.array(certificate),
  /** Logs of nodes by freshness, and the first of those that are not fresh. */
  directory: z.strictObject({ normal: count, warn: count, knownPartnersOnly: count, stale: z.array(z.strictObject({ node: z.string(), title: z.string() })) }),
  disks: z.array(disk),
  database: databaseCondition,
  keyProcess: z.strictObject({ up: z.boolean(), organs: count, open: count }),
  /** The last whole verification of the audit ledger; null before the first. */
  ledger: z.strictObject({ at: instant, ok: z.boolean(), size: count }).nullable(),
  /** The last complete backup; null when this node was never backed up. */
  backup: instant.nullable(),
  process: processCondition,
})
export type Condition = z.infer<typeof condition>

export const ALARM_CODES = [
  'linkSilent', 'linkWrongCertificate', 'extraUrgentWaiting', 'queueOld', 'poisonedShipment', 'strandedQueue', 'bundleMissing', 'bundleHeld', 'leavingAsked', 'clockOff', 'directoryStale',
  'certificateSoon', 'certificateNow', 'diskLow', 'diskFull', 'keyProcessDown', 'ledgerBroken', 'backupOld', 'standbyMissing', 'standbyLag', 'oldSnapshot', 'failedJobs',
] as const
export type AlarmCode = (typeof ALARM_CODES)[number]

/** An alarm for people. `detail` fills its words; `clearedAt` null: it stands; `seen`: who took note of it, and what they said. */
export const alarm = z.strictObject({
  id: z.uuid(),
  code: z.enum(ALARM_CODES),
  subject: z.string(),
  detail: z.record(z.string(), z.union([z.string(), z.number()])),
  urgent: z.boolean(),
  at: instant,
  clearedAt: instant.nullable(),
  seen: z.array(z.strictObject({ name: z.string(), note: z.string(), at: instant })),
})
export type Alarm = z.infer<typeof alarm>

/** How a link is doing, in one word. */
export type LinkState = 'open' | 'silent' | 'failing' | 'wrongCertificate' | 'gone'
/** A link without any sign of life for so long is silent. Neighbours call each other every minute. */
export const SILENT_MS = 3 * 60_000

export function linkState(link: LinkCondition, at: string): LinkState {
  if (link.direction === 'gone') return 'gone'
  if (link.probe?.outcome === 'wrongCertificate') return 'wrongCertificate'
  if (link.probe?.outcome === 'byBundle') return 'open'
  if (isSilent(link, at)) return 'silent'
  return link.failures > 0 || link.probe?.outcome === 'unreachable' ? 'failing' : 'open'
}

export const isSilent = ({ heardAt }: Pick<LinkCondition, 'heardAt'>, at: string): boolean => heardAt === null || Date.parse(at) - Date.parse(heardAt) > SILENT_MS

/** The oldest of what waits, of all queues or of one urgency; null when nothing does. */
export const oldestOf = (queues: readonly Queue[], urgency?: Queue['urgency']): string | null =>
  queues.filter((one) => urgency === undefined || one.urgency === urgency).map(({ oldest }) => oldest).sort()[0] ?? null

export const waitingOf = (queues: readonly Queue[], urgency?: Queue['urgency']): number =>
  queues.reduce((sum, one) => sum + (urgency === undefined || one.urgency === urgency ? one.waiting : 0), 0)
