import { base64url, fromBase64url, type KeyPair, type Suite } from '@postroad/gm'
import { z } from 'zod'
import type { Client } from './client.ts'

/** The second factor: a P-256 key of this terminal. A browser's is not extractable; other software keeps its own. */
export type ClientKey = { /** 65 bytes. */ readonly publicKey: Uint8Array; /** 64 bytes `r‖s` (ECDSA, SHA-256). */ sign(challenge: Uint8Array): Promise<Uint8Array> | Uint8Array }

/** A client key over a key pair at hand. `p256` is `suites.P256`. */
export const createClientKey = (p256: Suite, keyPair: KeyPair): ClientKey => ({ publicKey: keyPair.publicKey, sign: (challenge) => p256.sign(keyPair, challenge) })

const post = z.object({ id: z.string(), organ: z.string(), title: z.string(), duties: z.array(z.string()) })
const sessionSchema = z.object({ person: z.object({ id: z.string(), name: z.string() }), posts: z.array(post), acting: post, csrf: z.string() })
export type Session = z.infer<typeof sessionSchema>
const challengeSchema = z.object({ attempt: z.string(), challenge: z.string() })

/** First sign-in: the one-time code buys a password of one's own and registers this terminal's key. */
export async function enrol(client: Client, given: { readonly account: string; readonly code: string; readonly password: string; readonly key: ClientKey }): Promise<void> {
  await client.post('/api/identity/enrol', { account: given.account, code: given.code, password: given.password, publicKey: base64url(given.key.publicKey) }, z.unknown())
}

/** Password, then the proof by the client key. The session's CSRF token is kept by the client from now on. */
export async function signIn(client: Client, given: { readonly account: string; readonly password: string; readonly key: ClientKey }): Promise<Session> {
  const { attempt, challenge } = await client.post('/api/identity/sign-in', { account: given.account, password: given.password }, challengeSchema)
  const signature = base64url(await given.key.sign(fromBase64url(challenge)))
  await client.post('/api/identity/sign-in/prove', { attempt, clientKey: { signature } }, z.unknown())
  return readSession(client)
}

/** Who is signed in here and as which post. */
export async function readSession(client: Client): Promise<Session> {
  const session = await client.get('/api/identity/session', sessionSchema)
  client.setCsrf(session.csrf)
  return session
}

export async function signOut(client: Client): Promise<void> {
  await client.post('/api/identity/sign-out', {}, z.unknown())
  client.setCsrf('')
}
