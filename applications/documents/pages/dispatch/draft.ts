import type { Urgency } from '@postroad/waybill'
import type { Addressee } from '../../terminal/types.ts'
import type { DirectoryEntry, DraftHere } from '../terminal/port.ts'
import { dispatchWords } from '../words.ts'

/** What the page keeps while a document is being prepared; files included, all in this browser. */
export type DispatchDraft = {
  readonly clientId: string
  readonly title: string
  readonly number: string
  readonly name: string
  readonly printedTo: string
  readonly printedCc: string
  readonly urgency: Urgency
  readonly label: number
  readonly recipients: readonly Addressee[]
  readonly files: readonly File[]
}

export const EMPTY: DispatchDraft = { clientId: '', title: '', number: '', name: '', printedTo: '', printedCc: '', urgency: 'normal', label: 0, recipients: [], files: [] }

/** What still lacks before 「封发」, in words. */
export function missing(draft: DispatchDraft, keysOpen: boolean): string[] {
  const words = dispatchWords.missingParts
  return [
    draft.title.trim() === '' ? words.title : null,
    draft.name === '' ? words.name : null,
    draft.recipients.some(({ role }) => role === 'to') ? null : words.recipients,
    draft.files.length === 0 ? words.files : null,
    keysOpen ? null : words.keys,
  ].filter((word) => word !== null)
}

/** Printed 主送 or 抄送 as the distribution list suggests it: names in their order, as on paper. */
export function printed(recipients: readonly Addressee[], role: 'to' | 'cc', nameOf: (addressee: Addressee) => string): string {
  return recipients.filter((addressee) => addressee.role === role).map(nameOf).join('，')
}

/** The addressee an organ becomes when chosen: by its first issuing name, 主送 unless it is already among them. */
export const addressee = (entry: DirectoryEntry, role: 'to' | 'cc'): Addressee | null => {
  const name = entry.names[0]
  return name === undefined ? null : { organ: entry.organ, name: name.id, role }
}

export const toTerminal = (draft: DispatchDraft): DraftHere => ({
  clientId: draft.clientId,
  name: draft.name,
  title: draft.title.trim(),
  number: draft.number.trim(),
  printedTo: draft.printedTo.trim(),
  printedCc: draft.printedCc.trim(),
  recipients: draft.recipients,
  urgency: draft.urgency,
  label: draft.label,
  files: draft.files,
})
