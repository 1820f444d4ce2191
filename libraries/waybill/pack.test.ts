import { base64url, concat, fromBase64url, utf8 } from '@postroad/gm'
import { deflateSync } from 'fflate'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkSigner } from './authority.ts'
import { canonical } from './canonical.ts'
import { bodyRoot, decodeChunk, encodeChunk, MAX_SEALED_CHUNK_BYTES, sealChunk, type SealedChunk } from './chunks.ts'
import { dice, draftFrom, network, packed, suites } from './fixture.ts'
import { CHUNK_BYTES, type Manifest } from './model.ts'
import { pack, type Packed, startPacking } from './pack.ts'
import { startOpening, unpackManifest } from './unpack.ts'

const net = network()
const FROM = 'js.o0'
const TO = ['js-c0.o0', 'js-c1.o1']
const fault = (result: { ok: true } | { ok: false; fault: { code: string } }): string => (result.ok ? 'ok' : result.fault.code)
const noise = (bytes: number): Uint8Array => {
  const out = new Uint8Array(bytes)
  for (let i = 0, state = bytes + 1; i < bytes; i++) out[i] = (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24
  return out
}
const text = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(0x41)

/** Opens a whole body; the first refusal, or its parts. */
function openAll({ head, manifestContent, contentKey, chunkHashes }: Packed, sealed: readonly Uint8Array[]): string | Uint8Array[] {
  const opener = startOpening(suites, { head, manifest: manifestContent, contentKey, chunkHashes })
  if (!opener.ok) return opener.fault.code
  const parts = manifestContent.parts.map((): Uint8Array[] => [])
  for (const chunk of sealed) {
    const opened = opener.value.next(chunk)
    if (!opened.ok) return opened.fault.code
    parts[opened.value.part]?.push(opened.value.plain)
  }
  const finished = opener.value.finish()
  return finished.ok ? parts.map((pieces) => concat(...pieces)) : finished.fault.code
}
const sealedOf = (chunks: readonly SealedChunk[]): Uint8Array[] => chunks.map(({ sealed }) => sealed)

describe.each(['SM', 'P256'] as const)('a body in %s', (suiteId) => {
  const suite = suites[suiteId]

  it('comes out as it went in, at every size around a chunk and in whatever pieces it is written', async () => {
    const sizes = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 0, 3 * CHUNK_BYTES + 7]
    const plain = sizes.map((size, i) => (i % 2 === 0 ? noise(size) : text(size)))
    async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
      for (let from = 0; from < bytes.length; from += 777_777) yield bytes.subarray(from, from + 777_777)
    }
    const parts = plain.map((bytes, i) => ({ name: `${i}`, mediaType: '', bytes: i % 3 === 0 ? pieces(bytes) : bytes }))
    const message = await packed(net, suiteId, FROM, TO, parts)
    expect(message.manifestContent.parts.map(({ chunks }) => chunks)).toEqual([0, 1, 1, 1, 2, 0, 4])
    expect(message.head.body.bytes).toBe(sealedOf(message.chunks).reduce((sum, { length }) => sum + length, 0))
    expect(Math.max(...sealedOf(message.chunks).map(({ length }) => length))).toBeLessThanOrEqual(MAX_SEALED_CHUNK_BYTES)
    const opened = openAll(message, sealedOf(message.chunks)) as Uint8Array[]
    expect(opened.map(({ length }) => length)).toEqual(sizes)
    expect(opened.map((bytes) => base64url(suite.hash(bytes)))).toEqual(plain.map((bytes) => base64url(suite.hash(bytes))))
  })

  it('of no parts has no chunks', async () => {
    const message = await packed(net, suiteId, FROM, TO)
    expect([message.head.body, openAll(message, [])]).toEqual([{ root: base64url(suite.hash()), chunks: 0, bytes: 0 }, []])
    expect(openAll(message, [new Uint8Array(40)])).toBe('partOutOfOrder')
  })

  describe('of three parts', () => {
    const small = packed(net, suiteId, FROM, TO, [text(5000), noise(300), text(9)].map((bytes, i) => ({ name: `${i}`, mediaType: '', bytes })))

    it('is refused after one bit anywhere was flipped', async () => {
      const message = await small
      const own = message.recipients[0]?.leaf ?? null
      await fc.assert(
        fc.asyncProperty(fc.nat(3), fc.nat(), fc.nat(7), async (which, place, bit) => {
          const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === place % bytes.length ? byte ^ (1 << bit) : byte))
          if (which === 3) expect(fault(unpackManifest(suites, { ...message, manifest: flipped(message.manifest), own }))).toBe('manifestHashMismatch')
          else expect(openAll(message, sealedOf(message.chunks).map((bytes, i) => (i === which ? flipped(bytes) : bytes)))).toBe('chunkHashMismatch')
        }),
        { numRuns: 60 },
      )
    })

    it('is refused in another order, cut, lengthened, with a chunk twice, or under another message', async () => {
      const message = await small
      const [a, b, c] = sealedOf(message.chunks) as [Uint8Array, Uint8Array, Uint8Array]
      expect(openAll(message, [b, a, c])).toBe('chunkHashMismatch')
      expect(openAll(message, [a, a, b, c])).toBe('chunkHashMismatch')
      expect(openAll(message, [a, b])).toBe('truncated')
      expect(openAll(message, [a, b, c, c])).toBe('partOutOfOrder')
      expect(openAll({ ...message, contentKey: dice.bytes(32) }, [a, b, c])).toBe('chunkUnreadable')
      expect(openAll({ ...message, head: { ...message.head, id: draftFrom(FROM, suiteId).id } }, [a, b, c])).toBe('chunkUnreadable')
      expect(openAll({ ...message, chunkHashes: message.chunkHashes.toReversed() }, [a, b, c])).toBe('bodyRootMismatch')
      expect(openAll({ ...message, chunkHashes: ['?', ...message.chunkHashes.slice(1)] }, [a, b, c])).toBe('bodyRootMismatch')
    })

    it('is refused where a holder of the content key put other chunks in the place of the signed ones', async () => {
      const message = await small
      const resealed = (encoded: Uint8Array): string => {
        const chunk = sealChunk(suite, message.head.id, message.contentKey, 0, encoded)
        const chunkHashes = [chunk.hash, ...message.chunkHashes.slice(1)]
        const head = { ...message.head, body: { ...message.head.body, root: bodyRoot(suite, chunkHashes) as string } }
        return openAll({ ...message, head, chunkHashes }, [chunk.sealed, ...sealedOf(message.chunks).slice(1)]) as string
      }
      expect(resealed(concat(Uint8Array.of(0), text(5000)))).toBe('compressedAfterSigning')
      expect(resealed(concat(Uint8Array.of(1), deflateSync(text(5000), { level: 0 })))).toBe('compressedAfterSigning')
      expect(resealed(encodeChunk(text(4999)))).toBe('encodedRootMismatch')
      expect(resealed(Uint8Array.of(2, 1, 2, 3))).toBe('badEncoding')
    })

    it('is refused where its signer signed what is not so', async () => {
      const signing = async (change: (signed: Manifest) => unknown): Promise<string> => {
        const lying = { ...net, signManifest: () => (bytes: Uint8Array) => net.signManifest(FROM, suiteId)(canonical(change(JSON.parse(new TextDecoder().decode(bytes)) as Manifest))) }
        const message = await packed(lying, suiteId, FROM, TO, [{ name: 'a', mediaType: '', bytes: text(CHUNK_BYTES + 5) }, { name: 'b', mediaType: '', bytes: text(0) }])
        const read = unpackManifest(suites, { ...message, own: message.recipients[0]?.leaf ?? null })
        if (!read.ok) return read.fault.code
        const opened = openAll({ ...message, manifestContent: read.value.manifest }, sealedOf(message.chunks))
        return typeof opened === 'string' ? opened : 'ok'
      }
      const part = (signed: Manifest, changes: Partial<Manifest['parts'][0]>, at = 0): unknown => ({ ...signed, parts: signed.parts.map((one, i) => (i === at ? { ...one, ...changes } : one)) })
      const other = base64url(suite.hash(utf8('other')))
      expect(await signing((signed) => signed)).toBe('ok')
      expect(await signing((signed) => part(signed, { hash: other }))).toBe('plaintextHashMismatch')
      expect(await signing((signed) => part(signed, { bytes: CHUNK_BYTES + 6 }))).toBe('plaintextHashMismatch')
      expect(await signing((signed) => part(signed, { hash: other }, 1))).toBe('plaintextHashMismatch')
      expect(await signing((signed) => part(signed, { encodedRoot: other, hash: other }))).toBe('encodedRootMismatch')
      expect(await signing((signed) => part(signed, { bytes: 5 }))).toBe('partOutOfOrder')
      expect(await signing((signed) => part(signed, { firstChunk: 1 }))).toBe('partOutOfOrder')
      expect(await signing((signed) => ({ ...signed, parts: signed.parts.slice(1) }))).toBe('partOutOfOrder')
      expect(await signing((signed) => ({ ...signed, parts: [...signed.parts, ...signed.parts.slice(0, 1)] }))).toBe('partOutOfOrder')
      expect(await signing((signed) => ({ ...signed, headCore: other }))).toBe('headCoreMismatch')
      expect(await signing((signed) => ({ ...signed, recipients: signed.recipients.slice(0, 1) }))).toBe('recipientsMismatch')
      expect(await signing((signed) => ({ ...signed, recipients: [signed.recipients[0], signed.recipients[0]] }))).toBe('recipientsMismatch')
      expect(await signing((signed) => ({ ...signed, recipients: signed.recipients.toReversed().map((entry) => ({ ...entry, role: 'cc' })) }))).toBe('recipientsMismatch')
      expect(await signing((signed) => ({ ...signed, more: 1 }))).toBe('malformed')
      expect(await signing((signed) => ({ ...signed, v: 2 }))).toBe('wrongVersion')
    })
  })

  it('is signed by its sender: in its suite, with its key, as CMS and with canonical bytes inside', async () => {
    const other = suiteId === 'SM' ? 'P256' : 'SM'
    const signedBy = async (sign: (bytes: Uint8Array) => Uint8Array): Promise<string> => {
      const message = await packed({ ...net, signManifest: () => sign }, suiteId, FROM, TO)
      const read = unpackManifest(suites, { ...message, own: null })
      return read.ok ? fault(checkSigner(net.view, message.head, read.value.signer, message.head.created)) : read.fault.code
    }
    expect(await signedBy(net.signManifest(FROM, suiteId))).toBe('ok')
    expect(await signedBy(net.signManifest('js.o1', suiteId))).toBe('signerNotSender')
    expect(await signedBy(net.signManifest(FROM, other))).toBe('wrongSuite')
    expect(await signedBy(() => utf8('no CMS'))).toBe('badManifestSignature')
    expect(await signedBy((bytes) => net.signManifest(FROM, suiteId)(concat(bytes, utf8('\n'))))).toBe('notCanonical')
    expect(await signedBy((bytes) => net.signManifest(FROM, suiteId)(bytes).map((byte, i, all) => (i === all.length - 5 ? byte ^ 1 : byte)))).toBe('badManifestSignature')
  })
})

describe('packing', () => {
  const suite = suites.P256
  const order = { suite, parts: [], own: { key: 'own', publicKey: net.organKeys(FROM, 'P256').encrypt.publicKey }, sign: net.signManifest(FROM, 'P256'), random: dice.bytes, onChunk: () => undefined }
  const addressees = [{ organ: 'js.o1', name: 'js.o1.name', role: 'to' as const, key: 'k', publicKey: net.organKeys('js.o1', 'P256').encrypt.publicKey }]

  it('refuses a draft that no reader would take', async () => {
    const tried = async (changes: Parameters<typeof draftFrom>[2]): Promise<string> => fault(await pack({ ...order, addressees, draft: draftFrom(FROM, 'P256', changes) }))
    const { content } = draftFrom(FROM, 'P256')
    expect(await tried({})).toBe('ok')
    expect(await tried({ content: { ...content, title: '' } })).toBe('malformed')
    expect(await tried({ label: 9 })).toBe('malformed')
    expect(await tried({ expires: '2026-11-01T00:00:00.000Z' })).toBe('malformed')
    expect(await tried({ ordinal: 3 })).toBe('malformed')
    expect(await tried({ sender: { organ: 'JS', name: 'x', key: 'y' } })).toBe('malformed')
  })

  it('hands chunks on as soon as they are full and keeps parts apart', () => {
    const packer = startPacking(suite, draftFrom(FROM, 'P256').id, dice.bytes(32))
    expect(() => packer.write(text(1))).toThrow('open a part')
    packer.openPart('a', '')
    expect(() => packer.openPart('b', '')).toThrow('close the part')
    expect(packer.write(text(CHUNK_BYTES - 1))).toHaveLength(0)
    expect(packer.write(text(CHUNK_BYTES + 1)).map(({ index }) => index)).toEqual([0, 1])
    expect(packer.write(text(1))).toHaveLength(0)
    expect(() => packer.finish()).toThrow('close the part')
    expect(packer.closePart().map(({ index }) => index)).toEqual([2])
    expect(() => packer.closePart()).toThrow('no part')
    expect(packer.finish().parts).toMatchObject([{ name: 'a', bytes: 2 * CHUNK_BYTES + 1, firstChunk: 0, chunks: 3 }])
  })
})

describe('an encoded chunk', () => {
  it('that unfolds beyond a chunk is refused, however small it is', () => {
    const bomb = (bytes: number): Uint8Array => concat(Uint8Array.of(1), deflateSync(new Uint8Array(bytes), { level: 9 }))
    expect(fault(decodeChunk(bomb(CHUNK_BYTES)))).toBe('ok')
    expect(fault(decodeChunk(bomb(CHUNK_BYTES + 1)))).toBe('badEncoding')
    expect(bomb(32 * CHUNK_BYTES).length).toBeLessThan(CHUNK_BYTES / 16)
    expect(fault(decodeChunk(bomb(32 * CHUNK_BYTES)))).toBe('badEncoding')
  })
  it('is raw where deflate would be longer, and never longer than a chunk', () => {
    expect(encodeChunk(noise(200_000))[0]).toBe(0)
    expect(encodeChunk(fromBase64url('AAAA'))).toHaveLength(4)
    expect(encodeChunk(new Uint8Array(0))).toEqual(Uint8Array.of(0))
    expect(() => encodeChunk(text(CHUNK_BYTES + 1))).toThrow('at most')
    expect(fault(decodeChunk(concat(Uint8Array.of(0), text(CHUNK_BYTES + 1))))).toBe('badEncoding')
    for (const bytes of [[], [2], [1], [255, 1]]) expect(fault(decodeChunk(Uint8Array.from(bytes)))).toBe('badEncoding')
  })
})
