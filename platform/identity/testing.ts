import { readFile } from 'node:fs/promises'
import type { FirstSignIn } from './model.ts'
import { firstSignInFile } from './people.ts'

const base64url = (bytes: ArrayBuffer) => Buffer.from(bytes).toString('base64url')

/** One request to a node and its answer, injected or over a socket. */
export type Send = (request: { readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body?: unknown }) => Promise<Answer>
export type Answer = { readonly status: number; readonly body: Record<string, unknown>; readonly setCookie: string | null }
export type Device = { readonly publicKey: string; sign(challenge: string): Promise<string> }

/** A browser's key: WebCrypto, not extractable. */
export async function makeDevice(): Promise<Device> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
  return {
    publicKey: base64url(await crypto.subtle.exportKey('raw', pair.publicKey)),
    sign: async (challenge) => base64url(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, Buffer.from(challenge, 'base64url'))),
  }
}

/** A browser with its cookie jar and the page's CSRF token. */
export type Visitor = {
  cookie: string | null
  csrf: string
  get(path: string): Promise<Answer>
  post(path: string, body?: unknown): Promise<Answer>
  delete(path: string): Promise<Answer>
}

export function visitor(send: Send): Visitor {
  const call = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<Answer> => {
    const headers = { ...(self.cookie === null ? {} : { cookie: self.cookie }), ...(method === 'GET' ? {} : { 'x-postroad-csrf': self.csrf }) }
    const answer = await send({ method, path, headers, ...(body === undefined ? {} : { body }) })
    if (answer.setCookie !== null) self.cookie = answer.setCookie.split(';')[0] ?? null
    if (typeof answer.body['csrf'] === 'string') self.csrf = answer.body['csrf']
    return answer
  }
  const self: Visitor = { cookie: null, csrf: '', get: (path) => call('GET', path), post: (path, body) => call('POST', path, body), delete: (path) => call('DELETE', path) }
  return self
}

export const firstDetails = async (home: string, person: string): Promise<FirstSignIn> => {
  const all = JSON.parse(await readFile(firstSignInFile(home), 'utf8')) as FirstSignIn[]
  const found = all.find((each) => each.person === person)
  if (found === undefined) throw new Error(`${person} has no first sign-in`)
  return found
}

/** First sign-in with the one-time code; answers the device that was enrolled. */
export async function enrolWith(browser: Visitor, account: string, code: string, password: string): Promise<Device> {
  const device = await makeDevice()
  const answer = await browser.post('/api/identity/enrol', { account, code, password, publicKey: device.publicKey })
  if (answer.status !== 200) throw new Error(`enrolment: ${JSON.stringify(answer.body)}`)
  return device
}

/** Both factors. Answers the last answer, whichever it was. */
export async function signInWith(browser: Visitor, account: string, password: string, device: Device): Promise<Answer> {
  const started = await browser.post('/api/identity/sign-in', { account, password })
  if (started.status !== 200) return started
  const { attempt, challenge } = started.body as { attempt: string; challenge: string }
  return browser.post('/api/identity/sign-in/prove', { attempt, clientKey: { signature: await device.sign(challenge) } })
}

const post = (id: string, organ: string, title: string, duties: readonly string[] = []) => ({ id, organ, title, duties: ['documents.read', ...duties] })
const organ = (id: string, title: string) => ({ id, title, system: 'party', region: '320000', regionTitle: '江苏省', names: [{ id: `${id}-name`, title, code: '苏' }], deputies: [] })

/** First-start settings of a node with two offices: wang manages people in the first, li has a post in both, zhao one in the second. */
export const twoOffices = {
  node: { id: 'test', title: '省网络中心', level: 'province', region: '320000', regionTitle: '江苏省', maxLabel: 2 },
  parent: null,
  organs: [organ('first', '省委办公厅'), organ('second', '省政府办公厅')],
  people: [
    { id: 'wang', name: '王建国', clearance: 2, posts: [post('wang-1', 'first', '机要秘书', ['identity.manage'])] },
    { id: 'li', name: '李秀英', clearance: 1, posts: [post('li-1', 'first', '科员'), post('li-2', 'second', '科员')] },
    { id: 'zhao', name: '赵敏', clearance: 0, posts: [post('zhao-1', 'second', '主任')] },
  ],
}
