import { todo } from './model.ts'
import { register, returnDocument, signFor } from './terminal/acts.ts'
import { createDirectory } from './terminal/directory.ts'
import { dispatchDraft, gatherDispatches, gatherSigning } from './terminal/dispatch.ts'
import { exportEvidence } from './terminal/evidence.ts'
import { createKeys, handOverKeys } from './terminal/keys.ts'
import { correct, requestRecall, voidDocument } from './terminal/notices.ts'
import { discardPacking } from './terminal/packing.ts'
import type { Post } from './terminal/post.ts'
import { collect, listReceived, openReceived } from './terminal/received.ts'
import { board, deliveryStory, listSent, openSent, track } from './terminal/sent.ts'
import type { Terminal, TerminalOptions } from './terminal/types.ts'

export { type Client, type ClientOptions, createClient } from './terminal/client.ts'
export { TerminalFault } from './terminal/fault.ts'
export { type ClientKey, createClientKey, enrol, readSession, type Session, signIn, signOut } from './terminal/sign-in.ts'
export type { Actor, Addressee, Dispatched, DispatchOptions, Draft, DraftFile, EvidenceFile, EvidenceOptions, OpenedDocument, OpenedPart, PackingMemory, PackingState, Progress, ReceivedSummary, SentSummary, Step, Terminal, TerminalOptions, Verdict, WrapMany } from './terminal/types.ts'

/**
 * The organ's terminal: everything an organ's people do with documents, with encryption, decryption, signing and verification on
 * this side of the line. Runs in a browser (or a worker of one) and in Node alike; software made elsewhere can use it as it is.
 */
export function createTerminal(options: TerminalOptions): Terminal {
  const { client, suites, actor } = options
  const suite = options.suite ?? 'SM'
  const keys = createKeys(client, suites, suite, actor, options.keyProcess ?? null)
  const directory = createDirectory(client, suites, options.anchor ?? null)
  const post: Post = { client, suites, suite, keys, directory, actor, now: options.now ?? (() => new Date()), unanswered: new Map(), packing: options.packing ?? null, wrapMany: options.wrapMany ?? null, sign: gatherSigning(keys), submit: gatherDispatches(client) }
  return {
    keys: { open: keys.open, isOpen: keys.isOpen, until: keys.until, isTemporary: keys.isTemporary, changeSecret: keys.changeSecret, close: keys.close },
    handOverKeys: (heir) => handOverKeys(post, heir),
    directory: () => directory.current(),
    todo: () => client.get('/api/documents/todo', todo),
    dispatch: (draft, how) => dispatchDraft(post, draft, how),
    isBegun: async (clientId) => ((await post.packing?.read(clientId)) ?? null) !== null,
    discard: (clientId) => discardPacking(post, clientId),
    listReceived: (query) => listReceived(post, query),
    collect: (page) => collect(post, page),
    openReceived: (message, organ) => openReceived(post, message, organ),
    signFor: (message, how) => signFor(post, message, how?.onBehalfOf),
    register: (message, organ) => register(post, message, organ),
    returnDocument: (message, reason, organ) => returnDocument(post, message, reason, organ),
    listSent: (query) => listSent(post, query),
    openSent: (message) => openSent(post, message),
    track: (message) => track(post, message),
    board: (message) => board(post, message),
    deliveryStory: (message, organ) => deliveryStory(post, message, organ),
    requestRecall: (message, reason) => requestRecall(post, message, reason),
    correct: (message, notice) => correct(post, message, notice),
    voidDocument: (message, reason) => voidDocument(post, message, reason),
    exportEvidence: (message, how) => exportEvidence(post, message, how ?? {}),
  }
}
