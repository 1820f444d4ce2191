import { suites } from '@postroad/gm/node'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { channelKeys, FRAME, helloFrame, openFrame, readEnvelope, readHello, readWelcome, SEALED_AT, sealFrame, welcomeFrame } from './frames.ts'
import { decodeParcel, encodeParcel } from './parcel.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

describe('parcels', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (header, binaries) => {
        const parcel = decodeParcel(encodeParcel(header, binaries))
        expect(parcel?.header).toEqual(JSON.parse(JSON.stringify(header)))
        expect(parcel?.binaries.map((bytes) => [...bytes])).toEqual(binaries.map((bytes) => [...bytes]))
      }),
    )
  })
  it('answer null to whatever else arrives', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const parcel = decodeParcel(bytes)
      expect(parcel === null || typeof parcel === 'object').toBe(true)
    }))
    const whole = encodeParcel({ op: 'x' }, [random(10)])
    for (let length = 0; length < whole.length; length++) {
      const cut = decodeParcel(whole.subarray(0, length))
      expect(cut === null || cut.binaries.length === 0).toBe(true)
    }
    expect(decodeParcel(new Uint8Array([255, 255, 255, 255, 0]))).toBeNull()
  })
})

describe.each(['SM', 'P256'] as const)('frames of suite %s', (id) => {
  const suite = suites[id]
  const process = suite.generateKeyPair()
  const terminal = suite.generateKeyPair()
  const [k1, k2, channel] = [random(32), random(32), random(16)]
  const hello = helloFrame(id, terminal.publicKey, suite.wrap(process.publicKey, k1))

  it('a handshake ends with the same keys at both ends', () => {
    const read = readHello(hello)
    expect(read?.suite).toBe(id)
    expect(read && suite.unwrap(process, read.wrapped)).toEqual(k1)
    const welcome = welcomeFrame(suite, k1, hello, channel, suite.wrap(terminal.publicKey, k2))
    const opened = readWelcome(suite, k1, hello, welcome)
    expect(opened && suite.unwrap(terminal, opened.wrapped)).toEqual(k2)
    const keys = channelKeys(suite, k1, k2, hello, channel)
    expect(channelKeys(suite, k1, k2, hello, channel)).toEqual(keys)
    expect(channelKeys(suite, k1, random(32), hello, channel)).not.toEqual(keys)
    expect(keys.toProcess).not.toEqual(keys.toTerminal)
  })
  it('a welcome by somebody who does not hold the key process’s key is refused, and one for another hello', () => {
    const wrapped = suite.wrap(terminal.publicKey, k2)
    expect(readWelcome(suite, k1, hello, welcomeFrame(suite, random(32), hello, channel, wrapped))).toBeNull()
    expect(readWelcome(suite, k1, hello, welcomeFrame(suite, k1, helloFrame(id, terminal.publicKey, random(100)), channel, wrapped))).toBeNull()
  })
  it('every altered byte of a sealed frame is noticed', () => {
    const key = random(32)
    const frame = sealFrame(suite, key, FRAME.request, channel, 7n, encodeParcel({ op: 'status' }))
    expect(readEnvelope(frame, FRAME.request)).toEqual({ channel, sequence: 7n })
    expect(readEnvelope(frame, FRAME.reply)).toBeNull()
    expect(decodeParcel(openFrame(suite, key, frame) ?? new Uint8Array())?.header).toEqual({ op: 'status' })
    for (let at = 0; at < frame.length; at++) {
      const altered = frame.slice()
      altered[at] = (altered[at] ?? 0) ^ 1
      expect(openFrame(suite, key, altered)).toBeNull()
    }
    expect(openFrame(suite, key, frame.subarray(0, SEALED_AT))).toBeNull()
  })
})
