import type { Suites } from '@postroad/gm'
import type { WaybillFault } from '../fault.ts'
import type { DeputyBody, FarewellBody, IssuingNameBody, KeyBody, NodeBody, NodeKeys, OrganBody, RecoveryBody, SignedStatement } from './statements.ts'

/** A node's key with the time in which it signed. */
export type NodeKeyEntry = NodeKeys[number] & { readonly from: string; readonly until: string | null }
export type KeyStatus = { readonly status: 'retired' | 'revoked' | 'compromised'; readonly since: string }
export type OrganEntry = OrganBody & { readonly node: string }
export type IssuingNameEntry = IssuingNameBody & { readonly node: string }
export type KeyEntry = KeyBody & { readonly node: string }

export type LogState = {
  statements: SignedStatement[]
  hashes: string[]
  node: NodeBody
  firstKeys: NodeKeys
  keys: NodeKeys
  allKeys: NodeKeyEntry[]
}
/** Something that stands in a valid log and has no effect: a name already taken, a key for an organ that is not the log's. */
export type Remark = { readonly log: string; readonly seq: number; readonly fault: WaybillFault }

/** A block by a log above the node; `until`: when the same log ended it. */
export type Block = { readonly by: string; readonly key: string | null; readonly from: string; readonly until: string | null; readonly compromisedSince: string | null; readonly reason: string }

/** A log above the node says that it leaves; `closing` is the hash of that line. Whoever said `gone` said it for ever. */
export type Leave = { readonly by: string; readonly phase: 'closing' | 'gone'; readonly since: string; readonly reason: string; readonly closing: string }

/** What replaying all logs leads to. Only `replay.ts` changes it, and only before a view is made of it. */
export type DirectoryState = {
  readonly suites: Suites
  readonly pinned: PinnedRoot
  logs: Map<string, LogState>
  /** Parent's log → child → the keys of the child's statement 0. */
  introductions: Map<string, Map<string, NodeKeys>>
  recoveries: Map<string, RecoveryBody>
  /** By id, the periods one after the other: an organ that was renamed or moved still is what it was then. */
  organs: Map<string, readonly OrganEntry[]>
  names: Map<string, readonly IssuingNameEntry[]>
  keys: Map<string, KeyEntry>
  /** By `statusName`: a log speaks of its own keys only, even where another log's key has the same name. */
  statuses: Map<string, readonly KeyStatus[]>
  /** By node. */
  blocks: Map<string, readonly Block[]>
  /** By node. */
  leaves: Map<string, readonly Leave[]>
  /** By node, what it said to closings. */
  farewells: Map<string, readonly FarewellBody[]>
  deputies: (DeputyBody & { readonly node: string })[]
  remarks: Remark[]
  /** Lines that have taken effect, in that order. */
  settled: SignedStatement[]
}

type Period = { readonly from: string; readonly until: string | null; readonly node: string }

export const within = (span: Pick<Period, 'from' | 'until'>, at: string): boolean => span.from <= at && (span.until === null || at < span.until)

/** The periods once another begins: what was stated for later falls away, what lasts into it ends with it. */
export const withPeriod = <P extends Period>(periods: readonly P[], next: P): P[] => [
  ...periods.filter(({ from }) => from < next.from).map((period) => (period.until === null || period.until > next.from ? { ...period, until: next.from } : period)),
  next,
]

export const statusName = (log: string, key: string): string => `${log} ${key}`

/** The one thing a verifier trusts: the root node and the fingerprint of its first keys. */
export type PinnedRoot = { readonly node: string; readonly fingerprint: string }

export const emptyState = (suites: Suites, pinned: PinnedRoot): DirectoryState => ({
  suites,
  pinned,
  logs: new Map(),
  introductions: new Map(),
  recoveries: new Map(),
  ...noClaims(),
})

/** What lines lay claim to, before any did. */
export const noClaims = (): Pick<DirectoryState, 'organs' | 'names' | 'keys' | 'statuses' | 'blocks' | 'leaves' | 'farewells' | 'deputies' | 'remarks' | 'settled'> => ({
  organs: new Map(),
  names: new Map(),
  keys: new Map(),
  statuses: new Map(),
  blocks: new Map(),
  leaves: new Map(),
  farewells: new Map(),
  deputies: [],
  remarks: [],
  settled: [],
})

/** A copy that can be extended while the old one is still being read. */
export const copyState = (state: DirectoryState): DirectoryState => ({
  ...state,
  logs: new Map([...state.logs].map(([id, log]) => [id, { ...log, statements: [...log.statements], hashes: [...log.hashes], allKeys: [...log.allKeys] }])),
  introductions: new Map([...state.introductions].map(([id, children]) => [id, new Map(children)])),
  recoveries: new Map(state.recoveries),
  organs: new Map(state.organs),
  names: new Map(state.names),
  keys: new Map(state.keys),
  statuses: new Map(state.statuses),
  blocks: new Map(state.blocks),
  leaves: new Map(state.leaves),
  farewells: new Map(state.farewells),
  deputies: [...state.deputies],
  remarks: [...state.remarks],
  settled: [...state.settled],
})
