import { directory } from '@postroad/directory/plugin'
import { type TestNode, testNode } from '@postroad/kernel/testing'
import { keys } from '@postroad/keys/plugin'
import { ledger } from '@postroad/ledger/plugin'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { identity } from './plugin.ts'
import { type Device, enrolWith, firstDetails, type Send, signInWith, twoOffices, type Visitor, visitor } from './testing.ts'
import { type Authenticator, softwareAuthenticator } from './testing-passkey.ts'

const ORIGIN = 'http://localhost'
const PASSWORD = '春江潮水连海平海上明月'

let node: TestNode
const send: Send = async ({ method, path, headers, body }) => {
  const answer = await node.server.inject({ method, url: path, headers: { host: 'localhost', ...headers }, ...(body === undefined ? {} : { payload: body as object }) })
  const cookie = answer.headers['set-cookie']
  return { status: answer.statusCode, body: answer.body === '' ? {} : answer.json(), setCookie: typeof cookie === 'string' ? cookie : null }
}
const codeOf = (answer: { body: Record<string, unknown> }) => (answer.body['error'] as { code: string } | undefined)?.code
const devices = new Map<string, Device>()
const signedIn = async (person: string): Promise<Visitor> => {
  const visit = visitor(send)
  expect((await signInWith(visit, person, PASSWORD, devices.get(person) ?? expect.fail())).status).toBe(200)
  return visit
}
type Options = { challenge: string; allowCredentials?: { id: string }[] }
const optionsFor = async (visit: Visitor) => (await visit.post('/api/identity/passkeys/options')).body as Options
const register = async (visit: Visitor, authenticator: Authenticator) => visit.post('/api/identity/passkeys', authenticator.register(await optionsFor(visit)))
const passkeySignIn = async (person: string, authenticator: Authenticator, bend: (answer: Record<string, unknown>) => Record<string, unknown> = (same) => same) => {
  const visit = visitor(send)
  const { attempt, passkey } = (await visit.post('/api/identity/sign-in', { account: person, password: PASSWORD })).body as { attempt: string; passkey: Options }
  return visit.post('/api/identity/sign-in/prove', { attempt, passkey: bend(authenticator.assert(passkey)) })
}

const [wangs, lis] = [softwareAuthenticator(ORIGIN), softwareAuthenticator(ORIGIN)]
beforeAll(async () => {
  node = await testNode([ledger, keys, directory, identity], { bootstrap: twoOffices })
  for (const person of ['wang', 'li']) devices.set(person, await enrolWith(visitor(send), person, (await firstDetails(node.home, person)).code, PASSWORD))
  await register(await signedIn('wang'), wangs)
  await register(await signedIn('li'), lis)
})
afterAll(() => node.stop())

describe('a passkey', () => {
  it('signs its owner in, and only its owner', async () => {
    expect((await passkeySignIn('wang', wangs)).body).toMatchObject({ person: { id: 'wang' } })
    expect(codeOf(await passkeySignIn('wang', lis))).toBe('identity.signInRefused')
  })
  it('is offered where there is one', async () => {
    const started = await visitor(send).post('/api/identity/sign-in', { account: 'wang', password: PASSWORD })
    expect(started.body['passkey']).toMatchObject({ rpId: 'localhost', allowCredentials: [{ id: wangs.id }] })
  })
  it('cannot answer a challenge of another attempt', async () => {
    const other = (await visitor(send).post('/api/identity/sign-in', { account: 'wang', password: PASSWORD })).body as { passkey: Options }
    expect(codeOf(await passkeySignIn('wang', wangs, () => wangs.assert(other.passkey)))).toBe('identity.signInRefused')
  })
  it('is refused when its counter goes back: it may have been cloned', async () => {
    wangs.counter = 50
    expect((await passkeySignIn('wang', wangs)).status).toBe(200)
    wangs.counter = 20
    expect(codeOf(await passkeySignIn('wang', wangs))).toBe('identity.signInRefused')
    wangs.counter = 60
  })
  it('of another site is refused', async () => {
    const elsewhere = softwareAuthenticator('https://yidao.example')
    expect(codeOf(await register(await signedIn('wang'), elsewhere))).toBe('identity.passkeyRefused')
  })
  it('is registered once, to one person, for one challenge', async () => {
    expect(codeOf(await register(await signedIn('li'), wangs))).toBe('identity.passkeyRefused')
    const visit = await signedIn('li')
    const fresh = softwareAuthenticator(ORIGIN)
    const answer = fresh.register(await optionsFor(visit))
    expect(codeOf(await (await signedIn('wang')).post('/api/identity/passkeys', answer))).toBe('identity.passkeyRefused')
    expect((await visit.post('/api/identity/passkeys', answer)).status).toBe(204)
    expect(codeOf(await visit.post('/api/identity/passkeys', answer))).toBe('identity.passkeyRefused')
  })
  it.each([{}, { id: 1 }, { id: '', response: null }, { id: 'x', rawId: 'x', type: 'public-key', response: { clientDataJSON: '!', attestationObject: '!' } }])('%j is not one', async (answer) => {
    const visit = await signedIn('li')
    await optionsFor(visit)
    expect(codeOf(await visit.post('/api/identity/passkeys', answer))).toBe('identity.passkeyRefused')
  })
})
