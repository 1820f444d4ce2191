import { privateKeyInfo, publicKeyInfo, readPublicKeyInfo, readSignatureAlgorithm, signatureAlgorithm, signDer } from './algorithms.ts'
import { equal, fromHex, hex, utf8 } from './bytes.ts'
import { bitString, children, context, DerError, integer, readBitString, readDer, readInteger, readSmallInteger, required, sequence, TAG, tlv, type DerNode } from './der.ts'
import { type CertificateUsage, encodeExtensions, type KeyUsage, readExtensions } from './extensions.ts'
import { type CertificateName, encodeName, readName } from './names.ts'
import { pem } from './pem.ts'
import type { KeyPair, Suite, SuiteId } from './suite.ts'


/** Who signs. A self-signed certificate has the subject's own name and key pair here. */
export type CertificateIssuer = { readonly name: CertificateName; readonly keyPair: KeyPair }
export type CertificateSubject = CertificateName & { readonly publicKey: Uint8Array }
export type CertificateTerms = {
  /** Hexadecimal, 1 to 20 bytes, not zero (RFC 5280 §4.1.2.2). */
  readonly serial: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly usage: CertificateUsage
  /** DNS names or IP addresses of a TLS end. */
  readonly dnsNames?: readonly string[]
  /** How many further CAs may stand below a CA; without it any number. */
  readonly pathLength?: number
}

/** A certificate taken apart. `suite` and `publicKey` are the subject's; `signedWith` is the issuer's suite, null for a foreign algorithm. */
export type Certificate = {
  readonly subject: CertificateName
  readonly issuer: CertificateName
  readonly subjectDer: Uint8Array
  readonly issuerDer: Uint8Array
  readonly suite: SuiteId
  readonly publicKey: Uint8Array
  /** Lower-case hexadecimal without leading zero bytes. */
  readonly serial: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly usages: readonly KeyUsage[]
  readonly serverAuth: boolean
  readonly clientAuth: boolean
  readonly dnsNames: readonly string[]
  readonly isCa: boolean
  readonly pathLength: number | null
  readonly signedWith: SuiteId | null
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Issues an X.509 v3 certificate (RFC 5280, GM/T 0015-2012) and answers its DER. The issuer's key and the subject's are of this suite.
 * Throws `RangeError` on a serial or a public key that cannot be.
 */
export function issueCertificate(suite: Suite, issuer: CertificateIssuer, subject: CertificateSubject, terms: CertificateTerms): Uint8Array {
  const serial = fromHex(terms.serial)
  if (serial.length < 1 || serial.length > 20 || serial.every((octet) => octet === 0)) throw new RangeError('a serial has 1 to 20 bytes and is not zero')
  if (!suite.isPublicKey(subject.publicKey)) throw new RangeError('the subject’s public key is not on the curve')
  const { usage, dnsNames = [], pathLength } = terms
  const extensions = { usage, dnsNames, publicKey: subject.publicKey, issuerKey: issuer.keyPair.publicKey, ...(pathLength === undefined ? {} : { pathLength }) }
  const signed = sequence(
    context(0, integer(2)),
    integer(serial),
    signatureAlgorithm(suite.id),
    encodeName(issuer.name),
    sequence(encodeTime(terms.notBefore), encodeTime(terms.notAfter)),
    encodeName(subject),
    publicKeyInfo(suite.id, subject.publicKey),
    context(3, encodeExtensions(suite, extensions))
  )
  return sequence(signed, signatureAlgorithm(suite.id), bitString(signDer(suite, issuer.keyPair, signed)))
}

/** Reads a version 3 certificate with an SM2 or P-256 key. Throws `DerError` on anything else. Checks no signature and no date. */
export function readCertificate(bytes: Uint8Array): Certificate {
  const [signed, algorithm, signature, ...more] = children(readDer(bytes))
  const [version, serial, inner, issuer, validity, subject, key, ...rest] = children(signed)
  if (more.length > 0 || readSmallInteger(children(version, 0xa0)[0]) !== 2) throw new DerError('not a version 3 certificate')
  // RFC 5280 §4.1.1.2: the algorithm is written twice, once under the signature, and must be the same.
  if (!equal(required(algorithm).raw, required(inner).raw)) throw new DerError('two different signature algorithms')
  const [from, until] = children(validity)
  const list = rest.find((field) => field.tag === 0xa3)
  return {
    subject: readName(subject),
    issuer: readName(issuer),
    subjectDer: required(subject).raw,
    issuerDer: required(issuer).raw,
    ...readPublicKeyInfo(key),
    serial: hex(readInteger(serial)),
    notBefore: readTime(from),
    notAfter: readTime(until),
    ...readExtensions(list && children(list, 0xa3)[0]),
    signedWith: readSignatureAlgorithm(algorithm),
    signed: required(signed).raw,
    signature: readBitString(signature)
  }
}

/** The private key as PKCS#8 PEM; for P256 `node:tls` and OpenSSL read it. */
export function privateKeyPem(suite: Suite, keyPair: KeyPair): string {
  return pem('PRIVATE KEY', privateKeyInfo(suite.id, keyPair))
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime after; whole seconds. */
function encodeTime(time: Date): Uint8Array {
  const digits = time.toISOString().replace(/[-:T]|\.\d+/g, '')
  const year = time.getUTCFullYear()
  return year >= 1950 && year < 2050 ? tlv(TAG.utcTime, utf8(digits.slice(2))) : tlv(TAG.generalizedTime, utf8(digits))
}

function readTime(node: DerNode | undefined): Date {
  const text = String.fromCharCode(...(node?.content.subarray(0, 16) ?? []))
  const isShort = node?.tag === TAG.utcTime
  if ((!isShort && node?.tag !== TAG.generalizedTime) || !(isShort ? /^\d{12}Z$/ : /^\d{14}Z$/).test(text)) throw new DerError('not a time')
  const digits = isShort ? (Number(text.slice(0, 2)) >= 50 ? '19' : '20') + text : text
  const iso = digits.replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6.000Z')
  const time = new Date(iso)
  // Dates such as 31 February roll over in some engines; they are not dates.
  if (Number.isNaN(time.getTime()) || time.toISOString() !== iso) throw new DerError('not a date')
  return time
}
