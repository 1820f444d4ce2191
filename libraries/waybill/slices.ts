import type { Suite } from '@postroad/gm'
import { base64url, utf8 } from '@postroad/gm'
import { canonical, decodeBytes } from './canonical.ts'
import { FINE, fail, ok, type Result } from './fault.ts'
import { inTree, leafHash, merkleTree, treeOfHashes } from './merkle.ts'
import type { Head, Recipient, SlicedRecipient } from './model.ts'

/** Random bytes of a length: `crypto.getRandomValues` in real life, seeded in simulations. */
export type Random = (length: number) => Uint8Array

/** To whom a message goes: an organ under one of its issuing names, and the organ's encryption key of the message's suite. */
export type Addressee = { readonly organ: string; readonly name: string; readonly role: 'to' | 'cc'; readonly key: string; readonly publicKey: Uint8Array }

/** Hash by which a leaf fixes its wrapped key, base64url. */
export const wrapHash = (suite: Suite, wrap: Uint8Array): string => base64url(suite.hash(utf8('postroad/1/wrap\0'), wrap))

export const recipientLeafHash = (suite: Suite, leaf: Recipient): Uint8Array => leafHash(suite, canonical(leaf))

/** Wraps a content key for many, in their order: thousands on several cores, where there are some. */
export type WrapAll = (suite: Suite, publicKeys: readonly Uint8Array[], contentKey: Uint8Array) => Promise<readonly Uint8Array[]>
const inTurn: WrapAll = async (suite, publicKeys, contentKey) => publicKeys.map((publicKey) => suite.wrap(publicKey, contentKey))

/**
 * Wraps the content key for every addressee and builds the recipient tree over salted leaves.
 * An organ may stand in it once: deliveries and receipts are per organ. Keep organs of one region together: slices then share paths.
 */
export async function addressTo(suite: Suite, addressees: readonly Addressee[], contentKey: Uint8Array, random: Random, wrapAll: WrapAll = inTurn): Promise<Result<{ root: string; recipients: SlicedRecipient[] }>> {
  const wraps = await wrapAll(suite, addressees.map(({ publicKey }) => publicKey), contentKey)
  if (wraps.length !== addressees.length) throw new RangeError(`${wraps.length} wraps for ${addressees.length}`)
  return recipientTree(suite, addressees, wraps, random)
}

/** The same with wraps made elsewhere (a pool of workers); `wraps[i]` belongs to `addressees[i]`. */
export function recipientTree(
  suite: Suite,
  addressees: readonly Omit<Addressee, 'publicKey'>[],
  wraps: readonly Uint8Array[],
  random: Random,
): Result<{ root: string; recipients: SlicedRecipient[] }> {
  if (addressees.length === 0) return fail('recipientMissing')
  const organs = new Set(addressees.map(({ organ }) => organ))
  if (organs.size < addressees.length) return fail('duplicateRecipient')
  const leaves = addressees.map(({ organ, name, role, key }, i): Recipient => {
    return { organ, name, role, key, wrapHash: wrapHash(suite, wraps[i] as Uint8Array), salt: base64url(random(16)) }
  })
  const tree = merkleTree(suite, leaves.map(canonical))
  const recipients = leaves.map((leaf, index) => ({ leaf, wrap: base64url(wraps[index] as Uint8Array), index, path: tree.path(index).map(base64url) }))
  return ok({ root: base64url(tree.root), recipients })
}

/** The recipients that a link carries: those of the subtree behind it, in the tree's order. */
export const sliceFor = (recipients: readonly SlicedRecipient[], predicate: (leaf: Recipient) => boolean): SlicedRecipient[] =>
  recipients.filter(({ leaf }) => predicate(leaf)).sort((a, b) => a.index - b.index)

/** Whether a slice belongs to a head: each leaf lies in its tree, each wrap is the one its leaf fixed, nobody stands twice, the order is the tree's. */
export function verifySlice(suite: Suite, head: Head, slice: readonly SlicedRecipient[]): Result<null> {
  const root = decodeBytes(head.recipients.root)
  if (root === null) return fail('malformed', 'recipients.root')
  if (slice.length === 0) return fail('recipientMissing')
  const organs = new Set<string>()
  let last = -1
  for (const { leaf, wrap, index, path } of slice) {
    const wrapBytes = decodeBytes(wrap)
    const siblings = path.map(decodeBytes)
    if (wrapBytes === null || !siblings.every((hash) => hash !== null)) return fail('malformed', leaf.organ)
    if (index <= last || organs.has(leaf.organ)) return fail('duplicateRecipient', leaf.organ)
    if (wrapHash(suite, wrapBytes) !== leaf.wrapHash) return fail('wrapSwapped', leaf.organ)
    if (!inTree(suite, root, canonical(leaf), index, head.recipients.count, siblings)) return fail('recipientRootMismatch', leaf.organ)
    organs.add(leaf.organ)
    last = index
  }
  return FINE
}

/** Whether these are all the recipients of the head (at submission): as many as it counts, and a valid slice. */
export function verifyAllRecipients(suite: Suite, head: Head, recipients: readonly SlicedRecipient[]): Result<null> {
  if (recipients.length !== head.recipients.count) return fail('recipientMissing', `${recipients.length} of ${head.recipients.count}`)
  const root = base64url(treeOfHashes(suite, recipients.map(({ leaf }) => recipientLeafHash(suite, leaf))).root)
  return root === head.recipients.root ? verifySlice(suite, head, recipients) : fail('recipientRootMismatch')
}

/** A slice's leaves prove their place together: the hashes that cannot be computed from the leaves, from the lowest level up and left to right. */
export function sharedProof(size: number, slice: readonly SlicedRecipient[]): string[] {
  const proof: string[] = []
  let known = new Map(slice.map((entry) => [entry.index, entry]))
  // A leaf's path holds its sibling at every level where it has one, so any leaf below a node answers for that node.
  const depthUsed = new Map(slice.map((entry) => [entry.index, 0]))
  for (let width = size; width > 1; width = (width + 1) >>> 1) {
    const above = new Map<number, SlicedRecipient>()
    for (const at of [...known.keys()].sort((a, b) => a - b)) {
      const entry = known.get(at) as SlicedRecipient
      const used = depthUsed.get(entry.index) as number
      const lone = at % 2 === 0 && at + 1 === width
      if (!lone && !known.has(at ^ 1)) proof.push(entry.path[used] as string)
      if (!above.has(at >>> 1)) above.set(at >>> 1, entry)
      depthUsed.set(entry.index, lone ? used : used + 1)
    }
    known = above
  }
  return proof
}

/** Turns a shared proof back into one path per leaf. Null if the proof does not fit the indexes; whether it leads to the root, `verifySlice` says. */
export function pathsFromProof(suite: Suite, size: number, leaves: readonly { readonly index: number; readonly hash: Uint8Array }[], proof: readonly string[]): string[][] | null {
  const hashes = proof.map(decodeBytes)
  if (!hashes.every((hash) => hash !== null && hash.length === 32)) return null
  if (leaves.some(({ index }, i) => index >= size || index <= (leaves[i - 1]?.index ?? -1))) return null
  const paths: string[][] = leaves.map(() => [])
  let next = 0
  let level = leaves.map(({ index, hash }, i) => ({ at: index, hash, below: [i] }))
  for (let width = size; width > 1; width = (width + 1) >>> 1) {
    const above: typeof level = []
    for (let i = 0; i < level.length; i++) {
      const here = level[i] as (typeof level)[number]
      const right = level[i + 1]
      if (here.at % 2 === 0 && here.at + 1 === width) above.push({ ...here, at: here.at >>> 1 })
      else if (here.at % 2 === 0 && right?.at === here.at + 1) {
        for (const leaf of here.below) paths[leaf]?.push(base64url(right.hash))
        for (const leaf of right.below) paths[leaf]?.push(base64url(here.hash))
        above.push({ at: here.at >>> 1, hash: suite.hash(Uint8Array.of(1), here.hash, right.hash), below: [...here.below, ...right.below] })
        i++
      } else {
        const sibling = hashes[next++]
        if (sibling === undefined || sibling === null) return null
        for (const leaf of here.below) paths[leaf]?.push(base64url(sibling))
        const [left, other] = here.at % 2 === 0 ? [here.hash, sibling] : [sibling, here.hash]
        above.push({ at: here.at >>> 1, hash: suite.hash(Uint8Array.of(1), left, other), below: here.below })
      }
    }
    level = above
  }
  return next === hashes.length ? paths : null
}
