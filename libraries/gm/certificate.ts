export { type ChainFault, type ChainResult, type Revoked, verifyChain } from './chain.ts'
export type { CertificateUsage, KeyUsage } from './extensions.ts'
export type { CertificateName } from './names.ts'
export { fromPem, pem } from './pem.ts'
export {
  type Certificate,
  type CertificateIssuer,
  type CertificateSubject,
  type CertificateTerms,
  issueCertificate,
  privateKeyPem,
  readCertificate
} from './x509.ts'
