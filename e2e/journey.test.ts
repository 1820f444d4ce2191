import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from './browser.ts'
import { type Desk, enrol, openDesk, openKeys, openRow } from './desk.ts'
import { type Newcomer, type RunningNetwork, startFreshNetwork } from './network.ts'

const TITLE = '中共江源省委关于做好今冬明春困难群众生活保障工作的通知'
const TEXT = '中共江源省委关于做好今冬明春困难群众生活保障工作的通知\n\n各市委、县委：\n    入冬以来，部分地方气温偏低。为保障困难群众温暖安全过冬，现就有关事项通知如下。\n    一、摸清底数。以乡镇为单位逐户走访，12月5日前建立台账。\n'
const RETURN_REASON = '缺附件 2，请补齐后重发。'
const password = '驿路梅花寒夜灯火照山川'

let network: RunningNetwork
let browser: Browser
const desks: Desk[] = []

beforeAll(async () => {
  network = await startFreshNetwork()
  browser = await launchBrowser()
}, 300_000)
afterAll(async () => {
  await browser?.close()
  await network?.stop()
}, 120_000)

// What stood on the screens when a step failed.
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await Promise.all(desks.map((desk, index) => desk.look(`failed-${index}`)))
})

async function arrive(person: string): Promise<{ desk: Desk; newcomer: Newcomer }> {
  const newcomer = network.newcomer(person)
  const desk = await openDesk(browser, newcomer.desk)
  desks.push(desk)
  return { desk, newcomer }
}

describe('a document from the province to a county, in the browser', () => {
  let sender: Desk
  let county: Desk
  let evidence: Buffer

  it('lets a newcomer sign in with the one-time code and open the organ’s keys', async () => {
    const { desk, newcomer } = await arrive('jy-chenyuan')
    sender = desk
    await desk.page.getByRole('heading', { name: '登录' }).waitFor()
    await desk.look('01-sign-in')
    await enrol(desk, newcomer, password)
    await desk.look('02-workbench-locked')
    await openKeys(desk, newcomer)
    await desk.look('03-workbench')
  })

  it('keeps a draft through a reload, tells namesakes apart, and dispatches', async () => {
    const { page } = sender
    await sender.menu('发文')
    await page.getByLabel('标题').first().fill(TITLE)
    await page.getByLabel('发文名义').selectOption({ label: '中共江源省委' })
    await page.getByLabel('发文字号').fill('江委〔2026〕18号')
    await page.getByRole('radiogroup').getByText('加急').click()
    const search = page.getByLabel('输入单位名或地名').first()
    await search.fill('县委办公室')
    await page.getByText('临川市安澜县').first().waitFor()
    await sender.look('04-compose-namesakes')
    await page.getByRole('button', { name: '主送 临川市望川县 · 县委办公室' }).first().click()
    for (const [typed, role, place] of [['市委办公室', '主送', '江源省临川市 · 市委办公室'], ['县政协', '抄送', '临川市望川县 · 县政协办公室'], ['教育局', '抄送', '临川市望川县 · 县教育局']] as const) {
      await search.fill(typed)
      await page.getByRole('button', { name: `${role} ${place}` }).first().click()
    }
    await search.fill('')
    await page.getByRole('button', { name: '按分发范围填写' }).first().click()
    await page.locator('input[type=file]').setInputFiles([
      { name: '正文.txt', mimeType: 'text/plain', buffer: Buffer.from(TEXT) },
      { name: '附件1 台账样表.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(2_500_000, 7) },
    ])
    await page.getByText('草稿已存在本机').waitFor()
    await page.reload()
    await page.getByLabel('标题').first().waitFor()
    expect(await page.getByLabel('标题').first().inputValue()).toBe(TITLE)
    expect(await page.getByText('附件1 台账样表.bin').count()).toBe(1)
    await openKeys(sender, network.newcomer('jy-chenyuan'))
    await sender.look('05-compose')
    await page.getByRole('button', { name: '封发', exact: true }).click()
    await page.getByText('已封发').waitFor({ timeout: 90_000 })
    await page.getByText('应收').waitFor()
    await sender.look('06-dispatched')
  })

  it('shows the recipient the verification before the content; it opens, signs for and registers', async () => {
    const { desk, newcomer } = await arrive('wc-linzhou')
    county = desk
    const { page } = desk
    await enrol(desk, newcomer, password)
    await desk.menu('收文')
    await page.locator('a.row').first().waitFor({ timeout: 60_000 })
    await desk.look('07-received-locked')
    await openKeys(desk, newcomer)
    await openRow(desk, TITLE)
    await page.getByText('核验通过，可以打开').waitFor()
    expect(await page.getByText('为保障困难群众温暖安全过冬').count()).toBe(0)
    await desk.look('08-received-verified')
    await page.getByRole('button', { name: '打开', exact: true }).click()
    await page.getByText('为保障困难群众温暖安全过冬').waitFor()
    await desk.look('09-received-opened')
    await page.getByRole('button', { name: '签收', exact: true }).click()
    await page.getByText('已签收，回执已发出。').waitFor()
    await desk.look('10-signed-for')
    await page.getByRole('button', { name: '登记', exact: true }).click()
    await page.getByText('没有待签收的公文').waitFor()
  })

  it('lets another office return it, with a reason that is required', async () => {
    const { desk, newcomer } = await arrive('we-zhuqiao')
    const { page } = desk
    await enrol(desk, newcomer, password)
    await openKeys(desk, newcomer)
    await desk.menu('收文')
    await openRow(desk, TITLE)
    await page.getByText('核验通过，可以打开').waitFor()
    await page.getByRole('button', { name: '退文', exact: true }).click()
    await page.getByText('缺页、缺附件或附件打不开').click()
    await page.getByRole('button', { name: '退文并发出回执' }).click()
    await page.getByText('请写明具体理由').waitFor()
    await desk.look('11-return-needs-reason')
    await page.getByLabel('具体说明').fill(RETURN_REASON)
    await page.getByRole('button', { name: '退文并发出回执' }).click()
    await page.getByText('没有待签收的公文').waitFor()
  })

  it('lets a deputy sign on behalf of another office without reading', async () => {
    const { desk, newcomer } = await arrive('wc-dujuan')
    const { page } = desk
    await enrol(desk, newcomer, password)
    await openKeys(desk, newcomer)
    await desk.menu('收文')
    await openRow(desk, '代收件')
    await page.getByText('代收只签收，不能拆阅').waitFor()
    await desk.look('12-deputy')
    await page.getByRole('button', { name: '代收', exact: true }).click()
    await page.getByText('没有待签收的公文').waitFor()
  })

  it('shows the sender the board live, and the way of each delivery', async () => {
    const { page } = sender
    await page.locator('.delivery', { hasText: RETURN_REASON }).waitFor({ timeout: 60_000 })
    await page.locator('.delivery', { hasText: '望川县委' }).getByText('已登记').waitFor({ timeout: 60_000 })
    await page.locator('.delivery', { hasText: '政协' }).getByText('已签收').waitFor({ timeout: 60_000 })
    await page.locator('.delivery', { hasText: '政协' }).locator('.delivery-line').click()
    await page.locator('.timeline').getByText('代收').waitFor()
    await sender.look('13-tracking')
  })

  it('recalls what nobody has signed for, and sends correction and void notices', async () => {
    const { page } = sender
    await page.getByRole('button', { name: '撤回申请', exact: true }).click()
    await page.getByLabel('理由').fill('附件有误，需要重发。')
    await sender.look('14-recall')
    await page.getByRole('button', { name: '发出撤回申请' }).click()
    await page.locator('.delivery', { hasText: '临川市委' }).getByText('已撤回').waitFor({ timeout: 60_000 })
    await page.getByRole('button', { name: '更正通知', exact: true }).click()
    await page.getByLabel('更正内容').fill('第二条中“12月5日”更正为“12月8日”。')
    await page.getByRole('button', { name: '发出更正通知' }).click()
    await page.getByText('更正通知已发出。').waitFor({ timeout: 60_000 })
    await page.getByRole('button', { name: '作废通知', exact: true }).click()
    await page.getByLabel('理由').fill('另行印发。')
    await page.getByRole('button', { name: '发出作废通知' }).click()
    await page.getByText('作废通知已发出。').waitFor({ timeout: 60_000 })
    await county.page.locator('a.row', { hasText: '更正通知' }).first().waitFor({ timeout: 60_000 })
    await county.page.locator('a.row', { hasText: '作废通知' }).first().waitFor({ timeout: 60_000 })
    await county.look('15-notices-arrived')
  })

  it('is worked by the keyboard alone', async () => {
    const { page } = county
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    await page.keyboard.press('k')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: '作废通知' }).waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: '键盘' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByText('核验通过，可以打开').waitFor()
    await page.keyboard.press('Control+Enter') // a notice without files: the expected act is 签收
    await page.getByText('已签收，回执已发出。').waitFor()
    await county.look('16-notice-signed')
  })

  it('continues an upload where the line was cut', async () => {
    const { page } = sender
    await sender.menu('发文')
    await page.getByLabel('标题').first().fill('关于报送会议录像的函')
    await page.getByLabel('输入单位名或地名').first().fill('省总工会')
    await page.getByRole('button', { name: '主送 江源省 · 省总工会' }).first().click()
    await page.getByLabel('输入单位名或地名').first().fill('')
    await page.locator('input[type=file]').setInputFiles({ name: '会议录像.mp4', mimeType: 'video/mp4', buffer: randomBytes(16_000_000) })
    await page.getByRole('button', { name: '封发', exact: true }).click()
    await page.getByText('正在加密并上传').waitFor()
    await page.context().setOffline(true)
    await page.getByText('线路中断').waitFor()
    await sender.look('17-line-cut')
    await page.context().setOffline(false)
    await page.getByText('已封发').waitFor({ timeout: 90_000 })
    await page.goBack()
    await sender.menu('跟踪')
    await openRow(sender, TITLE)
    await page.getByText('应收').waitFor()
  })

  it('signs in with a passkey where the device has no key', async () => {
    const { desk, newcomer } = await arrive('lc-xuyan')
    const { page } = desk
    const authenticator = await page.context().newCDPSession(page)
    await authenticator.send('WebAuthn.enable')
    await authenticator.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } })
    await enrol(desk, newcomer, password)
    await page.getByRole('button', { name: newcomer.name }).click()
    await page.getByRole('button', { name: '登记通行密钥' }).click()
    await page.getByText('通行密钥已登记').waitFor()
    await page.getByRole('button', { name: '退出' }).click()
    await page.getByRole('heading', { name: '登录' }).waitFor()
    await page.evaluate(() => new Promise((resolve) => {
      indexedDB.open('postroad').onsuccess = ({ target }) => {
        const transaction = (target as IDBOpenDBRequest).result.transaction('deviceKeys', 'readwrite')
        transaction.objectStore('deviceKeys').clear()
        transaction.oncomplete = resolve
      }
    }))
    await page.getByLabel('账号').fill(newcomer.account)
    await page.getByLabel('登录密码').fill(password)
    await page.getByRole('button', { name: '登录', exact: true }).click()
    await page.getByText('这台设备还没有登记').waitFor()
    await desk.look('18-second-factor')
    await page.getByRole('button', { name: '用通行密钥登录' }).click()
    await page.getByRole('heading', { name: `${newcomer.name}，您好` }).waitFor()
  })

  it('lets a person change a key secret that somebody else chose', async () => {
    const { page } = county
    const own = '山高月小 水落石出 7'
    await page.getByRole('button', { name: '单位密钥：已开启' }).click()
    await page.getByText('现在的密钥口令是别人代设的').waitFor()
    await page.getByRole('button', { name: '修改密钥口令' }).click()
    await page.getByLabel('现在的密钥口令').fill(network.newcomer('wc-linzhou').secret)
    await page.getByLabel('新的密钥口令').fill(own)
    await page.getByLabel('再输一次新口令').fill(own)
    await page.getByRole('button', { name: '保存新口令' }).click()
    await page.getByText('密钥口令已修改。').waitFor()
    await page.reload()
    await openKeys(county, { ...network.newcomer('wc-linzhou'), secret: own })
  })

  it('exports evidence', async () => {
    const { page } = sender
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: '导出凭证', exact: true }).click()
    evidence = await readFile(await (await download).path())
    expect(evidence.subarray(0, 2).toString()).toBe('PK')
  })

  it('verifies the evidence in the browser with the line cut, and refuses a changed one', async () => {
    const { page } = county
    await page.goto(`${network.newcomer('wc-linzhou').desk}/verify`)
    await page.getByText('这台电脑登录时记下的').waitFor()
    await page.getByRole('button', { name: '把凭证' }).waitFor()
    await county.look('19-verify')
    const calls: string[] = []
    page.on('request', (request) => calls.push(new URL(request.url()).pathname))
    await page.locator('input[type=file]').setInputFiles({ name: 'evidence.zip', mimeType: 'application/zip', buffer: evidence })
    await page.getByText('凭证有效').waitFor({ timeout: 60_000 })
    await county.look('20-verified')
    expect(calls.filter((path) => path.startsWith('/api/'))).toEqual([])
    await page.getByRole('button', { name: '核对另一份' }).click()
    await page.context().setOffline(true)
    await page.getByLabel('根指纹').fill('0'.repeat(64))
    await page.locator('input[type=file]').setInputFiles({ name: 'evidence.zip', mimeType: 'application/zip', buffer: evidence })
    await page.getByText('凭证无效').waitFor({ timeout: 60_000 })
    await county.look('21-not-verified')
  })

  it('left no error in any page', () => {
    expect(desks.flatMap(({ faults }) => faults)).toEqual([])
  })
})
