/** How many refusals one source may write at once, and how fast that refills. */
const BURST = 10
const PER_SECOND = 1 / 6
/** All sources together: a flood of addresses must not fill the disk either. */
const TOTAL_BURST = 200
const TOTAL_PER_SECOND = 20
const MAX_SOURCES = 10_000

type Bucket = { tokens: number; at: number }
/** Decides which refusals are written one by one and counts the others, so that nothing goes unseen and nobody floods the ledger. */
export type RefusalGate = {
  /** True: write it. False: it was counted. */
  admits(source: string, code: string, now: number): boolean
  /** Counts by code since the last call. */
  takeSuppressed(): ReadonlyMap<string, number>
}

export function openGate(): RefusalGate {
  const sources = new Map<string, Bucket>()
  const total: Bucket = { tokens: TOTAL_BURST, at: 0 }
  let suppressed = new Map<string, number>()
  return {
    admits(source, code, now) {
      const key = `${source} ${code}`
      const bucket = sources.get(key) ?? { tokens: BURST, at: now }
      // Re-inserted at the end: the first keys of the map are those not heard from for longest.
      sources.delete(key)
      sources.set(key, bucket)
      if (sources.size > MAX_SOURCES) sources.delete(sources.keys().next().value ?? key)
      if (take(bucket, BURST, PER_SECOND, now) && take(total, TOTAL_BURST, TOTAL_PER_SECOND, now)) return true
      suppressed.set(code, (suppressed.get(code) ?? 0) + 1)
      return false
    },
    takeSuppressed() {
      const taken = suppressed
      suppressed = new Map()
      return taken
    },
  }
}

function take(bucket: Bucket, burst: number, perSecond: number, now: number): boolean {
  bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond)
  bucket.at = now
  if (bucket.tokens < 1) return false
  bucket.tokens -= 1
  return true
}
