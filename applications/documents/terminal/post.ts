import type { SuiteId, Suites } from '@postroad/gm'
import type { Head, SignedReceipt } from '@postroad/waybill'
import type { DispatchRequest } from '../model.ts'
import type { Client } from './client.ts'
import type { Directory } from './directory.ts'
import type { OrganKeys } from './keys.ts'
import type { Actor, PackingMemory, WrapMany } from './types.ts'

export type SignOrder = { readonly suite: SuiteId; readonly manifest: Uint8Array; readonly head: Head }

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
  readonly packing: PackingMemory | null
  readonly wrapMany: WrapMany | null
  /** Has the acting organ's key sign a manifest: CMS SignedData (DER). Calls of the same moment share one exchange. */
  sign(order: SignOrder): Promise<Uint8Array>
  /** Hands a sealed dispatch to the node; the same. */
  submit(request: DispatchRequest): Promise<{ readonly message: string; readonly receipt: SignedReceipt }>
}
