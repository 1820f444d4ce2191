import '@postroad/desk/floor'
import { suites } from '@postroad/gm/portable'
import { z } from 'zod'
import { createClient, createTerminal, type Terminal, TerminalFault } from '../../terminal.ts'
import type { Actor, OpenedDocument, OpenedPart } from '../../terminal/types.ts'
import { terminalWords } from '../words.ts'
import { directoryEntries } from './entries.ts'
import { packings } from './packings.ts'
import { wrapMany } from './wrapping.ts'
import type { CallProgress, FromWorker, OpenedHere, SaveFile, TerminalCalls, ToWorker } from './port.ts'

/** The worker's side: one terminal, its opened keys and documents. Nothing of it is reachable from the page but these calls. */

z.config({ jitless: true }) // the page's content security policy allows no code made from text

const scope = globalThis as unknown as { postMessage(message: FromWorker): void; onmessage: ((event: MessageEvent<ToWorker>) => void) | null }
const aborts = new Map<number, AbortController>()
const opened = new Map<number, readonly OpenedPart[]>()
let handles = 0
let terminal: Terminal | null = null
let actor: Actor = { person: '', name: '', post: '', organ: '' }
let csrf = ''

type Context = { readonly signal: AbortSignal; readonly tell: (progress: CallProgress) => void }
type Handlers = { readonly [name in keyof TerminalCalls]: (context: Context, ...given: Parameters<TerminalCalls[name]>) => ReturnType<TerminalCalls[name]> }

const here = (): Terminal => {
  if (terminal === null) throw new Error('no actor yet')
  return terminal
}

/** Keeps the parts' readers here and answers what can be cloned. */
function keep({ row, manifest, steps, verdict, parts }: OpenedDocument): OpenedHere {
  const handle = ++handles
  opened.set(handle, parts)
  opened.delete(handle - 20) // pages hold a few at a time
  return { handle, row, manifest, steps, verdict, parts: parts.map(({ name, mediaType, bytes }) => ({ name, mediaType, bytes })) }
}

/** The part's pieces, each checked; the reader is told how far it is. */
async function* piecesOf({ signal, tell }: Context, handle: number, index: number): AsyncGenerator<Uint8Array> {
  const part = opened.get(handle)?.[index]
  if (part === undefined) throw new Error('the document is no longer open')
  let done = 0
  for await (const piece of part.read(signal)) {
    yield piece
    done += piece.length
    tell({ phase: 'reading', done, total: part.bytes, waiting: false })
  }
}

async function readPart(context: Context, handle: number, index: number): Promise<Blob> {
  const pieces: BlobPart[] = []
  for await (const piece of piecesOf(context, handle, index)) pieces.push(piece as BlobPart)
  return new Blob(pieces, { type: opened.get(handle)?.[index]?.mediaType ?? '' })
}

async function savePart(context: Context, handle: number, index: number, file: SaveFile): Promise<void> {
  const writable = await file.createWritable()
  try {
    for await (const piece of piecesOf(context, handle, index)) await writable.write(piece)
    await writable.close()
  } catch (thrown) {
    await writable.abort().catch(() => undefined) // the first error is the one to tell
    throw thrown
  }
}

const handlers: Handlers = {
  openKeys: async (_, secret) => {
    await here().keys.open(secret)
    return { ...(here().keys.until() ?? { idle: '', absolute: '' }), temporary: here().keys.isTemporary() }
  },
  closeKeys: () => here().keys.close(),
  changeSecret: (_, current, next) => here().keys.changeSecret(current, next),
  handOverKeys: (_, heir) => here().handOverKeys(heir),
  organs: async () => directoryEntries((await here().directory()).view, new Date().toISOString()),
  anchor: async () => (await here().directory()).anchor,
  dispatch: ({ signal, tell }, draft) => {
    const files = draft.files.map((file) => ({ name: file.name, mediaType: file.type, bytes: file.size, stream: () => file.stream() }))
    return here().dispatch({ ...draft, files }, { signal, onProgress: tell })
  },
  isBegun: (_, clientId) => here().isBegun(clientId),
  discard: (_, clientId) => here().discard(clientId),
  listReceived: (_, query) => here().listReceived(query),
  openReceived: async (_, message, organ) => keep(await here().openReceived(message, organ)),
  signFor: (_, message, organ) => here().signFor(message, { onBehalfOf: organ }),
  register: (_, message, organ) => here().register(message, organ),
  returnDocument: (_, message, organ, reason) => here().returnDocument(message, reason, organ),
  listSent: (_, query) => here().listSent(query),
  openSent: async (_, message) => keep(await here().openSent(message)),
  board: (_, message) => here().board(message),
  deliveryStory: (_, message, organ) => here().deliveryStory(message, organ),
  requestRecall: (_, message, reason) => here().requestRecall(message, reason),
  correct: (_, message, notice) => here().correct(message, notice),
  voidDocument: (_, message, reason) => here().voidDocument(message, reason),
  exportEvidence: (_, message, organ) => here().exportEvidence(message, organ === null ? {} : { organ }),
  readPart,
  savePart,
}

function asFault(thrown: unknown) {
  if (thrown instanceof TerminalFault) return { code: thrown.code, message: thrown.message, advice: thrown.advice, status: thrown.status }
  const known = (thrown ?? {}) as { code?: unknown; message?: unknown; advice?: unknown; status?: unknown }
  if (typeof known.code === 'string' && typeof known.advice === 'string') return { code: known.code, message: String(known.message), advice: known.advice, status: typeof known.status === 'number' ? known.status : 0 }
  return { code: 'desk.terminal', status: 1, message: terminalWords.unexpected, advice: `${terminalWords.refresh}（${thrown instanceof Error ? thrown.message : String(thrown)}）` }
}

async function answer(id: number, name: keyof TerminalCalls, given: readonly unknown[]): Promise<void> {
  const controller = new AbortController()
  aborts.set(id, controller)
  const context: Context = { signal: controller.signal, tell: (progress) => scope.postMessage({ kind: 'progress', id, progress }) }
  try {
    const handler = handlers[name] as (context: Context, ...given: readonly unknown[]) => Promise<unknown>
    scope.postMessage({ kind: 'done', id, answer: await handler(context, ...given) })
  } catch (thrown) {
    scope.postMessage({ kind: 'failed', id, fault: asFault(thrown) })
  } finally {
    aborts.delete(id)
  }
}

scope.onmessage = ({ data }) => {
  if (data.kind === 'abort') return aborts.get(data.id)?.abort()
  if (data.kind === 'call') return void answer(data.id, data.name, data.given)
  actor = data.actor
  csrf = data.csrf
  terminal ??= createTerminal({ client: createClient({ csrf: () => csrf }), suites, actor: () => actor, packing: packings, wrapMany, ...(data.anchor === null ? {} : { anchor: data.anchor }) })
}
