import type { Digest } from './suite.ts'

/* GB/T 32905-2016. All words are 32-bit integers and the rounds run over one preallocated schedule, which JIT compilers like. */

const IV = [0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e]
const BLOCK = 64

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by))

/** T_j <<< (j mod 32) of §5.3. */
const CONSTANTS = Int32Array.from({ length: 64 }, (_, j) => rotate(j < 16 ? 0x79cc4519 : 0x7a879d8a, j % 32))

const schedule = new Int32Array(68)

/** Expands one block (§5.3.2) and compresses it into `state` (§5.3.3). */
function compress(state: Int32Array, bytes: Uint8Array, at: number): void {
  const w = schedule
  for (let j = 0; j < 16; j++, at += 4) w[j] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  for (let j = 16; j < 68; j++) {
    const x = w[j - 16]! ^ w[j - 9]! ^ ((w[j - 3]! << 15) | (w[j - 3]! >>> 17))
    const p1 = x ^ ((x << 15) | (x >>> 17)) ^ ((x << 23) | (x >>> 9))
    w[j] = p1 ^ ((w[j - 13]! << 7) | (w[j - 13]! >>> 25)) ^ w[j - 6]!
  }
  let a = state[0]!, b = state[1]!, c = state[2]!, d = state[3]!, e = state[4]!, f = state[5]!, g = state[6]!, h = state[7]!
  for (let j = 0; j < 64; j++) {
    const a12 = (a << 12) | (a >>> 20)
    const sum = (a12 + e + CONSTANTS[j]!) | 0
    const ss1 = (sum << 7) | (sum >>> 25)
    const ff = j < 16 ? a ^ b ^ c : (a & b) | (a & c) | (b & c)
    const gg = j < 16 ? e ^ f ^ g : (e & f) | (~e & g)
    const tt1 = (ff + d + (ss1 ^ a12) + (w[j]! ^ w[j + 4]!)) | 0
    const tt2 = (gg + h + ss1 + w[j]!) | 0
    d = c
    c = (b << 9) | (b >>> 23)
    b = a
    a = tt1
    h = g
    g = (f << 19) | (f >>> 13)
    f = e
    e = tt2 ^ ((tt2 << 9) | (tt2 >>> 23)) ^ ((tt2 << 17) | (tt2 >>> 15))
  }
  state[0] = state[0]! ^ a
  state[1] = state[1]! ^ b
  state[2] = state[2]! ^ c
  state[3] = state[3]! ^ d
  state[4] = state[4]! ^ e
  state[5] = state[5]! ^ f
  state[6] = state[6]! ^ g
  state[7] = state[7]! ^ h
}

/** Incremental SM3. */
export class Sm3 implements Digest {
  readonly #state = Int32Array.from(IV)
  readonly #pending = new Uint8Array(BLOCK)
  #held = 0
  #length = 0
  #finished = false

  update(bytes: Uint8Array): this {
    if (this.#finished) throw new Error('this digest is finished')
    this.#length += bytes.length
    let at = 0
    if (this.#held > 0) {
      at = Math.min(BLOCK - this.#held, bytes.length)
      this.#pending.set(bytes.subarray(0, at), this.#held)
      this.#held += at
      if (this.#held < BLOCK) return this
      compress(this.#state, this.#pending, 0)
      this.#held = 0
    }
    for (; at + BLOCK <= bytes.length; at += BLOCK) compress(this.#state, bytes, at)
    this.#pending.set(bytes.subarray(at))
    this.#held = bytes.length - at
    return this
  }

  digest(): Uint8Array {
    const bits = BigInt(this.#length) * 8n
    // §5.2: a one bit, zeros, and the length in bits as 64-bit number fill the last block.
    const padding = new Uint8Array((this.#held < 56 ? BLOCK : 2 * BLOCK) - this.#held)
    padding[0] = 0x80
    new DataView(padding.buffer).setBigUint64(padding.length - 8, bits)
    this.update(padding)
    this.#finished = true
    const out = new Uint8Array(32)
    const view = new DataView(out.buffer)
    for (let i = 0; i < 8; i++) view.setInt32(4 * i, this.#state[i]!)
    return out
  }
}

/** SM3 of all parts one after another, 32 bytes. */
export function sm3(...parts: readonly Uint8Array[]): Uint8Array {
  const digest = new Sm3()
  for (const part of parts) digest.update(part)
  return digest.digest()
}

/** HMAC-SM3 (RFC 2104 over SM3), 32 bytes. */
export function hmacSm3(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const block = new Uint8Array(BLOCK)
  block.set(key.length > BLOCK ? sm3(key) : key)
  const inner = sm3(block.map((octet) => octet ^ 0x36), ...parts)
  return sm3(block.map((octet) => octet ^ 0x5c), inner)
}
