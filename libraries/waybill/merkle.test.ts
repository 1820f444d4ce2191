import { equal, hex, utf8 } from '@postroad/gm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchVerifier, prepareBatch, signBatch, verifyBatch } from './batch.ts'
import { suites } from './fixture.ts'
import { inTree, leafHash, merklePath, merkleRoot, merkleTree, nodeHash, rootFromPath } from './merkle.ts'
import type { BatchSignature, SlicedRecipient } from './model.ts'
import { pathsFromProof, recipientLeafHash, recipientTree, sharedProof } from './slices.ts'

const suite = suites.P256
const leavesOf = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => utf8(`leaf ${i}`))
const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))

describe('Merkle trees', () => {
  it('have the roots of RFC 6962’s reference implementation', () => {
    const data = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((text) => Uint8Array.from(text.match(/../g) ?? [], (b) => Number.parseInt(b, 16)))
    expect(hex(merkleRoot(suite, []))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(hex(merkleRoot(suite, data.slice(0, 1)))).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d')
    expect(hex(merkleRoot(suite, data.slice(0, 7)))).toBe('ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c')
    expect(hex(merkleRoot(suite, data))).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328')
  })
  it('equal the recursive definition and prove each leaf, no other', () => {
    const recursive = (hashes: Uint8Array[]): Uint8Array => {
      if (hashes.length === 1) return hashes[0] as Uint8Array
      const split = 2 ** Math.floor(Math.log2(hashes.length - 1))
      return nodeHash(suite, recursive(hashes.slice(0, split)), recursive(hashes.slice(split)))
    }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), (count, a, b) => {
        const leaves = leavesOf(count)
        const tree = merkleTree(suite, leaves)
        expect(equal(tree.root, recursive(leaves.map((leaf) => leafHash(suite, leaf))))).toBe(true)
        const [index, other] = [a % count, b % (count + 2)]
        const path = merklePath(suite, leaves, index)
        expect(inTree(suite, tree.root, leaves[index] as Uint8Array, index, count, path)).toBe(true)
        if (other !== index) expect(inTree(suite, tree.root, leaves[index] as Uint8Array, other, count, path)).toBe(false)
        expect(rootFromPath(suite, leafHash(suite, leaves[index] as Uint8Array), index, count, [...path, new Uint8Array(32)])).toBe(null)
      }),
    )
  })
})

describe('batch signatures', () => {
  const keyPair = suite.generateKeyPair()
  const structures = Array.from({ length: 13 }, (_, i) => ({ i, salt: `${i}` }))
  const seals = signBatch(suite, { key: 'k', keyPair }, 'receipt', structures)
  it('cover each structure under its own domain only', () => {
    for (const [i, seal] of seals.entries()) {
      expect(verifyBatch(suites, keyPair.publicKey, 'receipt', structures[i], seal)).toBe(true)
      expect(verifyBatch(suites, keyPair.publicKey, 'hop', structures[i], seal)).toBe(false)
      expect(verifyBatch(suites, keyPair.publicKey, 'receipt', structures[(i + 1) % 13], seal)).toBe(false)
      expect(verifyBatch(suites, keyPair.publicKey, 'receipt', structures[i], { ...seal, size: 14 })).toBe(false)
      expect(verifyBatch(suites, keyPair.publicKey, 'receipt', structures[i], { ...seal, suite: 'SM' })).toBe(false)
    }
    expect(signBatch(suite, { key: 'k', keyPair }, 'hop', [1])[0]?.path).toEqual([])
  })
  it('remember a good signature and still look at every structure', () => {
    const verify = batchVerifier(suites)
    for (const [i, seal] of seals.entries()) expect(verify(suites, keyPair.publicKey, 'receipt', structures[i], seal)).toBe(true)
    expect(verify(suites, keyPair.publicKey, 'receipt', { i: 99 }, seals[0] as BatchSignature)).toBe(false)
    expect(verify(suites, suite.generateKeyPair().publicKey, 'receipt', structures[0], seals[0] as BatchSignature)).toBe(false)
  })
  it('can be sealed by a signer far away', () => {
    const batch = prepareBatch(suite, 'hop', structures)
    const [seal] = batch.seal('k', suite.sign(keyPair, batch.message))
    expect(verifyBatch(suites, keyPair.publicKey, 'hop', structures[0], seal as BatchSignature)).toBe(true)
  })
})

describe('shared proofs of slices', () => {
  it('lead every leaf of any slice of any tree back to its own path', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.func(fc.boolean()), (count, takes) => {
        const addressees = Array.from({ length: count }, (_, i) => ({ organ: `o${i}`, name: 'n', role: 'to' as const, key: 'k' }))
        const tree = recipientTree(suite, addressees, addressees.map(() => random(3)), random)
        if (!tree.ok) throw new Error(tree.fault.code)
        const slice = tree.value.recipients.filter(({ index }) => index === 0 || takes(index))
        const proof = sharedProof(count, slice)
        const leaves = slice.map(({ leaf, index }) => ({ index, hash: recipientLeafHash(suite, leaf) }))
        expect(pathsFromProof(suite, count, leaves, proof)).toEqual(slice.map(({ path }) => path))
        expect(pathsFromProof(suite, count, leaves, [...proof, (slice[0] as SlicedRecipient).leaf.wrapHash])).toBe(null)
      }),
      { numRuns: 60 },
    )
  })
})
