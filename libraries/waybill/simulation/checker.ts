/**
 * Judges a history of the network, one JSON event per line. It knows nothing of the simulation, nor of the protocol: only what people are promised.
 * `node checker.ts history.jsonl` prints what is broken and ends with 1, or a count and 0.
 */

export type Violation = { readonly rule: Rule; readonly message: string; readonly detail: string }
export type Rule =
  | 'unreadable'
  | 'neverQuiet'
  | 'lost'
  | 'unexpected'
  | 'duplicated'
  | 'outOfOrder'
  | 'custodyBeforeDurable'
  | 'acceptedBeforeDurable'
  | 'endMissing'
  | 'endContradicted'
  | 'viewsDiffer'
  | 'recallUnanswered'
  | 'recallBroken'
  | 'signedTwice'

type Line = Readonly<Record<string, unknown>> & { readonly e: string; readonly place: number }
type Document = { readonly node: string; readonly organ: string; readonly message: string; readonly kind: string; readonly thread: string; readonly ordinal: number; readonly regarding: string | null; readonly recipients: readonly string[]; readonly place: number }

const text = (line: Line, field: string): string => (typeof line[field] === 'string' ? line[field] : '')
const texts = (line: Line, field: string): string[] => (Array.isArray(line[field]) ? line[field].filter((entry): entry is string => typeof entry === 'string') : [])
const ENDS = ['signedFor', 'registered', 'returned', 'recalled', 'undeliverable', 'closed']

/** All broken promises of a history; empty if it kept them. */
export function check(history: readonly string[]): Violation[] {
  const violations: Violation[] = []
  const report = (rule: Rule, message: string, detail: string): void => void violations.push({ rule, message, detail })
  const lines = read(history, report)
  const of = (event: string): Line[] => lines.filter(({ e }) => e === event)
  const documents = new Map(of('submitted').map((line) => [text(line, 'message'), documentOf(line)]))
  if (of('quiet').length === 0) report('neverQuiet', '', 'deliveries were still open when the history ended')
  if (of('durable').length > 0) checkDurability(lines, report) // a history of real disks is asked in another way
  checkInboxes(lines, documents, report)
  checkOrder(lines, documents, report)
  checkEnds(lines, documents, report)
  checkRecalls(lines, documents, report)
  return violations
}

type Report = (rule: Rule, message: string, detail: string) => void

function read(history: readonly string[], report: Report): Line[] {
  return history.flatMap((row, place): Line[] => {
    try {
      const value: unknown = JSON.parse(row)
      if (typeof value === 'object' && value !== null && 'e' in value && typeof value.e === 'string') return [{ ...value, e: value.e, place }]
    } catch {
      // reported below
    }
    report('unreadable', '', `line ${place + 1}`)
    return []
  })
}

const documentOf = (line: Line): Document => ({
  node: text(line, 'node'),
  organ: text(line, 'organ'),
  message: text(line, 'message'),
  kind: text(line, 'kind'),
  thread: text(line, 'thread'),
  ordinal: Number(line.ordinal),
  regarding: typeof line.regarding === 'string' ? line.regarding : null,
  recipients: texts(line, 'recipients'),
  place: line.place,
})

/** Nobody says "I have it" before the disk does. A restore takes away what was written after the backup. */
function checkDurability(lines: readonly Line[], report: Report): void {
  const disks = new Map<string, Set<string>>()
  const backups = new Map<string, Set<string>>()
  const disk = (node: string): Set<string> => {
    const known = disks.get(node) ?? new Set<string>()
    disks.set(node, known)
    return known
  }
  for (const line of lines) {
    const node = text(line, 'node')
    const message = text(line, 'message')
    if (line.e === 'durable') for (const organ of texts(line, 'organs')) disk(node).add(`${message} ${organ}`).add(message)
    if (line.e === 'backup') backups.set(text(line, 'backup'), new Set(disk(node)))
    if (line.e === 'restore') disks.set(node, new Set(backups.get(text(line, 'backup')) ?? []))
    if (line.e === 'custody') {
      const missing = texts(line, 'organs').find((organ) => !disk(node).has(`${message} ${organ}`))
      if (missing !== undefined) report('custodyBeforeDurable', message, `${node} for ${missing}`)
    }
    if (line.e === 'accepted' && !disk(node).has(message)) report('acceptedBeforeDurable', message, node)
  }
}

/** Whether a node's disk was put back, between two places of the history, to a backup from before the first. */
function wasForgotten(lines: readonly Line[], node: string, first: number, second: number): boolean {
  const taken = new Map(lines.filter(({ e }) => e === 'backup').map((line) => [text(line, 'backup'), line.place]))
  return lines.some((line) => line.e === 'restore' && text(line, 'node') === node && line.place > first && line.place < second && (taken.get(text(line, 'backup')) ?? 0) < first)
}

function checkInboxes(lines: readonly Line[], documents: ReadonlyMap<string, Document>, report: Report): void {
  const shown = new Map<string, Line>()
  const recalled = new Set<string>()
  for (const line of lines) {
    const key = `${text(line, 'message')} ${text(line, 'organ')}`
    if (line.e === 'act' && line.kind === 'recalled') recalled.add(key)
    if (line.e !== 'shown') continue
    const document = documents.get(text(line, 'message'))
    if (document === undefined || document.place > line.place || !document.recipients.includes(text(line, 'organ'))) report('unexpected', text(line, 'message'), text(line, 'organ'))
    const before = shown.get(key)
    if (before !== undefined && !wasForgotten(lines, text(line, 'node'), before.place, line.place)) report('duplicated', text(line, 'message'), text(line, 'organ'))
    shown.set(key, line)
  }
  for (const line of lines) {
    if (line.e !== 'accepted') continue
    const document = documents.get(text(line, 'message'))
    if (document?.kind !== 'document') continue
    for (const organ of document.recipients) {
      const key = `${document.message} ${organ}`
      if (!shown.has(key) && !recalled.has(key)) report('lost', document.message, organ)
    }
  }
}

/** In every inbox the documents of one sender in one thread first appear in the order in which they were written. */
function checkOrder(lines: readonly Line[], documents: ReadonlyMap<string, Document>, report: Report): void {
  const latest = new Map<string, number>()
  const seen = new Set<string>()
  for (const line of lines) {
    const document = documents.get(text(line, 'message'))
    const key = `${text(line, 'message')} ${text(line, 'organ')}`
    if (line.e !== 'shown' || document === undefined || seen.has(key)) continue
    seen.add(key)
    const row = `${text(line, 'organ')} ${document.thread} ${document.organ}`
    if ((latest.get(row) ?? -1) > document.ordinal) report('outOfOrder', document.message, text(line, 'organ'))
    latest.set(row, Math.max(latest.get(row) ?? -1, document.ordinal))
  }
}

/** Every acknowledged submission comes to exactly one end per recipient, and that end really happened there. */
function checkEnds(lines: readonly Line[], documents: ReadonlyMap<string, Document>, report: Report): void {
  const accepted = new Set(lines.filter(({ e }) => e === 'accepted').map((line) => text(line, 'message')))
  const acts = new Set(lines.filter(({ e }) => e === 'act').map((line) => `${text(line, 'message')} ${text(line, 'organ')} ${text(line, 'kind')}`))
  const ends = new Map<string, string[]>()
  for (const line of lines) {
    if (line.e !== 'end') continue
    const key = `${text(line, 'message')} ${text(line, 'organ')}`
    ends.set(key, [...(ends.get(key) ?? []), text(line, 'state')])
  }
  for (const message of accepted) {
    const document = documents.get(message)
    if (document === undefined) report('unexpected', message, 'accepted, never submitted')
    if (document?.kind !== 'document') continue
    for (const organ of document.recipients) {
      const states = ends.get(`${message} ${organ}`) ?? []
      const [state] = states
      if (states.length !== 1 || state === undefined || !ENDS.includes(state)) report('endMissing', message, `${organ}: ${states.join(',')}`)
      else if (!acts.has(`${message} ${organ} ${state}`)) report('endContradicted', message, `${organ}: ${state} without an act`)
    }
  }
  for (const line of lines) {
    if (line.e !== 'endThere') continue
    const states = ends.get(`${text(line, 'message')} ${text(line, 'organ')}`) ?? []
    if (accepted.has(text(line, 'message')) && states.some((state) => state !== text(line, 'state'))) report('viewsDiffer', text(line, 'message'), `${text(line, 'organ')}: ${states.join(',')} here, ${text(line, 'state')} there`)
  }
  checkTold(lines, report)
}

/** What a sender is told was done there, and nobody signs twice for the same document. */
function checkTold(lines: readonly Line[], report: Report): void {
  const made = new Set(lines.filter(({ e }) => e === 'act').map((line) => text(line, 'receipt')))
  const signed = new Map<string, Line>()
  for (const line of lines) {
    if (line.e !== 'told' || !ENDS.includes(text(line, 'kind'))) continue
    if (!made.has(text(line, 'receipt'))) report('unexpected', text(line, 'message'), `receipt ${text(line, 'receipt')}`)
    if (line.kind !== 'signedFor') continue
    const key = `${text(line, 'message')} ${text(line, 'organ')}`
    const before = signed.get(key)
    const isSame = before === undefined || text(before, 'receipt') === text(line, 'receipt')
    if (!isSame && !wasForgotten(lines, text(line, 'node'), before.place, line.place)) report('signedTwice', text(line, 'message'), text(line, 'organ'))
    signed.set(key, line)
  }
}

/** A recall is answered by each recipient, and after a document was recalled nobody is shown it or signs for it; what is signed for is not recalled. */
function checkRecalls(lines: readonly Line[], documents: ReadonlyMap<string, Document>, report: Report): void {
  const acts = lines.filter(({ e }) => e === 'act')
  const accepted = new Set(lines.filter(({ e }) => e === 'accepted').map((line) => text(line, 'message')))
  for (const request of documents.values()) {
    if (request.kind !== 'recallRequest' || !accepted.has(request.message) || !accepted.has(request.regarding ?? '')) continue
    for (const organ of request.recipients) {
      const here = acts.filter((line) => text(line, 'message') === request.regarding && text(line, 'organ') === organ)
      if (!here.some(({ kind }) => kind === 'recalled' || kind === 'recallRefused' || kind === 'returned')) report('recallUnanswered', request.regarding ?? '', organ)
    }
  }
  for (const [key, recalls] of Map.groupBy(acts.filter(({ kind }) => kind === 'recalled'), (line) => `${text(line, 'message')} ${text(line, 'organ')}`)) {
    const [message, organ] = key.split(' ') as [string, string]
    const [first] = recalls as [Line]
    const node = text(first, 'node')
    for (const line of lines) {
      const isHere = text(line, 'message') === message && text(line, 'organ') === organ
      if (!isHere || (line.e !== 'shown' && !(line.e === 'act' && line.kind === 'signedFor'))) continue
      const isAfter = line.place > first.place && !wasForgotten(lines, node, first.place, line.place)
      const isSignedBefore = line.e === 'act' && line.place < first.place && !wasForgotten(lines, node, line.place, first.place)
      if (isAfter || isSignedBefore) report('recallBroken', message, `${organ}: ${line.e} ${text(line, 'kind')}`)
    }
  }
}

if (import.meta.main) {
  const { readFileSync } = await import('node:fs')
  const [path] = process.argv.slice(2)
  if (path === undefined) {
    process.stderr.write('usage: node checker.ts history.jsonl\n')
    process.exit(2)
  }
  const rows = readFileSync(path, 'utf8').split('\n').filter((row) => row !== '')
  const violations = check(rows)
  for (const { rule, message, detail } of violations) process.stdout.write(`${rule}\t${message}\t${detail}\n`)
  process.stdout.write(`${rows.length} events, ${violations.length} violations\n`)
  process.exit(violations.length === 0 ? 0 : 1)
}
