import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOMS } from '@postroad/bin/node'
import { createClient, createTerminal, type Terminal } from '@postroad/documents/terminal'
import { suites } from '@postroad/gm/node'
import { type Device, enrolWith, type Send, signInWith, type Visitor, visitor } from '@postroad/identity/testing'
import { connect } from '@postroad/kernel/database'
import { type TestNode, testNode, until } from '@postroad/kernel/testing'
import { setup } from '@postroad/kernel/testing-setup'
import type { SignedReceipt } from '@postroad/waybill'
import { type Route, watchRoutes } from './table.ts'
import { type Attempt, hangUp, type Reply, send } from './wire.ts'

/** Who is attacked (anna of alpha, carl of gamma), who attacks (bert of beta, with every duty), and who has a post but no duty (dora of alpha). */
export type Name = 'anna' | 'bert' | 'carl' | 'dora'
export type Citizen = { readonly name: Name; readonly organ: string; readonly visitor: Visitor; readonly device: Device; readonly session: string; headers(): Readonly<Record<string, string>> }
/** What alpha and gamma own: ids for an attacker to name. */
export type Belongings = {
  readonly message: string
  readonly upload: string
  readonly session: string
  readonly key: string
  /** A dispatch that was sealed and never sent: all of it is right. */
  readonly dispatch: Readonly<Record<string, unknown>>
  readonly receipt: SignedReceipt
  /** A frame of anna's channel to the key process, as it went over the line. */
  readonly frame: Uint8Array
  readonly checkpoint: number
  /** The names of beta's own keys, for bert to use. */
  readonly betaKeys: { readonly sign: string; readonly encrypt: string }
}
export type World = {
  readonly node: TestNode
  readonly address: string
  readonly routes: readonly Route[]
  readonly people: Readonly<Record<Name, Citizen>>
  readonly own: Belongings
  send(attempt: Attempt): Promise<Reply>
  /** As the database's superuser: what is really there. */
  sql<Row extends Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Rows of every table that is not about the attack itself (ledger, throttle), and files of every folder that takes what people send. */
  stored(): Promise<Readonly<Record<string, number>>>
  stop(): Promise<void>
}

const DUTIES = ['documents.read', 'documents.send', 'documents.sign', 'documents.deputise', 'identity.manage', 'ledger.read', 'console.watch', 'road.watch', 'road.bundle', 'road.release', 'directory.admit', 'directory.reorganise']
const ORGANS = { anna: 'alpha', bert: 'beta', carl: 'gamma', dora: 'alpha' } as const
const NAMES: readonly Name[] = ['anna', 'bert', 'carl', 'dora']
const PASSWORD = '十二个字的口令-Kf7wq2'

const organ = (id: string, title: string) => ({ id, title, system: 'party', region: '320000', regionTitle: '江源省', names: [{ id: `${id}.name`, title: `中共${title}`, code: '江' }], deputies: [] })
const person = (id: Name) => ({ id, name: `某${id}`, clearance: 2, posts: [{ id: `${id}.post`, organ: ORGANS[id], title: '文书', duties: id === 'dora' ? [] : DUTIES }] })
const bootstrap = {
  node: { id: 'hostile', title: '受攻击的节点', level: 'province', region: '320000', regionTitle: '江源省', maxLabel: 2 },
  parent: null,
  organs: [organ('alpha', '甲单位'), organ('beta', '乙单位'), organ('gamma', '丙单位')],
  people: NAMES.map(person),
}

/** A whole node with every room, listening on the loopback, with three organs and a document on its way from one to another. */
export async function startWorld(): Promise<World> {
  const stopDatabase = process.env['POSTROAD_TEST_POSTGRES'] === undefined ? await setup() : async () => undefined
  const table = watchRoutes()
  const deskFolder = makeDesk()
  const node = await testNode(ROOMS, { node: 'hostile', bootstrap, listen: true, time: new Date().toISOString(), logLevel: 'error', deskFolder })
  const address = node.address ?? ''
  const database = connect(node.database.superuser, 2)
  const sql: World['sql'] = async <Row extends Record<string, unknown>>(text: string, values: readonly unknown[] = []) => (await database.pool.query<Row>(text, [...values])).rows
  const stop = async (): Promise<void> => {
    hangUp()
    await database.close()
    await node.stop()
    await stopDatabase()
    rmSync(deskFolder, { recursive: true, force: true })
  }
  try {
    const signed = await Promise.all(NAMES.map((name) => signIn(node, address, name)))
    const people = Object.fromEntries(signed.map((citizen) => [citizen.name, citizen])) as Record<Name, Citizen>
    const own = await settle(node, address, people)
    await until(async () => (await sql('select from road.due')).length === 0) // the last receipt of what was right is signed: from here on nothing is written
    return { node, address, routes: table.routes(), people, own, sql, stop, send: (attempt) => send(address, attempt), stored: () => countStored(node, sql) }
  } catch (error) {
    await stop()
    throw error
  }
}

/** As much of a desk as the web server needs, so that nothing has to be built first. */
function makeDesk(): string {
  const folder = mkdtempSync(join(tmpdir(), 'postroad-hostile-'))
  mkdirSync(join(folder, 'assets'))
  for (const [file, text] of [['index.html', '<!doctype html><title>驿道</title>'], ['icon.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>'], ['assets/desk.js', 'export {}']] as const) writeFileSync(join(folder, file), text)
  return folder
}

/** How the identity room's test browser reaches the node here: over its socket. */
const sendTo = (address: string): Send => async ({ method, path, headers, body }) => {
  const reply = await send(address, { method, path, headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, body: body === undefined ? undefined : JSON.stringify(body) })
  return { status: reply.status, body: (reply.json ?? {}) as Record<string, unknown>, setCookie: reply.headers['set-cookie']?.[0] ?? null }
}

async function signIn(node: TestNode, address: string, name: Name): Promise<Citizen> {
  const browser = visitor(sendTo(address))
  const details = JSON.parse(readFileSync(join(node.home, 'first-sign-in.json'), 'utf8')) as { person: string; code: string }[]
  const device = await enrolWith(browser, name, details.find((each) => each.person === name)?.code ?? '', PASSWORD)
  const answer = await signInWith(browser, name, PASSWORD, device)
  if (answer.status !== 200) throw new Error(`${name} could not sign in: ${JSON.stringify(answer.body)}`)
  const { sessions } = (await browser.get('/api/identity/sessions')).body as { sessions: { id: string }[] }
  return { name, organ: ORGANS[name], visitor: browser, device, session: sessions[0]?.id ?? '', headers: () => ({ cookie: browser.cookie ?? '', 'x-postroad-csrf': browser.csrf }) }
}

/** anna sends a document to gamma, starts an upload, opens a second session, and seals another document without sending it. */
async function settle(node: TestNode, address: string, people: Readonly<Record<Name, Citizen>>): Promise<Belongings> {
  const { anna, carl } = people
  const line = tap(address, anna)
  const terminal = terminalOf(node, anna, line.fetch)
  const { secret } = JSON.parse(readFileSync(join(node.home, 'first-sign-in', 'keys', 'anna-alpha.json'), 'utf8')) as { secret: string }
  await terminal.keys.open(secret)
  const { message } = await terminal.dispatch(draft())
  line.hold('/api/documents/dispatches')
  await terminal.dispatch(draft()).catch(() => undefined)
  const sent = (await anna.visitor.get(`/api/documents/sent/${message}/track`)).body as { receipts: SignedReceipt[] }
  const receipt = sent.receipts[0]
  await until(async () => (await carl.visitor.get(`/api/documents/received/${message}`)).status === 200)
  await until(async () => ((await anna.visitor.get('/api/ledger/checkpoints')).body['checkpoints'] as unknown[]).length > 0)
  const { checkpoints } = (await anna.visitor.get('/api/ledger/checkpoints')).body as { checkpoints: { checkpoint: { size: number } }[] }
  const started = await send(address, { method: 'POST', path: '/api/files/uploads', headers: { ...anna.headers(), 'tus-resumable': '1.0.0', 'upload-length': '1000' } })
  const second = visitor(sendTo(address))
  await signInWith(second, 'anna', PASSWORD, anna.device)
  const { sessions } = (await anna.visitor.get('/api/identity/sessions')).body as { sessions: { id: string; current: boolean }[] }
  const { keys } = (await anna.visitor.get('/api/identity/keys')).body as { keys: { id: string }[] }
  const dispatch = line.taken('/api/documents/dispatches')
  const frame = line.taken('/api/keys/relay')
  const { view } = await terminal.directory()
  const keyOf = (purpose: 'sign' | 'encrypt') => view.keysOf('beta', purpose, 'SM', node.clock.now().toISOString())[0]?.key ?? ''
  if (receipt === undefined || dispatch === undefined || frame === undefined) throw new Error('the world did not come about')
  return {
    message, receipt, betaKeys: { sign: keyOf('sign'), encrypt: keyOf('encrypt') }, frame: Buffer.from(frame as Uint8Array), dispatch: JSON.parse(dispatch as string) as Record<string, unknown>,
    upload: started.headers.location?.split('/').at(-1) ?? '', session: sessions.find(({ current }) => !current)?.id ?? '', key: keys[0]?.id ?? '', checkpoint: checkpoints.at(-1)?.checkpoint.size ?? 0,
  }
}

const draft = (): Parameters<Terminal['dispatch']>[0] => ({
  clientId: crypto.randomUUID(), name: 'alpha.name', title: '关于安全检查的通知', number: '江〔2026〕1号', printedTo: '丙单位', printedCc: '', recipients: [{ organ: 'gamma', name: 'gamma.name', role: 'to' }],
  urgency: 'normal', label: 1, files: [{ name: '正文.txt', mediaType: 'text/plain', bytes: 6, stream: () => new Blob(['正文']).stream() as ReadableStream<Uint8Array> }],
})

function terminalOf(node: TestNode, { name, organ: held, visitor: browser }: Citizen, call: typeof fetch): Terminal {
  const client = createClient({ base: node.address ?? '', cookies: false, csrf: () => browser.csrf, fetch: call })
  return createTerminal({ client, suites, now: () => node.clock.now(), actor: () => ({ person: name, name: `某${name}`, post: `${name}.post`, organ: held }) })
}

/** A line on which somebody listens, and can keep a request from going through. */
function tap(address: string, { visitor: browser }: Citizen): { fetch: typeof fetch; hold(path: string): void; taken(path: string): unknown } {
  const heard = new Map<string, unknown>()
  const held = new Set<string>()
  return {
    fetch: async (input, init) => {
      const path = String(input).slice(address.length)
      heard.set(path, init?.body)
      if (held.has(path)) throw new Error('the line is cut')
      return fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), cookie: browser.cookie ?? '' } })
    },
    hold: (path) => void held.add(path),
    taken: (path) => heard.get(path),
  }
}

const NOT_COUNTED = ['ledger.record', 'ledger.position', 'ledger.checkpoint', 'identity.throttle', 'identity.challenge', 'watch.reading', 'watch.alarm', 'watch.alarm_clear']

async function countStored(node: TestNode, sql: World['sql']): Promise<Readonly<Record<string, number>>> {
  const tables = await tablesOf(sql)
  const counted = tables.filter((table) => !NOT_COUNTED.includes(table))
  const rows = await sql<{ name: string; count: string }>(counted.map((table) => `select '${table}' as name, count(*) from ${table}`).join(' union all '))
  const files = ['blobs', 'uploads'].map((folder) => [folder, readdirSync(join(node.home, folder), { recursive: true }).length] as const)
  return Object.fromEntries([...rows.map(({ name, count }) => [name, Number(count)] as const), ...files])
}

/** Every table of every schema that is ours, as `schema.table`. */
export async function tablesOf(sql: World['sql']): Promise<readonly string[]> {
  const rows = await sql<{ name: string }>(`select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%' order by 1`)
  return rows.map(({ name }) => name)
}

