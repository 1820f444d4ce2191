import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '@postroad/bin/demo/processes'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from './browser.ts'
import { type Desk, enrol, openDesk, openKeys, openRow } from './desk.ts'
import { type Newcomer, type RunningNetwork, startFreshNetwork } from './network.ts'

const CLI = join(import.meta.dirname, '..', 'bin', 'postroad.ts')
const TITLE = '关于报送档案数字化进度的通知'
const LAST_TITLE = '关于移交旧档的通知'
const password = '驿路梅花寒夜灯火照山川'
const NODE = 'wangchuan-archives'

/** `postroad join` as an operator runs it: what it printed, and whether it still runs. */
type FirstSignIn = { readonly person: string; readonly account: string; readonly name: string; readonly code: string }
type Joining = { readonly printed: () => string; says(words: string): Promise<void>; stop(): Promise<void>; readonly exited: Promise<number | null> }

let network: RunningNetwork
let browser: Browser
let home: string
const desks: Desk[] = []
const running: Joining[] = []

beforeAll(async () => {
  network = await startFreshNetwork()
  browser = await launchBrowser()
  const folder = mkdtempSync(join(tmpdir(), 'postroad-join-'))
  chmodSync(folder, 0o711) // PostgreSQL runs as nobody when the tests run as root
  home = join(folder, 'node')
}, 300_000)
afterAll(async () => {
  await browser?.close()
  for (const joining of running) await joining.stop()
  await network?.stop()
  rmSync(join(home, '..'), { recursive: true, force: true })
}, 120_000)
afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') return
  await Promise.all(desks.map((desk, index) => desk.look(`join-failed-${index}`)))
  process.stderr.write(running.at(-1)?.printed() ?? '')
})

async function arrive(newcomer: Newcomer): Promise<Desk> {
  const desk = await openDesk(browser, newcomer.desk)
  desks.push(desk)
  await enrol(desk, newcomer, password)
  return desk
}

function postroadJoin(args: readonly string[]): Joining {
  const child: ChildProcess = spawn(process.execPath, [CLI, 'join', ...args, '--home', home], { env: { ...process.env, POSTROAD_LOG: 'silent', NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const joining: Joining = {
    printed: () => text,
    exited,
    async says(words) {
      while (!text.includes(words)) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`postroad join ended: ${text}`)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await exited
    },
  }
  running.push(joining)
  return joining
}

function firstSignIn(person: string): FirstSignIn {
  const details = (JSON.parse(readFileSync(join(home, 'first-sign-in.json'), 'utf8')) as FirstSignIn[]).find(({ name }) => name === person)
  if (details === undefined) throw new Error(`nobody of the name ${person}`)
  return details
}

const spokenIn = (text: string): string => /本节点指纹 {2}((?:\d{5} ?){8})/.exec(text)?.[1]?.trim() ?? ''

describe('a department comes onto the network', () => {
  let operator: Desk
  let sender: Desk
  let archive: Desk
  let archivist: Newcomer
  let code = ''
  let ports: number[] = []

  it('is invited at the centre’s desk: the code is shown once', async () => {
    operator = await arrive(network.newcomer('wc-jinlu'))
    const { page } = operator
    await operator.menu('成员节点')
    await page.getByRole('heading', { name: '成员节点' }).waitFor()
    await operator.look('join-01-members')
    await page.getByRole('button', { name: '邀请新节点' }).click()
    await page.getByRole('button', { name: '生成加入码' }).click()
    await page.getByText('请填写').first().waitFor()
    await page.getByLabel('节点名称').fill('望川县档案馆')
    await page.getByLabel('节点标识').fill(NODE)
    await page.getByLabel('最高密级标识').selectOption({ label: '工作秘密' })
    await operator.look('join-02-invite')
    await page.getByRole('button', { name: '生成加入码' }).click()
    await page.locator('.join-code li').first().waitFor()
    code = (await page.locator('.join-code li').allInnerTexts()).join('\n')
    await operator.look('join-03-code')
    await page.reload()
    await page.getByText('待申请').waitFor()
    expect(await page.locator('.join-code').count()).toBe(0)
  })

  it('a slip of the hand is told by its line, before any network is used', async () => {
    const wrong = postroadJoin([`${code.slice(0, 3)}${code[3] === '7' ? '8' : '7'}${code.slice(4)}`])
    expect(await wrong.exited).toBe(1)
    expect(wrong.printed()).toContain('directory.codeMistyped')
    expect(wrong.printed()).toContain('第 1 行')
    expect(wrong.printed()).not.toContain('正在连接')
  })

  it('asks, shows its fingerprint, and waits, also after it was stopped', async () => {
    ports = await freePorts(21_000, 2)
    const first = postroadJoin([code, '--desk-port', String(ports[0]), '--road-port', String(ports[1]), '--organ', '县档案馆', '--organ-id', 'wangchuan.archives', '--system', '党委', '--issuing-name', '望川县档案馆', '--code-word', '望档', '--clerk', '柏舟', '--operator', '季野'])
    await first.says('请逐组念出') // the line after the fingerprint
    const fingerprint = spokenIn(first.printed())
    expect(fingerprint).toMatch(/^(\d{5} ){7}\d{5}$/)
    await first.stop()
    const second = postroadJoin([])
    await second.says('请逐组念出') // the line after the fingerprint
    expect(spokenIn(second.printed())).toBe(fingerprint)

    const { page } = operator
    await page.locator('.applicant').waitFor()
    expect(await page.locator('.spoken').innerText()).toBe(fingerprint)
    await operator.look('join-04-applicant')
    expect(await page.getByRole('button', { name: '准入', exact: true }).isDisabled()).toBe(true)
    await page.getByText('已与对方逐组核对').click()
    await page.getByRole('button', { name: '准入', exact: true }).click()
    await second.says('已入网')
    await page.getByRole('cell', { name: `望川县档案馆 ${NODE}` }).first().waitFor()
    await page.getByRole('row', { name: NODE }).filter({ hasText: '已入网' }).waitFor() // its own line: the department that was there before shows the same
    await operator.look('join-05-joined')
  })

  const sendToArchive = async (title: string): Promise<void> => {
    const { page } = sender
    await sender.menu('发文')
    await page.getByLabel('标题').first().fill(title)
    await page.getByLabel('发文名义').selectOption({ label: '望川县教育局' })
    await page.getByLabel('发文字号').fill('望教〔2026〕7号')
    const search = page.getByLabel('输入单位名或地名').first()
    await search.fill('档案馆')
    await page.getByRole('button', { name: /^主送 .*县档案馆/ }).first().click()
    await search.fill('')
    await page.getByRole('button', { name: '按分发范围填写' }).first().click()
    await page.locator('input[type=file]').setInputFiles([{ name: '正文.txt', mimeType: 'text/plain', buffer: Buffer.from('请于月底前报送。') }])
    await page.getByRole('button', { name: '封发', exact: true }).click()
    await page.getByText('已封发').waitFor({ timeout: 90_000 })
  }
  const signAtArchive = async (title: string): Promise<void> => {
    await archive.menu('收文')
    await openRow(archive, title)
    await archive.page.getByText('核验通过，可以打开').waitFor()
    await archive.page.getByRole('button', { name: '打开', exact: true }).click()
    await archive.page.getByText('请于月底前报送').waitFor()
    await archive.page.getByRole('button', { name: '签收', exact: true }).click()
    await archive.page.getByText('已签收，回执已发出。').waitFor()
  }

  it('receives a document from another department of the county', async () => {
    sender = await arrive(network.newcomer('we-luxia'))
    await openKeys(sender, network.newcomer('we-luxia'))
    await sendToArchive(TITLE)
    const details = firstSignIn('柏舟')
    const { secret } = JSON.parse(readFileSync(join(home, 'first-sign-in', 'keys', `${details.person}-wangchuan.archives.json`), 'utf8')) as { secret: string }
    archivist = { account: details.account, name: details.name, code: details.code, secret, desk: `http://localhost:${ports[0]}` }
    archive = await arrive(archivist)
    await openKeys(archive, archivist)
    await signAtArchive(TITLE)
  })

  it('is blocked, and let in again, at the centre’s desk', async () => {
    const { page } = operator
    const act = async (title: string): Promise<void> => {
      await page.getByRole('row', { name: /望川县档案馆/ }).first().getByRole('button', { name: title, exact: true }).click()
      const panel = page.getByRole('region', { name: `${title} 望川县档案馆` })
      await panel.getByLabel('理由').fill('机器送修')
      await operator.look(`join-06-${title === '封锁' ? 'block' : 'unblock'}`)
      await panel.getByRole('button', { name: title, exact: true }).click()
    }
    await act('封锁')
    await page.getByText('已封锁').waitFor()
    await act('解除封锁')
    await page.getByText('已封锁').waitFor({ state: 'detached' })
  })

  it('leaves: nothing new is sent to it, its own operator says that nothing waits there, the centre lets it go', async () => {
    const { page } = operator
    const row = page.getByRole('row', { name: /望川县档案馆/ }).first()
    const act = async (title: string, submit: string, picture: string): Promise<void> => {
      await row.getByRole('button', { name: title, exact: true }).click()
      await page.getByLabel('理由').fill('并入县网络中心')
      await operator.look(picture)
      await page.getByRole('button', { name: submit, exact: true }).last().click()
    }
    await sendToArchive(LAST_TITLE)
    await archive.menu('收文')
    await archive.page.locator('a.row', { hasText: LAST_TITLE }).first().waitFor()
    await act('办理退网', '开始退网', 'join-07-leave')
    await row.getByText('等待对方确认交接完毕').waitFor()
    await operator.look('join-08-leaving')

    // clerks on both sides see it before they write in vain
    await archive.page.reload() // a page looks at the directory every five minutes
    await archive.menu('发文')
    await archive.page.getByText('本单位所在节点正在退网，不再发文').waitFor()
    await archive.look('join-13-no-dispatch')
    await sender.page.reload()
    await openKeys(sender, network.newcomer('we-luxia'))
    await sender.menu('发文')
    await sender.page.getByLabel('输入单位名或地名').first().fill('档案馆')
    await sender.page.getByText('正在退网，暂停收文').first().waitFor()
    expect(await sender.page.getByRole('button', { name: /^主送 .*县档案馆/ }).first().isDisabled()).toBe(true)
    await sender.look('join-14-picker')

    const details = firstSignIn('季野')
    const local = await arrive({ account: details.account, name: details.name, code: details.code, secret: '', desk: `http://localhost:${ports[0]}` })
    await local.menu('成员节点')
    await local.page.getByRole('heading', { name: /上级节点正在办理本节点退网/ }).waitFor()
    const confirm = local.page.getByRole('button', { name: '确认交接完毕' })
    await local.page.locator('.facts-line', { hasText: '待签收' }).getByText('1 件，由收文单位签收或退文').waitFor()
    expect(await confirm.isDisabled()).toBe(true)
    await local.look('join-15-own-left')
    await local.menu('运行状况')
    await local.page.getByText('上级节点正在办理本节点退网：并入县网络中心').waitFor()
    await local.look('join-16-own-alarm')
    await local.menu('成员节点')
    await archive.menu('收文')
    await archive.page.getByRole('heading', { name: '收文', exact: true }).waitFor()
    await openKeys(archive, archivist)
    await signAtArchive(LAST_TITLE)
    await local.page.locator('.facts-line', { hasText: '待签收' }).getByText('已清').waitFor()
    await local.look('join-09-own-leaving')
    await confirm.click()
    await local.page.getByText('已确认交接完毕，等待上级节点办结').waitFor()

    await row.getByText('对方已确认交接完毕').waitFor()
    await act('办结退网', '办结退网', 'join-10-dismiss')
    await row.getByText('已退网').waitFor()
    await operator.look('join-11-gone')
    await local.page.getByRole('heading', { name: /本节点已退网/ }).waitFor()
    await local.look('join-12-own-gone')
  })

  it('and nothing went wrong on any screen', () => {
    expect(desks.flatMap(({ faults }) => faults)).toEqual([])
  })
})
