import { equal } from './bytes.ts'
import { children, DerError, nothing, octetString, oid, readBitString, readOid, sequence, bitString, context, integer, type DerNode } from './der.ts'
import { signatureFromDer, signatureToDer } from './sm2-codec.ts'
import type { KeyPair, Suite, SuiteId, Suites } from './suite.ts'

/** Object identifiers of GM/T 0006-2012 (SM) and RFC 5480, 5758, 5652 (P256). */
const OID = {
  ecPublicKey: '1.2.840.10045.2.1',
  curve: { SM: '1.2.156.10197.1.301', P256: '1.2.840.10045.3.1.7' },
  digest: { SM: '1.2.156.10197.1.401', P256: '2.16.840.1.101.3.4.2.1' },
  signature: { SM: '1.2.156.10197.1.501', P256: '1.2.840.10045.4.3.2' }
} as const

const SUITE_OF = (table: Readonly<Record<SuiteId, string>>, dotted: string): SuiteId | null => (dotted === table.SM ? 'SM' : dotted === table.P256 ? 'P256' : null)

/** AlgorithmIdentifier of the suite's signature over its hash, without parameters (RFC 5758 §3.2). */
export const signatureAlgorithm = (suite: SuiteId): Uint8Array => sequence(oid(OID.signature[suite]))
/** AlgorithmIdentifier of the suite's hash. */
export const digestAlgorithm = (suite: SuiteId): Uint8Array => sequence(oid(OID.digest[suite]))

/** The suite that a signature AlgorithmIdentifier names, or null for one we do not have. */
export function readSignatureAlgorithm(node: DerNode | undefined, alsoSm?: string): SuiteId | null {
  const name = readPlainAlgorithm(node)
  return alsoSm !== undefined && name === alsoSm ? 'SM' : SUITE_OF(OID.signature, name)
}

/** The suite whose hash an AlgorithmIdentifier names, or null. */
export function readDigestAlgorithm(node: DerNode | undefined): SuiteId | null {
  return SUITE_OF(OID.digest, readPlainAlgorithm(node))
}

/** Parameters are absent or NULL: both are met in the wild for SM2 and for digests. */
function readPlainAlgorithm(node: DerNode | undefined): string {
  const [name, parameters, ...more] = children(node)
  if (more.length > 0 || (parameters !== undefined && !equal(parameters.raw, nothing()))) throw new DerError('algorithm with parameters')
  return readOid(name)
}

/** SubjectPublicKeyInfo (RFC 5480 §2) of a 65-byte point. */
export function publicKeyInfo(suite: SuiteId, publicKey: Uint8Array): Uint8Array {
  return sequence(sequence(oid(OID.ecPublicKey), oid(OID.curve[suite])), bitString(publicKey))
}

/** Suite and point of a SubjectPublicKeyInfo. Named curves and uncompressed points only; whether it lies on the curve is the suite's to say. */
export function readPublicKeyInfo(node: DerNode | undefined): { suite: SuiteId; publicKey: Uint8Array } {
  const [algorithm, key, ...more] = children(node)
  const [name, curve, ...rest] = children(algorithm)
  if (more.length > 0 || rest.length > 0 || readOid(name) !== OID.ecPublicKey) throw new DerError('not an elliptic-curve key')
  const suite = SUITE_OF(OID.curve, readOid(curve))
  const publicKey = readBitString(key)
  if (suite === null || publicKey.length !== 65 || publicKey[0] !== 4) throw new DerError('a curve or a point form that is not used here')
  return { suite, publicKey }
}

/** PKCS#8 (RFC 5958 §2) of a key pair; for P256 Node and OpenSSL take it as it is. */
export function privateKeyInfo(suite: SuiteId, keyPair: KeyPair): Uint8Array {
  const key = sequence(integer(1), octetString(keyPair.privateKey), context(1, bitString(keyPair.publicKey)))
  return sequence(integer(0), sequence(oid(OID.ecPublicKey), oid(OID.curve[suite])), octetString(key))
}

/** Signs as X.509 and CMS want it: the DER of r and s. */
export function signDer(suite: Suite, keyPair: KeyPair, message: Uint8Array): Uint8Array {
  return signatureToDer(suite.sign(keyPair, message))
}

/** Verifies a DER signature; false on anything wrong. */
export function verifyDer(suites: Suites, suite: SuiteId, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const plain = signatureFromDer(signature)
  return plain !== null && suites[suite].verify(publicKey, message, plain)
}
