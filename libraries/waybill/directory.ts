/** The directory of the network: one append-only log of signed statements per node, replayed from a pinned root. */
export { type Block, emptyState, type IssuingNameEntry, type KeyEntry, type KeyStatus, type NodeKeyEntry, type OrganEntry, type PinnedRoot, type Remark } from './directory/state.ts'
export type { Leaving } from './directory/leaving.ts'
export * from './directory/statements.ts'
export { type Extended, extend, type LogFault, readLogs } from './directory/replay.ts'
export * from './directory/view.ts'
