/** Something to be written, and how it is to be put together with others. */
export type Entry = {
  /** Two entries with a key in common never share a batch: the second sees what the first did. */
  readonly keys: readonly string[]
  /** Bytes, roughly: bounds a batch. */
  readonly weight: number
  /** No person waits for it: it may stay until others come, at most `LAZY_MS`. */
  readonly lazy: boolean
}
export type GroupCommit<E extends Entry, O> = {
  /** Resolves when the entry is durable. */
  write(entry: E): Promise<O>
  /** Entries not yet written. */
  readonly waiting: number
  /** Writes what waits, then stops. */
  stop(): Promise<void>
}

const MAX_ENTRIES = 256
const MAX_WEIGHT = 8 * 1024 * 1024
/** How long the first entry of a batch waits for company. Batches grow by themselves while one is being written. */
const LINGER_MS = 5
const LAZY_MS = 100
/** After a batch the writer rests as long as it took, at most so long: a busy node writes few large batches, an idle one answers at once. */
const LONGEST_REST_MS = 60

type Waiting<E, O> = { readonly entry: E; readonly since: number; resolve(outcome: O): void; reject(error: unknown): void }

/** Lost against another process of the node (unique, deadlock, serialisation): what it wrote is found when the entry is tried again. */
const isLostRace = (error: unknown): boolean => error instanceof Error && 'code' in error && ['23505', '40P01', '40001'].includes(String(error.code))
const MOST_TRIES = 5

/**
 * Group commit: whatever becomes ready while one transaction runs goes into the next together, so that the number of transactions is bounded by time, not by load.
 * When a batch fails it is halved until the entry that cannot be written fails alone; one that lost a race is tried again.
 */
export function groupCommit<E extends Entry, O>(commit: (batch: readonly E[]) => Promise<readonly O[]>, options: { readonly lingerMs?: number } = {}): GroupCommit<E, O> {
  const linger = options.lingerMs ?? LINGER_MS
  let queue: Waiting<E, O>[] = []
  let timer: NodeJS.Timeout | null = null
  let due = Infinity
  let rested = 0
  let running: Promise<void> | null = null
  let stopped = false

  const settle = async (batch: readonly Waiting<E, O>[], tries = 1): Promise<void> => {
    try {
      const outcomes = await commit(batch.map(({ entry }) => entry))
      for (const [index, waiting] of batch.entries()) waiting.resolve(outcomes[index] as O)
    } catch (error) {
      if (batch.length <= 1 && isLostRace(error) && tries < MOST_TRIES) return settle(batch, tries + 1)
      if (batch.length <= 1) return batch[0]?.reject(error)
      const half = Math.ceil(batch.length / 2)
      await settle(batch.slice(0, half))
      await settle(batch.slice(half))
    }
  }
  const run = async (): Promise<void> => {
    while (queue.length > 0 && (stopped || performance.now() >= due)) {
      const batch = take()
      const begun = performance.now()
      await settle(batch)
      const ended = performance.now()
      rested = ended + Math.min(ended - begun, LONGEST_REST_MS)
      plan()
    }
  }
  const start = (): Promise<void> => (running ??= run().finally(() => {
    running = null
    plan()
  }))
  const take = (): Waiting<E, O>[] => {
    const keys = new Set<string>()
    const batch: Waiting<E, O>[] = []
    const rest: Waiting<E, O>[] = []
    let weight = 0
    for (const waiting of queue) {
      const fits = batch.length < MAX_ENTRIES && (batch.length === 0 || weight + waiting.entry.weight <= MAX_WEIGHT) && !waiting.entry.keys.some((key) => keys.has(key))
      // the key of one left behind keeps its order: what follows it on the same key stays behind too
      for (const key of waiting.entry.keys) keys.add(key)
      if (fits) weight += waiting.entry.weight
      ;(fits ? batch : rest).push(waiting)
    }
    queue = rest
    return batch
  }
  const dueAt = (entry: E, since: number): number => Math.max(rested, since + (entry.lazy ? LAZY_MS : linger))
  /** Sets the next time at which something must be written. */
  const plan = (): void => {
    due = Math.min(...queue.map(({ entry, since }) => dueAt(entry, since)), Infinity)
    if (running !== null || queue.length === 0) return
    if (timer !== null) clearTimeout(timer)
    timer = setTimeout(() => {
      timer = null
      void start()
    }, Math.max(0, due - performance.now()))
  }
  return {
    write: (entry) =>
      new Promise<O>((resolve, reject) => {
        if (stopped) return reject(new Error('the road is stopping'))
        const since = performance.now()
        queue.push({ entry, since, resolve, reject })
        const at = dueAt(entry, since)
        if (at < due) {
          due = at
          if (running === null) plan()
        }
      }),
    get waiting() {
      return queue.length
    },
    stop: async () => {
      stopped = true
      if (timer !== null) clearTimeout(timer)
      await running
      await start()
    },
  }
}
