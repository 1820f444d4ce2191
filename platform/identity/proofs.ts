import { createPublicKey, verify } from 'node:crypto'
import type { Node } from '@postroad/kernel/node'
import { type AuthenticationResponseJSON, generateAuthenticationOptions, verifyAuthenticationResponse } from '@simplewebauthn/server'
import { z } from 'zod'
import { base64url } from './model.ts'
import type { Challenge, Key } from './store.ts'

/** The second factor: a signature (64 bytes `r‖s`, ECDSA P-256 with SHA-256) over the challenge's bytes by a registered device, or a passkey's assertion. */
export const proof = z.union([z.strictObject({ clientKey: z.strictObject({ signature: base64url(64, 64) }) }), z.strictObject({ passkey: z.record(z.string(), z.unknown()) })])
export type Proof = z.infer<typeof proof>

/** Where passkeys are valid: the host of the origin that browsers see. */
export const relyingParty = (node: Node): string => new URL(node.config.desk.origin).hostname

/** A P-256 point (65 bytes) as a key that can verify; null if it isn't one. */
export function clientKeyFrom(point: Uint8Array) {
  if (point.length !== 65 || point[0] !== 4) return null
  const part = (from: number) => Buffer.from(point.subarray(from, from + 32)).toString('base64url')
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: part(1), y: part(33) }, format: 'jwk' })
  } catch {
    return null // not a point of the curve
  }
}

/** The key that proves the challenge and its new counter, or null. Only the person's own keys are tried. */
export async function provingKey(node: Node, challenge: Challenge, keys: readonly Key[], given: Proof): Promise<{ key: Key; counter: number } | null> {
  if ('passkey' in given) return provingPasskey(node, challenge, keys, given.passkey)
  const signature = Buffer.from(given.clientKey.signature, 'base64url')
  for (const key of keys) {
    const publicKey = key.kind === 'clientKey' ? clientKeyFrom(key.publicKey) : null
    if (publicKey !== null && verify('sha256', challenge.value, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)) return { key, counter: 0 }
  }
  return null
}

async function provingPasskey(node: Node, challenge: Challenge, keys: readonly Key[], given: Readonly<Record<string, unknown>>): Promise<{ key: Key; counter: number } | null> {
  const key = keys.find((each) => each.kind === 'passkey' && each.passkey === given['id'])
  if (key?.passkey == null) return null
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: given as unknown as AuthenticationResponseJSON, // hostile until verified: the library checks every field it uses
      expectedChallenge: challenge.value.toString('base64url'),
      expectedOrigin: node.config.desk.origin,
      expectedRPID: relyingParty(node),
      requireUserVerification: false, // the password was the first factor
      credential: { id: key.passkey, publicKey: new Uint8Array(key.publicKey), counter: key.counter },
    })
    return verified ? { key, counter: authenticationInfo.newCounter } : null
  } catch {
    return null // the library throws for everything that does not verify
  }
}

/** What `navigator.credentials.get` takes, or null where the person has no passkey. */
export async function passkeyRequest(node: Node, challenge: Challenge, keys: readonly Key[]) {
  const allowCredentials = keys.flatMap(({ passkey, transports }) => (passkey === null ? [] : [{ id: passkey, transports }]))
  if (allowCredentials.length === 0) return null
  return generateAuthenticationOptions({ rpID: relyingParty(node), challenge: new Uint8Array(challenge.value), allowCredentials, userVerification: 'preferred' })
}
