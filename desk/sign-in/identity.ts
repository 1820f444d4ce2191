import { api } from '../kit/api.ts'
import { toBase64url, fromBase64url } from '../kit/text.ts'
import { deviceKey, keepDeviceKey, makeDeviceKey, signAsDevice } from './device-key.ts'

/** The calls of signing in, against the node's identity room. Password first, then one proof by a key. */

export type Challenge = { readonly attempt: string; readonly challenge: string; readonly passkey: unknown }

export const startSignIn = (account: string, password: string): Promise<Challenge> => api<Challenge>('/identity/sign-in', { method: 'POST', body: { account, password } })

/** Proves with this device's key. Answers false when this device holds none for the account. */
export async function proveWithDevice(account: string, { attempt, challenge }: Challenge): Promise<boolean> {
  const pair = await deviceKey(account)
  if (pair === null) return false
  const signature = toBase64url(await signAsDevice(pair, fromBase64url(challenge)))
  await api('/identity/sign-in/prove', { method: 'POST', body: { attempt, clientKey: { signature } } })
  return true
}

/** First sign-in: the one-time code buys a password and this device's key. The key is kept before the answer is used, so that a lost answer loses nothing. */
export async function enrol(account: string, code: string, password: string): Promise<void> {
  const { pair, publicKey } = await makeDeviceKey()
  await api('/identity/enrol', { method: 'POST', body: { account, code, password, publicKey: toBase64url(publicKey) } })
  await keepDeviceKey(account, pair)
}
