import { type Suite, base64url } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { leafHash, merkleRoot, nodeHash, rootFromPath } from '@postroad/waybill'
import { describe, expect, it } from 'vitest'
import { append, consistencyRanges, emptyFrontier, inclusionRanges, rootOf, rootOfLeaves, verifyConsistency } from './tree.ts'

const suite = suites.SM
const bytes = Array.from({ length: 70 }, (_, i) => Uint8Array.of(i, i * 3, 7))
const hashes = bytes.map((leaf) => leafHash(suite, leaf))

/** RFC 6962 §2.1 word by word. */
function treeHash(of: Suite, leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return of.hash()
  if (leaves.length === 1) return leaves[0] ?? of.hash()
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return nodeHash(of, treeHash(of, leaves.slice(0, k)), treeHash(of, leaves.slice(k)))
}

const rootsOf = (ranges: readonly (readonly [number, number])[]): Uint8Array[] => ranges.map(([from, to]) => rootOfLeaves(suite, hashes.slice(from, to)))

describe('the tree', () => {
  it('grown leaf by leaf has the root of RFC 6962 and of the road at every size', () => {
    let tree = emptyFrontier
    for (const [i, hash] of hashes.entries()) {
      expect(base64url(rootOf(suite, tree))).toBe(base64url(treeHash(suite, hashes.slice(0, i))))
      tree = append(suite, tree, [hash])
    }
    expect(base64url(rootOf(suite, tree))).toBe(base64url(merkleRoot(suite, bytes)))
  })

  it('has the same root however its leaves were batched', () => {
    const inThree = append(suite, append(suite, append(suite, emptyFrontier, hashes.slice(0, 5)), hashes.slice(5, 33)), hashes.slice(33))
    expect(inThree).toEqual(append(suite, emptyFrontier, hashes))
  })

  it('proves every leaf at every size', () => {
    for (let size = 1; size <= 33; size++) {
      const root = base64url(rootOfLeaves(suite, hashes.slice(0, size)))
      for (let index = 0; index < size; index++) {
        const reached = rootFromPath(suite, hashes[index] ?? Uint8Array.of(), index, size, rootsOf(inclusionRanges(index, size)))
        expect(reached === null ? null : base64url(reached)).toBe(root)
      }
    }
  })

  it('proves that an older tree is the beginning of a newer one, and of no other', () => {
    for (let size = 1; size <= 33; size++) {
      const now = { size, root: rootOfLeaves(suite, hashes.slice(0, size)) }
      for (let old = 0; old <= size; old++) {
        const proof = rootsOf(consistencyRanges(old, size))
        const before = { size: old, root: rootOfLeaves(suite, hashes.slice(0, old)) }
        expect(verifyConsistency(suite, before, now, proof)).toBe(true)
        if (old === 0) continue
        const other = { size: old, root: rootOfLeaves(suite, [leafHash(suite, Uint8Array.of(99)), ...hashes.slice(1, old)]) }
        expect(verifyConsistency(suite, other, now, proof)).toBe(false)
        expect(verifyConsistency(suite, before, now, [...proof, now.root])).toBe(false)
      }
    }
  })
})
