import type { Fault } from '@postroad/desk/kit'
import type { Bequest } from '@postroad/keys/model'
import type { SignedReceipt } from '@postroad/waybill'
import type { BoardLine, Page, ReceivedRow, ReceivedView, SentRow, Story } from '../../model.ts'
import type { Actor, Dispatched, Draft, EvidenceFile, OpenedDocument, Progress, ReceivedSummary, SentSummary } from '../../terminal/types.ts'

/** One organ as the picker shows it: where it stands in the tree, and the names it is addressed by. From the verified directory. */
export type DirectoryEntry = {
  readonly organ: string
  readonly title: string
  readonly system: string
  /** Code of the administrative division, with its title. */
  readonly region: string
  readonly regionTitle: string
  readonly level: string
  /** Its node leaves the network (退网): nothing new is addressed to it. */
  readonly leaving: boolean
  /** Whether it can be written to: it has an encryption key in force. */
  readonly keyed: boolean
  /** Nodes from the root down to the one that hosts the organ. */
  readonly path: readonly { readonly id: string; readonly title: string; readonly regionTitle: string }[]
  readonly names: readonly { readonly id: string; readonly title: string; readonly code: string }[]
  /** Organs that may sign for this one (代收). */
  readonly deputies: readonly string[]
  /** 曾用名: what it, or an organ that it took over, was called before. */
  readonly former: readonly { readonly organ: string; readonly title: string }[]
}

/** A document that was opened; its parts are read by `handle`, as they stay in the worker. */
export type OpenedHere = Omit<OpenedDocument, 'parts' | 'row'> & { readonly handle: number; readonly row: ReceivedRow | SentRow; readonly parts: readonly { readonly name: string; readonly mediaType: string; readonly bytes: number }[] }

/** How long the organ's keys stay open; `temporary`: somebody else chose the secret. */
export type KeySpan = { readonly idle: string; readonly absolute: string; readonly temporary: boolean } | null

/** A draft as the page holds it: the browser's own files. */
export type DraftHere = Omit<Draft, 'files'> & { readonly files: readonly File[] }

/** A file chosen with the browser's own dialogue (File System Access). Nothing of it is seen before `close`. */
export type SaveFile = { createWritable(): Promise<{ write(bytes: Uint8Array): Promise<void>; close(): Promise<void>; abort(): Promise<void> }> }

/** What the pages ask of the terminal in its worker. Every answer can be cloned. */
export type TerminalCalls = {
  openKeys(secret: string): Promise<KeySpan>
  closeKeys(): Promise<void>
  changeSecret(current: string, next: string): Promise<void>
  /** Before a reorganisation: the acting organ's keys for decrypting, sealed for its heir. */
  handOverKeys(heir: string): Promise<Bequest>
  organs(): Promise<readonly DirectoryEntry[]>
  anchor(): Promise<string>
  dispatch(draft: DraftHere): Promise<Dispatched>
  isBegun(clientId: string): Promise<boolean>
  discard(clientId: string): Promise<void>
  listReceived(query: { readonly view?: ReceivedView; readonly cursor?: string }): Promise<Page<ReceivedSummary>>
  openReceived(message: string, organ: string): Promise<OpenedHere>
  /** `organ`: whom it was sent to; another than the acting one where that is its deputy or took over from it. */
  signFor(message: string, organ: string): Promise<SignedReceipt>
  register(message: string, organ: string): Promise<SignedReceipt>
  returnDocument(message: string, organ: string, reason: { readonly code: string; readonly text: string }): Promise<SignedReceipt>
  listSent(query: { readonly cursor?: string }): Promise<Page<SentSummary>>
  openSent(message: string): Promise<OpenedHere>
  board(message: string): Promise<BoardLine[]>
  deliveryStory(message: string, organ: string): Promise<Story>
  requestRecall(message: string, reason: string): Promise<Dispatched>
  correct(message: string, notice: { readonly title: string; readonly text: string }): Promise<Dispatched>
  voidDocument(message: string, reason: string): Promise<Dispatched>
  exportEvidence(message: string, organ: string | null): Promise<EvidenceFile>
  /** Decrypts and checks one part; the blob is complete or there is none. */
  readPart(handle: number, index: number): Promise<Blob>
  /** The same, chunk by chunk into a file that the person chose: it appears when all of it was checked, or not at all. */
  savePart(handle: number, index: number, file: SaveFile): Promise<void>
}
export type CallName = keyof TerminalCalls

/** Page → worker. */
export type ToWorker =
  | { readonly kind: 'actor'; readonly actor: Actor; readonly csrf: string; readonly anchor: string | null }
  | { readonly kind: 'call'; readonly id: number; readonly name: CallName; readonly given: readonly unknown[] }
  | { readonly kind: 'abort'; readonly id: number }

/** How far a long call is: bytes packed and sent, or bytes read. */
export type CallProgress = Progress | { readonly phase: 'reading'; readonly done: number; readonly total: number; readonly waiting: boolean }

/** Worker → page. */
export type FromWorker =
  | { readonly kind: 'done'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly fault: Fault }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: CallProgress }
