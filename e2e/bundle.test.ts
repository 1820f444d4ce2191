import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Network } from '@postroad/bin/demo/network-up'
import { nodeHomeOf, openTerminal } from '@postroad/bin/demo/people'
import { startNodeProcess } from '@postroad/bin/demo/processes'
import type { DemoState } from '@postroad/bin/demo/state'
import type { Terminal } from '@postroad/documents/terminal'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningNodes, startNodes } from './network.ts'

const COUNTY = 'wangchuan'
const BUREAU = 'wangchuan-education'
const CLI = join(import.meta.dirname, '..', 'bin', 'postroad.ts')

let folder: string
let nodes: RunningNodes
let home: string
let state: DemoState
let network: Network
beforeAll(async () => {
  nodes = await startNodes()
  ;({ folder, home, state, network } = nodes)
  const sender = await openTerminal(home, state, 'wc-kongyi')
  await until(async () => (await sender.directory()).view.organ('wangchuan.education') !== null)
  await cut(COUNTY, BUREAU)
  await cut(BUREAU, COUNTY)
})
afterAll(async () => {
  await nodes?.stop()
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 100))
}

/** From now on the link to `peer` goes by courier: the node is started again with that in its settings. */
async function cut(id: string, peer: string): Promise<void> {
  const at = network.nodes.findIndex((node) => node.id === id)
  await network.nodes[at]?.stop()
  const own = nodeHomeOf(home, id)
  const links = join(own, 'links.json')
  writeFileSync(links, JSON.stringify({ [peer]: { carrier: 'bundle', release: 'onePerson' } }))
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

describe('a department that no network reaches', () => {
  it('gets a document by courier, signs for it, and the sender sees the proof come back with the next disk', async () => {
    const [sender, reader] = [await openTerminal(home, state, 'wc-kongyi'), await openTerminal(home, state, 'we-zhuqiao')]
    const { message } = await sender.dispatch({
      clientId: crypto.randomUUID(), name: 'wangchuan.government.office', title: '关于报送材料的通知', number: '望政办〔2026〕9号', printedTo: '县教育局', printedCc: '',
      recipients: [{ organ: 'wangchuan.education', name: 'wangchuan.education.bureau', role: 'to' }], urgency: 'normal', label: 1, files: [],
    })
    const waiting = await postroad(COUNTY, 'status', '--json')
    expect(JSON.parse(waiting.text)).toMatchObject([{ link: BUREAU, out: { waiting: { shipments: 1 } } }])
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
