/** One document to 3,000 organs under 120 nodes: a real centre with its own PostgreSQL, and 120 neighbours in another process that keep the protocol and hold nothing (road/testing/crowd.ts). */
import { type ChildProcess, fork } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { append, refresh, tlsCertificate } from '@postroad/directory/service'
import { suites } from '@postroad/gm/node'
import { readConfig } from '@postroad/kernel/config'
import { service } from '@postroad/kernel/principal'
import { startNode } from '@postroad/kernel/start'
import { board, dispatch, roadAddress } from '@postroad/road/service'
import { type LinkLoad, adoptCrowd, writersKeys } from '@postroad/road/testing/crowd'
import { clerk, makeOrganKeys, organBodies } from '@postroad/road/testing/network'
import { ROOMS } from '@postroad/road/testing/rooms'
import { letter } from '@postroad/road/testing/terminal'
import { type Figure, figure, percentile } from '../figure.ts'
import type { FromCrowd, ToCrowd } from './crowd.ts'
import { temporaryHome } from './folder.ts'

const NODE = 'province'
const SENDER = 'p.party'
const DOCUMENT = 200_000
const DEMAND = 'the demand'

/** Bytes per link, wraps, memory, and how long it takes until the board shows everybody as signed for. */
export async function measureMany(size: { readonly nodes: number; readonly organsEach: number }, tell: (line: string) => void): Promise<Figure[]> {
  const home = temporaryHome('many')
  const bootstrap = join(home, 'bootstrap.json')
  writeFileSync(bootstrap, JSON.stringify({ node: { id: NODE, title: NODE, level: 'province', region: 'p', regionTitle: '某省', maxLabel: 2 }, parent: null, invites: [], organs: [], people: [] }))
  const crowd = fork(join(import.meta.dirname, 'crowd.ts'), { serialization: 'advanced' })
  const running = await startNode(readConfig({ POSTROAD_NODE: NODE, POSTROAD_HOME: home, POSTROAD_BOOTSTRAP: bootstrap, POSTROAD_ROAD_PORT: '0', POSTROAD_LOG: 'silent' }), ROOMS, { listen: false, jobs: false })
  try {
    const { node } = running
    const sender = makeOrganKeys()
    await node.transaction(service('directory'), (tx) => append(tx, node, organBodies(SENDER, sender)))
    await refresh(node)
    tell(`${size.nodes} nodes, ${size.nodes * size.organsEach} organs …`)
    const gathered = (await ask(crowd, { kind: 'gather', parent: NODE, ...size })) as Extract<FromCrowd, { readonly logs: unknown }>
    await adoptCrowd(node, gathered)
    const organs = [...gathered.organs.keys()]
    const peak = watchMemory()
    const wrapping = performance.now()
    for (const key of gathered.organs.values()) suites.SM.wrap(key, new Uint8Array(32))
    const wraps = performance.now() - wrapping
    const packing = performance.now()
    const given = await letter(writersKeys(SENDER, sender, gathered.organs), SENDER, organs, { bytes: noise(DOCUMENT) })
    const packed = performance.now() - packing
    const begun = performance.now()
    const { message } = await dispatch(node, clerk(SENDER), given.submission)
    const accepted = performance.now() - begun
    const shown = () => node.transaction(clerk(SENDER), (tx) => board(tx, message))
    const untilAll = async (state: string): Promise<number> => {
      while (((await shown()) ?? []).some((line) => line.state !== state)) await sleep(200)
      return performance.now()
    }
    const arrived = (await untilAll('arrived')) - begun
    const signing = performance.now()
    await ask(crowd, { kind: 'sign', origin: { node: NODE, endpoint: roadAddress(node), certificate: tlsCertificate(node) } })
    const signed = (await untilAll('signedFor')) - signing
    const looks: number[] = []
    for (let look = 0; look < 10; look++) {
      const at = performance.now()
      await shown()
      looks.push(performance.now() - at)
    }
    const loads = (await ask(crowd, { kind: 'loads' })) as readonly LinkLoad[]
    const payload = given.chunks.reduce((sum, { length }) => sum + length, given.packed.manifest.length)
    const share = Math.max(...loads.map(({ bytes, recipients, shipments }) => (shipments === 1 ? bytes / (1.02 * payload + 400 * recipients + 16 * 1024) : Number.POSITIVE_INFINITY)))
    const name = (what: string): string => `one document to ${organs.length}: ${what}`
    return [
      figure({ name: name('fullest link, of the bytes allowed to it'), unit: 'share', value: share, limit: [1, '1.02 × (sealed body and manifest) + 400 × recipients + 16 kB, one shipment per link'] }),
      figure({ name: name('bytes of a recipient on its link'), unit: 'B', value: loads.reduce((sum, { bytes }) => sum + bytes - payload, 0) / organs.length, limit: [400, DEMAND] }),
      figure({ name: name('bytes of its two receipts on the way back'), unit: 'B', value: loads.reduce((sum, { receiptBytes }) => sum + receiptBytes, 0) / organs.length }),
      figure({ name: name('wraps, SM suite'), unit: 's', value: wraps / 1000, limit: [10, DEMAND] }),
      figure({ name: name('packing, wraps included'), unit: 's', value: packed / 1000 }),
      figure({ name: name('accepted'), unit: 's', value: accepted / 1000 }),
      figure({ name: name('arrived everywhere'), unit: 's', value: arrived / 1000 }),
      figure({ name: name('opened and signed for everywhere, to the board'), unit: 's', value: signed / 1000 }),
      figure({ name: name('the board from the database'), unit: 'ms', value: percentile(looks, 0.5) }),
      figure({ name: name('memory of the node with its terminal'), unit: 'MB', value: peak(), limit: [400, DEMAND] }),
    ]
  } finally {
    crowd.disconnect()
    await running.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

function ask(crowd: ChildProcess, order: ToCrowd): Promise<FromCrowd> {
  return new Promise((resolve, reject) => {
    crowd.once('message', (answer: { readonly value?: FromCrowd; readonly error?: string }) => (answer.error === undefined ? resolve(answer.value ?? null) : reject(new Error(answer.error))))
    crowd.send(order)
  })
}

/** What does not compress. */
function noise(bytes: number): Uint8Array {
  const content = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(content.subarray(at, Math.min(at + 65_536, bytes)))
  return content
}

/** Largest resident memory of this process since the call, in MB. */
function watchMemory(): () => number {
  let most = 0
  const look = (): void => void (most = Math.max(most, process.memoryUsage.rss() / 1e6))
  const timer = setInterval(look, 100)
  return () => (clearInterval(timer), look(), most)
}
