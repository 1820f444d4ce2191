import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Network } from '@postroad/bin/demo/network-up'
import { nodeHomeOf, openTerminal } from '@postroad/bin/demo/people'
import { startNodeProcess } from '@postroad/bin/demo/processes'
import type { DemoState } from '@postroad/bin/demo/state'
import type { Terminal } from '@postroad/documents/terminal'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from './browser.ts'
import { type Desk, enrol, openDesk } from './desk.ts'
import { type RunningNetwork, startFreshNetwork } from './network.ts'

const COUNTY = 'wangchuan'
const BUREAU = 'wangchuan-education'
const CLI = join(import.meta.dirname, '..', 'bin', 'postroad.ts')

let folder: string
let nodes: RunningNetwork
let browser: Browser
let home: string
let state: DemoState
let network: Network
beforeAll(async () => {
  nodes = await startFreshNetwork()
  browser = await launchBrowser()
  ;({ folder, home, state, network } = nodes)
  const sender = await openTerminal(home, state, 'wc-kongyi')
  await until(async () => (await sender.directory()).view.organ('wangchuan.education') !== null)
  await cut(COUNTY, BUREAU, { release: 'twoPersons', maxLabel: { out: 1 } })
  await cut(BUREAU, COUNTY, { release: 'onePerson' })
})
afterAll(async () => {
  await browser?.close()
  await nodes?.stop()
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 100))
}

/** From now on the link to `peer` goes by courier: the node is started again with that in its settings. */
async function cut(id: string, peer: string, setting: object): Promise<void> {
  const at = network.nodes.findIndex((node) => node.id === id)
  await network.nodes[at]?.stop()
  const own = nodeHomeOf(home, id)
  const links = join(own, 'links.json')
  writeFileSync(links, JSON.stringify({ [peer]: { carrier: 'bundle', ...setting } }))
  const ports = state.ports[id] ?? { desk: 0, road: 0 }
  network.nodes[at] = await startNodeProcess({ id, home: own, deskPort: ports.desk, roadPort: ports.road, bootstrap: join(own, 'bootstrap.json'), links })
}

/** The command as the operator gives it. */
function postroad(node: string, ...args: readonly string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, 'bundle', ...args, '--home', nodeHomeOf(home, node)], (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr }))
  })
}

async function carry(from: string, to: string): Promise<string> {
  const medium = join(folder, `medium-${readdirSync(folder).length}`)
  mkdirSync(medium)
  const written = await postroad(from, 'export', '--link', to, '--to', medium, '--volume-size', '10KB')
  expect([written.code, written.text]).toEqual([0, expect.stringContaining('已写出')])
  const taken = await postroad(to, 'import', medium)
  expect([taken.code, taken.text]).toEqual([0, expect.stringContaining('已导入')])
  return medium
}

const stateOf = async (sender: Terminal, message: string): Promise<string | undefined> => (await sender.track(message)).deliveries[0]?.state

const desks: Desk[] = []
async function arrive(person: string): Promise<Desk> {
  const newcomer = nodes.newcomer(person)
  const desk = await openDesk(browser, newcomer.desk)
  desks.push(desk)
  await enrol(desk, newcomer, 'Zhongyi-2026-bai')
  await desk.menu('摆渡')
  return desk
}

/** 双人放行 at two desks: the operator prepares, the security administrator looks and lets it out. */
async function letOut(): Promise<void> {
  const [operator, security] = [await arrive('wc-jinlu'), await arrive('wc-anwei')]
  await operator.page.getByText('待装公文 1 件').waitFor()
  await operator.look('bundle-01-waiting')
  await operator.page.getByRole('button', { name: '准备数据包' }).click()
  await operator.page.getByText('须由准备人以外的另一人放行。').waitFor()
  await operator.look('bundle-02-prepared')
  const { page } = security
  const [bundle, release] = [page.getByRole('article', { name: /号数据包 / }), page.getByRole('button', { name: '放行', exact: true })]
  await bundle.getByRole('cell', { name: '县政府办公室' }).waitFor()
  await bundle.getByRole('cell', { name: '县教育局' }).waitFor()
  expect(await release.isDisabled()).toBe(true)
  await bundle.getByRole('checkbox').check()
  await security.look('bundle-03-look')
  await release.click()
  await bundle.getByText('已放行，待写出').waitFor()
  await operator.page.getByText(`postroad bundle export --link ${BUREAU}`).waitFor()
  await operator.look('bundle-04-released')
}

describe('a department that no network reaches', () => {
  it('gets a document by courier, signs for it, and the sender sees the proof come back with the next disk', async () => {
    const [sender, reader] = [await openTerminal(home, state, 'wc-kongyi'), await openTerminal(home, state, 'we-zhuqiao')]
    const { message } = await sender.dispatch({
      clientId: crypto.randomUUID(), name: 'wangchuan.government.office', title: '关于报送材料的通知', number: '望政办〔2026〕9号', printedTo: '县教育局', printedCc: '',
      recipients: [{ organ: 'wangchuan.education', name: 'wangchuan.education.bureau', role: 'to' }], urgency: 'normal', label: 1, files: [],
    })
    const waiting = await postroad(COUNTY, 'status', '--json')
    expect(JSON.parse(waiting.text)).toMatchObject([{ link: BUREAU, out: { waiting: { shipments: 1 } } }])
    await letOut()
    const medium = await carry(COUNTY, BUREAU)
    expect((await postroad(BUREAU, 'import', medium)).text).toContain('此前已导入')
    await carry(BUREAU, COUNTY)
    await until(async () => (await stateOf(sender, message)) === 'arrived')
    await reader.openReceived(message)
    await reader.signFor(message)
    await carry(BUREAU, COUNTY)
    await until(async () => (await stateOf(sender, message)) === 'signedFor')
    expect((await sender.track(message)).deliveries[0]?.receipts.map(({ receipt }) => receipt.kind)).toEqual(expect.arrayContaining(['arrived', 'delivered', 'signedFor']))
  })

  it('what the courier may not carry is kept back, and a person ends it at the desk', async () => {
    const sender = await openTerminal(home, state, 'wc-kongyi')
    const { message } = await sender.dispatch({
      clientId: crypto.randomUUID(), name: 'wangchuan.government.office', title: '工作秘密事项', number: '望政办〔2026〕10号', printedTo: '县教育局', printedCc: '',
      recipients: [{ organ: 'wangchuan.education', name: 'wangchuan.education.bureau', role: 'to' }], urgency: 'urgent', label: 2, files: [],
    })
    const [, security] = desks as [Desk, Desk]
    const held = security.page.getByRole('article', { name: '因标识扣留 1 件' })
    await held.getByText('加急').waitFor()
    await held.getByRole('button', { name: '办结' }).click()
    await held.getByText('不能恢复').waitFor()
    await security.look('bundle-05-held')
    await held.getByRole('button', { name: '确已改走其他渠道，办结' }).click()
    await held.waitFor({ state: 'detached' })
    await until(async () => (await stateOf(sender, message)) === 'undeliverable')
    expect(desks.flatMap(({ faults }) => faults)).toEqual([])
  })

  it('the operator is told what is wrong, and what to do', async () => {
    const medium = join(folder, 'empty')
    mkdirSync(medium)
    const answers = await Promise.all([
      postroad(COUNTY, 'import', medium), postroad(COUNTY, 'export', '--link', 'linchuan', '--to', medium), postroad(COUNTY, 'export', '--link', BUREAU), postroad(COUNTY, 'export', '--link', BUREAU, '--to', medium, '--volume-size', 'big'),
      postroad(COUNTY, 'status', '--link', '../x'),
    ])
    expect(answers.map(({ code }) => code)).toEqual([1, 1, 64, 64, 1])
    for (const { text } of answers) expect(text).toContain('怎么办')
    expect(answers[1]?.text).toContain('road.notByBundle')
  })
})
