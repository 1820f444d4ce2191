import { type Suite, equal } from '@postroad/gm'
import { nodeHash } from '@postroad/waybill'

/**
 * The tree of RFC 6962 §2.1, grown leaf by leaf: only the roots of its complete subtrees are kept (at most 64 hashes),
 * so that a ledger of any length continues from its last checkpoint.
 */
export type Frontier = { readonly size: number; readonly peaks: readonly Uint8Array[] }

export const emptyFrontier: Frontier = { size: 0, peaks: [] }

/** Appends leaf hashes. Every trailing one bit of the size is a pair of equal subtrees that close into one. */
export function append(suite: Suite, frontier: Frontier, leaves: readonly Uint8Array[]): Frontier {
  const peaks = [...frontier.peaks]
  let size = frontier.size
  for (const leaf of leaves) {
    let hash = leaf
    for (let pairs = size; pairs % 2 === 1; pairs = (pairs - 1) / 2) {
      const left = peaks.pop()
      if (left === undefined) throw new Error('the frontier has fewer peaks than its size demands')
      hash = nodeHash(suite, left, hash)
    }
    peaks.push(hash)
    size += 1
  }
  return { size, peaks }
}

/** Root of the whole tree: the peaks folded from the right. The empty tree's root is the hash of nothing. */
export function rootOf(suite: Suite, frontier: Frontier): Uint8Array {
  let root: Uint8Array | null = null
  for (const peak of frontier.peaks.toReversed()) root = root === null ? peak : nodeHash(suite, peak, root)
  return root ?? suite.hash()
}

/** The root of some leaves at once. */
export const rootOfLeaves = (suite: Suite, leaves: readonly Uint8Array[]): Uint8Array => rootOf(suite, append(suite, emptyFrontier, leaves))

const split = (size: number): number => 2 ** (Math.ceil(Math.log2(size)) - 1)

/** The subtrees `[from, to)` whose roots are the inclusion proof of leaf `index` (RFC 6962 §2.1.1), as `rootFromPath` reads it. */
export function inclusionRanges(index: number, size: number, from = 0): [number, number][] {
  if (size <= 1) return []
  const k = split(size)
  return index < k
    ? [...inclusionRanges(index, k, from), [from + k, from + size]]
    : [...inclusionRanges(index - k, size - k, from + k), [from, from + k]]
}

/** The subtrees whose roots prove that the tree of the first `old` leaves is a beginning of the tree of `size` (RFC 6962 §2.1.2). */
export function consistencyRanges(old: number, size: number): [number, number][] {
  const prove = (m: number, from: number, to: number, whole: boolean): [number, number][] => {
    if (m === to - from) return whole ? [] : [[from, to]]
    const k = split(to - from)
    return m <= k ? [...prove(m, from, from + k, whole), [from + k, to]] : [...prove(m - k, from + k, to, false), [from, from + k]]
  }
  return old === 0 || old === size ? [] : prove(old, 0, size, true)
}

/** Checks a consistency proof between two roots (RFC 9162 §2.1.4.2). */
export function verifyConsistency(suite: Suite, old: { size: number; root: Uint8Array }, now: { size: number; root: Uint8Array }, proof: readonly Uint8Array[]): boolean {
  if (old.size > now.size) return false
  if (old.size === now.size) return proof.length === 0 && equal(old.root, now.root)
  if (old.size === 0) return proof.length === 0
  const path = [...proof]
  if (Number.isInteger(Math.log2(old.size))) path.unshift(old.root)
  const first = path.shift()
  if (first === undefined) return false
  let [fn, sn] = [old.size - 1, now.size - 1]
  while (fn % 2 === 1) [fn, sn] = [(fn - 1) / 2, Math.floor(sn / 2)]
  let [fr, sr] = [first, first]
  for (const hash of path) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      fr = nodeHash(suite, hash, fr)
      sr = nodeHash(suite, hash, sr)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)]
    } else sr = nodeHash(suite, sr, hash)
    ;[fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)]
  }
  return sn === 0 && equal(fr, old.root) && equal(sr, now.root)
}
