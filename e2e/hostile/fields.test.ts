import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CASES, pathOf, payloadOf, type Request } from './cases.ts'
import { refusalProblems } from './judge.ts'
import { type Path, placesIn, replaced, valueAt } from './strange.ts'
import { fieldsOf, isWriting, type Route } from './table.ts'
import type { Reply } from './wire.ts'
import { startWorld, type World } from './world.ts'

let world: World
let before: Readonly<Record<string, number>>
beforeAll(async () => {
  world = await startWorld()
  before = await world.stored()
})
afterAll(async () => world.stop())

const SEED = 20_261_123
/** Refused at the door, this costs nothing; let in, it shows in the database or as an error nobody foresaw. */
const HUGE = 100_001
const WORST = ['', '\0', 'a\u202Egpj.exe', 'a\r\nset-cookie: x=1', '\uD800', '__proto__']
const TEXTS = [...WORST, ' ', 'a\0b', '\uFFFE', '../../../../etc/passwd', "' or '1'='1' --", '${jndi:ldap://x}', '<script>alert(1)</script>', '%00', 'NaN', 'null', '-1', '1e400', '0x10', '１２', '9'.repeat(400), 'a'.repeat(300)]
/** For every place; the other texts come by chance, below. */
const VALUES: readonly unknown[] = [...WORST, null, true, -1, 0.5, 2 ** 53, {}, [], [null], 'x'.repeat(HUGE)]

/** What was right, and nearly is. */
const near = (value: unknown): readonly string[] => (typeof value !== 'string' || value === '' ? [] : [`${value}A`, value.slice(0, -1), `${value.slice(0, -1)}_`, `${value}\n`])
/** The sender's own copy of the content key is sealed to itself: whether it is one, only its terminal can tell. */
const SEALED = ['POST /api/documents/dispatches /ownWrap/wrap', 'POST /api/documents/dispatches/together /dispatches/0/ownWrap/wrap']
/** Each of these costs the hash of a password, which is meant to be slow: a few are enough. */
const SLOW = ['POST /api/identity/sign-in /password', 'POST /api/identity/sign-in /account', 'POST /api/identity/enrol /account']
/** A name that is free to choose: another one is as good as the case's own. */
const CHOSEN = ['POST /api/console/invitations /node']
const isName = (value: unknown): boolean => typeof value === 'string' && /^[a-z0-9][a-z0-9.-]*$/.test(value)
function valuesFor(route: Route, path: Path): readonly unknown[] {
  const original = valueAt(right(route).body, path)
  const name = `${route.key} /${path.join('/')}`
  const all = [...VALUES, ...near(original)].filter((value) => JSON.stringify(value) !== JSON.stringify(original))
  if (CHOSEN.includes(name)) return all.filter((value) => !isName(value))
  if (SEALED.includes(name)) return all.filter((value) => typeof value !== 'string' || value.length > 700)
  return SLOW.includes(name) ? all.filter((value, index) => typeof value !== 'string' || index % 6 === 2 || value === '\0') : all
}

/** Routes that take a body made of fields. The addresses come from as many places as there are requests, so that no throttle answers in the route's stead. */
const bodyRoutes = (): readonly Route[] => world.routes.filter(({ method, schema, url }) => isWriting(method) && url.startsWith('/api/') && schema.body !== undefined)
let asked = 0
async function post(route: Route, request: Request): Promise<Reply> {
  const payload = payloadOf(request)
  const owner = world.people[CASES[route.key]?.owner ?? 'anna']
  asked += 1
  const from = route.isPublic ? `127.${1 + (asked >> 16)}.${(asked >> 8) & 255}.${1 + (asked % 250)}` : undefined
  return partOf(await world.send({ method: route.method, path: pathOf(route.url, request), body: payload.body, headers: { ...owner.headers(), ...payload.headers }, ...(from === undefined ? {} : { from }) }))
}

/** Where a request has parts that stand or fall by themselves, the first one's answer as if it had come alone. */
function partOf(reply: Reply): Reply {
  const [first] = (reply.json as { answers?: { status?: number; error?: unknown }[] } | null)?.answers ?? []
  if (first?.status === undefined) return reply
  return { ...reply, status: first.status, json: { error: first.error }, text: JSON.stringify({ error: first.error }) }
}
const right = (route: Route): Request => CASES[route.key]?.right(world.own) ?? {}
const told = (route: Route, path: Path, value: unknown): string => `${route.key} /${path.join('/')} = ${(JSON.stringify(value) ?? String(value)).slice(0, 60)}`
/** What is wrong with an answer that must be a refusal; a field that may be free text can also be taken as it is by a route that then refuses on other grounds. */
const problemsOf = (reply: Reply): readonly string[] => (reply.status < 400 ? [`was taken: ${reply.status}`] : refusalProblems(reply))

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<readonly string[]>): Promise<string[]> {
  const found: string[] = []
  const queue = [...items]
  await Promise.all(Array.from({ length: 6 }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) found.push(...(await work(item)))
  }))
  return found
}

describe('a field of a body', () => {
  it('filled with anything but what belongs there is refused with a code of the catalogue', async () => {
    const attacks = bodyRoutes().flatMap((route) => placesIn(right(route).body).flatMap((path) => valuesFor(route, path).map((value) => ({ route, path, value }))))
    const wrong = await inTurn(attacks, async ({ route, path, value }) => {
      const reply = await post(route, { ...right(route), body: replaced(right(route).body, path, value) })
      return problemsOf(reply).map((problem) => `${told(route, path, value)}: ${problem}`)
    })
    expect(attacks.length).toBeGreaterThan(1000)
    expect(wrong.slice(0, 40)).toEqual([])
  })

  it('that is left out is missed', async () => {
    const attacks = bodyRoutes().flatMap((route) => placesIn(right(route).body).filter((path) => typeof path.at(-1) === 'string').map((path) => ({ route, path })))
    const wrong = await inTurn(attacks, async ({ route, path }) => problemsOf(await post(route, { ...right(route), body: replaced(right(route).body, path, undefined) })).map((problem) => `${told(route, path, 'nothing')}: ${problem}`))
    expect(wrong.slice(0, 40)).toEqual([])
  })

  it('that is a list is refused with a hundred thousand entries', async () => {
    const lists = bodyRoutes().flatMap((route) => placesIn(right(route).body).filter((path) => Array.isArray(valueAt(right(route).body, path))).map((path) => ({ route, path })))
    const wrong = await inTurn(lists, async ({ route, path }) => {
      const reply = await post(route, { ...right(route), body: replaced(right(route).body, path, Array.from({ length: HUGE }, () => '')) })
      return problemsOf(reply).map((problem) => `${told(route, path, [])} × ${HUGE}: ${problem}`)
    })
    expect(lists.length).toBeGreaterThan(2)
    expect(wrong).toEqual([])
  })

  it('is refused whatever a machine thinks of (fixed seed)', async () => {
    const places = bodyRoutes().flatMap((route) => placesIn(right(route).body).map((path) => ({ route, path }))).filter(({ route, path }) => ![...SLOW, ...SEALED].includes(`${route.key} /${path.join('/')}`))
    const isInnocent = (value: unknown): boolean => typeof value === 'number' && Number.isInteger(value) && value >= 0
    const anything = fc.oneof(fc.anything({ maxDepth: 3, withNullPrototype: false }), fc.constantFrom(...TEXTS), fc.string({ unit: 'binary', maxLength: 200 })).filter((value) => !isInnocent(value) && JSON.stringify(value) !== undefined)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), anything, async ({ route, path }, value) => {
        if (JSON.stringify(value) === JSON.stringify(valueAt(right(route).body, path))) return
        const reply = await post(route, { ...right(route), body: replaced(right(route).body, path, value) })
        expect([told(route, path, value), problemsOf(reply)]).toEqual([told(route, path, value), []])
      }),
      { seed: SEED, numRuns: 300 },
    )
  })
})

describe('a name in an address', () => {
  const NAMES = [...TEXTS.filter((text) => text !== ''), '..', '.', '%2e%2e%2f', '\\..\\', 'a'.repeat(5000), '00000000-0000-0000-0000-000000000000', "1;drop table road.message"]
  it('that is none is refused, never looked for and never an error of the database', async () => {
    const attacks = world.routes.filter(({ url }) => url.startsWith('/api/') && url.includes('/:')).flatMap((route) => [...route.url.matchAll(/:(\w+)/g)].flatMap(([, name = '']) => NAMES.map((value) => ({ route, name, value }))))
    const wrong = await inTurn(attacks, async ({ route, name, value }) => {
      const of = CASES[route.key] ?? CASES[route.key.replace('HEAD', 'GET')]
      const own = of?.right(world.own) ?? {}
      const params = { ...own.params, [name]: value }
      if (/^\.{1,2}$/.test(value)) return [] // the client's own address book resolves these
      const path = pathOf(route.url, { ...own, params: Object.fromEntries(Object.entries(params).map(([key, text]) => [key, text.toWellFormed()])) })
      const payload = payloadOf(own)
      const reply = await world.send({ method: route.method, path, body: payload.body, headers: { ...world.people[of?.owner ?? 'anna'].headers(), ...payload.headers } })
      const isFree = reply.status === 200 && (name === 'index' || name === 'n') // 0x10 is a number
      return (isFree ? [] : reply.status < 400 ? [`was taken: ${reply.status}`] : refusalProblems(reply, route.method === 'HEAD')).map((problem) => `${route.key} :${name} = ${JSON.stringify(value).slice(0, 60)}: ${problem}`)
    })
    expect(wrong.slice(0, 40)).toEqual([])
  })

  it('as part of a query is taken as text or refused, never an error', async () => {
    const attacks = world.routes.filter(({ url, method }) => url.startsWith('/api/') && method === 'GET').flatMap((route) => fieldsOf(route.schema.querystring).flatMap((name) => [...TEXTS, ...CURSORS].map((value) => ({ route, name, value }))))
    const wrong = await inTurn(attacks, async ({ route, name, value }) => {
      const own = right(route)
      const reply = await world.send({ method: 'GET', path: pathOf(route.url, { ...own, query: { ...own.query, [name]: value.toWellFormed() } }), headers: world.people[CASES[route.key]?.owner ?? 'anna'].headers() })
      return (reply.status === 200 ? [] : refusalProblems(reply)).map((problem) => `${route.key} ?${name}=${JSON.stringify(value).slice(0, 60)}: ${problem}`)
    })
    expect(attacks.length).toBeGreaterThan(100)
    expect(wrong.slice(0, 40)).toEqual([])
  })
})

/** Places in a list, as the lists of documents give them, and nearly. */
const CURSORS = ['_', '1_', '_x', '1_x', '99999999999999999999_00000000-0000-4000-8000-000000000000', '1e3_00000000-0000-4000-8000-000000000000', '-1_00000000-0000-4000-8000-000000000000', 'Infinity_00000000-0000-4000-8000-000000000000', '1700000000000_00000000-0000-4000-8000-000000000000_']

describe('after all of this', () => {
  it('nothing of it was stored', async () => {
    expect(await world.stored()).toEqual(before)
  })

  it('no error was written that nobody foresaw', () => {
    const errors = world.node.lines.map((line) => JSON.parse(line) as { msg: string; route?: string; err?: { message: string; stack: string } }).filter(({ msg }) => msg === 'unexpected error')
    expect([...new Set(errors.map(({ route, err }) => `${route ?? ''}: ${err?.stack ?? ''}`))]).toEqual([])
  })

  it('the dispatch that was attacked goes through as it was', async () => {
    const route = world.routes.find(({ key }) => key === 'POST /api/documents/dispatches')
    if (route === undefined) throw new Error('no dispatches')
    expect((await post(route, right(route))).status).toBe(200)
  })
})
