import type { Suite } from '@postroad/gm'
import { equal } from '@postroad/gm'

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

/** Hash of one leaf: `H(0x00 ‖ bytes)` (RFC 6962 §2.1), 32 bytes. */
export const leafHash = (suite: Suite, leaf: Uint8Array): Uint8Array => suite.hash(LEAF, leaf)
/** Hash of an inner node: `H(0x01 ‖ left ‖ right)`. */
export const nodeHash = (suite: Suite, left: Uint8Array, right: Uint8Array): Uint8Array => suite.hash(NODE, left, right)

/** All levels of a tree, leaves first. A last node without a sibling rises unchanged, which is RFC 6962's shape. */
export type MerkleTree = { readonly root: Uint8Array; readonly size: number; path(index: number): Uint8Array[] }

/** Builds a tree over leaf bytes once and answers every path from it. The root of no leaves is the hash of nothing. */
export function merkleTree(suite: Suite, leaves: readonly Uint8Array[]): MerkleTree {
  return treeOfHashes(
    suite,
    leaves.map((leaf) => leafHash(suite, leaf)),
  )
}

/** The same over leaf hashes that are already known. */
export function treeOfHashes(suite: Suite, hashes: readonly Uint8Array[]): MerkleTree {
  const levels: (readonly Uint8Array[])[] = [hashes]
  for (let level = hashes; level.length > 1; ) {
    const next: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] as Uint8Array
      const right = level[i + 1]
      next.push(right === undefined ? left : nodeHash(suite, left, right))
    }
    levels.push(next)
    level = next
  }
  const top = levels[levels.length - 1]?.[0]
  return {
    root: top ?? suite.hash(),
    size: hashes.length,
    path(index) {
      const path: Uint8Array[] = []
      for (let depth = 0, at = index; depth < levels.length - 1; depth++, at = at >>> 1) {
        const sibling = levels[depth]?.[at ^ 1]
        if (sibling !== undefined) path.push(sibling)
      }
      return path
    },
  }
}

/** Root over leaf bytes, 32 bytes. */
export const merkleRoot = (suite: Suite, leaves: readonly Uint8Array[]): Uint8Array => merkleTree(suite, leaves).root

/** Siblings from leaf `index` up to the root. */
export const merklePath = (suite: Suite, leaves: readonly Uint8Array[], index: number): Uint8Array[] => merkleTree(suite, leaves).path(index)

/** The root that a leaf hash and its path lead to, or null if index, size and path length do not fit together. */
export function rootFromPath(suite: Suite, leaf: Uint8Array, index: number, size: number, path: readonly Uint8Array[]): Uint8Array | null {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size || size > 2 ** 31) return null
  let hash = leaf
  let used = 0
  for (let at = index, width = size; width > 1; at = at >>> 1, width = (width + 1) >>> 1) {
    if (at % 2 === 0 && at + 1 === width) continue
    const sibling = path[used++]
    if (sibling === undefined || sibling.length !== 32) return null
    hash = at % 2 === 0 ? nodeHash(suite, hash, sibling) : nodeHash(suite, sibling, hash)
  }
  return used === path.length ? hash : null
}

/** Whether a leaf's bytes lie at `index` of the tree with this root. */
export function inTree(suite: Suite, root: Uint8Array, leaf: Uint8Array, index: number, size: number, path: readonly Uint8Array[]): boolean {
  const reached = rootFromPath(suite, leafHash(suite, leaf), index, size, path)
  return reached !== null && equal(reached, root)
}
