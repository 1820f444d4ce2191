import type { SuiteId, Suites } from '@postroad/gm'
import type { DispatchRequest } from '../model.ts'
import type { Client } from './client.ts'
import type { Directory } from './directory.ts'
import type { OrganKeys } from './keys.ts'
import type { Actor } from './types.ts'

/** What every act of the terminal needs: the line to the node, the organ's keys, the verified directory, who acts, and the time. */
export type Post = {
  readonly client: Client
  readonly suites: Suites
  readonly suite: SuiteId
  readonly keys: OrganKeys
  readonly directory: Directory
  readonly actor: () => Actor
  readonly now: () => Date
  /** Sealed dispatches by client id that the node has not answered yet: pressed again, the same bytes go, not a second sealing. */
  readonly unanswered: Map<string, DispatchRequest>
}
