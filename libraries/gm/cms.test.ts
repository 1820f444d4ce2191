import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { digestAlgorithm, signatureAlgorithm, signDer } from './algorithms.ts'
import { concat, equal, hex, utf8 } from './bytes.ts'
import { issueCertificate, pem, privateKeyPem, verifyChain } from './certificate.ts'
import { type CmsFault, readCms, signCms, verifyCms } from './cms.ts'
import { children, context, DerError, integer, octetString, oid, readDer, sequence, setOf, tlv } from './der.ts'
import { suites as native } from './node.ts'
import { OpensslCommand } from './openssl-command.ts'
import { suites as portable } from './portable.ts'
import { SUITE_IDS, type SuiteId, type Suites } from './suite.ts'

const openssl = new OpensslCommand()
afterAll(() => openssl[Symbol.dispose]())

const content = utf8('{"title":"关于印发《办法》的通知"}')

function signer(suites: Suites, id: SuiteId, serial = '0a') {
  const suite = suites[id]
  const keyPair = suite.generateKeyPair()
  const name = { commonName: '某省人民政府办公厅' }
  const span = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2046-01-01T00:00:00Z') }
  const certificate = issueCertificate(suite, { name, keyPair }, { ...name, publicKey: keyPair.publicKey }, { serial, ...span, usage: 'sign' })
  return { suite, keyPair, certificate }
}

const ways = SUITE_IDS.flatMap((id) => [{ id, from: 'native', writer: native, reader: portable }, { id, from: 'portable', writer: portable, reader: native }])

describe.each(ways)('CMS of $id written $from', ({ id, writer, reader }) => {
  const { suite, keyPair, certificate } = signer(writer, id)
  const other = signer(writer, id, '0b')
  const signed = signCms(suite, { content, keyPair, certificates: [certificate, other.certificate] })

  it('verifies and gives content, certificate and key', () => {
    expect(verifyCms(reader, signed)).toEqual({ ok: true, content, certificate, publicKey: keyPair.publicKey, suite: id })
    const read = readCms(signed)
    expect(read.certificates.length).toBe(2)
    expect(read.signer).toMatchObject({ serial: '0a', certificate })
  })

  it('takes empty content and a megabyte', () => {
    for (const body of [new Uint8Array(), new Uint8Array(1 << 20).fill(7)]) {
      const result = verifyCms(reader, signCms(suite, { content: body, keyPair, certificates: [certificate] }))
      expect(result.ok && result.content.length).toBe(body.length)
    }
  })

  it('never gives other content or another key with one bit flipped, and never throws', () => {
    fc.assert(
      fc.property(fc.nat(signed.length * 8 - 1), (bit) => {
        const result = verifyCms(reader, signed.with(bit >> 3, signed[bit >> 3]! ^ (1 << (bit & 7))))
        // Certificates are only carried along: a flip in one, outside its key, is for the chain check to find.
        if (!result.ok) return
        expect(result).toMatchObject({ content, publicKey: keyPair.publicKey, suite: id })
        const whole = equal(result.certificate, certificate)
        expect(whole || !verifyChain(reader, [result.certificate], new Date('2030-01-01'), certificate).ok).toBe(true)
      })
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void expect(verifyCms(reader, bytes)).toEqual({ ok: false, reason: 'malformed' })))
  })

  it('wants the signer’s certificate first', () => {
    expect(() => signCms(suite, { content, keyPair, certificates: [other.certificate, certificate] })).toThrow(RangeError)
    expect(() => signCms(suite, { content, keyPair, certificates: [] })).toThrow(RangeError)
  })

  /** The signed message with fields of its SignedData put in others' place. */
  function rebuilt(change: (fields: Uint8Array[]) => Uint8Array[]): Uint8Array {
    const [type, wrapped] = children(readDer(signed))
    const fields = children(children(wrapped, 0xa0)[0]).map(({ raw }) => raw)
    return sequence(type!.raw, context(0, sequence(...change(fields))))
  }
  const dataType = children(children(children(children(readDer(signed))[1], 0xa0)[0])[2])[0]!.raw
  const contentOf = (bytes: Uint8Array) => sequence(dataType, context(0, octetString(bytes)))

  /** A signer's info of one's own making, properly signed. */
  function signerInfo(attributes: Uint8Array[], more: Uint8Array[] = []): Uint8Array {
    const [, , , , signers] = children(children(children(readDer(signed))[1], 0xa0)[0])
    const [version, sid] = children(children(signers, 0x31)[0])
    const set = setOf(...attributes)
    const carried = concat(new Uint8Array([0xa0]), set.subarray(1))
    return sequence(version!.raw, sid!.raw, digestAlgorithm(id), carried, signatureAlgorithm(id), octetString(signDer(suite, keyPair, set)), ...more)
  }
  const type = (value: Uint8Array) => sequence(oid('1.2.840.113549.1.9.3'), setOf(value))
  const digest = (value: Uint8Array) => sequence(oid('1.2.840.113549.1.9.4'), setOf(octetString(value)))
  const withSigner = (info: Uint8Array) => rebuilt((fields) => [...fields.slice(0, 4), setOf(info)])
  const right = digest(suite.hash(content))

  const refusals: [string, CmsFault, Uint8Array][] = [
    ['other content', 'digestDiffers', rebuilt(([v, d, , c, s]) => [v!, d!, contentOf(utf8('另一件')), c!, s!])],
    ['no content', 'malformed', rebuilt(([v, d, , c, s]) => [v!, d!, sequence(dataType), c!, s!])],
    ['no certificate of the signer', 'certificateMissing', rebuilt(([v, d, e, , s]) => [v!, d!, e!, context(0, other.certificate), s!])],
    ['no certificates at all', 'malformed', rebuilt(([v, d, e, , s]) => [v!, d!, e!, s!])],
    ['a certificate of the same name and serial with another key', 'badSignature', rebuilt(([v, d, e, , s]) => [v!, d!, e!, context(0, signer(writer, id).certificate), s!])],
    ['no signer', 'malformed', rebuilt(([v, d, e, c]) => [v!, d!, e!, c!, setOf()])],
    ['two signers', 'malformed', rebuilt(([v, d, e, c, s]) => [v!, d!, e!, c!, tlv(0x31, s!.subarray(s![1]! < 128 ? 2 : 3 + (s![1]! - 0x81)), signerInfo([type(dataType), right]))])],
    ['version 2', 'malformed', rebuilt(([, ...rest]) => [integer(2), ...rest])],
    ['another content type attribute', 'contentTypeDiffers', withSigner(signerInfo([type(oid('1.2.3.4')), right]))],
    ['a digest of something else', 'digestDiffers', withSigner(signerInfo([type(dataType), digest(suite.hash(utf8('别的')))]))],
    ['no digest', 'malformed', withSigner(signerInfo([type(dataType)]))],
    ['no content type', 'malformed', withSigner(signerInfo([right]))],
    ['two digests', 'malformed', withSigner(signerInfo([type(dataType), right, digest(new Uint8Array(32))]))],
    ['unsigned attributes', 'malformed', withSigner(signerInfo([type(dataType), right], [context(1, right)]))],
    ['bytes after the end', 'malformed', concat(signed, new Uint8Array(1))]
  ]

  it.each(refusals)('is refused with %s: %s', (_, reason, bytes) => {
    expect(verifyCms(reader, bytes)).toEqual({ ok: false, reason })
  })

  it('is accepted when others name the signature algorithm as certificates do', () => {
    expect(verifyCms(reader, withSigner(signerInfo([type(dataType), right]))).ok).toBe(true)
  })
})

describe('CMS and the standards', () => {
  it('SM signed data carries the object identifiers of GB/T 35275-2017', () => {
    const { suite, keyPair, certificate } = signer(native, 'SM')
    const text = hex(signCms(suite, { content, keyPair, certificates: [certificate] }))
    for (const dotted of ['1.2.156.10197.6.1.4.2.2', '1.2.156.10197.6.1.4.2.1', '1.2.156.10197.1.401', '1.2.156.10197.1.301.1']) expect(text).toContain(hex(oid(dotted)))
  })

  it('openssl verifies our P256 signed data, and we verify openssl’s', () => {
    const { suite, keyPair, certificate } = signer(native, 'P256')
    const file = openssl.file('signer.pem', pem('CERTIFICATE', certificate))
    openssl.file('signer.key', privateKeyPem(suite, keyPair))
    openssl.file('ours.cms', signCms(suite, { content, keyPair, certificates: [certificate] }))
    openssl.run('cms', '-verify', '-inform', 'DER', '-in', 'ours.cms', '-CAfile', file, '-purpose', 'any', '-partial_chain', '-out', 'ours.content')
    expect(openssl.read('ours.content')).toEqual(content)
    openssl.file('content', content)
    openssl.run('cms', '-sign', '-binary', '-nodetach', '-md', 'sha256', '-signer', file, '-inkey', 'signer.key', '-in', 'content', '-outform', 'DER', '-out', 'theirs.cms')
    expect(verifyCms(portable, openssl.read('theirs.cms'))).toEqual({ ok: true, content, certificate, publicKey: keyPair.publicKey, suite: 'P256' })
  })

  it('reads nothing but signed data', () => {
    expect(() => readCms(sequence(oid('1.2.840.113549.1.7.1'), context(0, octetString(content))))).toThrow(DerError)
  })
})
