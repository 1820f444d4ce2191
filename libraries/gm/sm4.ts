import { fromHex } from './bytes.ts'

/* GB/T 32907-2016 with tables that join the S-box and the linear layer (four of 1 KiB). */

const SBOX = fromHex(
  'd690e9fecce13db716b614c228fb2c052b679a762abe04c3aa441326498606999c4250f491ef987a33540b43edcfac62' +
    'e4b31ca9c908e89580df94fa758f3fa64707a7fcf37317ba83593c19e6854fa8686b81b27164da8bf8eb0f4b70569d35' +
    '1e240e5e6358d1a225227c3b01217887d40046579fd327524c3602e7a0c4c89eeabf8ad240c738b5a3f7f2cef96115a1' +
    'e0ae5da49b341a55ad933230f58cb1e31df6e22e8266ca60c02923ab0d534e6fd5db3745defd8e2f03ff6a726d6c5b51' +
    '8d1baf92bbddbc7f11d95c411f105ad80ac13188a5cd7bbd2d74d012b8e5b4b08969974a0c96777e65b9f109c56ec684' +
    '18f07dec3adc4d2079ee5f3ed7cb3948'
)
const FK = [0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc]
/** CK_i of §7.3: byte j is (4i + j)·7 mod 256. */
const CK = Int32Array.from({ length: 32 }, (_, i) => [0, 1, 2, 3].reduce((word, j) => (word << 8) | (((4 * i + j) * 7) & 0xff), 0))

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by))
/** L of §6.2 (b). */
const linear = (b: number): number => b ^ rotate(b, 2) ^ rotate(b, 10) ^ rotate(b, 18) ^ rotate(b, 24)
const table = (shift: number): Int32Array => Int32Array.from({ length: 256 }, (_, x) => linear(SBOX[x]! << shift))
const T0 = table(24)
const T1 = table(16)
const T2 = table(8)
const T3 = table(0)

/** The 32 round keys of a 16-byte key (§7.3). */
export function sm4Expand(key: Uint8Array): Int32Array {
  if (key.length !== 16) throw new RangeError('an SM4 key has 16 bytes')
  const view = new DataView(key.buffer, key.byteOffset, 16)
  const k = FK.map((word, i) => view.getInt32(4 * i) ^ word)
  return Int32Array.from({ length: 32 }, (_, i) => {
    const x = k[1]! ^ k[2]! ^ k[3]! ^ CK[i]!
    const b = (SBOX[x >>> 24]! << 24) | (SBOX[(x >>> 16) & 255]! << 16) | (SBOX[(x >>> 8) & 255]! << 8) | SBOX[x & 255]!
    const next = k[0]! ^ b ^ rotate(b, 13) ^ rotate(b, 23)
    k.shift()
    k.push(next)
    return next
  })
}

/** Encrypts one block of four words in place. With the round keys reversed it decrypts. */
export function sm4Block(roundKeys: Int32Array, block: Int32Array): void {
  let a = block[0]!, b = block[1]!, c = block[2]!, d = block[3]!
  for (let i = 0; i < 32; i += 4) {
    let x = b ^ c ^ d ^ roundKeys[i]!
    a ^= T0[x >>> 24]! ^ T1[(x >>> 16) & 255]! ^ T2[(x >>> 8) & 255]! ^ T3[x & 255]!
    x = c ^ d ^ a ^ roundKeys[i + 1]!
    b ^= T0[x >>> 24]! ^ T1[(x >>> 16) & 255]! ^ T2[(x >>> 8) & 255]! ^ T3[x & 255]!
    x = d ^ a ^ b ^ roundKeys[i + 2]!
    c ^= T0[x >>> 24]! ^ T1[(x >>> 16) & 255]! ^ T2[(x >>> 8) & 255]! ^ T3[x & 255]!
    x = a ^ b ^ c ^ roundKeys[i + 3]!
    d ^= T0[x >>> 24]! ^ T1[(x >>> 16) & 255]! ^ T2[(x >>> 8) & 255]! ^ T3[x & 255]!
  }
  block[0] = d
  block[1] = c
  block[2] = b
  block[3] = a
}

/** SM4 in counter mode: the 16-byte counter block counts up as one big-endian number. Encrypts and decrypts. */
export function sm4Ctr(key: Uint8Array, counter: Uint8Array, data: Uint8Array): Uint8Array {
  const roundKeys = sm4Expand(key)
  const view = new DataView(counter.buffer, counter.byteOffset, 16)
  const count = Int32Array.from([0, 4, 8, 12], (at) => view.getInt32(at))
  const block = new Int32Array(4)
  const out = new Uint8Array(data.length)
  for (let at = 0; at < data.length; at += 16) {
    block.set(count)
    sm4Block(roundKeys, block)
    if (at + 16 <= data.length) for (let i = 0; i < 4; i++) xorWord(out, data, at + 4 * i, block[i]!)
    else for (let i = at; i < data.length; i++) out[i] = data[i]! ^ (block[(i - at) >>> 2]! >>> (24 - 8 * (i & 3)))
    for (let i = 3; i >= 0; i--) {
      count[i] = (count[i]! + 1) | 0
      if (count[i] !== 0) break
    }
  }
  return out
}

function xorWord(out: Uint8Array, data: Uint8Array, at: number, word: number): void {
  out[at] = data[at]! ^ (word >>> 24)
  out[at + 1] = data[at + 1]! ^ (word >>> 16)
  out[at + 2] = data[at + 2]! ^ (word >>> 8)
  out[at + 3] = data[at + 3]! ^ word
}
