import { describe, expect, it } from 'vitest'
import { chunkSplitter, hasRoom } from './model.ts'

const GIB = 1024 ** 3
const framed = (chunk: Uint8Array): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(chunk.length)
  return Buffer.concat([length, chunk])
}

describe('room on the disk', () => {
  it('keeps the last tenth from large things and leaves it to small ones', () => {
    const disk = { total: 20 * GIB, free: 2.5 * GIB }
    expect(hasRoom(disk, 1 * GIB)).toBe(false)
    expect(hasRoom(disk, 100 * 1024 ** 2)).toBe(true)
    expect(hasRoom({ ...disk, free: 1.9 * GIB }, 2 * 1024 ** 2)).toBe(false)
    expect(hasRoom({ ...disk, free: 1.9 * GIB }, 10_000)).toBe(true)
    expect(hasRoom({ ...disk, free: 0.3 * GIB }, 10_000)).toBe(false)
  })

  it('judges a small piece by the size of the whole', () => {
    const disk = { total: 20 * GIB, free: 1.9 * GIB }
    expect(hasRoom(disk, 10_000, 3 * GIB)).toBe(false)
  })
})

describe('the splitter', () => {
  const chunks = [Buffer.alloc(70_000, 1), Buffer.from([5]), Buffer.alloc(1_048_576 + 33, 2)]
  const body = Buffer.concat(chunks.map(framed))

  it.each([1_000, 65_536, 3_000_000])('finds the chunks whatever the pieces (%i bytes)', (piece) => {
    const splitter = chunkSplitter()
    const found: Uint8Array[] = []
    for (let at = 0; at < body.length; at += piece) {
      const whole = splitter.push(body.subarray(at, at + piece))
      if (whole === 'bodyMalformed') throw new Error(whole)
      found.push(...whole.map((chunk) => chunk.slice()))
    }
    expect(splitter.end()).toBe(true)
    expect(found.map((chunk) => Buffer.from(chunk).equals(chunks[found.indexOf(chunk)] ?? Buffer.alloc(0)))).toEqual([true, true, true])
  })

  it('sees a body that is cut, and refuses lengths of zero and of more than a chunk', () => {
    const splitter = chunkSplitter()
    splitter.push(body.subarray(0, body.length - 1))
    expect(splitter.end()).toBe(false)
    expect(chunkSplitter().push(Buffer.from([0, 0, 0, 0, 1]))).toBe('bodyMalformed')
    expect(chunkSplitter().push(Buffer.from([0x7f, 0, 0, 0, 1]))).toBe('bodyMalformed')
  })
})
