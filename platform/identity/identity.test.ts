import { keys } from '@postroad/keys/plugin'
import { directory } from '@postroad/directory/plugin'
import { type TestNode, testNode } from '@postroad/kernel/testing'
import { service } from '@postroad/kernel/principal'
import { ledger } from '@postroad/ledger/plugin'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stat } from 'node:fs/promises'
import { firstSignInFile } from './people.ts'
import { identity } from './plugin.ts'
import { type Device, enrolWith, firstDetails, makeDevice, type Send, signInWith, twoOffices, type Visitor, visitor } from './testing.ts'

const MINUTE = 60_000
const PASSWORD = { wang: '春江潮水连海平海上明月', li: 'staple-horse-battery', zhao: '滟滟随波千万里何处春江' } as const
type Name = keyof typeof PASSWORD

let node: TestNode
let address = 1
/** Each browser in a network of its own, so that tests do not throttle one another. */
const from = (ip = `10.1.${address >> 8}.${address++ & 255}`): Send => async ({ method, path, headers, body }) => {
  const answer = await node.server.inject({ method, url: path, headers: { host: 'localhost', ...headers }, remoteAddress: ip, ...(body === undefined ? {} : { payload: body as object }) })
  const cookie = answer.headers['set-cookie']
  return { status: answer.statusCode, body: answer.body === '' ? {} : answer.json(), setCookie: typeof cookie === 'string' ? cookie : null }
}
const browser = (ip?: string): Visitor => visitor(from(ip))
const codeOf = (answer: { body: Record<string, unknown> }) => (answer.body['error'] as { code: string } | undefined)?.code
const devices = new Map<Name, Device>()
const signedIn = async (name: Name, ip?: string): Promise<Visitor> => {
  const visit = browser(ip)
  const answer = await signInWith(visit, name, PASSWORD[name], devices.get(name) ?? expect.fail('not enrolled'))
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return visit
}
const acts = async (act: string) => {
  const { rows } = await node.node.transaction(service('ledger'), (tx) =>
    sql<{ leaf: { outcome: string; object: string; detail: Record<string, unknown> } }>`select leaf from ledger.record where leaf ->> 'act' = ${act} order by id`.execute(tx))
  return rows.map(({ leaf }) => leaf)
}

beforeAll(async () => {
  node = await testNode([ledger, keys, directory, identity], { bootstrap: twoOffices })
  for (const name of ['wang', 'li', 'zhao'] as const) {
    devices.set(name, await enrolWith(browser(), name, (await firstDetails(node.home, name)).code, PASSWORD[name]))
  }
})
afterAll(() => node.stop())

describe('the first sign-in', () => {
  it('has its details in a file that only the account may read', async () => {
    expect((await stat(firstSignInFile(node.home))).mode & 0o777).toBe(0o600)
    expect(await firstDetails(node.home, 'li')).toMatchObject({ account: 'li', name: '李秀英', posts: [{ organ: 'first' }, { organ: 'second' }] })
  })
  it('uses a code up, and its refusals do not tell what was wrong', async () => {
    const { code } = await firstDetails(node.home, 'wang')
    const { publicKey } = await makeDevice()
    const body = { account: 'wang', code, password: PASSWORD.wang, publicKey }
    const used = await browser().post('/api/identity/enrol', body)
    const unknown = await browser().post('/api/identity/enrol', { ...body, account: 'nobody' })
    const wrong = await browser().post('/api/identity/enrol', { ...body, code: 'AAAAA-AAAAA-AAAAA-AAAAA' })
    expect(used).toEqual(unknown)
    expect(wrong).toEqual(unknown)
    expect(codeOf(used)).toBe('identity.enrolmentRefused')
  })
  it('refuses weak passwords and points that are on no curve; the code stays good', async () => {
    const admin = await signedIn('wang')
    const { code } = (await admin.post('/api/identity/people/li/code')).body as { code: string }
    const { publicKey } = await makeDevice()
    expect(codeOf(await browser().post('/api/identity/enrol', { account: 'li', code, password: 'password123', publicKey }))).toBe('identity.weakPassword')
    const off = Buffer.concat([Buffer.of(4), Buffer.alloc(64, 7)]).toString('base64url')
    expect(codeOf(await browser().post('/api/identity/enrol', { account: 'li', code, password: PASSWORD.li, publicKey: off }))).toBe('identity.badClientKey')
    devices.set('li', await enrolWith(browser(), 'li', code, PASSWORD.li))
    await signedIn('li')
  })
  it('refuses an expired code', async () => {
    const admin = await signedIn('wang')
    const { code } = (await admin.post('/api/identity/people/li/code')).body as { code: string }
    node.clock.advance(8 * 24 * 60 * MINUTE)
    const { publicKey } = await makeDevice()
    expect(codeOf(await browser().post('/api/identity/enrol', { account: 'li', code, password: PASSWORD.li, publicKey }))).toBe('identity.enrolmentRefused')
  })
})

describe('signing in', () => {
  it('takes password and device, and answers who it is, with menu and posts', async () => {
    const visit = await signedIn('li')
    const { status, body } = await visit.get('/api/identity/session')
    expect(status).toBe(200)
    expect(body).toMatchObject({ person: { id: 'li', name: '李秀英', account: 'li' }, node: { id: 'test', title: '省网络中心' }, acting: { id: 'li-1', organTitle: '省委办公厅' }, clearance: 1, csrf: visit.csrf })
    expect((body['posts'] as unknown[]).length).toBe(2)
    expect(await acts('identity.signIn')).toContainEqual(expect.objectContaining({ outcome: 'done', detail: expect.objectContaining({ factor: 'clientKey' }) }))
  })
  it('sets a cookie that scripts cannot read and other sites cannot send', async () => {
    const answer = await signInWith(browser(), 'li', PASSWORD.li, devices.get('li') ?? expect.fail())
    expect(answer.setCookie).toMatch(/^postroad_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
  })
  it('answers alike for a wrong password and an account that does not exist; auditors see the difference', async () => {
    const wrong = await browser('10.9.0.1').post('/api/identity/sign-in', { account: 'li', password: 'not the password' })
    const unknown = await browser('10.9.0.2').post('/api/identity/sign-in', { account: 'nobody', password: 'not the password' })
    expect(wrong).toEqual(unknown)
    expect(wrong.status).toBe(401)
    const reasons = (await acts('identity.signIn')).filter(({ outcome }) => outcome === 'refused').map(({ object, detail }) => `${object} ${detail['reason']}`)
    expect(reasons).toContain('li password')
    expect(reasons).toContain('- unknownAccount')
    expect(await acts('identity.signInRefused')).not.toHaveLength(0)
  })
  it('refuses another person’s device, an altered signature, and a challenge used twice', async () => {
    const visit = browser()
    expect(codeOf(await signInWith(visit, 'li', PASSWORD.li, devices.get('wang') ?? expect.fail()))).toBe('identity.signInRefused')
    const { attempt, challenge } = (await visit.post('/api/identity/sign-in', { account: 'li', password: PASSWORD.li })).body as { attempt: string; challenge: string }
    const signature = (await devices.get('li')?.sign(challenge)) ?? ''
    const altered = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    expect((await visit.post('/api/identity/sign-in/prove', { attempt, clientKey: { signature: altered } })).status).toBe(401)
    expect((await visit.post('/api/identity/sign-in/prove', { attempt, clientKey: { signature } })).status).toBe(401)
    const again = (await visit.post('/api/identity/sign-in', { account: 'li', password: PASSWORD.li })).body as { attempt: string; challenge: string }
    const good = { attempt: again.attempt, clientKey: { signature: await devices.get('li')?.sign(again.challenge) } }
    expect((await visit.post('/api/identity/sign-in/prove', good)).status).toBe(200)
    expect((await visit.post('/api/identity/sign-in/prove', good)).status).toBe(401)
  })
  it('refuses a challenge after two minutes', async () => {
    const visit = browser()
    const { attempt, challenge } = (await visit.post('/api/identity/sign-in', { account: 'li', password: PASSWORD.li })).body as { attempt: string; challenge: string }
    node.clock.advance(2 * MINUTE)
    expect((await visit.post('/api/identity/sign-in/prove', { attempt, clientKey: { signature: await devices.get('li')?.sign(challenge) } })).status).toBe(401)
  })
  it('refuses unknown fields, both proofs at once, and none', async () => {
    const visit = browser()
    const attempt = crypto.randomUUID()
    for (const body of [{ attempt }, { attempt, clientKey: { signature: 'A'.repeat(86) }, passkey: {} }, { attempt, clientKey: { signature: 'short' } }]) expect((await visit.post('/api/identity/sign-in/prove', body)).status).toBe(400)
    expect((await visit.post('/api/identity/sign-in', { account: 'li', password: PASSWORD.li, admin: true })).status).toBe(400)
  })
})

describe('guessing passwords', () => {
  it('locks the account for that network only, without saying so', async () => {
    const attacker = browser('10.7.0.1')
    const answers = []
    for (let i = 0; i < 6; i++) answers.push(await attacker.post('/api/identity/sign-in', { account: 'zhao', password: `guess number ${i}` }))
    answers.push(await attacker.post('/api/identity/sign-in', { account: 'zhao', password: PASSWORD.zhao }))
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect((await acts('identity.signIn')).map(({ object, detail }) => `${object} ${detail['reason']}`)).toContain('zhao locked')
    await signedIn('zhao', '10.7.0.2')
  })
  it('of many accounts from one network is stopped with another answer, which tells nothing of any account', async () => {
    const guesses = Array.from({ length: 101 }, (_, i) => from('10.7.1.1')({ method: 'POST', path: '/api/identity/sign-in', headers: {}, body: { account: `nobody-${i}`, password: 'x' } }))
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 429)).toHaveLength(1)
    const late = await browser('10.7.1.1').post('/api/identity/sign-in', { account: 'li', password: PASSWORD.li })
    expect(codeOf(late)).toBe('identity.tooManyAttempts')
  })
  it('is forgotten after a good sign-in', async () => {
    for (let round = 0; round < 3; round++) {
      const visit = browser('10.7.2.1')
      for (let i = 0; i < 3; i++) await visit.post('/api/identity/sign-in', { account: 'zhao', password: 'wrong' })
      expect((await signInWith(visit, 'zhao', PASSWORD.zhao, devices.get('zhao') ?? expect.fail())).status).toBe(200)
    }
  })
})

describe('a session', () => {
  it('never keeps a token that was there before signing in', async () => {
    const visit = browser()
    visit.cookie = 'postroad_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    const planted = visit.cookie
    await signInWith(visit, 'li', PASSWORD.li, devices.get('li') ?? expect.fail())
    expect(visit.cookie).not.toBe(planted)
    const victim = browser()
    victim.cookie = planted
    expect((await victim.get('/api/identity/session')).status).toBe(401)
  })
  it('is replaced when its owner signs in again', async () => {
    const visit = await signedIn('li')
    const before = visit.cookie
    await signInWith(visit, 'li', PASSWORD.li, devices.get('li') ?? expect.fail())
    expect((await visit.get('/api/identity/session')).status).toBe(200)
    const old = browser()
    old.cookie = before
    expect((await old.get('/api/identity/session')).status).toBe(401)
  })
  it('gets a new token at step-up; the old one and its CSRF token are worth nothing', async () => {
    const visit = await signedIn('li')
    const { cookie, csrf } = visit
    const { attempt, challenge } = (await visit.post('/api/identity/step-up')).body as { attempt: string; challenge: string }
    const other = await signedIn('zhao')
    const proof = { attempt, clientKey: { signature: await devices.get('li')?.sign(challenge) } }
    expect(codeOf(await other.post('/api/identity/step-up/prove', proof))).toBe('identity.proofRefused')
    expect((await visit.post('/api/identity/step-up/prove', proof)).status).toBe(200) // the other's try did not use it up
    expect(codeOf(await visit.post('/api/identity/step-up/prove', proof))).toBe('identity.proofRefused') // its own did
    expect(visit.cookie).not.toBe(cookie)
    const thief = browser()
    thief.cookie = cookie
    expect((await thief.get('/api/identity/session')).status).toBe(401)
    thief.cookie = visit.cookie
    thief.csrf = csrf
    expect(codeOf(await thief.post('/api/identity/acting-post', { post: 'li-2' }))).toBe('kernel.csrf')
  })
  it('changes nothing without the CSRF token of its own', async () => {
    const visit = await signedIn('li')
    const other = await signedIn('li')
    for (const csrf of ['', 'x', other.csrf, `${visit.csrf}x`]) {
      const forged = browser()
      forged.cookie = visit.cookie
      forged.csrf = csrf
      for (const path of ['/api/identity/sign-out', '/api/identity/step-up', '/api/identity/codes/device', '/api/identity/passkeys/options']) expect(codeOf(await forged.post(path))).toBe('kernel.csrf')
    }
    expect((await visit.get('/api/identity/session')).status).toBe(200)
  })
  it('ends on the server when signed out', async () => {
    const visit = await signedIn('li')
    const { cookie } = visit
    expect((await visit.post('/api/identity/sign-out')).status).toBe(204)
    visit.cookie = cookie
    expect((await visit.get('/api/identity/session')).status).toBe(401)
  })
  it('ends after half an hour without use and after ten hours in any case', async () => {
    const visit = await signedIn('li')
    node.clock.advance(29 * MINUTE)
    expect((await visit.get('/api/identity/session')).status).toBe(200)
    node.clock.advance(29 * MINUTE)
    expect((await visit.get('/api/identity/session')).status).toBe(200)
    node.clock.advance(31 * MINUTE)
    expect((await visit.get('/api/identity/session')).status).toBe(401)
    const long = await signedIn('li')
    for (let minutes = 0; minutes < 600; minutes += 20) {
      expect((await long.get('/api/identity/session')).status).toBe(200)
      node.clock.advance(20 * MINUTE)
    }
    expect((await long.get('/api/identity/session')).status).toBe(401)
  })
  it('is listed and revoked by its owner only', async () => {
    const [mine, lost, other] = [await signedIn('li'), await signedIn('li'), await signedIn('zhao')]
    const list = async (visit: Visitor) => (await visit.get('/api/identity/sessions')).body['sessions'] as { id: string; current: boolean }[]
    const lostId = (await list(lost)).find(({ current }) => current)?.id ?? expect.fail()
    expect((await list(other)).some(({ id }) => id === lostId)).toBe(false)
    expect(codeOf(await other.delete(`/api/identity/sessions/${lostId}`))).toBe('identity.notYourSession')
    expect((await lost.get('/api/identity/session')).status).toBe(200)
    expect((await mine.delete(`/api/identity/sessions/${lostId}`)).status).toBe(204)
    expect((await lost.get('/api/identity/session')).status).toBe(401)
    expect((await mine.get('/api/identity/session')).status).toBe(200)
  })
  it('is one of ten at most', async () => {
    const first = await signedIn('zhao')
    for (let i = 0; i < 10; i++) {
      node.clock.advance(1000)
      await signedIn('zhao')
    }
    expect((await first.get('/api/identity/session')).status).toBe(401)
  })
})

describe('posts', () => {
  it('are switched between one’s own', async () => {
    const visit = await signedIn('li')
    expect((await visit.post('/api/identity/acting-post', { post: 'li-2' })).body).toMatchObject({ acting: { id: 'li-2', organ: 'second' } })
    expect((await visit.get('/api/identity/session')).body).toMatchObject({ acting: { id: 'li-2' } })
    expect(codeOf(await visit.post('/api/identity/acting-post', { post: 'zhao-1' }))).toBe('identity.notYourPost')
  })
  it('show colleagues in one’s own organs and nobody elsewhere', async () => {
    const visit = await signedIn('zhao')
    const people = async (organ: string) => ((await visit.get(`/api/identity/colleagues?organ=${organ}`)).body['people'] as { id: string }[]).map(({ id }) => id)
    expect(await people('second')).toEqual(['li', 'zhao'])
    expect(codeOf(await visit.get('/api/identity/colleagues?organ=first'))).toBe('kernel.notFound')
  })
  it('allow codes for colleagues only with the duty, within the organ, after a fresh proof', async () => {
    const [admin, clerk] = [await signedIn('wang'), await signedIn('li')]
    expect(codeOf(await clerk.post('/api/identity/people/wang/code'))).toBe('kernel.forbidden')
    expect(codeOf(await admin.post('/api/identity/people/zhao/code'))).toBe('identity.notYourPerson')
    expect(codeOf(await admin.post('/api/identity/people/nobody/code'))).toBe('identity.notYourPerson')
    node.clock.advance(16 * MINUTE)
    expect(codeOf(await admin.post('/api/identity/people/li/code'))).toBe('identity.proveAgain')
  })
})

describe('another device', () => {
  it('is added with a code from a signed-in one and the present password', async () => {
    const visit = await signedIn('li')
    const { code } = (await visit.post('/api/identity/codes/device')).body as { code: string }
    const { publicKey } = await makeDevice()
    expect(codeOf(await browser().post('/api/identity/enrol', { account: 'li', code, password: 'some other password', publicKey }))).toBe('identity.enrolmentRefused')
    const device = await enrolWith(browser(), 'li', code, PASSWORD.li)
    expect((await signInWith(browser(), 'li', PASSWORD.li, device)).status).toBe(200)
    await signedIn('li') // the first device still works, and its session too
    const own = (await visit.get('/api/identity/keys')).body['keys'] as { id: string }[]
    expect(own).toHaveLength(2)
    const other = await signedIn('zhao')
    expect(codeOf(await other.delete(`/api/identity/keys/${own[1]?.id}`))).toBe('identity.notYourKey')
    expect((await visit.delete(`/api/identity/keys/${own[1]?.id}`)).status).toBe(204)
    expect((await signInWith(browser(), 'li', PASSWORD.li, device)).status).toBe(401)
    expect(codeOf(await visit.delete(`/api/identity/keys/${own[0]?.id}`))).toBe('identity.lastKey')
  })
})

describe('the tables', () => {
  it('hold no token, code or password, and show a person only what is his', async () => {
    const visit = await signedIn('li')
    const token = visit.cookie?.split('=')[1] ?? expect.fail()
    const dump = await node.node.transaction(service('identity'), async (tx) => {
      const tables = ['person', 'post', 'credential', 'enrolment', 'challenge', 'session', 'throttle']
      const parts = await Promise.all(tables.map((name) => sql<{ row: string }>`select t::text as row from ${sql.table(`identity.${name}`)} as t`.execute(tx)))
      return parts.flatMap(({ rows }) => rows.map(({ row }) => row)).join('\n')
    })
    const { code } = await firstDetails(node.home, 'li')
    for (const secret of [token, visit.csrf, code, code.replaceAll('-', ''), ...Object.values(PASSWORD)]) expect(dump).not.toContain(secret)
    await expect(node.node.database.kysely.transaction().execute((tx) => sql`select * from identity.session`.execute(tx))).rejects.toThrow('no principal')
    const li = { kind: 'person', person: 'li', name: '', session: '', posts: [], acting: { id: '', organ: '', title: '', duties: [] }, organs: ['first'], clearance: 0 } as const
    const seen = await node.node.transaction(li, (tx) => sql<{ person: string }>`select distinct person from identity.session`.execute(tx))
    expect(seen.rows).toEqual([{ person: 'li' }])
    for (const table of ['credential', 'enrolment', 'challenge', 'throttle']) {
      expect((await node.node.transaction(li, (tx) => sql`select * from ${sql.table(`identity.${table}`)}`.execute(tx))).rows).toEqual([])
    }
  })
})
