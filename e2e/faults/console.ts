import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { launchBrowser } from '../browser.ts'
import { enrol, openDesk } from '../desk.ts'
import { type FireNode, OPERATOR } from './network.ts'

const EVERY_MS = 5_000

/**
 * Somebody sits before the console of a node under fire and takes a picture every few seconds, as PNG into `folder`. The page is left open:
 * what it shows while its node is dead, and whether it comes back by itself, is what an operator would see.
 */
export async function lookOn(node: FireNode, folder: string): Promise<{ stop(): Promise<void> }> {
  if (node.desk === null) throw new Error(`${node.id} has no desk`)
  mkdirSync(folder, { recursive: true })
  const browser = await launchBrowser()
  const desk = await openDesk(browser, node.desk)
  const [first] = JSON.parse(readFileSync(join(node.home, 'first-sign-in.json'), 'utf8')) as { account: string; code: string }[]
  await enrol(desk, { account: first?.account ?? '', code: first?.code ?? '', name: OPERATOR.name }, '驿路梅花寒夜灯火照山川')
  await desk.menu('运行状况')
  const stopping = new AbortController()
  const looking = (async () => {
    for (let picture = 1; !stopping.signal.aborted; picture += 1) {
      await desk.page.screenshot({ path: join(folder, `${String(picture).padStart(3, '0')}.png`), fullPage: true })
      await wait(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await looking.finally(() => browser.close())
    },
  }
}
