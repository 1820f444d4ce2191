import { fault } from './fault.ts'

/** Waits after a lost line, in milliseconds; the last one repeats until the caller gives up. */
const WAITS = [500, 1000, 2000, 5000, 10_000] as const

export type Patience = { readonly signal?: AbortSignal | undefined; /** Told when the line is lost (true) and found again (false). */ readonly onWaiting?: (waiting: boolean) => void }

/** Repeats `work` while the line is lost or the node is momentarily unable (502, 503, 504, 423 locked by the cut request), until the signal. */
export async function persist<T extends Response | null>(options: Patience, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await work()
      if (answer === null || ![423, 502, 503, 504].includes(answer.status)) {
        if (attempt > 0) options.onWaiting?.(false)
        return answer
      }
    } catch (thrown) {
      if (!isOffline(thrown)) throw thrown
    }
    options.onWaiting?.(true)
    await pause(WAITS[Math.min(attempt, WAITS.length - 1)] ?? 0, options.signal)
  }
}

const isOffline = (thrown: unknown): boolean => thrown instanceof Error && 'code' in thrown && thrown.code === 'terminal.offline'

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(fault('cancelled'))
    if (signal?.aborted === true) return stop()
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', () => (clearTimeout(timer), stop()), { once: true })
  })
}
