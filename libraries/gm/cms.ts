import { digestAlgorithm, readDigestAlgorithm, readSignatureAlgorithm, signatureAlgorithm, signDer, verifyDer } from './algorithms.ts'
import { concat, equal, fromHex, hex } from './bytes.ts'
import { children, content, context, DerError, type DerNode, integer, octetString, oid, orNull, readDer, readOid, readInteger, readSmallInteger, required, sequence, setOf, TAG } from './der.ts'
import type { KeyPair, Suite, SuiteId, Suites } from './suite.ts'
import { readCertificate } from './x509.ts'

/** Content types: GB/T 35275-2017 §5 (SM) and RFC 5652 §4, §5.1 (P256). */
const DATA: Readonly<Record<SuiteId, string>> = { SM: '1.2.156.10197.6.1.4.2.1', P256: '1.2.840.113549.1.7.1' }
const SIGNED_DATA: Readonly<Record<SuiteId, string>> = { SM: '1.2.156.10197.6.1.4.2.2', P256: '1.2.840.113549.1.7.2' }
/** GM/T 0006-2012: SM2 digital signature; what GB/T 35275 puts into a signer's info. Others write SM3-with-SM2 there; both are read. */
const SM2_SIGNATURE = '1.2.156.10197.1.301.1'
const CONTENT_TYPE = '1.2.840.113549.1.9.3'
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4'

export type CmsToSign = {
  readonly content: Uint8Array
  readonly keyPair: KeyPair
  /** The signer's certificate first, then its chain as far as wanted. */
  readonly certificates: readonly Uint8Array[]
}

export type CmsSigner = {
  readonly issuerDer: Uint8Array
  /** Lower-case hexadecimal. */
  readonly serial: string
  /** The certificate inside that issuer and serial name, or null. */
  readonly certificate: Uint8Array | null
  /** What was signed: the attributes as a SET. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
  readonly contentType: string
  readonly messageDigest: Uint8Array
}

export type Cms = { readonly content: Uint8Array; readonly suite: SuiteId; readonly certificates: readonly Uint8Array[]; readonly signer: CmsSigner }

export type CmsFault = 'malformed' | 'certificateMissing' | 'contentTypeDiffers' | 'digestDiffers' | 'badSignature'
export type CmsResult =
  | { readonly ok: true; readonly content: Uint8Array; readonly certificate: Uint8Array; readonly publicKey: Uint8Array; readonly suite: SuiteId }
  | { readonly ok: false; readonly reason: CmsFault }

/**
 * SignedData with the content inside, one signer and the signed attributes content type and message digest.
 * Throws `RangeError` when the first certificate does not hold the key pair's public key.
 */
export function signCms(suite: Suite, { content: body, keyPair, certificates }: CmsToSign): Uint8Array {
  const [leaf] = certificates
  const certificate = leaf && readCertificate(leaf)
  if (certificate === undefined || !equal(certificate.publicKey, keyPair.publicKey)) throw new RangeError('the first certificate must be the signer’s')
  const attributes = setOf(attribute(CONTENT_TYPE, oid(DATA[suite.id])), attribute(MESSAGE_DIGEST, octetString(suite.hash(body))))
  const signer = sequence(
    integer(1),
    sequence(certificate.issuerDer, integer(fromHex(certificate.serial))),
    digestAlgorithm(suite.id),
    retagged(attributes, 0xa0),
    suite.id === 'SM' ? sequence(oid(SM2_SIGNATURE)) : signatureAlgorithm(suite.id),
    octetString(signDer(suite, keyPair, attributes))
  )
  const signedData = sequence(
    integer(1),
    setOf(digestAlgorithm(suite.id)),
    sequence(oid(DATA[suite.id]), context(0, octetString(body))),
    retagged(setOf(...certificates), 0xa0),
    setOf(signer)
  )
  return sequence(oid(SIGNED_DATA[suite.id]), context(0, signedData))
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(oid(type), setOf(value))
}

/** The same TLV under another tag: signed attributes travel as [0] and are signed as SET (RFC 5652 §5.4). */
function retagged(bytes: Uint8Array, tag: number): Uint8Array {
  return concat(new Uint8Array([tag]), bytes.subarray(1))
}

/** Reads SignedData of either suite with attached content and exactly one signer. Throws `DerError` on anything else. Checks nothing. */
export function readCms(bytes: Uint8Array): Cms {
  const [type, wrapped, ...more] = children(readDer(bytes))
  const suite = (['SM', 'P256'] as const).find((id) => SIGNED_DATA[id] === readOid(type))
  const [signedData, ...beside] = children(wrapped, 0xa0)
  if (suite === undefined || more.length > 0 || beside.length > 0) throw new DerError('not signed data of either suite')
  const [version, digests, inner, ...rest] = children(signedData)
  if (readSmallInteger(version) !== 1 || children(digests, TAG.set).length !== 1) throw new DerError('not version 1 with one digest')
  const certificates = children(rest.find((field) => field.tag === 0xa0), 0xa0).map((node) => node.raw)
  const [signer, ...others] = children(rest.at(-1), TAG.set)
  if (others.length > 0) throw new DerError('more than one signer')
  return { content: readContent(inner, DATA[suite]), suite, certificates, signer: readSigner(signer, suite, certificates) }
}

function readContent(node: DerNode | undefined, type: string): Uint8Array {
  const [name, wrapped, ...more] = children(node)
  const [body, ...beside] = children(wrapped, 0xa0)
  if (readOid(name) !== type || more.length > 0 || beside.length > 0) throw new DerError('content of another type')
  return content(body, TAG.octetString)
}

function readSigner(node: DerNode | undefined, suite: SuiteId, certificates: readonly Uint8Array[]): CmsSigner {
  const [version, id, digest, attributes, algorithm, signature, ...more] = children(node)
  const [issuer, serialNode] = children(id)
  const known = readDigestAlgorithm(digest) === suite && readSignatureAlgorithm(algorithm, SM2_SIGNATURE) === suite
  if (readSmallInteger(version) !== 1 || issuer === undefined || !known || more.length > 0) throw new DerError('a signer of another kind')
  const serial = hex(readInteger(serialNode))
  const named = (bytes: Uint8Array) => {
    const certificate = orNull(() => readCertificate(bytes))
    return certificate !== null && certificate.serial === serial && equal(certificate.issuerDer, issuer.raw)
  }
  return {
    issuerDer: issuer.raw,
    serial,
    certificate: certificates.find(named) ?? null,
    signed: retagged(required(attributes).raw, TAG.set),
    signature: content(signature, TAG.octetString),
    contentType: readOid(onlyValue(attributes, CONTENT_TYPE)),
    messageDigest: content(onlyValue(attributes, MESSAGE_DIGEST), TAG.octetString)
  }
}

/** RFC 5652 §11: each of the two attributes is there once, with one value. */
function onlyValue(attributes: DerNode | undefined, type: string): DerNode | undefined {
  const found = children(attributes, 0xa0)
    .map((node) => children(node))
    .filter(([name]) => readOid(name) === type)
  const values = children(found[0]?.[1], TAG.set)
  if (found.length !== 1 || values.length !== 1) throw new DerError('a signed attribute is missing or there twice')
  return values[0]
}

/**
 * Verifies signature, digest and attributes under the signer's certificate inside. Whether that certificate is to be
 * believed is `verifyChain`'s question. Never throws on hostile bytes.
 */
export function verifyCms(suites: Suites, bytes: Uint8Array): CmsResult {
  const cms = orNull(() => readCms(bytes))
  if (cms === null) return { ok: false, reason: 'malformed' }
  const { suite, signer } = cms
  if (signer.certificate === null) return { ok: false, reason: 'certificateMissing' }
  const { publicKey, suite: keySuite } = readCertificate(signer.certificate)
  if (signer.contentType !== DATA[suite]) return { ok: false, reason: 'contentTypeDiffers' }
  if (!equal(signer.messageDigest, suites[suite].hash(cms.content))) return { ok: false, reason: 'digestDiffers' }
  if (keySuite !== suite || !verifyDer(suites, suite, publicKey, signer.signed, signer.signature)) return { ok: false, reason: 'badSignature' }
  return { ok: true, content: cms.content, certificate: signer.certificate, publicKey, suite }
}
