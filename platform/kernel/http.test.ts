import { connect as connectSocket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { faultCatalogue } from './errors.ts'
import { depthOf } from './http-body.ts'
import { requireDuty, requirePerson } from './http.ts'
import type { Plugin, Server } from './plugin.ts'
import { recordRefusal } from './seams.ts'
import { type TestNode, personOf, testNode } from './testing.ts'
import { kernelFaults } from './words.ts'

const sample: Plugin = {
  id: 'sample',
  title: '样例',
  routes(server) {
    server.get('/open', { config: { public: true } }, () => ({ open: true }))
    server.get('/who', (request) => ({ person: requirePerson(request).person }))
    server.get('/search', { schema: { querystring: z.object({ q: z.string().max(10) }) } }, (request) => request.query)
    server.post('/note', { schema: { body: z.strictObject({ text: z.string().max(100), parts: z.array(z.strictObject({ n: z.int() })).max(3).default([]) }) } }, (request) => request.body)
    server.post('/sign', (request) => ({ duty: requireDuty(request, 'sample.sign').acting.id }))
    server.get('/signed', (request) => ({ duty: requireDuty(request, 'sample.sign').acting.id }))
    server.get('/broken', () => {
      throw new Error('password=hunter2 is in the message of no answer')
    })
    server.get('/answer', { schema: { response: { 200: z.strictObject({ n: z.int() }) } } }, () => ({ n: 'not a number' }) as never)
    server.get('/foreign', () => {
      throw kernelFaults.notFound()
    })
  },
}

let running: TestNode
const refusals: [string | null, string][] = []
beforeAll(async () => {
  running = await testNode([sample], { listen: true, logLevel: 'error' })
  running.node.slots.set(recordRefusal, async (principal, refusal) => void refusals.push([principal?.person ?? null, refusal.code]))
})
afterAll(() => running.stop())

const zhang = personOf('zhang', ['js.dw'])
type Request = Parameters<TestNode['injectAs']>[1]
const send = (request: Request): ReturnType<TestNode['injectAs']> => running.injectAs(zhang, request)
const note = (payload: string | object, headers: Record<string, string> = {}): ReturnType<TestNode['injectAs']> =>
  send({ method: 'POST', url: '/api/sample/note', payload, headers: { 'content-type': 'application/json', ...headers } })

async function codeOf(answer: ReturnType<TestNode['injectAs']>): Promise<[number, string]> {
  const { statusCode, json } = await answer
  return [statusCode, json<{ error: { code: string } }>().error.code]
}

describe('who may ask', () => {
  it('lets anybody call a public route and nobody else’s without a session', async () => {
    expect((await running.server.inject('/api/sample/open')).json()).toEqual({ open: true })
    expect(await codeOf(running.server.inject('/api/sample/who'))).toEqual([401, 'kernel.signInRequired'])
    expect((await send({ url: '/api/sample/who' })).json()).toEqual({ person: 'zhang' })
  })

  it.each([{ token: undefined }, { token: '' }, { token: 'wrong' }])('refuses a change with CSRF token $token', async ({ token }) => {
    const headers = { 'x-test-person': zhang.session, 'content-type': 'application/json', ...(token === undefined ? {} : { 'x-postroad-csrf': token }) }
    await send({ url: '/api/sample/who' })
    expect(await codeOf(running.server.inject({ method: 'POST', url: '/api/sample/note', payload: { text: '' }, headers }))).toEqual([403, 'kernel.csrf'])
  })

  it.each([{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'null' }])('refuses a change from elsewhere: %o', async (headers) => {
    expect(await codeOf(note({ text: 'a' }, headers))).toEqual([403, 'kernel.csrf'])
    expect((await note({ text: 'a' }, { origin: 'http://localhost', 'sec-fetch-site': 'same-origin' })).statusCode).toBe(200)
  })

  it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'localhost@evil.example'])('refuses the foreign host %j', async (host) => {
    expect(await codeOf(running.server.inject({ url: '/api/sample/open', headers: { host } }))).toEqual([421, 'kernel.foreignHost'])
  })

  it('asks for the duty in the post acted as to change, in any post to read', async () => {
    const person = { ...personOf('li', ['a', 'b']), session: 'li-two-posts' }
    const [first, second] = person.posts
    if (first === undefined || second === undefined) throw new Error('two posts expected')
    const signer = { ...person, posts: [first, { ...second, duties: ['sample.sign'] }] }
    expect((await running.injectAs(signer, { url: '/api/sample/signed' })).statusCode).toBe(200)
    expect(await codeOf(running.injectAs(signer, { method: 'POST', url: '/api/sample/sign' }))).toEqual([403, 'kernel.forbidden'])
  })
})

describe('what is sent', () => {
  it.each<[string, string | object, Record<string, string>, number, string]>([
    ['too large', { text: 'x'.repeat(1_100_000) }, {}, 413, 'kernel.tooLarge'],
    ['another type', '<a/>', { 'content-type': 'application/xml' }, 415, 'kernel.wrongType'],
    ['a form of another site', 'text=a', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'kernel.wrongType'],
    ['plain text', '{"text":"a"}', { 'content-type': 'text/plain' }, 415, 'kernel.wrongType'],
    ['half of it', '{"text":', {}, 400, 'kernel.malformed'],
    ['nothing', '', {}, 400, 'kernel.invalid'],
    ['very deep', `{"text":${'['.repeat(500_000)}${']'.repeat(500_000)}}`, {}, 400, 'kernel.malformed'],
    ['a prototype', '{"text":"a","__proto__":{"admin":true}}', {}, 400, 'kernel.malformed'],
    ['an escaped prototype', '{"text":"a","__pr\\u006fto__":{"admin":true}}', {}, 400, 'kernel.malformed'],
    ['a constructor', '{"text":"a","constructor":{"prototype":{"admin":true}}}', {}, 400, 'kernel.malformed'],
    ['an unknown field', { text: 'a', admin: true }, {}, 400, 'kernel.invalid'],
    ['an unknown field further down', { text: 'a', parts: [{ n: 1, admin: true }] }, {}, 400, 'kernel.invalid'],
    ['too many', { text: 'a', parts: Array.from({ length: 100_000 }, () => ({ n: 1 })) }, {}, 400, 'kernel.invalid'],
    ['a value of another kind', { text: 7 }, {}, 400, 'kernel.invalid'],
  ])('is refused when it is %s', async (_what, payload, headers, status, code) => {
    expect(await codeOf(note(payload, headers))).toEqual([status, code])
  })

  it.each(['{"admin":true}', '[]', '"x"', '1', '[1]'])('is refused where nothing is taken: %s', async (payload) => {
    const headers = { 'content-type': 'application/json' }
    const person = personOf('li', ['a'], ['sample.sign'])
    expect(await codeOf(running.injectAs(person, { method: 'POST', url: '/api/sample/sign', payload, headers }))).toEqual([400, 'kernel.invalid'])
    expect((await running.injectAs(person, { method: 'POST', url: '/api/sample/sign', payload: '{}', headers })).statusCode).toBe(200)
  })

  it('is refused with the path of what is wrong, and in queries too', async () => {
    expect((await note({ text: 'a', parts: [{ n: 'x' }] })).json()).toMatchObject({ error: { code: 'kernel.invalid', detail: { part: 'body', path: '/parts/0/n' } } })
    expect(await codeOf(send({ url: '/api/sample/search?q=a&admin=1' }))).toEqual([400, 'kernel.invalid'])
    expect((await send({ url: '/api/sample/search?q=a' })).json()).toEqual({ q: 'a' })
  })

  it('must not carry too many headers', async () => {
    const answer = await fetch(`${running.address}/api/sample/open`, { headers: { 'x-long': 'x'.repeat(20_000) } })
    expect(answer.status).toBe(431)
  })

  it('cannot hide a second request behind the first', async () => {
    const answers = await raw('POST /api/sample/note HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/sample/open HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(answers).toMatch(/^HTTP\/1\.1 400/)
    expect(answers).not.toContain('"open":true')
  })
})

/** Sends bytes as they are and reads until the server closes. */
function raw(text: string): Promise<string> {
  const { port } = new URL(running.address ?? '')
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connectSocket(Number(port), '127.0.0.1', () => socket.write(text))
    socket.on('data', (data: Buffer) => (received += data.toString()))
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
}

describe('what is answered', () => {
  it('has the catalogue’s form, and an incident number for what nobody foresaw, without its words', async () => {
    const answer = await send({ url: '/api/sample/broken' })
    expect(answer.statusCode).toBe(500)
    const { error } = answer.json<{ error: { code: string; message: string; advice: string; detail: { incident: string } } }>()
    expect(error).toEqual({ code: 'kernel.unexpected', message: kernelFaults.unexpected().message, advice: kernelFaults.unexpected().advice, detail: { incident: expect.stringMatching(/^[0-9a-f]{8}$/) } })
    expect(answer.body).not.toContain('hunter2')
    expect(running.lines.some((line) => line.includes(error.detail.incident) && line.includes('/api/sample/broken'))).toBe(true)
  })

  it('keeps an answer that does not fit its own schema from leaving', async () => {
    expect(await codeOf(send({ url: '/api/sample/answer' }))).toEqual([500, 'kernel.unexpected'])
  })

  it('tells not found and not yours apart for nobody', async () => {
    const [foreign, unknown] = await Promise.all([send({ url: '/api/sample/foreign' }), send({ url: '/api/sample/unknown' })])
    expect(foreign.json()).toEqual(unknown.json())
    expect(unknown.statusCode).toBe(404)
  })

  it('is recorded before it is given, and not given when it cannot be recorded', async () => {
    refusals.length = 0
    await send({ url: '/api/sample/foreign' })
    expect(refusals).toEqual([['zhang', 'kernel.notFound']])
    const before = running.node.slots.get(recordRefusal)
    running.node.slots.set(recordRefusal, () => Promise.reject(new Error('ledger is full')))
    expect(await codeOf(send({ url: '/api/sample/foreign' }))).toEqual([500, 'kernel.unexpected'])
    running.node.slots.set(recordRefusal, before)
  })

  it('carries a strict policy and is not kept', async () => {
    const { headers } = await running.server.inject('/api/sample/open')
    expect(headers['content-security-policy']).toContain("script-src 'self';")
    expect(headers['content-security-policy']).toContain("default-src 'none'")
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
    expect(headers).not.toHaveProperty('x-powered-by')
    expect(headers).not.toHaveProperty('access-control-allow-origin')
  })

  it('describes itself as OpenAPI', async () => {
    const document = (await running.server.inject('/api/openapi.json')).json<{ openapi: string; paths: Record<string, unknown> }>()
    expect(document.openapi).toBe('3.1.0')
    expect(Object.keys(document.paths)).toContain('/api/sample/note')
  })
})

describe('a room’s routes', () => {
  const start = (routes: (server: Server) => void): Promise<TestNode> => testNode([{ id: 'wrong', title: '错', routes }])
  it('must refuse unknown fields throughout', async () => {
    await expect(start((server) => void server.post('/a', { schema: { body: z.strictObject({ inner: z.object({}) }) } }, () => null))).rejects.toThrow('/inner of the body; use z.strictObject')
  })
  it('are written without their prefix', async () => {
    await expect(start((server) => void server.get('/api/wrong/a', () => null))).rejects.toThrow('write routes without the prefix')
  })
})

describe('the fault catalogue', () => {
  it('says in Chinese what happened and what to do, with a status of refusal', () => {
    for (const [code, { status, message, advice }] of faultCatalogue()) {
      expect(code).toMatch(/^[a-z]+\.[a-zA-Z]+$/)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(message).toMatch(/\p{Script=Han}{2}/u)
      expect(advice).toMatch(/\p{Script=Han}{2}/u)
    }
  })
})

describe('the depth of JSON', () => {
  it.each([['1', 0], ['[]', 1], ['{"a":[{}]}', 3], ['"[[[["', 0], ['["\\"[["]', 1], ['[[],[[]]]', 3]])('of %s is %i', (json, depth) => expect(depthOf(json)).toBe(depth))
})
