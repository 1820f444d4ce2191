import type { SuiteId } from '@postroad/gm'
import { hashOf } from '../canonical.ts'
import { FINE, fail, ok, type Result } from '../fault.ts'
import { type Leaving, goneSince, leavingOf } from './leaving.ts'
import { type Block, type DirectoryState, type IssuingNameEntry, type KeyEntry, type KeyStatus, type NodeKeyEntry, type OrganEntry, type Remark, statusName, within } from './state.ts'
import { heirsOf, mayHost, organAt, standsFor } from './succession.ts'
import type { NodeBody, SignedStatement } from './statements.ts'

/** The newest line of a log as a peer knows it. */
export type LogHead = { readonly seq: number; readonly hash: string }
/** One hash (SM3) over the heads of all logs: which directory was used. */
export type Checkpoint = { readonly hash: string; readonly logs: Readonly<Record<string, LogHead>> }
export type KeyPurpose = 'sign' | 'encrypt'

/** What the accepted statements say. Immutable; `extend` answers a new one. Instants are ISO texts in UTC with milliseconds and compare as texts. */
export type DirectoryView = {
  /** Insides, for `extend` only. */
  readonly state: DirectoryState
  node(id: string): NodeBody | null
  nodes(): NodeBody[]
  children(node: string): string[]
  /** From the node up to the top of what is known, itself first. */
  ancestors(node: string): string[]
  /** The organ as last stated, whether it still stands or not; with an instant as it was then, null where it did not stand. */
  organ(id: string, at?: string): OrganEntry | null
  /** Each organ as last stated. */
  organs(): OrganEntry[]
  /** What an organ was called and where it was, one period after the other. */
  organPeriods(id: string): readonly OrganEntry[]
  /** Organs hosted by a node or by any below it. */
  organsUnder(node: string): OrganEntry[]
  name(id: string, at?: string): IssuingNameEntry | null
  /** Every period of every name, those that ended included. */
  names(): readonly IssuingNameEntry[]
  namesOf(organ: string, at: string): IssuingNameEntry[]
  deputiesOf(organ: string, at: string): string[]
  /** The organ that stands for another at an instant: itself, or where its successors lead; null if it ended without any. */
  standsFor(organ: string, at: string): string | null
  /** All organs that took something over from one that ended, the main heir first; none while it stands. */
  heirsOf(organ: string, at: string): string[]
  /** Organs that ended and lead to this one. */
  predecessorsOf(organ: string, at: string): string[]
  /** Whether a node may speak of an organ's inbox at an instant: it hosts it or an heir, or did until lately. */
  mayHost(organ: string, node: string, at: string): boolean
  key(id: string): KeyEntry | null
  /** Keys usable at an instant, newest first. */
  keysOf(organ: string, purpose: KeyPurpose, suite: SuiteId, at: string): KeyEntry[]
  /** Whether an organ's key is good at an instant, or why not. */
  keyState(key: string, at: string): Result<null>
  compromisedSince(key: string): string | null
  nodeKey(node: string, key: string): NodeKeyEntry | null
  /** The block that keeps a whole node from its neighbours now, or null. */
  blocked(node: string): Block | null
  /** How a node stands that leaves (退网), itself or with one above it; null: it stays. */
  leaving(node: string): Leaving | null
  /** The same for a node's own key. */
  nodeKeyState(node: string, key: string, at: string): Result<null>
  /** The neighbour towards an organ: up to the lowest common ancestor, then down. `from` itself when it hosts the organ; null without a way. */
  nextHop(from: string, organ: string, at?: string): string | null
  /** All nodes on the way between two, both included; null without a way. */
  path(from: string, to: string): string[] | null
  checkpoint(): Checkpoint
  log(node: string): readonly SignedStatement[]
  /** Lines that a peer with these heads lacks. */
  statementsSince(heads: Readonly<Record<string, Pick<LogHead, 'seq'>>>): SignedStatement[]
  remarks(): readonly Remark[]
}

/** Most levels of a tree; a longer chain of parents is a circle. */
const MAX_LEVELS = 12

export function createView(state: DirectoryState): DirectoryView {
  const { logs, organs, names, keys } = state
  const node = (id: string): NodeBody | null => logs.get(id)?.node ?? null
  const latestOrgans = (): OrganEntry[] => [...organs.values()].flatMap((periods) => periods.at(-1) ?? [])
  let checkpoint: Checkpoint | null = null
  // Both are asked for every recipient of a message: in a province a look through all names or keys would take seconds.
  const allNames = lazily((): readonly IssuingNameEntry[] => [...names.values()].flat())
  const namesByOrgan = lazily(() => grouped(allNames(), ({ organ }) => organ))
  const keysByOwner = lazily(() => grouped(keys.values(), ({ owner }) => owner))

  function ancestors(id: string): string[] {
    const way: string[] = []
    for (let at: string | null = id; at !== null && logs.has(at) && !way.includes(at) && way.length < MAX_LEVELS; at = node(at)?.parent ?? null) way.push(at)
    return way
  }
  function path(from: string, to: string): string[] | null {
    const up = ancestors(from)
    const down = ancestors(to)
    const meeting = up.find((id) => down.includes(id))
    if (meeting === undefined) return null
    return [...up.slice(0, up.indexOf(meeting) + 1), ...down.slice(0, down.indexOf(meeting)).reverse()]
  }
  const nodeKey = (id: string, key: string): NodeKeyEntry | null => newest(logs.get(id)?.allKeys.filter((entry) => entry.id === key) ?? [])
  const statusesOf = (log: string | undefined, key: string): readonly KeyStatus[] => (log === undefined ? [] : (state.statuses.get(statusName(log, key)) ?? []))
  const blocksOf = (owner: string, key: string | null): readonly Block[] => (state.blocks.get(owner) ?? []).filter((block) => block.key === key)
  function keyState(id: string, at: string): Result<null> {
    const entry = keys.get(id)
    if (entry === undefined) return fail('unknownKey', id)
    if (at < entry.from) return fail('notYetValidKey', id)
    if (entry.until !== null && at >= entry.until) return fail('expiredKey', id)
    return judge(id, [...statusesOf(entry.node, id), ...blocksOf(entry.node, id).flatMap((block) => statusOf(block, at))], at)
  }
  function nodeKeyState(owner: string, id: string, at: string): Result<null> {
    const entry = nodeKey(owner, id)
    if (entry === null) return fail('unknownKey', `${owner} ${id}`)
    if (at < entry.from) return fail('notYetValidKey', id)
    if (entry.until !== null && at > entry.until) return fail('retiredKey', id)
    const gone = goneSince(state, owner)
    if (gone !== null && at > gone) return fail('retiredKey', id)
    // A block of the whole node speaks of the keys that it had: those that followed are good once it has ended.
    const blocks = blocksOf(owner, id).concat(blocksOf(owner, null).filter(({ from, until }) => entry.from < from || until === null || at < until))
    return judge(id, [...statusesOf(owner, id), ...blocks.flatMap((block) => statusOf(block, at))], at)
  }
  return {
    state,
    node,
    nodes: () => [...logs.values()].map((log) => log.node),
    children: (id) => [...logs.values()].filter((log) => log.node.parent === id).map((log) => log.node.node),
    ancestors,
    organ: (id, at) => (at === undefined ? (organs.get(id)?.at(-1) ?? null) : organAt(organs, id, at)),
    organs: latestOrgans,
    organPeriods: (id) => organs.get(id) ?? [],
    organsUnder: (id) => latestOrgans().filter((organ) => ancestors(organ.node).includes(id)),
    name: (id, at) => (at === undefined ? names.get(id)?.at(-1) : names.get(id)?.find((period) => within(period, at))) ?? null,
    names: allNames,
    namesOf: (organ, at) => (namesByOrgan().get(organ) ?? []).filter((name) => within(name, at)),
    deputiesOf: (organ, at) => state.deputies.filter((entry) => entry.organ === organ && within(entry, at)).map(({ deputy }) => deputy),
    standsFor: (organ, at) => standsFor(organs, organ, at),
    heirsOf: (organ, at) => heirsOf(organs, organ, at),
    predecessorsOf: (organ, at) => [...organs.keys()].filter((id) => id !== organ && organAt(organs, id, at) === null && heirsOf(organs, id, at).includes(organ)),
    mayHost: (organ, host, at) => mayHost(organs, organ, host, at),
    key: (id) => keys.get(id) ?? null,
    keysOf: (organ, purpose, suite, at) =>
      (keysByOwner().get(organ) ?? [])
        .filter((key) => key.purpose === purpose && key.suite === suite && keyState(key.key, at).ok)
        .sort((a, b) => (a.from < b.from ? 1 : a.from > b.from ? -1 : 0)),
    keyState,
    compromisedSince: (id) => earliest([...statusesOf(keys.get(id)?.node, id), ...blocksOf(keys.get(id)?.node ?? '', id).flatMap((block) => statusOf(block, block.from))]),
    nodeKey,
    leaving: (id) => leavingOf(state, id),
    nodeKeyState,
    blocked: (id) => blocksOf(id, null).find(({ until }) => until === null) ?? null,
    nextHop(from, organ, at) {
      const home = ((at === undefined ? null : organAt(organs, organ, at)) ?? organs.get(organ)?.at(-1))?.node
      const way = home === undefined ? null : path(from, home)
      return way === null ? null : (way[1] ?? from)
    },
    path,
    checkpoint() {
      if (checkpoint !== null) return checkpoint
      const heads: Record<string, LogHead> = Object.fromEntries([...logs].map(([id, { hashes }]) => [id, { seq: hashes.length - 1, hash: hashes[hashes.length - 1] as string }]))
      checkpoint = { hash: checkpointHash(state, heads), logs: heads }
      return checkpoint
    },
    log: (id) => logs.get(id)?.statements ?? [],
    statementsSince: (heads) => [...logs].flatMap(([id, { statements }]) => statements.slice((heads[id]?.seq ?? -1) + 1)),
    remarks: () => state.remarks,
  }
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: make() }).value
}

function grouped<T>(entries: Iterable<T>, nameOf: (entry: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const entry of entries) {
    const name = nameOf(entry)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [entry])
    else group.push(entry)
  }
  return groups
}

const STATUS_FAULT = { compromised: 'compromisedKey', revoked: 'revokedKey', retired: 'retiredKey' } as const
const newest = (entries: readonly NodeKeyEntry[]): NodeKeyEntry | null => entries[entries.length - 1] ?? null
const checkpointHash = (state: DirectoryState, logs: Readonly<Record<string, LogHead>>): string => hashOf(state.suites.SM, 'checkpoint', { logs })

/** What a block says of a key at an instant: compromised for ever from the instant named, else out of use while it lasts. */
function statusOf({ key, from, until, compromisedSince }: Block, at: string): readonly KeyStatus[] {
  if (compromisedSince !== null) return [{ status: 'compromised', since: compromisedSince }]
  return key !== null && (until === null || at < until) ? [{ status: 'revoked', since: from }] : []
}

/** The gravest of what was said about a key up to an instant. */
function judge(key: string, statuses: readonly KeyStatus[], at: string): Result<null> {
  const known = statuses.filter(({ since }) => since <= at)
  const worst = (['compromised', 'revoked', 'retired'] as const).find((status) => known.some((said) => said.status === status))
  return worst === undefined ? FINE : fail(STATUS_FAULT[worst], key)
}

function earliest(statuses: readonly KeyStatus[]): string | null {
  const instants = statuses.filter(({ status }) => status === 'compromised').map(({ since }) => since)
  return instants.sort()[0] ?? null
}

/** How a peer's heads relate to ours: `behind` lacks lines, `ahead` has more, `unknown` is a log we do not hold. A head below one seen before is the peer's rollback: keep what you saw and compare with `readLogs`' `known`. */
export function compareHead(view: DirectoryView, log: string, head: LogHead): 'same' | 'behind' | 'ahead' | 'fork' | 'unknown' {
  const hashes = view.state.logs.get(log)?.hashes
  if (hashes === undefined) return 'unknown'
  if (head.seq >= hashes.length) return 'ahead'
  if (hashes[head.seq] !== head.hash) return 'fork'
  return head.seq === hashes.length - 1 ? 'same' : 'behind'
}

/** Refuses a peer's heads that step back behind what the same peer showed before, or that contradict our logs. */
export function checkHeads(view: DirectoryView, before: Readonly<Record<string, LogHead>>, now: Readonly<Record<string, LogHead>>): Result<null> {
  for (const [log, head] of Object.entries(before)) if ((now[log]?.seq ?? -1) < head.seq) return fail('rollback', log)
  for (const [log, head] of Object.entries(now)) if (compareHead(view, log, head) === 'fork') return fail('fork', log)
  return FINE
}

/** How far a log may be trusted by its age. Never a cliff: warnings first, then only partners known before. */
export type Freshness = 'normal' | 'warn' | 'knownPartnersOnly'
export const FRESHNESS_DAYS = { warn: 7, knownPartnersOnly: 30 } as const

/** Grade of each log by the age of its newest line (nodes state a heartbeat daily; bundles may pass twice a week). `now` is an ISO instant. */
export function freshness(view: DirectoryView, now: string, days: { readonly warn: number; readonly knownPartnersOnly: number } = FRESHNESS_DAYS): Record<string, Freshness> {
  const grades = view.nodes().map(({ node }): [string, Freshness] => {
    const log = view.log(node)
    const age = (Date.parse(now) - Date.parse(log[log.length - 1]?.statement.at ?? now)) / 86_400_000
    return [node, age <= days.warn ? 'normal' : age <= days.knownPartnersOnly ? 'warn' : 'knownPartnersOnly']
  })
  return Object.fromEntries(grades)
}

/** Where a document for an organ goes at an instant, for the sender: the standing organ, its node and whether that is a forwarding. */
export function destinationOf(view: DirectoryView, organ: string, at: string): Result<{ readonly organ: string; readonly node: string; readonly forwarded: boolean }> {
  const standing = view.standsFor(organ, at)
  const entry = standing === null ? null : view.organ(standing, at)
  return entry === null ? fail('unknownOrgan', organ) : ok({ organ: entry.organ, node: entry.node, forwarded: entry.organ !== organ })
}
