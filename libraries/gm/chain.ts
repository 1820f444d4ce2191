import { verifyDer } from './algorithms.ts'
import { equal } from './bytes.ts'
import { orNull } from './der.ts'
import { type CertificateUsage, USAGE_BITS } from './extensions.ts'
import type { CertificateName } from './names.ts'
import type { Suites } from './suite.ts'
import { type Certificate, readCertificate } from './x509.ts'

export type ChainFault = 'expired' | 'notYetValid' | 'revoked' | 'unknownIssuer' | 'badSignature' | 'wrongUsage' | 'pathTooLong' | 'malformed'
export type ChainResult = { readonly ok: true } | { readonly ok: false; readonly reason: ChainFault }
export type Revoked = (issuer: CertificateName, serial: string) => boolean

/** More certificates than any road has levels: root, province, city, county, and room to spare. */
const LONGEST_CHAIN = 8

/**
 * Checks a chain (leaf first) against one trusted root at a moment in time (RFC 5280 §6.1, names matched byte by byte).
 * The root may stand at the end of the chain or be left out. With `usage` the leaf must be good for it.
 * Signatures are judged before dates, since a date in a forged certificate says nothing.
 */
export function verifyChain(
  suites: Suites,
  chain: readonly Uint8Array[],
  at: Date,
  trustedRoot: Uint8Array,
  revoked?: Revoked,
  usage?: CertificateUsage
): ChainResult {
  if (chain.length === 0) return fault('malformed')
  if (chain.length > LONGEST_CHAIN) return fault('pathTooLong')
  const whole = equal(chain.at(-1)!, trustedRoot) ? chain : [...chain, trustedRoot]
  const read = orNull(() => whole.map(readCertificate))
  if (read === null) return fault('malformed')
  const reason = linksFault(suites, read) ?? usageFault(read[0]!, usage) ?? datesFault(read, at) ?? revokedFault(read, revoked)
  return reason === null ? { ok: true } : fault(reason)
}

const fault = (reason: ChainFault): ChainResult => ({ ok: false, reason })

/** Every certificate is named and signed by the next one, which is a CA that may stand that high; the root by itself. */
function linksFault(suites: Suites, chain: readonly Certificate[]): ChainFault | null {
  for (const [i, certificate] of chain.entries()) {
    const issuer = chain[i + 1] ?? certificate
    if (!equal(certificate.issuerDer, issuer.subjectDer)) return 'unknownIssuer'
    if (certificate.signedWith !== issuer.suite || !verifyDer(suites, issuer.suite, issuer.publicKey, certificate.signed, certificate.signature)) return 'badSignature'
    if (issuer === certificate) continue
    if (!issuer.isCa || !issuer.usages.includes('keyCertSign')) return 'wrongUsage'
    // `i` certificates stand between this issuer and the leaf; self-issued ones would not count, but we issue none.
    if (issuer.pathLength !== null && i > issuer.pathLength) return 'pathTooLong'
  }
  return null
}

function usageFault(leaf: Certificate, usage: CertificateUsage | undefined): ChainFault | null {
  if (usage === undefined) return null
  if (usage === 'ca') return leaf.isCa && leaf.usages.includes('keyCertSign') ? null : 'wrongUsage'
  if (usage === 'tls') return leaf.usages.includes('digitalSignature') && leaf.serverAuth ? null : 'wrongUsage'
  return USAGE_BITS[usage].some((bit) => leaf.usages.includes(bit)) ? null : 'wrongUsage'
}

function datesFault(chain: readonly Certificate[], at: Date): ChainFault | null {
  if (chain.some(({ notBefore }) => at < notBefore)) return 'notYetValid'
  return chain.some(({ notAfter }) => at > notAfter) ? 'expired' : null
}

/** The root's own standing is the pinner's business, not a list's. */
function revokedFault(chain: readonly Certificate[], revoked: Revoked | undefined): ChainFault | null {
  return revoked !== undefined && chain.slice(0, -1).some(({ issuer, serial }) => revoked(issuer, serial)) ? 'revoked' : null
}
