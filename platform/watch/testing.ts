import type { Condition, LinkCondition, Queue } from './model.ts'

export const AT = '2026-11-23T08:00:00.000Z'
export const minutesAgo = (minutes: number): string => new Date(Date.parse(AT) - minutes * 60_000).toISOString()
export const inDays = (days: number): string => new Date(Date.parse(AT) + days * 86_400_000).toISOString()

export const link = (change: Partial<LinkCondition> = {}): LinkCondition => ({
  peer: 'city', title: '市中心', direction: 'up', endpoint: 'https://127.0.0.1:1', queues: [], receipts: 0, oldestReceipt: null, failures: 0, pausedUntil: null, lastError: null,
  heardAt: minutesAgo(0), probe: { outcome: 'good', milliseconds: 2, clockSeconds: 0 }, bundles: null, ...change,
})
export const queueOf = (change: Partial<Queue> = {}): Queue => ({ urgency: 'normal', lane: 'small', waiting: 1, held: 0, late: 0, bytes: 100, oldest: minutesAgo(0), mostAttempts: 0, ...change })

/** A node on which nothing is wrong, with what is changed about it. */
export const healthy = (change: Partial<Condition> = {}): Condition => ({
  node: 'county', title: '县中心', at: AT, anchor: 'ab', links: [link()], deliveries: { sent: 0, late: 0, atTheDoor: 0 }, unsignedReceipts: 0, leaving: null,
  certificates: [{ kind: 'tls', id: 'county', title: '县中心', until: inDays(400) }],
  directory: { normal: 2, warn: 0, knownPartnersOnly: 0, stale: [] },
  disks: [{ volume: 'home', free: 50_000, total: 100_000, low: 10_000, full: 2_000 }],
  database: { bytes: 1, connections: 1, mostConnections: 100, oldestSnapshot: 0, oldestSeconds: 0, standbys: [], standbyRequired: false, events: 0, oldestEvent: null, jobs: 0, failedJobs: 0 },
  keyProcess: { up: true, organs: 1, open: 0 }, ledger: { at: AT, ok: true, size: 1 }, backup: AT, process: { since: AT, residentBytes: 1, loopDelayMs: 0, handles: 1 }, ...change,
})
