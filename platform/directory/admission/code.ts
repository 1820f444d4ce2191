import { type Suites, concat, equal, utf8 } from '@postroad/gm'
import { directoryId } from '@postroad/waybill'
import { z } from 'zod'
import { directoryFaults } from '../words.ts'

/** What a join code says: whom to call, who one is there, which root to trust, and the secret that works once. */
export type JoinCode = { readonly parent: string; readonly node: string; readonly url: string; readonly anchor: string; readonly secret: string }

const VERSION = 1
/** Crockford's base 32: no I, L, O or U, so that nothing looks like something else on paper. */
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LINE = 25
const GROUP = 5
const CHECK_BYTES = 4
const ANCHOR_BYTES = 32
export const SECRET_BYTES = 16
const MOST_CHARACTERS = 1000

const contents = z.strictObject({ parent: directoryId, node: directoryId, url: z.url({ protocol: /^https$/ }).max(200), anchor: z.string().regex(/^[0-9a-f]{64}$/), secret: z.string().length(22) })

/**
 * Writes a code as lines of five groups of five letters and digits. The last character of each line checks the line, so that a slip of the
 * hand is told by its line; four bytes at the end check the whole.
 */
export function writeJoinCode(suites: Suites, code: JoinCode): string[] {
  const { parent, node, url, anchor, secret } = contents.parse(code)
  const address = new URL(url).host
  const texts = [parent, node, address].map(utf8).flatMap((text) => [Uint8Array.of(text.length), text])
  const payload = concat(Uint8Array.of(VERSION), ...texts, Buffer.from(anchor, 'hex'), Buffer.from(secret, 'base64url'))
  const symbols = symbolsOf(concat(payload, checkOf(suites, payload)))
  const lines: string[] = []
  for (let at = 0; at < symbols.length; at += LINE - 1) {
    const line = symbols.slice(at, at + LINE - 1)
    const text = [...line, checkSymbol(line)].map((symbol) => LETTERS[symbol]).join('')
    lines.push((text.match(new RegExp(`.{1,${GROUP}}`, 'g')) ?? []).join(' '))
  }
  return lines
}

/**
 * Reads a typed or pasted code; blanks, hyphens, line ends and small letters do not matter, O is 0, I and L are 1.
 * @throws directory.codeMistyped with the line, before anything is asked of any network
 */
export function readJoinCode(suites: Suites, typed: string): JoinCode {
  const text = typed.replace(/[\s‐-―-]/g, '').toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1')
  if (text.length === 0 || text.length > MOST_CHARACTERS) throw directoryFaults.codeMistyped({ line: 1 })
  const symbols: number[] = []
  for (let at = 0; at < text.length; at += LINE) {
    const line = Array.from(text.slice(at, at + LINE), (letter) => LETTERS.indexOf(letter))
    const check = line.pop()
    if (line.length === 0 || line.includes(-1) || check !== checkSymbol(line)) throw directoryFaults.codeMistyped({ line: at / LINE + 1 })
    symbols.push(...line)
  }
  const bytes = bytesOf(symbols)
  const payload = bytes.subarray(0, -CHECK_BYTES)
  if (payload[0] !== VERSION || !equal(bytes.subarray(-CHECK_BYTES), checkOf(suites, payload))) throw directoryFaults.codeMistyped({ line: 0 })
  const texts: string[] = []
  let at = 1
  for (let count = 0; count < 3; count++) {
    const length = payload[at] ?? 0
    texts.push(Buffer.from(payload.subarray(at + 1, at + 1 + length)).toString('utf8'))
    at += 1 + length
  }
  const [parent, node, address] = texts
  const anchor = Buffer.from(payload.subarray(at, at + ANCHOR_BYTES)).toString('hex')
  const read = contents.safeParse({ parent, node, url: `https://${address}`, anchor, secret: Buffer.from(payload.subarray(at + ANCHOR_BYTES)).toString('base64url') })
  if (!read.success) throw directoryFaults.codeMistyped({ line: 0 })
  return read.data
}

const checkOf = (suites: Suites, payload: Uint8Array): Uint8Array => suites.SM.hash(utf8('postroad/1/join-code\0'), payload).subarray(0, CHECK_BYTES)

/** Horner's rule over GF(32), modulo x^5 + x^2 + 1: every wrong letter and every swap of two neighbours within a line, the check itself included, changes it. */
const checkSymbol = (symbols: readonly number[]): number => symbols.reduce((sum, symbol) => times2(sum ^ symbol), 1)
const times2 = (value: number): number => (value << 1) ^ ((value & 16) === 0 ? 0 : 0b100101)

function symbolsOf(bytes: Uint8Array): number[] {
  const symbols: number[] = []
  let [held, bits] = [0, 0]
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff
    for (bits += 8; bits >= 5; bits -= 5) symbols.push((held >> (bits - 5)) & 31)
  }
  if (bits > 0) symbols.push((held << (5 - bits)) & 31)
  return symbols
}

function bytesOf(symbols: readonly number[]): Uint8Array {
  const bytes: number[] = []
  let [held, bits] = [0, 0]
  for (const symbol of symbols) {
    held = ((held << 5) | symbol) & 0xffff
    bits += 5
    if (bits >= 8) bytes.push((held >> (bits -= 8)) & 255)
  }
  return Uint8Array.from(bytes)
}

/** A fingerprint (64 hex digits) as eight groups of five digits, 128 bits of it: for two people to compare by telephone. */
export function spokenFingerprint(fingerprint: string): string {
  const digits = BigInt(`0x${fingerprint.slice(0, 32)}`).toString().padStart(40, '0')
  return (digits.match(/.{5}/g) ?? []).join(' ')
}
