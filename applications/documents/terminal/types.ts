import type { Bequest } from '@postroad/keys/model'
import type { Suite, SuiteId, Suites } from '@postroad/gm'
import type { DirectoryView, Head, Manifest, MessageKind, SignedReceipt, Urgency } from '@postroad/waybill'
import type { BoardLine, Page, ReceivedRow, ReceivedView, SentRow, Story, Todo, Tracking } from '../model.ts'
import type { Client } from './client.ts'

/** Who works at this terminal, as the session says: the post decides for which organ is signed. */
export type Actor = { readonly person: string; readonly name: string; readonly post: string; readonly organ: string }

export type TerminalOptions = {
  readonly client: Client
  /** `@postroad/gm/portable` in a browser, `@postroad/gm/node` in Node. */
  readonly suites: Suites
  readonly actor: () => Actor
  /** Suite of what this terminal sends. Default SM. */
  readonly suite?: SuiteId
  /** Root fingerprint to trust. Without it the node's own answer is taken; a caller that remembers it should pass it next time. */
  readonly anchor?: string
  /** Fingerprint of the key process, where the terminal can pin it. */
  readonly keyProcess?: string
  readonly now?: () => Date
  /** Lets a large dispatch go on after a reload; without it, each begins anew. */
  readonly packing?: PackingMemory
  /** Wraps content keys for many recipients; default: one after the other. `tell` hears how many are done. */
  readonly wrapMany?: WrapMany
}

export type WrapMany = (suite: Suite, publicKeys: readonly Uint8Array[], contentKey: Uint8Array, tell: (done: number) => void) => Promise<readonly Uint8Array[]>

/** A large dispatch that was begun: enough to go on with it after a reload, and nothing that anybody else could read it by. */
export type PackingState = {
  readonly clientId: string
  readonly organ: string
  readonly message: string
  readonly suite: SuiteId
  readonly uploadId: string
  /** Bytes of the whole upload. */
  readonly total: number
  /** The content key, wrapped for the organ itself: only its opened keys give it back. */
  readonly ownWrap: { readonly key: string; readonly wrap: string }
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
}
/** Where a terminal keeps what it began, by client id of the draft: IndexedDB in a browser. What `keep` was told must be there after a crash of the page. */
export type PackingMemory = {
  read(clientId: string): Promise<{ readonly state: PackingState; /** Names of the chunks sealed so far, in order. */ readonly hashes: readonly string[] } | null>
  begin(state: PackingState): Promise<void>
  keep(clientId: string, index: number, hash: string): Promise<void>
  forget(clientId: string): Promise<void>
}

export type DraftFile = {
  readonly name: string
  readonly mediaType: string
  readonly bytes: number
  /** The file's bytes from the start; called once to measure and once to send. A browser's `File` and `Blob` have it. */
  stream(): ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>
}
export type Addressee = { readonly organ: string; readonly name: string; readonly role: 'to' | 'cc' }

export type Draft = {
  /** Made when the draft is begun and kept with it: pressing 「封发」 twice sends once. */
  readonly clientId: string
  readonly kind?: MessageKind
  /** 发文名义. */
  readonly name: string
  readonly title: string
  readonly number: string
  readonly printedTo: string
  readonly printedCc: string
  readonly note?: string
  readonly recipients: readonly Addressee[]
  readonly urgency: Urgency
  readonly label: number
  /** Default: 30 days after now. */
  readonly expires?: Date
  /** The message that this answers, corrects, voids or recalls. */
  readonly regarding?: { readonly message: string; readonly thread: string }
  readonly files: readonly DraftFile[]
}
export type Progress = { readonly phase: 'measuring' | 'addressing' | 'checking' | 'sending' | 'signing' | 'submitting'; readonly done: number; readonly total: number; readonly waiting: boolean }
export type DispatchOptions = { readonly onProgress?: (progress: Progress) => void; readonly signal?: AbortSignal }
export type Dispatched = { readonly message: string; readonly head: Head; readonly receipt: SignedReceipt }

/** What the manifest says, once it can be read; null while the organ's keys are closed, or for a deputy. */
export type Readable<Row> = Row & { readonly content: Manifest['content'] | null; readonly sealed: 'open' | 'keysClosed' | 'notOurs' | 'damaged' }
export type ReceivedSummary = Readable<ReceivedRow>
export type SentSummary = Readable<SentRow>

export type StepName = 'signature' | 'issuer' | 'recipients' | 'route' | 'integrity'
export type Verdict = 'valid' | 'invalid' | 'indeterminate'
/** One line of the verification result; `finding` is a code of words.ts `FINDINGS`, `text` the same in words. */
export type Step = { readonly step: StepName; readonly verdict: Verdict; readonly finding: string; readonly detail: Readonly<Record<string, string | number>>; readonly text: string }

export type OpenedPart = { readonly name: string; readonly mediaType: string; readonly bytes: number; /** Decrypts and checks chunk by chunk; fails at the first that differs. */ read(signal?: AbortSignal): AsyncGenerator<Uint8Array> }
export type OpenedDocument = {
  readonly row: ReceivedRow | SentRow
  readonly manifest: Manifest | null
  readonly steps: readonly Step[]
  readonly verdict: Verdict
  readonly parts: readonly OpenedPart[]
}

export type EvidenceOptions = { readonly organ?: string; /** Default false: only the hashes of the body. */ readonly body?: boolean }
export type EvidenceFile = { readonly fileName: string; readonly bytes: Uint8Array }

/** Which organ's delivery is meant when a message reached several of one's own. `onBehalfOf` is 代收: the organ signed for. */
export type ActOptions = { readonly onBehalfOf?: string }

/** The organ's terminal: packs, opens, verifies, signs. Everything it refuses is a `TerminalFault`. */
export type Terminal = {
  readonly keys: {
    /** Opens the keys of the acting post's organ with the person's own key secret (密钥口令). */
    open(secret: string): Promise<void>
    isOpen(): boolean
    /** When the work session ends by itself. */
    until(): { readonly idle: string; readonly absolute: string } | null
    /** Whether somebody else chose the secret, so that the person should change it. */
    isTemporary(): boolean
    changeSecret(current: string, next: string): Promise<void>
    close(): Promise<void>
  }
  /** 移交解密密钥: gives the organ's keys for decrypting to the organ that will take over from it. Answers what the key process of another node takes in; at this node nothing more is to be done. */
  handOverKeys(heir: string): Promise<Bequest>
  /** The directory, verified from the anchor; read again when it may have changed. */
  directory(): Promise<{ readonly view: DirectoryView; readonly anchor: string }>
  todo(): Promise<Todo>
  dispatch(draft: Draft, options?: DispatchOptions): Promise<Dispatched>
  /** Whether a large dispatch of this draft was begun and can go on: then `dispatch` does. */
  isBegun(clientId: string): Promise<boolean>
  /** Gives up what was begun for a draft. */
  discard(clientId: string): Promise<void>
  listReceived(query?: { readonly view?: ReceivedView; readonly cursor?: string; readonly limit?: number }): Promise<Page<ReceivedSummary>>
  /** 收取, for software that takes documents in by itself: a page of what newly arrived for the acting organ, oldest first, verified and opened in few exchanges. `delivered` is signed for those in which nothing was found wrong; the others are there again next time, so go on with `next` to its end and then begin anew. */
  collect(page?: { readonly after?: string | undefined; readonly limit?: number }): Promise<Page<OpenedDocument>>
  /** Verifies, then answers what may be shown. The `delivered` receipt is signed once everything but chunks has been verified. */
  openReceived(message: string, organ?: string): Promise<OpenedDocument>
  signFor(message: string, options?: ActOptions): Promise<SignedReceipt>
  /** `organ`: whom it was sent to, where the acting organ took over from it. */
  register(message: string, organ?: string): Promise<SignedReceipt>
  returnDocument(message: string, reason: { readonly code: string; readonly text: string }, organ?: string): Promise<SignedReceipt>
  listSent(query?: { readonly cursor?: string; readonly limit?: number }): Promise<Page<SentSummary>>
  openSent(message: string): Promise<OpenedDocument>
  /** Every delivery with every receipt. */
  track(message: string): Promise<Tracking>
  /** Every delivery without receipts: what a document to thousands is followed by. */
  board(message: string): Promise<BoardLine[]>
  deliveryStory(message: string, organ: string): Promise<Story>
  requestRecall(message: string, reason: string): Promise<Dispatched>
  correct(message: string, notice: { readonly title: string; readonly text: string; readonly files?: readonly DraftFile[] }): Promise<Dispatched>
  voidDocument(message: string, reason: string): Promise<Dispatched>
  exportEvidence(message: string, options?: EvidenceOptions): Promise<EvidenceFile>
}
