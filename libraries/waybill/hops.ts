import type { Suite, Suites } from '@postroad/gm'
import { base64url } from '@postroad/gm'
import { verifyBatch } from './batch.ts'
import { hashOf, headHash } from './canonical.ts'
import { FINE, fail, ok, type Result } from './fault.ts'
import { type BatchSignature, type Head, type HopLine, type SignedHopLine, VERSION } from './model.ts'
import type { Random } from './slices.ts'

/** Up eight levels and down eight is more than any tree of the state has. */
export const MAX_HOPS = 16

/** Finds the public key (65 bytes, of the seal's suite) by which a structure of `node` at an instant was sealed, or says why it may not be used. */
export type NodeKeyOf = (node: string, seal: BatchSignature, at: string) => Result<Uint8Array>

/** Hash by which the next line names this one. */
export const hopLineHash = (suite: Suite, line: HopLine): string => hashOf(suite, 'hop', line)

/** The line a centre adds when it takes custody; sign it with `signBatch(…, 'hop', lines)`. A node already on the way is a loop, unless the document was forwarded in between (`forwards` times). */
export function nextHopLine(
  suite: Suite,
  custody: { readonly head: Head; readonly hops: readonly SignedHopLine[]; readonly node: string; readonly at: string; readonly directory: string; readonly random: Random; readonly forwards?: number },
): Result<HopLine> {
  const { head, hops, node, at, directory } = custody
  const last = hops[hops.length - 1]
  const previous = last === undefined ? headHash(suite, head) : hopLineHash(suite, last.line)
  const line: HopLine = { v: VERSION, message: head.id, ordinal: hops.length, node, at, directory, previous, salt: base64url(custody.random(16)) }
  const shape = checkShape([...hops.map((hop) => hop.line), line], custody.forwards ?? 0)
  return shape.ok ? ok(line) : shape
}

/** Verifies an unbroken, sealed chain of custody from the head on: ordinals, hashes, no loop, at most 16 lines, each sealed by its own node in the head's suite. */
export function verifyHops(suites: Suites, way: { readonly head: Head; readonly hops: readonly SignedHopLine[]; readonly keyOf: NodeKeyOf; readonly forwards?: number; readonly verify?: typeof verifyBatch }): Result<null> {
  const { head, hops, keyOf } = way
  const suite = suites[head.suite]
  const shape = checkShape(
    hops.map(({ line }) => line),
    way.forwards ?? 0,
  )
  if (!shape.ok) return shape
  let previous = headHash(suite, head)
  for (const [index, { line, seal }] of hops.entries()) {
    if (line.message !== head.id) return fail('wrongMessage', `line ${index}`)
    if (line.ordinal !== index || line.previous !== previous) return fail('hopChainBroken', `line ${index}`)
    if (seal.suite !== head.suite) return fail('wrongSuite', `line ${index}`)
    const key = keyOf(line.node, seal, line.at)
    if (!key.ok) return key
    if (!(way.verify ?? verifyBatch)(suites, key.value, 'hop', line, seal)) return fail('badSeal', `line ${index}`)
    previous = hopLineHash(suite, line)
  }
  return FINE
}

function checkShape(lines: readonly HopLine[], forwards: number): Result<null> {
  if (lines.length > MAX_HOPS) return fail('tooManyHops', `${lines.length}`)
  const visits = new Map<string, number>()
  for (const { node } of lines) {
    const times = (visits.get(node) ?? 0) + 1
    if (times > 1 + forwards) return fail('hopLoop', node)
    visits.set(node, times)
  }
  return FINE
}
