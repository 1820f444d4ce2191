import { advance, decidedBy, type Delivery, type DeliveryState, NO_FACTS, stateOf } from '../delivery.ts'
import type { DirectoryView } from '../directory.ts'
import type { Head, Receipt, SignedReceipt, SlicedRecipient } from '../model.ts'
import type { SignedManifest } from '../unpack.ts'

export type EvidenceRecipient = {
  readonly organ: string
  readonly title: string
  readonly name: string
  readonly nameTitle: string
  readonly role: 'to' | 'cc'
  readonly state: DeliveryState
  readonly at: string | null
  readonly actor: Receipt['actor']
  readonly actorTitle: string
}
export type EvidenceEvent = Pick<Receipt, 'at' | 'kind' | 'node' | 'recipient' | 'actor' | 'reason'> & { readonly nodeTitle: string; readonly recipientTitle: string; readonly actorTitle: string }
/** What a person reads beside the verdict. Empty texts where the file did not say or could not prove it. */
export type EvidenceSummary = {
  readonly message: string
  readonly title: string
  readonly number: string
  readonly issuingName: string
  readonly sender: { readonly organ: string; readonly title: string; readonly nameTitle: string }
  readonly created: string
  readonly recipients: readonly EvidenceRecipient[]
  readonly timeline: readonly EvidenceEvent[]
}

/** Puts proven facts into the order in which people read them. */
export function summarise(head: Head | null, manifest: SignedManifest | null, slice: readonly SlicedRecipient[], receipts: readonly SignedReceipt[], view: DirectoryView | null): EvidenceSummary {
  // As they were called then: an organ may have been renamed since.
  const sentAt = head?.created ?? ''
  const organTitle = (organ: string, at = sentAt): string => (view?.organ(organ, at) ?? view?.organ(organ))?.title ?? ''
  const actorTitle = (actor: Receipt['actor'], at = sentAt): string => (actor === null ? '' : organTitle(actor.organ, at))
  const nameTitle = (name: string): string => (view?.name(name, sentAt) ?? view?.name(name))?.title ?? ''
  const facts = receipts.map(({ receipt }) => receipt).sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  const content = manifest?.manifest.content
  return {
    message: head?.id ?? '',
    title: content?.title ?? '',
    number: content?.number ?? '',
    issuingName: content?.issuingName ?? '',
    sender: { organ: head?.sender.organ ?? '', title: organTitle(head?.sender.organ ?? ''), nameTitle: nameTitle(head?.sender.name ?? '') },
    created: head?.created ?? '',
    recipients: slice.map(({ leaf }) => {
      const delivery = facts.filter(({ recipient }) => recipient === leaf.organ || recipient === null).reduce<Delivery>(advance, NO_FACTS)
      const decided = decidedBy(delivery)
      const titles = { title: organTitle(leaf.organ), nameTitle: nameTitle(leaf.name) }
      return { organ: leaf.organ, name: leaf.name, ...titles, role: leaf.role, state: stateOf(delivery), at: decided?.at ?? null, actor: decided?.actor ?? null, actorTitle: actorTitle(decided?.actor ?? null, decided?.at) }
    }),
    timeline: facts.map(({ at, kind, node, recipient, actor, reason }) => {
      return { at, kind, node, nodeTitle: view?.node(node)?.title ?? '', recipient, recipientTitle: recipient === null ? '' : organTitle(recipient), actor, actorTitle: actorTitle(actor, at), reason }
    }),
  }
}
