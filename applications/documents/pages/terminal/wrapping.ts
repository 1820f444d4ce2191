import type { Reply, Request } from '@postroad/gm/operations'
import type { WrapMany } from '../../terminal.ts'

/** Below so many a second thread is not worth its start. */
const FEW = 64
/** Wraps of one message: some 100 ms of work, so that all threads end together. */
const SLICE = 32
const MOST_THREADS = 4

/** Wraps for thousands of recipients on the machine's cores: one SM2 wrap takes milliseconds in a browser. The threads live for one dispatch; so does their copy of the key. */
export const wrapMany: WrapMany = async (suite, publicKeys, contentKey, tell) => {
  const wraps: Uint8Array[] = []
  if (publicKeys.length < FEW) return publicKeys.map((publicKey) => suite.wrap(publicKey, contentKey))
  let [next, done] = [0, 0]
  const helper = async (): Promise<void> => {
    const thread = new Worker(new URL('./wrapping-worker.ts', import.meta.url), { type: 'module', name: 'wrapping' })
    try {
      for (let from = next; from < publicKeys.length; from = next) {
        next = from + SLICE
        const items = publicKeys.slice(from, next).map((publicKey) => ({ publicKey, contentKey }))
        const made = await ask(thread, { op: 'wrap', args: { suite: suite.id, items } })
        made.forEach((wrap, index) => void (wraps[from + index] = wrap))
        tell(done += made.length)
      }
    } finally {
      thread.terminate()
    }
  }
  await Promise.all(Array.from({ length: Math.min(MOST_THREADS, Math.max(1, navigator.hardwareConcurrency)) }, helper))
  return wraps
}

function ask(thread: Worker, request: Request): Promise<readonly Uint8Array[]> {
  return new Promise((resolve, reject) => {
    thread.onmessage = ({ data }: MessageEvent<Reply>) => ('error' in data ? reject(new Error(data.error)) : resolve(data.results as readonly Uint8Array[]))
    thread.onerror = (event) => reject(new Error(event.message))
    thread.postMessage(request)
  })
}
