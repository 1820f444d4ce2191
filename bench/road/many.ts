/** One document to 3,000 organs under 120 nodes: a real centre with its own PostgreSQL, and 120 neighbours in another process that keep the protocol and hold nothing (road/testing/crowd.ts). */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@postroad/kernel/testing'
import type { CrowdSize, LinkLoad } from '@postroad/road/testing/crowd'
import { makeOrganKeys } from '@postroad/road/testing/network'
import { type Figure, figure } from '../figure.ts'
import type { FromCrowd, ToCrowd } from './crowd.ts'
import { temporaryHome } from './folder.ts'
import type { Ended, FromOrigin, Sent, ToOrigin } from './origin.ts'

const ORIGIN = 'province'
const DEMAND = 'the demand'

/** Bytes per link, wraps, memory, and how long it takes until the board shows everybody as signed for. */
export async function measureMany(size: CrowdSize, tell: (line: string) => void): Promise<Figure[]> {
  const home = temporaryHome('many')
  const crowd = fork(join(import.meta.dirname, 'crowd.ts'), { serialization: 'advanced' })
  try {
    tell(`${size.nodes} nodes, ${size.nodes * size.organsEach} organs …`)
    const gathered = (await ask<ToCrowd, FromCrowd>(crowd, { kind: 'gather', parent: ORIGIN, ...size })) as Extract<FromCrowd, { readonly logs: unknown }>
    const sender = makeOrganKeys()
    const port = await freePort()
    const before = await startOrigin(home, port)
    await ask<ToOrigin, FromOrigin>(before, { kind: 'adopt', sender, children: gathered.children, logs: gathered.logs })
    before.disconnect()
    await once(before, 'exit')
    const origin = await startOrigin(home, port) // what the setting up left in memory does not count
    const sent = (await ask<ToOrigin, FromOrigin>(origin, { kind: 'send', sender })) as Sent
    const begun = performance.now()
    await ask<ToOrigin, FromOrigin>(origin, { kind: 'untilAll', message: sent.message, state: 'arrived' })
    const arrived = performance.now() - begun + sent.accepted
    const signing = performance.now()
    await ask<ToCrowd, FromCrowd>(crowd, { kind: 'sign', origin: sent.origin })
    await ask<ToOrigin, FromOrigin>(origin, { kind: 'untilAll', message: sent.message, state: 'signedFor' })
    const signed = performance.now() - signing
    const loads = (await ask<ToCrowd, FromCrowd>(crowd, { kind: 'loads' })) as readonly LinkLoad[]
    const ended = (await ask<ToOrigin, FromOrigin>(origin, { kind: 'end', message: sent.message })) as Ended
    origin.disconnect()
    return figuresOf(sent, ended, loads, { arrived, signed })
  } finally {
    crowd.disconnect()
    rmSync(home, { recursive: true, force: true })
  }
}

function figuresOf(sent: Sent, ended: Ended, loads: readonly LinkLoad[], { arrived, signed }: { readonly arrived: number; readonly signed: number }): Figure[] {
  const share = Math.max(...loads.map(({ bytes, recipients, shipments }) => (shipments === 1 ? bytes / (1.02 * sent.payload + 400 * recipients + 16 * 1024) : Number.POSITIVE_INFINITY)))
  const each = (bytes: number): number => bytes / sent.recipients
  const name = (what: string): string => `one document to ${sent.recipients}: ${what}`
  return [
    figure({ name: name('fullest link, of the bytes allowed to it'), unit: 'share', value: share, limit: [1, '1.02 × (sealed body and manifest) + 400 × recipients + 16 kB, one shipment per link'] }),
    figure({ name: name('bytes of a recipient on its link'), unit: 'B', value: each(loads.reduce((sum, { bytes }) => sum + bytes - sent.payload, 0)), limit: [400, DEMAND] }),
    figure({ name: name('bytes of its two receipts on the way back'), unit: 'B', value: each(loads.reduce((sum, { receiptBytes }) => sum + receiptBytes, 0)) }),
    figure({ name: name('wraps, SM suite'), unit: 's', value: sent.wraps / 1000, limit: [10, DEMAND] }),
    figure({ name: name('packing, wraps included'), unit: 's', value: sent.packed / 1000 }),
    figure({ name: name('accepted'), unit: 's', value: sent.accepted / 1000 }),
    figure({ name: name('arrived everywhere'), unit: 's', value: arrived / 1000 }),
    figure({ name: name('opened and signed for everywhere, to the board'), unit: 's', value: signed / 1000 }),
    figure({ name: name('the board from the database'), unit: 'ms', value: ended.board }),
    figure({ name: name('memory of the node with its terminal'), unit: 'MB', value: ended.memory, limit: [400, DEMAND] }),
  ]
}

async function startOrigin(home: string, port: number): Promise<ChildProcess> {
  const bootstrap = join(home, 'bootstrap.json')
  writeFileSync(bootstrap, JSON.stringify({ node: { id: ORIGIN, title: ORIGIN, level: 'province', region: 'p', regionTitle: '某省', maxLabel: 2 }, parent: null, invites: [], organs: [], people: [] }))
  const env = { ...process.env, POSTROAD_NODE: ORIGIN, POSTROAD_HOME: join(home, 'node'), POSTROAD_BOOTSTRAP: bootstrap, POSTROAD_ROAD_PORT: String(port), POSTROAD_LOG: 'silent' }
  const child = fork(join(import.meta.dirname, 'origin.ts'), { serialization: 'advanced', env: { ...env, MALLOC_ARENA_MAX: '2' }, execArgv: ['--max-old-space-size=256', '--max-semi-space-size=8'] })
  await once(child, 'message')
  return child
}

function ask<Order, Answer>(child: ChildProcess, order: Order): Promise<Answer> {
  return new Promise((resolve, reject) => {
    child.once('message', (answer: { readonly value?: Answer; readonly error?: string }) => (answer.error === undefined ? resolve(answer.value as Answer) : reject(new Error(answer.error))))
    child.send(order as object)
  })
}
