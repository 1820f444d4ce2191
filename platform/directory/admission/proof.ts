import { type Suites, base64url, utf8 } from '@postroad/gm'
import { canonical } from '@postroad/waybill'
import type { InvitationRequest, JoinRequest } from '../model.ts'

/** What is kept of a code's secret, and what both sides key their proof with. A secret has at least 128 random bits, so a plain hash hides it. */
export const codeHash = (suites: Suites, secret: string): Uint8Array => suites.SM.hash(utf8('postroad/1/join\0'), utf8(secret))
/** Names a TLS certificate within a proof. */
export const certificateHash = (suites: Suites, certificate: Uint8Array): string => base64url(suites.SM.hash(utf8('postroad/1/seen\0'), certificate))

type Proven = Omit<JoinRequest, 'proof'> | Omit<InvitationRequest, 'proof'>
/** Covers all that is asked, also the certificate that the child saw: somebody in between shows another one, and is found out. */
export const proofOf = (suites: Suites, hash: Uint8Array, request: Proven): string => base64url(suites.SM.mac(hash, canonical(request)))
