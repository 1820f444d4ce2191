import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { headerProblems, refusalProblems } from './judge.ts'
import { asJson, type Reply } from './wire.ts'
import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> => world.send({ method: 'GET', path, headers })
const asAnna = (): Readonly<Record<string, string>> => world.people.anna.headers()

/** Bytes as they are, until the node closes the line; answers the status line, headers and body. */
/** Each time from another address of this machine, so that no record is only counted (the ledger's gate). */
let asked = 0
function raw(bytes: string | Uint8Array): Promise<{ head: string; body: string }> {
  const { port } = new URL(world.address)
  const localAddress = `127.66.0.${(asked += 1)}`
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress }, () => socket.write(bytes))
    socket.on('data', (data: Buffer) => (received += data.toString('latin1')))
    socket.on('close', () => resolve({ head: received.split('\r\n\r\n')[0] ?? '', body: Buffer.from(received.split('\r\n\r\n').slice(1).join('\r\n\r\n'), 'latin1').toString() }))
    socket.on('error', reject)
  })
}
function replyOf({ head, body }: { head: string; body: string }): Reply {
  const [first = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
  return { status: Number(first.split(' ')[1]), headers, text: body, json: JSON.parse(body) as unknown }
}

describe('an answer', () => {
  it('of any kind carries the headers that keep a page to itself, and no banner', async () => {
    const paths = ['/', '/received', '/verify', '/icon.svg', '/api/openapi.json', '/api/directory/anchor', '/api/identity/session', '/api/none', '/none.js', '/api/documents/todo']
    for (const path of paths) for (const headers of [{}, asAnna()]) expect([path, headerProblems(await get(path, headers))]).toEqual([path, []])
    for (const path of paths.filter((each) => each.startsWith('/api/'))) expect([path, (await get(path, asAnna())).headers['cache-control']]).toEqual([path, 'no-store'])
  })

  it('allows no other origin anything', async () => {
    const preflight = { origin: 'https://evil.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-postroad-csrf' }
    for (const path of ['/api/identity/sign-in', '/api/documents/dispatches', '/api/files/uploads']) {
      const { status, headers } = await world.send({ method: 'OPTIONS', path, headers: preflight })
      expect([path, status >= 400, Object.keys(headers).filter((name) => name.startsWith('access-control-allow'))]).toEqual([path, true, []])
    }
    expect((await get('/api/directory/anchor', { origin: 'https://evil.example' })).headers['access-control-allow-origin']).toBeUndefined()
  })

  it('to a ranged, conditional or strange request tells nothing of the machine', async () => {
    for (const headers of [{ range: 'bytes=0-,0-,0-' }, { 'if-none-match': '*' }, { accept: 'x/y' }, { 'accept-encoding': 'x' }, { 'x-forwarded-host': 'evil.example' }, { 'x-forwarded-for': '10.0.0.1, <script>' }, { 'accept-version': '9.9.9' }]) {
      const reply = await get('/api/directory/anchor', headers)
      expect([headers, reply.text.includes('evil'), headerProblems(reply)]).toEqual([headers, false, []])
    }
  })
})

describe('a refusal', () => {
  const ADDRESSES = ['/api', '/api/', '/api/none', '/api/documents/received/../../../etc/passwd', '/api/..%2f..%2f..%2fetc%2fpasswd', '/..%2f..%2fpackage.json', '/assets/..%5c..%5cpackage.json', '/%2e%2e/%2e%2e/package.json', '/.git/config.json',
    '/%', '/%zz', '/%ff%fe', '/%00', '/api/documents/received/%', '/api//documents//todo', '/API/documents/todo', '/api/documents/todo/', '/api/documents/todo;x=1', '/api/documents/todo%3fx', `/api/identity/sessions/${'a'.repeat(9000)}`, '/index.html%00.png', '/api/kernel/metrics.json', '/x.php?cmd=id']
  it.each(ADDRESSES)('of %s is one of the catalogue', async (path) => {
    for (const headers of [{}, asAnna()]) expect(refusalProblems(await get(path, headers))).toEqual([])
  })

  it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH'])('of the method %s is one of the catalogue', async (method) => {
    for (const path of ['/api/documents/todo', '/api/identity/session', '/']) expect([path, refusalProblems(await world.send({ method, path, headers: asAnna() }))]).toEqual([path, []])
  })

  it.each([
    ['no request at all', 'hello\r\n\r\n', 400],
    ['a method nobody knows', 'FETCH / HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['bytes of TLS', Buffer.from('160301020001000100', 'hex'), 400],
    ['no host', 'GET /api/directory/anchor HTTP/1.1\r\n\r\n', 400],
    ['two lengths', 'POST /api/identity/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef', 400],
    ['a length and chunks', 'POST /api/identity/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['chunks that are none', 'POST /api/identity/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n', 400],
    ['a header folded over lines', 'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n', 400],
    ['a header with a NUL', 'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n', 400],
    ['a header too long', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('of what is no HTTP is one of the catalogue: %s', async (what, bytes, status) => {
    const count = async () => (await world.sql<{ n: number }>("select count(*)::int as n from ledger.record where leaf->>'object' = '- -' and leaf->'actor'->>'kind' = 'anonymous'"))[0]?.n ?? 0
    const before = await count()
    const answer = await raw(bytes)
    if (what === 'no host') return void expect(answer.head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nConnection: close/) // Node answers this one itself, without a word
    const reply = replyOf(answer)
    expect([reply.status, refusalProblems(reply), await count()]).toEqual([status, [], before + 1])
  })

  it('of an empty or doubled host is one of the catalogue', async () => {
    for (const host of ['Host:', 'Host: ', 'Host: evil.example\r\nX-Forwarded-Host: localhost']) {
      const reply = replyOf(await raw(`GET /api/directory/anchor HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`))
      expect([host, reply.status, refusalProblems(reply)]).toEqual([host, 421, []])
    }
  })

  it('of an upload that keeps to no protocol is one of the catalogue, and in the ledger', async () => {
    const path = `/api/files/uploads/${world.own.upload}`
    const tus = { 'tus-resumable': '1.0.0' }
    const octets = { 'content-type': 'application/offset+octet-stream' }
    const attempts: readonly (readonly [string, string, Record<string, string>, number])[] = [
      ['POST', '/api/files/uploads', { 'upload-length': '10' }, 400],
      ['POST', '/api/files/uploads', { 'tus-resumable': '9.9.9', 'upload-length': '10' }, 400],
      ['POST', '/api/files/uploads', { ...tus, 'upload-length': '10', 'upload-metadata': ',,,' }, 400],
      ['POST', '/api/files/uploads', { ...tus, 'upload-length': '10', 'upload-concat': 'final;/api/files/uploads/x' }, 400],
      ['POST', '/api/files/uploads', { ...tus, 'upload-length': '99999999999999' }, 413],
      ['PATCH', path, { ...tus, ...octets }, 400],
      ['PATCH', path, { ...tus, ...octets, 'upload-offset': '-1' }, 400],
      ['PATCH', path, { ...tus, ...octets, 'upload-offset': '999' }, 409],
      ['PATCH', path, { ...octets, 'upload-offset': '0' }, 400],
      ['PATCH', path, { ...tus, 'content-type': 'application/json', 'upload-offset': '0' }, 400],
      ['PATCH', path, { ...tus, ...octets, 'upload-offset': '0', 'upload-length': '5' }, 400],
    ]
    for (const [method, address, headers, status] of attempts) {
      world.node.clock.advance(7_000)
      const [before] = await world.sql<{ count: string }>(`select count(*) from ledger.record where leaf ->> 'outcome' = 'refused' and leaf ->> 'act' <> 'ledger.suppressed'`)
      const reply = await world.send({ method, path: address, headers: { ...asAnna(), ...headers }, body: method === 'PATCH' ? (headers['content-type'] === 'application/json' ? '{}' : Buffer.alloc(10)) : undefined })
      const [after] = await world.sql<{ count: string }>(`select count(*) from ledger.record where leaf ->> 'outcome' = 'refused' and leaf ->> 'act' <> 'ledger.suppressed'`)
      expect([method, headers, reply.status, refusalProblems(reply), Number(after?.count) - Number(before?.count)]).toEqual([method, headers, status, [], 1])
    }
    const longer = await world.send({ method: 'PATCH', path, headers: { ...asAnna(), ...tus, ...octets, 'upload-offset': '0' }, body: Buffer.alloc(1001) })
    expect([longer.status, refusalProblems(longer)]).toEqual([413, []])
  })

  it('of an error in our own house tells its number and nothing else, and the log tells the rest', async () => {
    await world.sql('revoke select on road.delivery from postroad_app')
    try {
      const reply = await get('/api/documents/received', asAnna())
      const { error } = reply.json as { error: { code: string; detail: Record<string, unknown> } }
      expect([reply.status, error.code, Object.keys(error.detail)]).toEqual([500, 'kernel.unexpected', ['incident']])
      expect(refusalProblems(reply).filter((problem) => !problem.startsWith('answers 500'))).toEqual([])
      expect(world.node.lines.join('\n')).toContain(String(error.detail['incident']))
      expect(world.node.lines.join('\n')).toContain('permission denied')
    } finally {
      await world.sql('grant select on road.delivery to postroad_app')
    }
  })

  it('is not given where it could not be recorded: no audit, no answer', async () => {
    await world.sql('revoke insert on ledger.record from postroad_app')
    try {
      world.node.clock.advance(60_000)
      const { bert } = world.people
      const reply = await get(`/api/documents/sent/${world.own.message}`, bert.headers())
      expect([reply.status, (reply.json as { error: { code: string } }).error.code]).toEqual([500, 'kernel.unexpected'])
    } finally {
      await world.sql('grant insert on ledger.record to postroad_app')
    }
  })
})

describe('a session’s cookie', () => {
  const PASSWORD = '十二个字的口令-Kf7wq2'
  it('is out of reach of scripts and other sites, new at each sign-in, and worth nothing after sign-out', async () => {
    const { bert } = world.people
    const old = bert.headers()
    const started = await world.send({ method: 'POST', path: '/api/identity/sign-in', ...asJson({ account: 'bert', password: PASSWORD }) })
    const { attempt, challenge } = started.json as { attempt: string; challenge: string }
    const proof = asJson({ attempt, clientKey: { signature: await bert.device.sign(challenge) } })
    const planted = `postroad_session=${'B'.repeat(43)}`
    const proved = await world.send({ method: 'POST', path: '/api/identity/sign-in/prove', ...proof, headers: { ...proof.headers, cookie: planted } })
    const cookies = proved.headers['set-cookie'] ?? []
    expect(cookies).toHaveLength(1)
    const [pair = '', ...attributes] = (cookies[0] ?? '').split('; ')
    expect(attributes.toSorted()).toEqual(['HttpOnly', 'Path=/', 'SameSite=Strict'])
    expect(pair).toMatch(/^postroad_session=[\w-]{43}$/)
    expect([planted, old['cookie']]).not.toContain(pair)
    expect((await get('/api/identity/session', { cookie: planted })).status).toBe(401)
    const { csrf } = proved.json as { csrf: string }
    expect(proved.text.includes(pair.split('=')[1] ?? '-')).toBe(false)
    expect((await world.send({ method: 'POST', path: '/api/identity/sign-in/prove', ...proof })).status).toBe(401) // a proof works once
    const out = await world.send({ method: 'POST', path: '/api/identity/sign-out', headers: { cookie: pair, 'x-postroad-csrf': csrf } })
    expect(out.headers['set-cookie']?.[0]).toMatch(/^postroad_session=; .*(Max-Age=0|Expires=Thu, 01 Jan 1970)/)
    expect((await get('/api/identity/session', { cookie: pair })).status).toBe(401)
    expect((await get('/api/identity/session', old)).status).toBe(200)
  })

  it('is given by sign-in and step-up alone', async () => {
    for (const { url, method } of world.routes.filter((route) => route.method === 'GET' && !route.url.includes(':') && route.url !== '/api/kernel/events')) {
      expect([url, (await world.send({ method, path: url.replace('*', ''), headers: asAnna() })).headers['set-cookie']]).toEqual([url, undefined])
    }
  })

  it('does not tell accounts apart: a known one, an unknown one and a locked one get the same answer', async () => {
    const tries = ['anna', 'nobody', 'anna', 'anna', 'anna', 'anna', 'anna'].map((account) => ({ account, password: '不是这一句口令吧' }))
    const answers = new Set<string>()
    for (const body of tries) {
      const reply = await world.send({ method: 'POST', path: '/api/identity/sign-in', ...asJson(body), from: '127.9.9.9' })
      expect(refusalProblems(reply)).toEqual([])
      answers.add(`${reply.status} ${reply.text}`)
    }
    expect(answers.size).toBe(1)
  })
})
