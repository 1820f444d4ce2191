import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOMS } from '@postroad/bin/node'
import { buildDesk } from '@postroad/desk/build'
import { tlsCertificate } from '@postroad/directory/service'
import { type TestNode, freePort, testNode } from '@postroad/kernel/testing'
import { setup } from '@postroad/kernel/testing-setup'
import { roadAddress } from '@postroad/road/service'
import { type Crowd, adoptCrowd, crowdLine, gatherCrowd } from '@postroad/road/testing/crowd'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from './browser.ts'
import { type Desk, enrol, openDesk, openKeys, openRow } from './desk.ts'

const NODES = 8
const ORGANS = 15
const ALL = NODES * ORGANS
const TITLE = '关于做好汛期安全工作的通知'
const bootstrap = {
  node: { id: 'province', title: '江源省公文交换中心', level: 'province', region: '320000', regionTitle: '江源省', maxLabel: 2 },
  parent: null,
  organs: [{ id: 'alpha', title: '省委办公厅', system: 'party', region: '320000', regionTitle: '江源省', names: [{ id: 'alpha.name', title: '中共江源省委', code: '江委' }], deputies: [] }],
  people: [{ id: 'anna', name: '陈远', clearance: 2, posts: [{ id: 'anna.post', organ: 'alpha', title: '文书', duties: ['documents.read', 'documents.send', 'documents.sign', 'documents.share'] }] }],
}

let stopDatabase = async (): Promise<void> => undefined
let province: TestNode
let crowd: Crowd
let browser: Browser
let desk: Desk
beforeAll(async () => {
  await buildDesk()
  stopDatabase = process.env['POSTROAD_TEST_POSTGRES'] === undefined ? await setup() : stopDatabase
  const [port, road] = [await freePort(), await freePort()]
  province = await testNode(ROOMS, { node: 'province', bootstrap, listen: true, realTime: true, logLevel: 'silent', config: { desk: { host: '127.0.0.1', port, origin: `http://localhost:${port}` }, road: { host: '127.0.0.1', port: road } } })
  crowd = await gatherCrowd('province', { nodes: NODES, organsEach: ORGANS }, crowdLine)
  await adoptCrowd(province.node, crowd)
  browser = await launchBrowser()
  desk = await openDesk(browser, `http://localhost:${port}`)
})
afterAll(async () => {
  await browser?.close()
  await province?.stop()
  await crowd?.close()
  await stopDatabase()
})
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await desk.look('failed-many')
})

const details = <T>(file: string): T => JSON.parse(readFileSync(join(province.home, file), 'utf8')) as T

describe('one document to many organs, in the browser', () => {
  it('chooses a whole level of a region at once, and keeps it as a list', async () => {
    const code = details<{ person: string; code: string }[]>('first-sign-in.json').find(({ person }) => person === 'anna')?.code ?? ''
    const newcomer = { account: 'anna', name: '陈远', code, secret: details<{ secret: string }>('first-sign-in/keys/anna-alpha.json').secret, desk: '' }
    await enrol(desk, newcomer, '驿路梅花寒夜灯火照山川')
    await openKeys(desk, newcomer)
    await desk.menu('发文')
    const { page } = desk
    await page.getByLabel('标题').first().fill(TITLE)
    await page.getByText('按地区、系统、层级选').click()
    await page.getByLabel('层级').selectOption({ label: '县级' })
    await page.getByText(`共 ${ALL} 个单位`).waitFor()
    await page.getByRole('button', { name: '主送 这个范围' }).click()
    await page.getByText(`主送 ${ALL} 个，抄送 0 个`).waitFor()
    await page.getByText('常用发送范围').click()
    await page.getByLabel('把现在所选存为常用，例：各县（市、区）委').fill('各县（市、区）委')
    await page.getByRole('button', { name: '存为常用' }).click()
    await page.getByRole('button', { name: '加入 各县（市、区）委' }).waitFor()
    await desk.look('30-ranges')
    await page.getByRole('button', { name: '全部移去' }).click()
    await page.getByRole('button', { name: '加入 各县（市、区）委' }).click()
    await page.getByText(`主送 ${ALL} 个，抄送 0 个`).waitFor()
  })

  it('follows them by region and by state, finds one, and exports what is seen', async () => {
    const { page } = desk
    await page.locator('input[type=file]').setInputFiles([{ name: '正文.txt', mimeType: 'text/plain', buffer: Buffer.from('汛期') }])
    await page.getByRole('button', { name: '封发', exact: true }).click()
    await page.getByText('本节点已签发提交回执').waitFor()
    await crowd.signForAll({ node: 'province', endpoint: roadAddress(province.node), certificates: [tlsCertificate(province.node)] })
    const signed = page.getByRole('button', { name: `${ALL} 已签收` })
    await signed.waitFor()
    await page.getByText('第1县', { exact: true }).click()
    await desk.look('31-board')
    await page.getByRole('button', { name: '0 未签收' }).click()
    await page.getByText('没有这样的单位').waitFor()
    await signed.click()
    await page.getByPlaceholder('输入单位名或地名').fill('第2县 第3办')
    await page.getByRole('button', { name: '导出所见 1 个单位' }).waitFor() // typed, and looked for
    await page.locator('.delivery-line').click()
    await page.getByText('经办人 王文书').first().waitFor()
    await desk.look('32-board-one')
    const saved = page.waitForEvent('download')
    await page.getByRole('button', { name: '导出所见 1 个单位' }).click()
    const text = (await readFile((await (await saved).path()) ?? '')).toString()
    expect(text.split('\r\n')).toHaveLength(3)
    expect(text).toContain('第2县,第2县第3办公室')
    expect(desk.faults).toEqual([])
    await openRow(desk, TITLE)
  })
})
