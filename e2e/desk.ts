import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import type { Newcomer } from './network.ts'

const SCREENSHOTS = join(import.meta.dirname, 'screenshots')
/** The sizes each page is looked at. */
const SIZES = [{ width: 1440, height: 900 }, { width: 820, height: 1180 }, { width: 390, height: 844 }] as const

/** A desk in front of one person: a browser context of its own, with what went wrong in it. */
export type Desk = { readonly page: Page; readonly faults: string[]; look(name: string): Promise<void>; menu(title: string): Promise<void>; close(): Promise<void> }

export async function openDesk(browser: Browser, address: string): Promise<Desk> {
  const context = await browser.newContext({ viewport: SIZES[0], locale: 'zh-CN', timezoneId: 'Asia/Shanghai', acceptDownloads: true })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => {
    // a 401 is how the desk learns that nobody has signed in
    if (message.type() === 'error' && !message.text().includes('401')) faults.push(message.text())
  })
  await page.goto(address)
  return {
    page,
    faults,
    look: (name) => look(page, name),
    menu: (title) => page.locator('.side').getByRole('link', { name: title, exact: true }).click(),
    close: () => context.close(),
  }
}

/** Screenshots at every size, then back to the first. */
async function look(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true })
  for (const size of SIZES) {
    await page.setViewportSize(size)
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
    await page.screenshot({ path: join(SCREENSHOTS, `${name}-${size.width}x${size.height}.png`) })
  }
  await page.setViewportSize(SIZES[0])
}

/** First sign-in with the one-time code, as a newcomer does it. */
export async function enrol({ page }: Desk, { account, code, name }: Pick<Newcomer, 'account' | 'code' | 'name'>, password: string): Promise<void> {
  await page.getByRole('button', { name: '第一次在这台电脑上登录' }).click()
  await page.getByLabel('账号').fill(account)
  await page.getByLabel('启用码').fill(code)
  await page.getByLabel('设定登录密码').fill(password)
  await page.getByLabel('再输一次').fill(password)
  await page.getByRole('button', { name: '登记并登录' }).click()
  await page.getByRole('heading', { name: `${name}，您好` }).waitFor()
}

/** Opens the organ's keys where the page asks for the secret. */
export async function openKeys({ page }: Desk, { secret }: Newcomer): Promise<void> {
  const form = page.locator('.unlock').first()
  await form.getByLabel('密钥口令').fill(secret)
  await form.getByRole('button', { name: '开启单位密钥' }).click()
  await page.getByRole('button', { name: '单位密钥：已开启' }).waitFor()
}

/** Opens a row of a list by its title. */
export async function openRow({ page }: Desk, title: string): Promise<void> {
  await page.locator('a.row', { hasText: title }).first().click()
}
