import type { Suite } from '@postroad/gm'
import { base64url, fromBase64url, utf8 } from '@postroad/gm'
import type { z } from 'zod'
import { fail, ok, type Result } from './fault.ts'
import type { Head } from './model.ts'
import { head as headSchema, MAX_HEAD_BYTES, VERSION } from './model.ts'

/** Deeper nesting than any structure of the road has. */
const MAX_DEPTH = 16

/**
 * Canonical text of a JSON value, RFC 8785: keys by UTF-16 code units, numbers and strings as ECMAScript prints them.
 * The `canonicalize` package needs `isWellFormed`, which browsers at our floor lack; a test compares both on random values.
 * Throws on what JSON cannot hold (a programming error, never hostile input).
 */
export function canonicalText(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') {
    if (PLAIN.test(value)) return `"${value}"`
    if (hasLoneSurrogate(value)) throw new Error('a lone surrogate has no canonical form')
    return JSON.stringify(value)
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Error('only finite numbers have a canonical form')
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  if (typeof value === 'object') {
    let text = ''
    for (const key of Object.keys(value).sort()) {
      const member: unknown = (value as Readonly<Record<string, unknown>>)[key]
      if (member !== undefined) text += `${text === '' ? '' : ','}${canonicalText(key)}:${canonicalText(member)}`
    }
    return `{${text}}`
  }
  throw new Error(`a ${typeof value} has no canonical form`)
}

/** Printable ASCII that JSON writes as it is: nearly every string of the road. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/
const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/
const hasLoneSurrogate = (text: string): boolean => LONE_SURROGATE.test(text)

/** Canonical bytes of a JSON value: what is hashed, signed and sent. */
export const canonical = (value: unknown): Uint8Array => utf8(canonicalText(value))

/**
 * Reads one structure from hostile bytes: size, UTF-8, depth, duplicate keys, canonical form and schema, in this order.
 * A structure with a `v` other than ours answers `wrongVersion` before its schema is looked at.
 */
export function readCanonical<T>(bytes: Uint8Array, schema: z.ZodType<T>, limits: { readonly maxBytes: number; readonly maxDepth?: number }): Result<T> {
  if (bytes.length > limits.maxBytes) return fail('tooLarge', `${bytes.length} bytes, at most ${limits.maxBytes}`)
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return fail('malformed', 'not UTF-8')
  }
  if (depthOf(text) > (limits.maxDepth ?? MAX_DEPTH)) return fail('tooDeep')
  try {
    value = JSON.parse(text)
  } catch {
    return fail('malformed', 'not JSON')
  }
  if (!isCanonical(text, value)) return fail(hasDuplicateKey(text) ? 'duplicateKey' : 'notCanonical')
  return checkSchema(value, schema)
}

/**
 * Whether `text`, of which `value` was parsed, is canonical. A parsed object keeps the order of its keys (save those that look like
 * indexes, which the slow way decides about), so where they are sorted JSON.stringify prints exactly what `canonicalText` would.
 */
function isCanonical(text: string, value: unknown): boolean {
  if (!SURROGATE_ESCAPE.test(text) && isSorted(value)) return JSON.stringify(value) === text
  try {
    return canonicalText(value) === text
  } catch {
    return false
  }
}

const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/

function isSorted(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isSorted)
  let before = ''
  for (const key of Object.keys(value)) {
    if (key < before || !isSorted((value as Readonly<Record<string, unknown>>)[key])) return false
    before = key
  }
  return true
}

/** The version check and the schema check of a value that is already in memory (from a canonical text or a parsed request). */
export function checkSchema<T>(value: unknown, schema: z.ZodType<T>): Result<T> {
  if (typeof value === 'object' && value !== null && 'v' in value && value.v !== VERSION) return fail('wrongVersion', String(value.v).slice(0, 20))
  const read = schema.safeParse(value)
  if (read.success) return ok(read.data)
  const issue = read.error.issues[0]
  return fail('malformed', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`.slice(0, 200))
}

function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (inString) {
      if (c === 0x5c) i++
      else if (c === 0x22) inString = false
    } else if (c === 0x22) inString = true
    else if (c === 0x7b || c === 0x5b) deepest = Math.max(deepest, ++depth)
    else if (c === 0x7d || c === 0x5d) depth--
  }
  return deepest
}

/** Only asked of texts that JSON.parse accepted and that are not canonical, to name the fault. */
function hasDuplicateKey(text: string): boolean {
  const open: (Set<string> | null)[] = []
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]]/g
  for (let match = tokens.exec(text); match !== null; match = tokens.exec(text)) {
    const token = match[0]
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(null)
    else if (token === '}' || token === ']') open.pop()
    else if (/^\s*:/.test(text.slice(tokens.lastIndex, tokens.lastIndex + 64))) {
      const keys = open[open.length - 1]
      const key: unknown = JSON.parse(token)
      if (keys instanceof Set && typeof key === 'string') {
        if (keys.has(key)) return true
        keys.add(key)
      }
    }
  }
  return false
}

/** Strict base64url without padding as a value: null instead of a throw on hostile text. */
export function decodeBytes(text: string): Uint8Array | null {
  try {
    return fromBase64url(text)
  } catch {
    return null
  }
}

/** Hash of a structure under a domain: `H(utf8('postroad/1/' + domain + '\0') ‖ canonical(value))`, as base64url. */
export const hashOf = (suite: Suite, domain: string, value: unknown): string => base64url(suite.hash(utf8(`postroad/1/${domain}\0`), canonical(value)))

/** Heads are immutable and asked for their hash by every line and receipt about them. */
const headHashes = new WeakMap<Head, { readonly suite: Suite['id']; readonly hash: string }>()

/** The hash by which hop lines and receipts name a head. */
export function headHash(suite: Suite, head: Head): string {
  const known = headHashes.get(head)
  if (known?.suite === suite.id) return known.hash
  const hash = hashOf(suite, 'head', head)
  headHashes.set(head, { suite: suite.id, hash })
  return hash
}

/** Hash of the head without its manifest hash (43 × 'A' stands there): what the manifest can hold before its own sealed form exists. */
export const headCore = (suite: Suite, head: Head): string => hashOf(suite, 'head', { ...head, manifest: 'A'.repeat(43) })

/** Reads a head from hostile bytes; above 8 KB it is refused before anything else is looked at. */
export function readHead(bytes: Uint8Array): Result<Head> {
  if (bytes.length > MAX_HEAD_BYTES) return fail('headTooLarge', `${bytes.length} bytes`)
  const read = readCanonical(bytes, headSchema, { maxBytes: MAX_HEAD_BYTES })
  return read.ok ? checkHead(read.value) : read
}

/** What the schema of a head cannot say: canonical size and the order of its instants. */
export function checkHead(head: Head): Result<Head> {
  const size = canonical(head).length
  if (size > MAX_HEAD_BYTES) return fail('headTooLarge', `${size} bytes`)
  if (head.expires <= head.created) return fail('malformed', 'expires before it was created')
  if (head.thread === head.id && (head.ordinal !== 0 || head.regarding !== null)) return fail('malformed', 'the first message of a thread has ordinal 0 and regards nothing')
  return ok(head)
}
