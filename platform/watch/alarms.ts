import { type AlarmCode, type Certificate, type Condition, type LinkCondition, isSilent, oldestOf, waitingOf } from './model.ts'

// When an alarm is raised and when it is cleared: pure, by a table that has a version. Read by node and page.

type Threshold = { readonly raise: number; readonly clear: number }
/** What is measured against what. An alarm that stands is cleared only past `clear`, so that a value on the edge does not ring twice. */
export const RULES = {
  version: 1,
  extraUrgentMinutes: { raise: 5, clear: 4 },
  queueMinutes: { raise: 60, clear: 50 },
  /** Tries of one shipment while others passed. */
  attempts: { raise: 20, clear: 20 },
  clockSeconds: { raise: 30, clear: 20 },
  certificateSoonDays: { raise: 30, clear: 31 },
  certificateNowDays: { raise: 7, clear: 8 },
  /** Of the watermark. */
  diskShare: { raise: 1, clear: 1.1 },
  backupHours: { raise: 26, clear: 26 },
  standbySeconds: { raise: 30, clear: 10 },
  snapshotTransactions: { raise: 5_000_000, clear: 4_000_000 },
  transactionMinutes: { raise: 15, clear: 10 },
} as const satisfies { readonly version: number } & Readonly<Record<string, number | Threshold>>

/** An alarm as it stands in a condition. `subject` is the neighbour, volume or certificate that it is about; `-` is the node itself. */
export type Finding = { readonly code: AlarmCode; readonly subject: string; readonly detail: AlarmDetail }
export type AlarmDetail = Readonly<Record<string, string | number>>
/** What is known of a subject: it rings, it does not, or nothing could be learned just now. */
type Verdict = { readonly code: AlarmCode; readonly subject: string; readonly state: 'rings' | 'quiet' | 'unknown'; readonly detail: AlarmDetail }

/** Names an alarm among those that stand: one at a time for each subject. */
export const alarmKey = ({ code, subject }: Pick<Finding, 'code' | 'subject'>): string => `${code} ${subject}`
type Standing = (code: AlarmCode, subject: string) => boolean

const above = (value: number, { raise, clear }: Threshold, stands: boolean): boolean => value > (stands ? clear : raise)
const below = (value: number, { raise, clear }: Threshold, stands: boolean): boolean => value < (stands ? clear : raise)
const minutesSince = (at: string, since: string): number => Math.max(0, (Date.parse(at) - Date.parse(since)) / 60_000)
const NODE = '-'

/** Judges a condition by the rules; `stands` tells which alarms ring already. */
function verdicts(condition: Condition, stands: Standing): Verdict[] {
  const said = (code: AlarmCode, subject: string, rings: boolean | null, detail: AlarmDetail = {}): Verdict => ({ code, subject, state: rings === null ? 'unknown' : rings ? 'rings' : 'quiet', detail })
  return [
    ...condition.links.flatMap((link) => linkVerdicts(link, condition.at, said, stands)),
    directoryVerdict(condition.directory, said),
    said('leavingAsked', NODE, condition.leaving !== null, { reason: condition.leaving?.reason ?? '' }),
    ...firstToEnd(condition.certificates).flatMap((certificate) => certificateVerdicts(certificate, condition, said, stands)),
    ...condition.disks.flatMap(({ volume, free, low, full }) => {
      const isFull = below(free / full, RULES.diskShare, stands('diskFull', volume))
      const detail = { volume, freeMegabytes: Math.round(free / 1_048_576) }
      return [said('diskFull', volume, isFull, detail), said('diskLow', volume, !isFull && below(free / low, RULES.diskShare, stands('diskLow', volume)), detail)]
    }),
    said('keyProcessDown', NODE, !condition.keyProcess.up),
    said('ledgerBroken', NODE, condition.ledger === null ? null : !condition.ledger.ok),
    said('backupOld', NODE, condition.backup === null ? null : above(minutesSince(condition.at, condition.backup) / 60, RULES.backupHours, stands('backupOld', NODE)), { hours: condition.backup === null ? 0 : Math.floor(minutesSince(condition.at, condition.backup) / 60) }),
    said('standbyMissing', NODE, condition.database.standbyRequired && !condition.database.standbys.some(({ sync }) => sync)),
    ...condition.database.standbys.map(({ name, lagSeconds }) => said('standbyLag', name, above(lagSeconds, RULES.standbySeconds, stands('standbyLag', name)), { name, seconds: Math.round(lagSeconds) })),
    snapshotVerdict(condition.database, said, stands),
    said('failedJobs', NODE, condition.database.failedJobs > 0, { count: condition.database.failedJobs }),
  ]
}

type Say = (code: AlarmCode, subject: string, rings: boolean | null, detail?: AlarmDetail) => Verdict

function linkVerdicts(link: LinkCondition, at: string, said: Say, stands: Standing): Verdict[] {
  const { peer, title, queues, probe } = link
  const count = waitingOf(queues)
  if (link.direction === 'gone') return [said('strandedQueue', peer, count + link.receipts > 0, { title, count: count + link.receipts })]
  if (link.bundles !== null) return bundleVerdicts(link, link.bundles, said) // silence between two couriers is no alarm
  const age = (code: AlarmCode, oldest: string | null, threshold: Threshold): Verdict => {
    const minutes = oldest === null ? 0 : minutesSince(at, oldest)
    return said(code, peer, oldest !== null && above(minutes, threshold, stands(code, peer)), { title, minutes: Math.floor(minutes), count })
  }
  const attempts = Math.max(0, ...queues.map(({ mostAttempts }) => mostAttempts))
  const silent = isSilent(link, at)
  const off = probe?.clockSeconds ?? null
  return [
    said('linkSilent', peer, silent && probe?.outcome !== 'wrongCertificate', { title, count, minutes: link.heardAt === null ? 0 : Math.floor(minutesSince(at, link.heardAt)) }),
    said('linkWrongCertificate', peer, probe === null ? null : probe.outcome === 'wrongCertificate', { title }),
    age('extraUrgentWaiting', oldestOf(queues, 'extraUrgent'), RULES.extraUrgentMinutes),
    age('queueOld', oldestOf(queues), RULES.queueMinutes),
    // on a silent link every shipment is tried in vain: that is the link's alarm
    said('poisonedShipment', peer, silent || link.failures > 0 ? null : attempts >= RULES.attempts.raise, { title, attempts }),
    said('clockOff', peer, off === null ? null : above(Math.abs(off), RULES.clockSeconds, stands('clockOff', peer)), { title, seconds: off ?? 0 }),
  ]
}

const bundleVerdicts = ({ peer, title }: LinkCondition, { missing, partial, held }: NonNullable<LinkCondition['bundles']>, said: Say): Verdict[] => [
  said('bundleMissing', peer, missing + partial > 0, { title, missing, partial }),
  said('bundleHeld', peer, held > 0, { title, held }),
]

/** One alarm for all logs: where a link has been down for a week, thousands are stale at once. */
function directoryVerdict({ warn, knownPartnersOnly, stale }: Condition['directory'], said: Say): Verdict {
  return said('directoryStale', NODE, warn + knownPartnersOnly > 0, { title: stale[0]?.title ?? '', count: warn + knownPartnersOnly })
}

/** Organs' certificates ring together, by the one that ends first: those of a year were issued in a day. */
const subjectOf = ({ kind, id }: Certificate): string => (kind === 'organ' ? kind : `${kind}.${id}`)

function firstToEnd(certificates: readonly Certificate[]): readonly Certificate[] {
  const first = new Map<string, Certificate>()
  for (const one of certificates) {
    const before = first.get(subjectOf(one))
    if (before === undefined || one.until < before.until) first.set(subjectOf(one), one)
  }
  return [...first.values()]
}

function certificateVerdicts(certificate: Certificate, { at, certificates }: Condition, said: Say, stands: Standing): Verdict[] {
  const subject = subjectOf(certificate)
  const daysOf = ({ until }: Certificate): number => (Date.parse(until) - Date.parse(at)) / 86_400_000
  const days = daysOf(certificate)
  const now = below(days, RULES.certificateNowDays, stands('certificateNow', subject))
  const count = certificates.filter((one) => subjectOf(one) === subject && daysOf(one) < RULES.certificateSoonDays.raise).length
  const detail = { title: certificate.title, days: Math.floor(days), count }
  return [said('certificateNow', subject, now, detail), said('certificateSoon', subject, !now && below(days, RULES.certificateSoonDays, stands('certificateSoon', subject)), detail)]
}

function snapshotVerdict({ oldestSnapshot, oldestSeconds }: Condition['database'], said: Say, stands: Standing): Verdict {
  const was = stands('oldSnapshot', NODE)
  return said('oldSnapshot', NODE, above(oldestSnapshot, RULES.snapshotTransactions, was) || above(oldestSeconds / 60, RULES.transactionMinutes, was), { minutes: Math.floor(oldestSeconds / 60), transactions: oldestSnapshot })
}

export type Step<Open extends Pick<Finding, 'code' | 'subject'>> = { readonly raise: readonly Finding[]; readonly clear: readonly Open[] }

/**
 * What changes: alarms to be raised, and those to be cleared of the ones that stand. What nothing could be learned about stays as it is; a subject that is no
 * more (a link, a volume) rings no more.
 */
export function step<Open extends Pick<Finding, 'code' | 'subject'>>(condition: Condition, open: readonly Open[]): Step<Open> {
  const standing = new Set(open.map(alarmKey))
  const judged = verdicts(condition, (code, subject) => standing.has(alarmKey({ code, subject })))
  const kept = new Set(judged.filter(({ state }) => state !== 'quiet').map(alarmKey))
  return {
    raise: judged.filter((verdict) => verdict.state === 'rings' && !standing.has(alarmKey(verdict))).map(({ code, subject, detail }) => ({ code, subject, detail })),
    clear: open.filter((alarm) => !kept.has(alarmKey(alarm))),
  }
}

/** The numbers of every alarm that may stand, as they are now: one that was raised an hour ago tells of this minute. */
export const detailsNow = (condition: Condition): ReadonlyMap<string, AlarmDetail> => new Map(verdicts(condition, () => true).map((verdict) => [alarmKey(verdict), verdict.detail]))

/** Alarms that must be seen to at once; the others within the working day. */
const URGENT: ReadonlySet<AlarmCode> = new Set(['linkSilent', 'linkWrongCertificate', 'extraUrgentWaiting', 'strandedQueue', 'certificateNow', 'diskFull', 'keyProcessDown', 'ledgerBroken', 'standbyMissing'])
export const isUrgent = (code: AlarmCode): boolean => URGENT.has(code)
