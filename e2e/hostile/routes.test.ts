import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Case, CASES, caseOf, OUTSIDE, pathOf, payloadOf, PUBLIC, receiptBy, refusalsIn, type Request } from './cases.ts'
import { codeOf, refusalProblems } from './judge.ts'
import { strangeBodies } from './strange.ts'
import { fieldsOf, isWriting, type Route } from './table.ts'
import { type Citizen, startWorld, type World } from './world.ts'
import type { Attempt, Reply } from './wire.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

const api = (): readonly Route[] => world.routes.filter(({ url }) => url.startsWith('/api/'))
const given = (route: Route): Case => caseOf(route.key) ?? fail(route)
const fail = ({ key }: Route): never => {
  throw new Error(`${key} has no case`)
}
const ownerOf = (route: Route): Citizen => world.people[given(route).owner ?? 'anna']
const rightRequest = (route: Route): Request => given(route).right(world.own)

/** A request to a route as somebody (null: nobody), with what is changed about it. */
function ask(route: Route, by: Citizen | null, request: Request, change: Partial<Attempt> = {}): Promise<Reply> {
  const payload = payloadOf(request)
  const base: Attempt = { method: route.method, path: pathOf(route.url, request), body: payload.body }
  return world.send({ ...base, ...change, headers: { ...by?.headers(), ...payload.headers, ...change.headers } })
}

/** Goes through all routes at once, a few at a time, and gathers what is wrong, in words. */
async function everywhere(routes: readonly Route[], attack: (route: Route) => Promise<readonly string[]>): Promise<string[]> {
  const found = await Promise.all(routes.map(async (route) => (await attack(route)).map((problem) => `${route.key}: ${problem}`)))
  return found.flat()
}

/** What is wrong with an answer that should have been this refusal. */
function not(reply: Reply, status: number | readonly number[], what: string, code?: string): string[] {
  const isHead = reply.text === '' && reply.json === null && reply.status !== 204
  const wrong = [status].flat().includes(reply.status) ? [] : [`answers ${reply.status} ${codeOf(reply)} instead of ${String(status)}`]
  const otherCode = code === undefined || isHead || codeOf(reply) === code ? [] : [`answers ${codeOf(reply)} instead of ${code}`]
  const form = reply.status >= 400 ? refusalProblems(reply, isHead) : []
  return [...wrong, ...otherCode, ...form].map((problem) => `${what}: ${problem}`)
}

describe('every route of the running node', () => {
  it('has its case here, and no case is left over', () => {
    const missing = api().filter(({ key }) => caseOf(key) === undefined)
    expect(missing.map(({ key }) => key)).toEqual([])
    expect(Object.keys(CASES).filter((key) => !world.routes.some((route) => route.key === key))).toEqual([])
    expect(world.routes.filter(({ url }) => !url.startsWith('/api/')).map(({ key }) => key).toSorted()).toEqual(OUTSIDE)
  })

  it('is what the description of the interface says it is', async () => {
    const described = ((await world.send({ method: 'GET', path: '/api/openapi.json' })).json as { paths: Record<string, Record<string, unknown>> }).paths
    const listed = Object.entries(described).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`))
    expect(listed.filter((key) => !world.routes.some((route) => route.key === key))).toEqual([])
    const hidden = api().filter(({ key, method }) => method !== 'HEAD' && !listed.includes(key)).map(({ key }) => key)
    expect(hidden).toEqual(['GET /api/openapi.json'])
  })

  it('that takes an id is tried with one that is not the asker’s', () => {
    const untried = api().filter(({ url, key }) => url.includes('/:') && typeof caseOf(key)?.trespasses === 'string' && !url.startsWith('/api/ledger/'))
    expect([...new Set(untried.map(({ url }) => url))]).toEqual([])
  })

  it('is public only if it is on the list', () => {
    const open = api().filter(({ isPublic, method }) => isPublic && method !== 'HEAD').map(({ key }) => key)
    expect(open.toSorted()).toEqual(PUBLIC.toSorted())
    expect(Object.keys(CASES).filter((key) => CASES[key]?.duty === 'public').toSorted()).toEqual(PUBLIC.toSorted())
  })
})

describe('without a session', () => {
  const strangers: readonly (readonly [string, Record<string, string>])[] = [
    ['no cookie', {}],
    ['an empty cookie', { cookie: 'postroad_session=' }],
    ['a made-up token', { cookie: `postroad_session=${'A'.repeat(43)}` }],
    ['a cookie that is no cookie', { cookie: `postroad_session=%00%ff;;=;${'x'.repeat(4000)}` }],
    ['the header of the test harness', { 'x-test-person': 'anna' }],
  ]
  it('every route but the public ones answers 401', async () => {
    const closed = api().filter(({ isPublic }) => !isPublic)
    const wrong = await everywhere(closed, async (route) => {
      const replies = await Promise.all(strangers.map(async ([what, headers]) => not(await ask(route, null, rightRequest(route), { headers: { 'x-postroad-csrf': world.people.anna.visitor.csrf, ...headers } }), 401, what, 'kernel.signInRequired')))
      return replies.flat()
    })
    expect(wrong).toEqual([])
  })
})

describe('a page of somebody else’s', () => {
  const foreign: readonly (readonly [string, Record<string, string>])[] = [
    ['a foreign origin', { origin: 'https://evil.example' }],
    ['an opaque origin', { origin: 'null' }],
    ['an origin that begins like ours', { origin: 'http://localhost.evil.example' }],
    ['another site, as the browser says', { 'sec-fetch-site': 'cross-site' }],
    ['another host of our site, as the browser says', { 'sec-fetch-site': 'same-site' }],
  ]
  it('cannot change anything: no token, a wrong one, another person’s, a foreign origin', async () => {
    const tokens: readonly (readonly [string, string])[] = [['no token', ''], ['a wrong token', 'A'.repeat(43)], ['another person’s token', world.people.bert.visitor.csrf], ['a huge token', 'A'.repeat(8000)]]
    const wrong = await everywhere(api().filter(({ method }) => isWriting(method)), async (route) => {
      const owner = ownerOf(route)
      const byToken = route.isPublic ? [] : tokens.map(async ([what, token]) => not(await ask(route, owner, rightRequest(route), { headers: { 'x-postroad-csrf': token } }), 403, what, 'kernel.csrf'))
      const byOrigin = foreign.map(async ([what, headers]) => not(await ask(route, owner, rightRequest(route), { headers }), 403, what, 'kernel.csrf'))
      return (await Promise.all([...byToken, ...byOrigin])).flat()
    })
    expect(wrong).toEqual([])
  })

  it('cannot reach the node under another name', async () => {
    const hosts = ['evil.example', 'localhost.evil.example', 'localhost@evil.example', '127.0.0.1.nip.io', '10.0.0.1', '0x7f.1']
    const wrong = await everywhere(world.routes, async (route) => {
      const replies = await Promise.all(hosts.map(async (host) => not(await ask(route, null, {}, { headers: { host } }), 421, `host ${host}`, 'kernel.foreignHost')))
      return replies.flat()
    })
    expect(wrong).toEqual([])
  })
})

const STRANGE: readonly Readonly<Record<string, string>>[] = [{ strange: '1' }, { __proto__x: '1', constructor: '1' }, { 'organ[]': 'x' }]

describe('a body', () => {
  const writing = (): readonly Route[] => api().filter(({ method }) => isWriting(method))
  const octets = (route: Route): boolean => /octet-stream/.test(rightRequest(route).headers?.['content-type'] ?? '')

  it('of a wrong type is refused', async () => {
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/xml', 'application/json5', 'application/jsonp', 'image/png', 'x']
    const wrong = await everywhere(writing(), async (route) => {
      const all = octets(route) ? types : [...types, 'application/octet-stream']
      const own = rightRequest(route)
      const replies = await Promise.all(all.map(async (type) => not(await ask(route, ownerOf(route), own, { body: 'a=1', headers: { ...own.headers, 'content-type': type } }), 415, type)))
      return replies.flat()
    })
    expect(wrong).toEqual([])
  })

  it('that is too long is refused before it is read', async () => {
    const wrong = await everywhere(writing(), async (route) => {
      const type = route.url === '/api/keys/relay' ? 'application/octet-stream' : 'application/json'
      const change = { headers: { ...rightRequest(route).headers, 'content-type': type } }
      const announced = await ask(route, ownerOf(route), rightRequest(route), { ...change, body: '{', declares: route.bodyLimit + 1 })
      const unannounced = route.bodyLimit > 2 ** 20 ? null : await ask(route, ownerOf(route), rightRequest(route), { ...change, body: Buffer.alloc(route.bodyLimit + 1, 0x20), chunked: true })
      return [...not(announced, 413, 'announced'), ...(unannounced === null ? [] : not(unannounced, 413, 'in chunks'))]
    })
    expect(wrong).toEqual([])
  })

  it('with fields nobody foresaw, with a way to a prototype, nested deeply or cut off is refused', async () => {
    const wrong = await everywhere(writing().filter((route) => !octets(route)), async (route) => {
      const { open } = given(route)
      const own = rightRequest(route)
      const replies = await Promise.all(strangeBodies(own.body ?? {}, open !== undefined).map(async ([what, body]) =>
        not(await ask(route, ownerOf(route), own, { body, headers: { ...own.headers, 'content-type': 'application/json' } }), 400, what)))
      return replies.flat()
    })
    expect(wrong).toEqual([])
  })

  it('is not what a query may bring: unknown names are refused there too', async () => {
    const wrong = await everywhere(api().filter(({ schema }) => fieldsOf(schema.querystring).length > 0), async (route) => {
      const own = rightRequest(route)
      const replies = await Promise.all(STRANGE.map(async (query) => not(await ask(route, ownerOf(route), { ...own, query: { ...own.query, ...query } }), 400, JSON.stringify(query), 'kernel.invalid')))
      return replies.flat()
    })
    expect(wrong).toEqual([])
  })
})

/** What is wrong with the ledger after one refused request: there must be exactly one record, of this person, about this. */
async function unaudited(before: string, by: Citizen, reply: Reply, what: string): Promise<string[]> {
  const records = await refusalsIn(world, before)
  const [only] = records
  const isHead = reply.json === null
  const isRight = records.length === 1 && only?.person === by.name && (isHead || only.act === codeOf(reply))
  return isRight ? [] : [`${what}: the ledger has ${JSON.stringify(records)}`]
}
const lastRecord = async (): Promise<string> => (await world.sql<{ id: string }>('select id from ledger.record order by id desc limit 1'))[0]?.id ?? ''
/** The ledger writes ten refusals of a kind at once and counts the rest; each of these comes when there is room for one more. */
async function audited(route: Route, by: Citizen, request: Request, expected: { readonly what: string; readonly status: number; readonly code: string }): Promise<string[]> {
  world.node.clock.advance(7_000)
  const before = await lastRecord()
  const reply = await ask(route, by, request)
  return [...not(reply, expected.status, expected.what, expected.code), ...(await unaudited(before, by, reply, expected.what))].map((problem) => `${route.key}: ${problem}`)
}

describe('somebody who has signed in', () => {
  it('of another organ finds nothing of ours under any id, and each try is in the ledger', async () => {
    const { bert } = world.people
    const wrong: string[] = []
    for (const route of api()) {
      const { trespasses } = given(route)
      if (typeof trespasses === 'string') continue
      for (const { what, status = 404, code, ...request } of trespasses(world.own)) wrong.push(...(await audited(route, bert, request, { what, status, code })))
    }
    expect(wrong).toEqual([])
  })

  it('with a post but without the duty is refused, and each try is in the ledger', async () => {
    const { dora } = world.people
    const wrong: string[] = []
    for (const route of api()) {
      const { duty } = given(route)
      if (duty === null || duty === 'public') continue
      wrong.push(...(await audited(route, dora, rightRequest(route), { what: `without ${duty}`, status: 403, code: 'kernel.forbidden' })))
    }
    expect(wrong).toEqual([])
  })

  it('gets its own answer for each of several dispatches, and one audit record for each that is refused', async () => {
    const { bert } = world.people
    const count = async () => (await world.sql<{ n: number }>("select count(*)::int as n from ledger.record where leaf->>'act' = 'road.notYourOrgan'"))[0]?.n ?? 0
    const before = await count()
    const body = { dispatches: [world.own.dispatch, world.own.dispatch] }
    const reply = await world.send({ method: 'POST', path: '/api/documents/dispatches/together', headers: { ...bert.headers(), 'content-type': 'application/json' }, body: JSON.stringify(body) })
    const { answers } = reply.json as { answers: { status: number; error: { code: string } }[] }
    expect([reply.status, answers.map(({ status, error }) => [status, error.code])]).toEqual([200, [[403, 'road.notYourOrgan'], [403, 'road.notYourOrgan']]])
    expect(await count()).toBe(before + 2)
  })

  it('cannot use a challenge of another session', async () => {
    const { anna, bert } = world.people
    const { attempt, challenge } = (await anna.visitor.post('/api/identity/step-up')).body as { attempt: string; challenge: string }
    const signature = await anna.device.sign(challenge)
    const route = api().find(({ key }) => key === 'POST /api/identity/step-up/prove')
    if (route === undefined) throw new Error('no step-up')
    expect(await audited(route, bert, { body: { attempt, clientKey: { signature } } }, { what: 'anna’s challenge', status: 403, code: 'identity.proofRefused' })).toEqual([])
  })

  it('sees nothing of ours in lists', async () => {
    const { bert } = world.people
    const own = [world.own.message, world.own.upload, world.own.session, world.own.key, 'alpha', 'gamma', 'anna', 'carl']
    for (const path of ['/api/documents/received?view=all', '/api/documents/sent', '/api/identity/sessions', '/api/identity/keys', '/api/identity/session', '/api/documents/todo']) {
      const reply = await world.send({ method: 'GET', path, headers: bert.headers() })
      expect([path, reply.status, own.filter((word) => reply.text.includes(word))]).toEqual([path, 200, []])
    }
    const empty = { waiting: 0, urgent: 0, returned: 0, recalling: 0 }
    expect((await world.send({ method: 'GET', path: '/api/documents/todo', headers: bert.headers() })).json).toEqual(empty)
  })

  it('hears nothing of ours in the live stream, while the addressee does', async () => {
    const stop = new AbortController()
    const listen = async (by: Citizen): Promise<{ text: string }> => {
      const heard = { text: '' }
      const { body } = await fetch(`${world.address}/api/kernel/events`, { headers: by.headers(), signal: stop.signal })
      const read = async (): Promise<void> => {
        for await (const piece of body ?? []) heard.text += Buffer.from(piece).toString()
      }
      read().catch(() => undefined) // cut by ourselves below
      return heard
    }
    const [carl, bert] = await Promise.all([listen(world.people.carl), listen(world.people.bert)])
    const { anna } = world.people
    const sent = await world.send({ method: 'POST', path: '/api/documents/dispatches', headers: { ...anna.headers(), 'content-type': 'application/json' }, body: JSON.stringify(world.own.dispatch) })
    const { message } = sent.json as { message: string }
    while (!carl.text.includes(message)) await new Promise((resolve) => setTimeout(resolve, 20))
    stop.abort()
    expect(bert.text).toBe(': 驿道\n\n')
  })

  it('cannot act in another’s name, nor with a duty that the post acted as lacks', async () => {
    const { carl } = world.people
    const sends = async (change: Record<string, unknown>) => codeOf(await world.send({ method: 'POST', path: '/api/documents/received/receipts', headers: { ...carl.headers(), 'content-type': 'application/json' }, body: JSON.stringify(receiptBy(world.own, 'carl', 'gamma', 'gamma', change)) }))
    expect(await sends({ kind: 'custody' })).toBe('documents.receiptKindRefused')
    expect(await sends({ kind: 'recalled' })).toBe('documents.receiptKindRefused')
    expect(await sends({ message: crypto.randomUUID() })).toBe('documents.notFound')
    expect(await sends({ kind: 'returned', reason: { code: 'other', text: ' ' } })).toBe('documents.reasonMissing')
  })
})

describe('the owner', () => {
  it('gets what the route is for: the cases above were refused for what was wrong with them', async () => {
    // the cases above took more than the quarter of an hour in which a proof is fresh
    await world.sql(`update identity.session set proven = '${world.node.clock.now().toISOString()}'`)
    const wrong: string[] = []
    for (const [key, { answer = 200, endless }] of Object.entries(CASES)) {
      const route = world.routes.find((one) => one.key === key)
      if (route === undefined || endless === true) continue
      const reply = await ask(route, ownerOf(route), rightRequest(route))
      if (reply.status !== answer) wrong.push(`${key}: ${reply.status} ${reply.text.slice(0, 300)}`)
    }
    expect(wrong).toEqual([])
  })
})
