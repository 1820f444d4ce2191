import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOMS } from '@postroad/bin/node'
import { createClient, createTerminal, type Draft, type Terminal } from '@postroad/documents/terminal'
import { suites } from '@postroad/gm/node'
import { enrolWith, type Send, signInWith, type Visitor, visitor } from '@postroad/identity/testing'
import { freePort, type TestNode, testNode, until } from '@postroad/kernel/testing'
import { setup } from '@postroad/kernel/testing-setup'
import { unzipEvidence, verifyEvidence } from '@postroad/waybill'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { holdNews } from '@postroad/directory/testing'
import type { Browser } from 'playwright-core'
import { buildDesk, DIST } from '@postroad/desk/build'
import { launchBrowser } from './browser.ts'
import { type Desk, enrol, openDesk, openKeys, openRow } from './desk.ts'
import { hangUp, send } from './hostile/wire.ts'

/** Real nodes, real terminals, real key processes: offices of a county merge with one another, and into one of the city, while documents are under way. */

const PASSWORD = '十二个字的口令-Kf7wq2'
const CLERK = ['documents.read', 'documents.send', 'documents.sign']
const organ = (id: string, title: string, code: string) => ({ id, title, system: 'government', region: id.split('.')[0], regionTitle: '某地', names: [{ id: `${id}.name`, title, code }], deputies: [] })
const person = (id: string, held: string, duties = CLERK) => ({ id, name: `某${id}`, clearance: 2, posts: [{ id: `${id}.post`, organ: held, title: '文书', duties }] })
const CODE = 'code-for-county-'.padEnd(40, '7')
const city = {
  node: { id: 'city', title: '市中心', level: 'city', region: 'city', regionTitle: '某市', maxLabel: 2 }, parent: null, invites: [{ node: 'county', code: CODE }],
  organs: [organ('city.office', '市政府办公室', '市政办'), organ('city.bureau', '市局', '市局')],
  people: [person('chen', 'city.office'), person('bai', 'city.bureau', [...CLERK, 'directory.reorganise']), person('qiu', 'city.office')],
}
const county = {
  node: { id: 'county', title: '县中心', level: 'county', region: 'county', regionTitle: '某县', maxLabel: 2 },
  organs: [organ('county.old', '县旧局', '县旧'), organ('county.new', '县新局', '县新'), organ('county.gone', '县分局', '县分'), organ('county.office', '县政府办公室', '县政办'), organ('county.machines', '县农机局', '县农机'), organ('county.farming', '县农业农村局', '县农')],
  people: [person('ao', 'county.old'), person('nie', 'county.new'), person('gu', 'county.gone'), person('lin', 'county.office', [...CLERK, 'directory.reorganise']), person('shen', 'county.office', ['directory.supervise']),
    person('hu', 'county.machines'), person('jin', 'county.farming'), person('mo', 'county.office', ['directory.reorganise']), person('ning', 'county.office', ['directory.supervise'])],
}

type Citizen = { readonly id: string; readonly node: TestNode; readonly browser: Visitor; terminal(organ: string): Terminal; secret(organ: string): string }
/** Who sits at a desk in a browser; everybody else works through terminals. */
const AT_DESKS = ['hu', 'jin', 'mo', 'ning', 'qiu']
const nodes: TestNode[] = []
const people = new Map<string, Citizen>()
const at = (id: string): Citizen => people.get(id) ?? expect.fail(`nobody called ${id}`)
let stopDatabase = async (): Promise<void> => undefined

const sendTo = (address: string): Send => async ({ method, path, headers, body }) => {
  const reply = await send(address, { method, path, headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, body: body === undefined ? undefined : JSON.stringify(body) })
  return { status: reply.status, body: (reply.json ?? {}) as Record<string, unknown>, setCookie: reply.headers['set-cookie']?.[0] ?? null }
}

async function signIn(node: TestNode, id: string): Promise<Citizen> {
  const browser = visitor(sendTo(node.address ?? ''))
  const details = JSON.parse(readFileSync(join(node.home, 'first-sign-in.json'), 'utf8')) as { person: string; code: string }[]
  const device = await enrolWith(browser, id, details.find((each) => each.person === id)?.code ?? '', PASSWORD)
  expect((await signInWith(browser, id, PASSWORD, device)).status).toBe(200)
  const call: typeof fetch = (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), cookie: browser.cookie ?? '' } })
  const client = createClient({ base: node.address ?? '', cookies: false, csrf: () => browser.csrf, fetch: call })
  return {
    id, node, browser,
    terminal: (held) => createTerminal({ client, suites, actor: () => ({ person: id, name: `某${id}`, post: `${id}.post`, organ: held }) }),
    secret: (held) => (JSON.parse(readFileSync(join(node.home, 'first-sign-in', 'keys', `${id}-${held}.json`), 'utf8')) as { secret: string }).secret,
  }
}
const opened = async (id: string, held: string): Promise<Terminal> => {
  const terminal = at(id).terminal(held)
  await terminal.keys.open(at(id).secret(held))
  return terminal
}
const letter = (name: string, title: string, ...to: string[]): Draft => ({
  clientId: crypto.randomUUID(), name, title, number: '', printedTo: '', printedCc: '', recipients: to.map((each) => ({ organ: each, name: `${each}.name`, role: 'to' as const })), urgency: 'normal', label: 0,
  files: [{ name: '正文.txt', mediaType: 'text/plain', bytes: 6, stream: () => new Blob(['正文']).stream() as ReadableStream<Uint8Array> }],
})
const arrived = (terminal: Terminal, message: string) => until(async () => (await terminal.listReceived({ view: 'all' })).items.some((item) => item.message === message))
const reaches = (terminal: Terminal, message: string, state: string) => until(async () => (await terminal.track(message)).deliveries[0]?.state === state)
const order = (kind: string, about: string, heir: string) => ({ kind, basis: '县编发〔2026〕3号', on: '2026-01-01T00:00:00.000Z', organ: about, heirs: { inbox: heir, cases: heir, archive: heir }, posts: [], keepNames: [] })
const post = (id: string, path: string, body?: unknown) => at(id).browser.post(`/api/reorganisation${path}`, body ?? {})

beforeAll(async () => {
  stopDatabase = process.env['POSTROAD_TEST_POSTGRES'] === undefined ? await setup() : stopDatabase
  const ports = [await freePort(), await freePort()] as const
  await buildDesk()
  const start = async (bootstrap: typeof city | typeof county, parent: object | null, port: number) => {
    const desk = await freePort()
    return testNode(ROOMS, {
      deskFolder: DIST, node: bootstrap.node.id, bootstrap: { ...bootstrap, parent }, listen: true, realTime: true,
      config: { road: { host: '127.0.0.1', port }, desk: { host: '127.0.0.1', port: desk, origin: `http://localhost:${desk}` } },
    })
  }
  const above = await start(city, null, ports[0])
  nodes.push(above)
  const { fingerprint } = (await above.server.inject({ method: 'GET', url: '/api/directory/anchor' })).json<{ fingerprint: string }>()
  const below = await start(county, { node: 'city', url: `https://127.0.0.1:${ports[0]}`, code: CODE, anchor: fingerprint }, ports[1])
  nodes.push(below)
  for (const [node, { people: all }] of [[above, city], [below, county]] as const) {
    for (const { id } of all) if (!AT_DESKS.includes(id)) people.set(id, await signIn(node, id))
  }
  await until(async () => (await at('chen').terminal('city.office').directory().catch(() => null))?.view.organ('county.old') != null && (await at('ao').terminal('county.old').directory().catch(() => null))?.view.organ('city.office') != null)
})
afterAll(async () => {
  hangUp()
  for (const node of nodes.toReversed()) await node.stop()
  await stopDatabase()
})

describe('two offices that merge', () => {
  it('hand over inbox, open cases, archive, posts and keys in one act of two people; nothing is lost, old evidence still verifies', async () => {
    const [chen, ao] = [await opened('chen', 'city.office'), await opened('ao', 'county.old')]
    const unsigned = (await chen.dispatch(letter('city.office.name', '未签收的通知', 'county.old'))).message
    const open = (await chen.dispatch(letter('city.office.name', '已签收未登记的通知', 'county.old'))).message
    await arrived(ao, unsigned)
    await arrived(ao, open)
    await ao.signFor(open)
    await reaches(chen, open, 'signedFor')
    const report = (await ao.dispatch(letter('county.old.name', '旧局的报告', 'city.office'))).message
    await reaches(ao, report, 'arrived')

    const merge = { order: order('merge', 'county.old', 'county.new') }
    const planned = await post('lin', '/plan', merge)
    expect([planned.status, (planned.body['problems'] as { code: string }[]).map(({ code }) => code), planned.body['holdings']]).toEqual([200, ['keysNotHandedOver'], { inbox: 1, cases: 1, archive: 0, sent: 1 }])
    expect([(await post('lin', '/acts', merge)).body['error'], (await post('ao', '/plan', merge)).status, (await post('shen', '/acts', merge)).status]).toEqual([expect.objectContaining({ code: 'reorganisation.cannotBeCarriedOut' }), 403, 403])
    await ao.handOverKeys('county.new')
    const prepared = await post('lin', '/acts', merge)
    expect(prepared.status).toBe(200)
    const id = String(prepared.body['id'])
    expect([(await post('lin', `/acts/${id}/approve`)).status, (await post('shen', `/acts/${id}/approve`)).status, (await post('shen', `/acts/${id}/approve`)).status]).toEqual([403, 204, 409])
    const { acts } = (await at('shen').browser.get('/api/reorganisation/acts')).body as { acts: { state: string; steps: { step: string; person: string }[] }[] }
    expect(acts.map(({ state, steps }) => [state, steps.map(({ step, person: by }) => `${step} ${by}`)])).toEqual([['done', ['prepared lin', 'approved shen', 'done -']]])

    const nie = await opened('nie', 'county.new')
    expect((await nie.listReceived({ view: 'all' })).items.map(({ message, organ: to, keeper, content }) => [message, to, keeper, content?.title]).sort()).toEqual(
      [[open, 'county.old', 'county.new', '已签收未登记的通知'], [unsigned, 'county.old', 'county.new', '未签收的通知']].sort())
    const read = await nie.openReceived(unsigned, 'county.old')
    expect([read.verdict, read.steps.map(({ finding }) => finding)]).toEqual(['valid', ['signatureGood', 'issuerGood', 'recipientsGood', 'routeGood', 'integrityGood']])
    await nie.signFor(unsigned, { onBehalfOf: 'county.old' })
    await nie.register(open, 'county.old')
    await reaches(chen, unsigned, 'signedFor')
    await reaches(chen, open, 'registered')
    expect((await chen.track(unsigned)).deliveries[0]).toMatchObject({ organ: 'county.old', heir: 'county.new' })
    // what the old office sent is the heir's to follow, and to recall
    expect((await nie.listSent()).items.map(({ message, content }) => [message, content?.title])).toEqual([[report, '旧局的报告']])
    await nie.requestRecall(report, '旧局已并入')
    await reaches(nie, report, 'recalled')

    // who still writes to the old office reaches the heir
    const late = (await chen.dispatch(letter('city.office.name', '写给旧局的函', 'county.old'))).message
    await arrived(nie, late)
    expect((await chen.track(late)).deliveries[0]?.heir).toBe('county.new')
    expect((await nie.openReceived(late, 'county.old')).verdict).toBe('valid')
    // its people hold their posts in the new one; in the old one's name nobody acts any more
    const session = (await at('ao').browser.get('/api/identity/session')).body as { acting: { organ: string } }
    expect(session.acting.organ).toBe('county.new')
    await expect(ao.dispatch(letter('county.old.name', '冒旧局之名', 'city.office'))).rejects.toMatchObject({ code: expect.stringMatching(/nameNotHeld|recipientNoKey|notYourOrgan/) })
    expect((await at('chen').terminal('city.office').directory()).view.namesOf('county.old', new Date().toISOString())).toEqual([])

    for (const message of [unsigned, open]) {
      const files = unzipEvidence((await chen.exportEvidence(message)).bytes)
      if (!files.ok) return expect.fail(files.fault.code)
      const { verdict, steps, summary } = verifyEvidence(suites, files.value, (await chen.directory()).anchor)
      expect([verdict, steps.filter((step) => step.verdict === 'invalid'), summary.recipients[0]?.title, summary.recipients[0]?.actorTitle]).toEqual(['valid', [], '县旧局', '县新局'])
    }
  })
})

describe('an office that merges into one of another node', () => {
  it('sends on by the road what lay unsigned, with a receipt; the heir opens it with the keys it was given', async () => {
    const [lin, gu] = [await opened('lin', 'county.office'), await opened('gu', 'county.gone')]
    const unsigned = (await lin.dispatch(letter('county.office.name', '送分局的通知', 'county.gone'))).message
    await arrived(gu, unsigned)
    const signed = (await lin.dispatch(letter('county.office.name', '分局签收过的通知', 'county.gone'))).message
    await arrived(gu, signed)
    await gu.signFor(signed)
    const given = await gu.handOverKeys('city.bureau')
    expect((await post('bai', '/bequests', given)).status).toBe(204)
    const { body } = await post('lin', '/acts', { order: order('merge', 'county.gone', 'city.bureau') })
    expect((await post('shen', `/acts/${String(body['id'])}/approve`)).status).toBe(204)

    const bai = await opened('bai', 'city.bureau')
    await arrived(bai, unsigned)
    const read = await bai.openReceived(unsigned, 'county.gone')
    expect([read.verdict, read.manifest?.content.title]).toEqual(['valid', '送分局的通知'])
    await bai.signFor(unsigned, { onBehalfOf: 'county.gone' })
    await reaches(lin, unsigned, 'signedFor')
    const { deliveries } = await lin.track(unsigned)
    expect([deliveries[0]?.heir, deliveries[0]?.receipts.filter(({ receipt }) => receipt.kind === 'forwarded').map(({ receipt }) => receipt.node)]).toEqual(['city.bureau', ['county']])
    // what was signed for stays where it was, with the people who wind up
    const left = (await gu.listReceived({ view: 'all' })).items
    expect(left.map(({ message }) => message)).toEqual([signed])
    expect((await gu.openReceived(signed)).verdict).toBe('valid')
    for (const message of [unsigned, signed]) {
      const files = unzipEvidence((await lin.exportEvidence(message)).bytes)
      if (!files.ok) return expect.fail(files.fault.code)
      const { verdict, steps } = verifyEvidence(suites, files.value, (await lin.directory()).anchor)
      expect([verdict, steps.filter((step) => step.verdict === 'invalid')]).toEqual(['valid', []])
    }
  })
})

describe('the same at desks, in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchBrowser()
  })
  afterAll(async () => browser?.close())

  /** The form stands still once the list is there; the workbench, where the page comes from, has rows and a form as well. */
  const unlock = async (desk: Desk, newcomer: Parameters<typeof openKeys>[1]): Promise<void> => {
    await desk.menu('收文')
    await desk.page.getByRole('heading', { name: '收文', exact: true }).waitFor()
    await desk.page.getByText('没有待签收的公文').or(desk.page.locator('a.row')).first().waitFor()
    await openKeys(desk, newcomer)
  }
  const secretOf = (node: TestNode, id: string, held: string): string => (JSON.parse(readFileSync(join(node.home, 'first-sign-in', 'keys', `${id}-${held}.json`), 'utf8')) as { secret: string }).secret
  const sit = async (node: TestNode, id: string, held: string | null): Promise<Desk> => {
    const address = (node.address ?? '').replace('127.0.0.1', 'localhost')
    const first = (JSON.parse(readFileSync(join(node.home, 'first-sign-in.json'), 'utf8')) as { person: string; code: string }[]).find((each) => each.person === id)
    const newcomer = { account: id, name: `某${id}`, code: first?.code ?? '', secret: held === null ? '' : secretOf(node, id, held), desk: address }
    const desk = await openDesk(browser, address)
    await enrol(desk, newcomer, PASSWORD)
    if (held !== null) await unlock(desk, newcomer)
    return desk
  }

  it('an office merges while one document lies unsigned with it and another is under way: the heir signs for both, the sender sees it in words', async () => {
    const [above, below] = nodes
    if (above === undefined || below === undefined) throw new Error('two nodes')
    const [qiu, hu, jin, mo, ning] = [await sit(above, 'qiu', 'city.office'), await sit(below, 'hu', 'county.machines'), await sit(below, 'jin', 'county.farming'), await sit(below, 'mo', null), await sit(below, 'ning', null)]
    const chen = await opened('chen', 'city.office')
    const unsigned = (await chen.dispatch(letter('city.office.name', '关于农机年检的通知', 'county.machines'))).message
    await hu.page.getByText('关于农机年检的通知').first().waitFor()

    // a holder of the old office's keys gives the heir what opens its documents
    await hu.page.getByRole('button', { name: '单位密钥：已开启' }).click()
    await hu.page.getByRole('button', { name: '移交给承接单位' }).click()
    await hu.page.getByLabel('承接单位（输入单位名或地名）').first().fill('农业农村局')
    await hu.page.getByRole('button', { name: /县农业农村局/ }).click()
    await hu.look('30-hand-over')
    await hu.page.getByRole('button', { name: '移交解密密钥' }).click()
    await hu.page.getByText('已移交给「县农业农村局」').waitFor()

    // one draws the plan, and sees in words what it will do
    await mo.menu('机构改革')
    await mo.page.getByText('还没有机构改革事项').or(mo.page.getByRole('row', { name: /县旧局/ })).first().waitFor()
    await mo.page.getByRole('button', { name: '拟办' }).click()
    await mo.page.getByRole('button', { name: '看会发生什么' }).click()
    await mo.page.getByText('请填写').first().waitFor()
    await mo.page.getByLabel('单位', { exact: false }).first().selectOption('county.machines')
    await mo.page.getByLabel(/^依据文号/).fill('县编发〔2026〕9号')
    await mo.page.getByLabel(/^承接单位/).first().selectOption('county.farming')
    await mo.look('31-plan')
    await mo.page.getByRole('button', { name: '看会发生什么' }).click()
    const told = mo.page.getByRole('region', { name: '会发生什么' })
    await told.getByText('「县农机局」终止，由「县农业农村局」承接').waitFor()
    await told.getByText('待签收 1 件转「县农业农村局」').waitFor()
    await told.getByText('某hu（文书）转到「县农业农村局」，职责不变').waitFor()
    await mo.look('32-told')
    await mo.page.getByRole('button', { name: '提交核准' }).click()
    await mo.page.getByText('须由拟办人以外的另一人核准。').waitFor()

    // another approves, while the city does not hear of it
    const release = holdNews(above.node)
    await ning.menu('机构改革')
    const waiting = ning.page.getByRole('article', { name: '合并 县农机局' })
    await waiting.getByText('「县农机局」终止，由「县农业农村局」承接').waitFor()
    await waiting.getByRole('checkbox').check()
    await ning.look('33-approve')
    await waiting.getByRole('button', { name: '核准' }).click()
    const record = ning.page.getByRole('row', { name: /县农机局.*某mo \/ 某ning.*已执行/ })
    await record.waitFor()
    await ning.look('34-records')
    const under = (await chen.dispatch(letter('city.office.name', '关于春耕农机的通知', 'county.machines'))).message
    release()

    // the heir's clerk opens the keys anew, finds both and signs
    await jin.page.reload()
    await unlock(jin, { account: 'jin', name: '某jin', code: '', desk: '', secret: secretOf(below, 'jin', 'county.farming') })
    await jin.look('35-heir-list')
    for (const title of ['关于农机年检的通知', '关于春耕农机的通知']) {
      await jin.page.getByText(title).first().waitFor()
      await openRow(jin, title)
      await jin.page.getByText('核验通过，可以打开').waitFor()
      await jin.page.getByRole('button', { name: '打开', exact: true }).click()
      await jin.page.getByRole('button', { name: '签收', exact: true }).click()
      await jin.page.getByText('已签收，回执已发出。').waitFor()
      await jin.look('35-heir')
      await jin.menu('收文')
    }
    for (const message of [unsigned, under]) await reaches(chen, message, 'signedFor')
    // who sent them reads who signed, under the names of the time
    for (const title of ['关于农机年检的通知', '关于春耕农机的通知']) {
      await qiu.menu('跟踪')
      await openRow(qiu, title)
      await qiu.page.getByText(/已转由.*县农业农村局签收/).waitFor()
      await qiu.page.locator('.delivery', { hasText: '县农机局' }).locator('.delivery-line').click()
      await qiu.page.locator('.timeline').getByText('签收（承接）').waitFor()
    }
    await qiu.look('36-sender')
    for (const message of [unsigned, under]) {
      expect((await chen.track(message)).deliveries[0]).toMatchObject({ organ: 'county.machines', heir: 'county.farming' })
      const files = unzipEvidence((await chen.exportEvidence(message)).bytes)
      if (!files.ok) return expect.fail(files.fault.code)
      const { verdict, summary } = verifyEvidence(suites, files.value, (await chen.directory()).anchor)
      expect([verdict, summary.recipients[0]?.title, summary.recipients[0]?.actorTitle]).toEqual(['valid', '县农机局', '县农业农村局'])
    }
    for (const desk of [qiu, hu, jin, mo, ning]) {
      expect(desk.faults).toEqual([])
      await desk.close()
    }
  })
})
