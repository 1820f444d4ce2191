import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { type CertificateTerms, type ChainFault, fromPem, issueCertificate, pem, privateKeyPem, readCertificate, verifyChain } from './certificate.ts'
import { children, DerError, orNull, readDer, sequence } from './der.ts'
import { suites as native } from './node.ts'
import { OpensslCommand } from './openssl-command.ts'
import { suites as portable } from './portable.ts'
import { SUITE_IDS, type Suite } from './suite.ts'

const openssl = new OpensslCommand()
afterAll(() => openssl[Symbol.dispose]())

const day = (text: string) => new Date(`${text}T00:00:00Z`)
const TODAY = day('2026-11-23')
const terms = (more: Partial<CertificateTerms> & Pick<CertificateTerms, 'usage'>): CertificateTerms => ({
  serial: '01a2',
  notBefore: day('2026-01-01'),
  notAfter: day('2036-01-01'),
  ...more
})

/** A root, a province's CA below it and one signing certificate of an organ. */
function hierarchy(suite: Suite, change: { root?: Partial<CertificateTerms>; ca?: Partial<CertificateTerms>; leaf?: Partial<CertificateTerms> } = {}) {
  const [rootKeys, caKeys, leafKeys] = [suite.generateKeyPair(), suite.generateKeyPair(), suite.generateKeyPair()]
  const rootName = { commonName: '驿道根' }
  const caName = { commonName: '某省节点', organisation: '某省' }
  const root = issueCertificate(suite, { name: rootName, keyPair: rootKeys }, { ...rootName, publicKey: rootKeys.publicKey }, terms({ serial: '01', usage: 'ca', ...change.root }))
  const ca = issueCertificate(suite, { name: rootName, keyPair: rootKeys }, { ...caName, publicKey: caKeys.publicKey }, terms({ serial: '02', usage: 'ca', ...change.ca }))
  const subject = { commonName: '某省人民政府办公厅', publicKey: leafKeys.publicKey }
  const leaf = issueCertificate(suite, { name: caName, keyPair: caKeys }, subject, terms({ serial: '03', usage: 'sign', ...change.leaf }))
  return { root, ca, leaf, rootKeys, caKeys, leafKeys, caName }
}

const implementations = SUITE_IDS.flatMap((id) => [{ id, where: 'native', suites: native }, { id, where: 'portable', suites: portable }])

describe.each(implementations)('certificates of $id, $where', ({ id, suites }) => {
  const suite = suites[id]
  const h = hierarchy(suite)
  const check = (...args: Parameters<typeof verifyChain> extends [unknown, ...infer Rest] ? Rest : never) => verifyChain(suites, ...args)

  it('read back as they were issued', () => {
    expect(readCertificate(h.ca)).toMatchObject({
      subject: { commonName: '某省节点', organisation: '某省' },
      issuer: { commonName: '驿道根' },
      suite: id,
      signedWith: id,
      serial: '02',
      notBefore: day('2026-01-01'),
      notAfter: day('2036-01-01'),
      usages: ['keyCertSign', 'cRLSign'],
      isCa: true,
      pathLength: null
    })
    expect(readCertificate(h.leaf)).toMatchObject({ isCa: false, usages: ['digitalSignature', 'nonRepudiation'], publicKey: h.leafKeys.publicKey })
  })

  it('hold from leaf to root, with the root at the end or left out', () => {
    expect(check([h.leaf, h.ca, h.root], TODAY, h.root, undefined, 'sign')).toEqual({ ok: true })
    expect(check([h.leaf, h.ca], TODAY, h.root)).toEqual({ ok: true })
    expect(check([h.root], TODAY, h.root, undefined, 'ca')).toEqual({ ok: true })
    expect(check([h.leaf, h.ca], day('2036-01-01'), h.root)).toEqual({ ok: true })
  })

  const other = hierarchy(suite)
  const tampered = (der: Uint8Array) => der.with(der.length - 5, der[der.length - 5]! ^ 1)
  const dated = hierarchy(suite, { ca: { notAfter: day('2026-11-01') } })
  const later = hierarchy(suite, { leaf: { notBefore: day('2027-01-01') } })
  const short = hierarchy(suite, { root: { pathLength: 0 } })
  const notCa = hierarchy(suite, { ca: { usage: 'sign' } })
  const refusals: [string, ChainFault, ReturnType<typeof check>][] = [
    ['another root', 'badSignature', check([h.leaf, h.ca], TODAY, other.root)],
    ['a gap', 'unknownIssuer', check([h.leaf], TODAY, h.root)],
    ['the wrong order', 'unknownIssuer', check([h.ca, h.leaf], TODAY, h.root)],
    ['a CA of the same name with another key', 'badSignature', check([h.leaf, other.ca], TODAY, other.root)],
    ['a changed signature', 'badSignature', check([tampered(h.leaf), h.ca], TODAY, h.root)],
    ['an expired CA', 'expired', check([dated.leaf, dated.ca], TODAY, dated.root)],
    ['a leaf of next year', 'notYetValid', check([later.leaf, later.ca], TODAY, later.root)],
    ['a root that allows no CA below', 'pathTooLong', check([short.leaf, short.ca], TODAY, short.root)],
    ['more certificates than there are levels', 'pathTooLong', check(Array.from({ length: 9 }, () => h.ca), TODAY, h.root)],
    ['a leaf in place of a CA', 'wrongUsage', check([notCa.leaf, notCa.ca], TODAY, notCa.root)],
    ['a signing leaf for encryption', 'wrongUsage', check([h.leaf, h.ca], TODAY, h.root, undefined, 'encrypt')],
    ['a signing leaf for TLS', 'wrongUsage', check([h.leaf, h.ca], TODAY, h.root, undefined, 'tls')],
    ['a signing leaf as CA', 'wrongUsage', check([h.leaf, h.ca], TODAY, h.root, undefined, 'ca')],
    ['a revoked leaf', 'revoked', check([h.leaf, h.ca], TODAY, h.root, (issuer, serial) => issuer.commonName === '某省节点' && serial === '03')],
    ['a revoked CA', 'revoked', check([h.leaf, h.ca], TODAY, h.root, (_, serial) => serial === '02')],
    ['no certificate', 'malformed', check([], TODAY, h.root)],
    ['a cut certificate', 'malformed', check([h.leaf.subarray(0, 100), h.ca], TODAY, h.root)]
  ]

  it.each(refusals)('refuse %s: %s', (_, reason, result) => {
    expect(result).toEqual({ ok: false, reason })
  })

  it('never hold with one bit flipped, and never throw', () => {
    fc.assert(
      fc.property(fc.nat(h.leaf.length * 8 - 1), (bit) => {
        const leaf = h.leaf.with(bit >> 3, h.leaf[bit >> 3]! ^ (1 << (bit & 7)))
        expect(check([leaf, h.ca], TODAY, h.root).ok).toBe(false)
      })
    )
  })

  it('are refused when the algorithm outside differs from the one inside', () => {
    const [signed, , signature] = children(readDer(h.leaf))
    const foreign = hierarchy(suites[id === 'SM' ? 'P256' : 'SM']).leaf
    const algorithm = children(readDer(foreign))[1]!
    expect(() => readCertificate(sequence(signed!.raw, algorithm.raw, signature!.raw))).toThrow(DerError)
  })

  it('are not issued with impossible terms', () => {
    const issuer = { name: h.caName, keyPair: h.caKeys }
    const subject = { commonName: '甲', publicKey: h.leafKeys.publicKey }
    for (const serial of ['', '00', '01'.repeat(21), 'xyz']) expect(() => issueCertificate(suite, issuer, subject, terms({ usage: 'sign', serial }))).toThrow(RangeError)
    expect(() => issueCertificate(suite, issuer, { ...subject, publicKey: new Uint8Array(65) }, terms({ usage: 'sign' }))).toThrow(RangeError)
  })

  it('keep dates beyond 2049', () => {
    const long = hierarchy(suite, { leaf: { notAfter: day('2051-02-03') } }).leaf
    expect(readCertificate(long).notAfter).toEqual(day('2051-02-03'))
  })
})

describe('certificates across suites', () => {
  it('a chain may pass from one suite to the other only by a signature of the issuer’s own suite', () => {
    const sm = hierarchy(native.SM)
    const p256 = hierarchy(native.P256)
    expect(verifyChain(native, [p256.leaf, sm.ca], TODAY, sm.root)).toEqual({ ok: false, reason: 'badSignature' })
  })

  it('arbitrary bytes are malformed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(verifyChain(native, [bytes], TODAY, bytes)).toEqual({ ok: false, reason: 'malformed' })
        expect(orNull(() => readCertificate(sequence(sequence(bytes), bytes)))).toBeNull()
      })
    )
  })
})

describe('certificates and the openssl command', () => {
  it.each(SUITE_IDS)('openssl verifies our %s chain', (id) => {
    const h = hierarchy(native[id])
    const [root, ca, leaf] = [h.root, h.ca, h.leaf].map((der, i) => openssl.file(`${id}${i}.pem`, pem('CERTIFICATE', der))) as [string, string, string]
    const options = ['-x509_strict', '-attime', String(TODAY.getTime() / 1000)]
    if (id === 'P256') {
      expect(openssl.run('verify', ...options, '-CAfile', root, '-untrusted', ca, leaf)).toContain('OK')
      expect(openssl.accepts('verify', ...options, '-CAfile', root, leaf)).toBe(false)
    }
    // The openssl command gives the user id to the last certificate only, so an SM chain is verified link by link.
    const link = [...options, '-partial_chain', ...(id === 'SM' ? ['-vfyopt', 'distid:1234567812345678'] : [])]
    expect(openssl.run('verify', ...link, '-CAfile', root, ca)).toContain('OK')
    expect(openssl.run('verify', ...link, '-CAfile', ca, leaf)).toContain('OK')
    expect(openssl.accepts('verify', ...link, '-CAfile', root, leaf)).toBe(false)
    const text = openssl.run('x509', '-in', leaf, '-noout', '-text', '-nameopt', 'utf8,sep_comma_plus')
    expect(text).toContain('Digital Signature, Non Repudiation')
    expect(text).toContain('CA:FALSE')
  })

  it.each(SUITE_IDS)('we read and verify a %s certificate that openssl made', (id) => {
    const curve = id === 'SM' ? 'SM2' : 'P-256'
    openssl.run('genpkey', '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-out', 'ca.key')
    const how = id === 'SM' ? ['-sm3', '-sigopt', 'distid:1234567812345678'] : ['-sha256']
    const usage = ['-addext', 'keyUsage=critical,keyCertSign']
    openssl.run('req', '-x509', '-new', '-key', 'ca.key', ...how, ...usage, '-days', '2', '-utf8', '-subj', '/CN=测试根/O=某省', '-outform', 'DER', '-out', 'ca.der')
    const root = openssl.read('ca.der')
    expect(readCertificate(root)).toMatchObject({ subject: { commonName: '测试根', organisation: '某省' }, suite: id, isCa: true, usages: ['keyCertSign'] })
    expect(verifyChain(native, [root], new Date(), root)).toEqual({ ok: true })
    expect(verifyChain(portable, [root], new Date(), root)).toEqual({ ok: true })
  })

  it('P256 keys and certificates carry mutual TLS in Node', async () => {
    const h = hierarchy(native.P256)
    const tls = (commonName: string, serial: string) => {
      const keyPair = native.P256.generateKeyPair()
      const dnsNames = ['localhost', '127.0.0.1', '::1', 'node.example']
      const der = issueCertificate(native.P256, { name: h.caName, keyPair: h.caKeys }, { commonName, publicKey: keyPair.publicKey }, terms({ serial, usage: 'tls', dnsNames }))
      return { der, key: privateKeyPem(native.P256, keyPair), cert: pem('CERTIFICATE', der) + pem('CERTIFICATE', h.ca) }
    }
    const [server, client] = [tls('某省节点', '10'), tls('某市节点', '11')]
    expect(new X509Certificate(server.der).checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(readCertificate(server.der)).toMatchObject({ serverAuth: true, clientAuth: true, dnsNames: ['localhost', '127.0.0.1', '0:0:0:0:0:0:0:1', 'node.example'] })
    const ca = pem('CERTIFICATE', h.root)
    const listener = createServer({ ...server, ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' }, (socket: TLSSocket) => {
      socket.end(socket.getPeerX509Certificate()!.subject)
    })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const socket = connect({ ...client, ca, host: '127.0.0.1', port: (listener.address() as AddressInfo).port })
    const [seen] = (await once(socket, 'data')) as [Buffer]
    expect(seen.toString()).toContain('某市节点')
    socket.destroy()
    listener.close()
  })

  it('PEM comes back as the DER that went in', () => {
    const { leaf, ca } = hierarchy(native.SM)
    expect(fromPem('CERTIFICATE', pem('CERTIFICATE', leaf) + pem('CERTIFICATE', ca))).toEqual([leaf, ca])
    expect(fromPem('PRIVATE KEY', pem('CERTIFICATE', leaf))).toEqual([])
  })
})
