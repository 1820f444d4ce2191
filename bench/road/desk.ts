import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startNetwork, stopNetwork } from '@postroad/bin/demo/network-up'
import { loadState, prepareDemoHome } from '@postroad/bin/demo/state'
import { buildDesk, DIST } from '@postroad/desk/build'
import { type Figure, figure } from '../figure.ts'
import { temporaryHome } from './folder.ts'

/** The desk's first load as a browser with brotli fetches it, and how long a network with data takes to answer with its first page. */
export async function measureDesk(): Promise<Figure[]> {
  await buildDesk()
  return [
    figure({ name: 'desk first load', unit: 'kB', value: firstLoadBytes() / 1000, limit: [300, 'the demand: at most 300 kB with brotli'] }),
    figure({ name: 'warm start to the first page', unit: 's', value: await warmStart(), limit: [4, 'the demand: at most 4 s; four nodes start at once here'] }),
  ]
}

/** index.html and all it names: entry, preloaded modules, styles. */
function firstLoadBytes(): number {
  const page = readFileSync(join(DIST, 'index.html'), 'utf8')
  const named = [...page.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map(([, path]) => path ?? '')
  return ['index.html', ...named].reduce((sum, path) => sum + statSync(join(DIST, `${path}.br`)).size, 0)
}

async function warmStart(): Promise<number> {
  const home = temporaryHome('warm')
  try {
    prepareDemoHome(home)
    const state = loadState(home)
    const cold = startNetwork(home, state, () => undefined)
    await cold.ready
    await stopNetwork(cold)
    const begun = performance.now()
    const warm = startNetwork(home, state, () => undefined)
    const port = Object.values(state.ports)[0]?.desk ?? 0
    while (!(await answers(`http://127.0.0.1:${port}/`))) await sleep(20)
    const seconds = (performance.now() - begun) / 1000
    await stopNetwork(warm)
    return seconds
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

const answers = (address: string): Promise<boolean> =>
  fetch(address).then(
    (answer) => answer.ok,
    () => false,
  )
