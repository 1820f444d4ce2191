import { csrf, DeskFault } from '@postroad/desk/kit'
import type { Actor } from '../../terminal/types.ts'
import { rememberedAnchor } from '../anchor.ts'
import { terminalWords } from '../words.ts'
import type { CallName, CallProgress, FromWorker, TerminalCalls, ToWorker } from './port.ts'

type CallOptions = { readonly signal?: AbortSignal; readonly onProgress?: (progress: CallProgress) => void }
type Waiting = { resolve(answer: unknown): void; reject(thrown: unknown): void; readonly onProgress: ((progress: CallProgress) => void) | undefined }

/** The organ's terminal as the pages see it: all cryptography happens in a worker, so typing never stutters. */
export type TerminalClient = {
  call<Name extends CallName>(name: Name, given: Parameters<TerminalCalls[Name]>, options?: CallOptions): ReturnType<TerminalCalls[Name]>
  /** Called when an answer shows that the organ's keys are closed. Answers how to stop listening. */
  whenClosed(listener: () => void): () => void
  /** Forgets everything, opened keys included. */
  stop(): void
}

const CLOSED = new Set(['terminal.keysClosed', 'keys.notOpen', 'keys.expired'])

/** A refusal that says so, or a list whose titles could not be opened. */
function tellsClosed(answer: FromWorker): boolean {
  if (answer.kind === 'failed') return CLOSED.has(answer.fault.code)
  const items = answer.kind === 'done' ? (answer.answer as { items?: readonly { sealed?: string }[] } | undefined)?.items : undefined
  return items?.some(({ sealed }) => sealed === 'keysClosed') === true
}

/** A terminal for one person acting in one post. The worker is loaded at the first call. */
export function createTerminalClient(actor: Actor): TerminalClient {
  let worker: Worker | null = null
  let last = 0
  const waiting = new Map<number, Waiting>()
  const listeners = new Set<() => void>()

  const failAll = () => {
    for (const { reject } of waiting.values()) reject(new DeskFault({ code: 'desk.workerLost', status: 1, ...terminalWords.lost }))
    waiting.clear()
  }
  const start = (): Worker => {
    const started = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'terminal' })
    started.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      const call = waiting.get(data.id)
      if (call === undefined) return
      if (data.kind === 'progress') return call.onProgress?.(data.progress)
      waiting.delete(data.id)
      if (tellsClosed(data)) for (const listener of listeners) listener()
      if (data.kind === 'done') call.resolve(data.answer)
      else call.reject(new DeskFault(data.fault))
    }
    started.onerror = () => {
      if (worker === started) worker = null // the next call begins anew
      failAll()
    }
    return started
  }
  const send = (message: ToWorker) => {
    worker ??= start()
    worker.postMessage(message)
  }
  return {
    call: ((name, given, { signal, onProgress } = {}) => {
      const id = ++last
      const answer = new Promise<unknown>((resolve, reject) => {
        waiting.set(id, { resolve, reject, onProgress })
        signal?.addEventListener('abort', () => send({ kind: 'abort', id }), { once: true })
      })
      send({ kind: 'actor', actor, csrf: csrf(), anchor: rememberedAnchor() })
      send({ kind: 'call', id, name, given })
      return answer
    }) as TerminalClient['call'],
    whenClosed: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    stop: () => {
      worker?.terminate()
      worker = null
      failAll()
    },
  }
}
