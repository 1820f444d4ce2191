import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from './browser.ts'
import { type Desk, enrol, openDesk } from './desk.ts'
import { type RunningNetwork, startFreshNetwork } from './network.ts'

const password = '驿路梅花寒夜灯火照山川'
let network: RunningNetwork
let browser: Browser

beforeAll(async () => {
  network = await startFreshNetwork()
  browser = await launchBrowser()
}, 300_000)
afterAll(async () => {
  await browser?.close()
  await network?.stop()
}, 120_000)

async function arrive(person: string): Promise<Desk> {
  const newcomer = network.newcomer(person)
  const desk = await openDesk(browser, newcomer.desk)
  await enrol(desk, newcomer, password)
  return desk
}

describe('the console of a centre', () => {
  it('shows its operator how the links to the centre above and below are doing, and that nothing is wrong', async () => {
    const desk = await arrive('lc-kuangye')
    const { page } = desk
    await desk.menu('运行状况')
    await page.getByRole('heading', { name: '临川市公文交换中心运行状况' }).waitFor()
    await page.getByText('没有告警').waitFor()
    const links = page.getByRole('region', { name: '链路' })
    // a neighbour that joined after a look is called by the next, half a minute later
    const open = async (title: string) => links.getByRole('row', { name: new RegExp(`${title}.*畅通`) }).waitFor({ timeout: 60_000 })
    await open('江源省公文交换中心')
    await open('望川县公文交换中心')
    for (const name of ['公文与回执', '磁盘', '数据库与进程', '证书']) await page.getByRole('region', { name }).waitFor()
    await desk.look('20-console')
    expect(desk.faults).toEqual([])
    await desk.close()
  })

  it('is neither in the menu of a clerk nor answered to one', async () => {
    const desk = await arrive('lc-tangke')
    expect(await desk.page.locator('.side').getByRole('link', { name: '运行状况' }).count()).toBe(0)
    const refused = await desk.page.evaluate(async () => {
      const answer = await fetch('/api/console/condition')
      return [answer.status, ((await answer.json()) as { error: { code: string } }).error.code]
    })
    expect(refused).toEqual([403, 'kernel.forbidden'])
    await desk.close()
  })
})
