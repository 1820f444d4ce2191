/** What became of one item of a flight; an error that is thrown is the whole flight's. */
export type Answered<R> = { readonly ok: true; readonly value: R } | { readonly ok: false; readonly error: unknown }

type Waiting<I, R> = { readonly item: I; readonly weight: number; resolve(value: R): void; reject(error: unknown): void }
export type Bounds<I> = {
  /** Items in one flight. */
  readonly most: number
  /** Bytes in one flight; the first item goes whatever its weight. */
  readonly heaviest: number
  /** Flights at a time. */
  readonly flights: number
  /** Milliseconds between the starts of two flights. */
  readonly spacing: number
  weightOf(item: I): number
  /** Whether an error of the whole flight may be one item's fault: then the flight is halved until that item fails alone. */
  isRefusal(error: unknown): boolean
}

/**
 * Calls that come close upon others leave together. The first goes at once, so a single call waits for nobody;
 * a hundred at once share a few requests.
 */
export function gather<I, R>(bounds: Bounds<I>, fly: (items: readonly I[]) => Promise<readonly Answered<R>[]>): (item: I) => Promise<R> {
  const waiting: Waiting<I, R>[] = []
  let flying = 0
  let notBefore = 0
  let timer: ReturnType<typeof setTimeout> | null = null
  const settle = async (flight: readonly Waiting<I, R>[]): Promise<void> => {
    const answers = await fly(flight.map(({ item }) => item)).catch((error: unknown): Answered<R>[] | null => (flight.length > 1 && bounds.isRefusal(error) ? null : flight.map(() => ({ ok: false, error }))))
    if (answers === null) {
      const half = Math.ceil(flight.length / 2)
      await settle(flight.slice(0, half))
      return settle(flight.slice(half))
    }
    for (const [index, { resolve, reject }] of flight.entries()) {
      const answer = answers[index] ?? { ok: false, error: new Error('an item of a flight was not answered') }
      if (answer.ok) resolve(answer.value)
      else reject(answer.error)
    }
  }
  const take = (): Waiting<I, R>[] => {
    let count = 0
    let weight = 0
    for (const { weight: more } of waiting) {
      if (count > 0 && (count >= bounds.most || weight + more > bounds.heaviest)) break
      count += 1
      weight += more
    }
    return waiting.splice(0, count)
  }
  const start = (): void => {
    if (timer !== null || flying >= bounds.flights || waiting.length === 0) return
    const wait = notBefore - performance.now()
    if (wait > 0) {
      timer = setTimeout(() => ((timer = null), start()), wait)
      return
    }
    flying += 1
    notBefore = performance.now() + bounds.spacing
    void settle(take()).finally(() => {
      flying -= 1
      start()
    })
  }
  return (item) =>
    new Promise<R>((resolve, reject) => {
      waiting.push({ item, weight: bounds.weightOf(item), resolve, reject })
      queueMicrotask(start) // calls of the same moment go together from the first
    })
}
