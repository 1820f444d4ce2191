import type { PersonPrincipal } from '@postroad/kernel/principal'
import type { Refusal } from '@postroad/kernel/errors'
import type { Receipt, SignedReceipt, SlicedRecipient } from '@postroad/waybill'
import type { StoredMessage } from '../store/messages.ts'
import type { DueReceipt, RelayVerdict, Relayed } from '../store/receipts.ts'
import type { FailedTry, Lease, NewShipment } from '../store/shipments.ts'
import type { Entry } from './writer.ts'

/** A claimed shipment with what it carries, as the link's sender gets it. */
export type HandedShipment = { readonly shipment: NewShipment; readonly message: StoredMessage; readonly fence: number; readonly attempts: number }

/** A message on its way into this node: checked, not yet durable. `hops` of the message lacks our own line. */
export type Intake = {
  readonly message: StoredMessage
  readonly recipients: readonly SlicedRecipient[]
  /** Receipts of earlier forwardings that travel with it. */
  readonly forwarded: readonly SignedReceipt[]
  readonly from:
    | { readonly kind: 'person'; readonly principal: PersonPrincipal; readonly clientId: string }
    | { readonly kind: 'peer'; readonly peer: string; readonly shipment: string }
}

/** Everything the road writes goes through one group commit as one of these. */
export type Effect = Entry &
  (
    | { readonly kind: 'intake'; readonly intake: Intake }
    /** The next centre took custody and answered with receipts. */
    | { readonly kind: 'handedOn'; readonly lease: Lease; readonly peer: string; readonly mark: number; readonly receipts: readonly SignedReceipt[] }
    | { readonly kind: 'failed'; readonly failed: FailedTry }
    /** The next centre refused for good: undeliverable from here. */
    | { readonly kind: 'refused'; readonly lease: Lease; readonly message: StoredMessage; readonly reason: { readonly code: string; readonly text: string }; readonly peer: string }
    /** Receipts on their way back, from a peer. */
    | { readonly kind: 'receipts'; readonly peer: string; readonly receipts: readonly SignedReceipt[] }
    /** Our own receipts, signed. */
    | { readonly kind: 'sealed'; readonly due: readonly DueReceipt[]; readonly signed: readonly SignedReceipt[] }
    | { readonly kind: 'relayed'; readonly relays: readonly RelayVerdict[]; readonly peer: string }
    /** What an organ's people did, sealed by the organ. */
    | { readonly kind: 'act'; readonly principal: PersonPrincipal; readonly receipts: readonly SignedReceipt[] }
  )
export type EffectOf<K extends Effect['kind']> = Extract<Effect, { kind: K }>

export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** `receipts` are all that speak for this shipment or submission, signed. */
  | { readonly kind: 'taken'; readonly receipts: readonly SignedReceipt[]; readonly mark: number; readonly message: string }
  | { readonly kind: 'receipts'; readonly mark: number; readonly refused: readonly { readonly id: string; readonly code: string; readonly later: boolean }[] }

export const DONE: Outcome = { kind: 'done' }

/** What a transaction leaves to be done once it is committed. */
export type Aftermath = {
  readonly shipments: HandedShipment[]
  readonly relays: Relayed[]
  readonly due: DueReceipt[]
  /** The database's epoch as this transaction saw it, if it took anything over. */
  epoch: string | null
}
export const noAftermath = (): Aftermath => ({ shipments: [], relays: [], due: [], epoch: null })

/** An entry of the audit ledger waits for its transaction's end, so that all go in one statement. */
export type Journal = { readonly ledger: import('@postroad/ledger/model').LedgerEntry[]; readonly arrived: { message: string; organ: string; keeper: string }[]; readonly receipts: { message: string; kind: Receipt['kind']; recipient: string | null; organs: readonly string[] }[] }
export const newJournal = (): Journal => ({ ledger: [], arrived: [], receipts: [] })
