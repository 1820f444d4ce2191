import { startAuthentication, startRegistration } from '@simplewebauthn/browser'
import { api, setCsrf } from '../kit/api.ts'
import { DeskFault } from '../kit/fault.ts'
import { fromBase64url, toBase64url } from '../kit/text.ts'
import { deviceKey, signAsDevice } from './device-key.ts'
import type { Challenge } from './identity.ts'

type CreationOptions = Parameters<typeof startRegistration>[0]['optionsJSON']
type RequestOptions = Parameters<typeof startAuthentication>[0]['optionsJSON']

/** Adds a passkey to the signed-in person. When the sign-in is too long ago, this device proves itself again first. */
export async function registerPasskey(account: string): Promise<void> {
  const options = await api<CreationOptions>('/identity/passkeys/options', { method: 'POST', body: {} }).catch(async (thrown: unknown) => {
    if (!(thrown instanceof DeskFault) || thrown.fault.code !== 'identity.proveAgain' || !(await proveAgain(account))) throw thrown
    return api<CreationOptions>('/identity/passkeys/options', { method: 'POST', body: {} })
  })
  await api('/identity/passkeys', { method: 'POST', body: await startRegistration({ optionsJSON: options }) })
}

async function proveAgain(account: string): Promise<boolean> {
  const pair = await deviceKey(account)
  if (pair === null) return false
  const { attempt, challenge } = await api<Challenge>('/identity/step-up', { method: 'POST', body: {} })
  const signature = toBase64url(await signAsDevice(pair, fromBase64url(challenge)))
  const { csrf } = await api<{ csrf: string }>('/identity/step-up/prove', { method: 'POST', body: { attempt, clientKey: { signature } } })
  setCsrf(csrf)
  return true
}

/** The second factor by passkey, after the password was taken. */
export async function proveWithPasskey({ attempt, passkey }: Challenge): Promise<void> {
  const assertion = await startAuthentication({ optionsJSON: passkey as RequestOptions })
  await api('/identity/sign-in/prove', { method: 'POST', body: { attempt, passkey: assertion } })
}
