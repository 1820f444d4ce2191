import { randomBytes } from 'node:crypto'
import { append, refresh, tlsCertificate } from '@postroad/directory/service'
import { definePlugin } from '@postroad/kernel/plugin'
import { service } from '@postroad/kernel/principal'
import { type TestNode, testNode, until } from '@postroad/kernel/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { transportSlot } from './plugin.ts'
import { board, dispatch } from './service.ts'
import { type Crowd, adoptCrowd, gatherCrowd, writersKeys } from './testing/crowd.ts'
import { clerk, makeOrganKeys, organBodies } from './testing/network.ts'
import { ROOMS } from './testing/rooms.ts'
import { letter } from './testing/terminal.ts'
import { memoryNetwork } from './transport/memory.ts'

const NODES = 12
const ORGANS = 10
const lines = memoryNetwork()
const sender = makeOrganKeys()
let province: TestNode
let crowd: Crowd
beforeAll(async () => {
  const transport = definePlugin({ id: 'lines', title: '线路', start: async (node) => {
    node.slots.set(transportSlot, lines.transport('memory:province', () => tlsCertificate(node)))
    return { stop: async () => undefined }
  } })
  const bootstrap = { node: { id: 'province', title: 'province', level: 'province', region: 'p', regionTitle: '某省', maxLabel: 2 }, parent: null, invites: [], organs: [], people: [] }
  province = await testNode([...ROOMS.slice(0, -1), transport, ...ROOMS.slice(-1)], { node: 'province', bootstrap, realTime: true })
  await province.node.transaction(service('directory'), (tx) => append(tx, province.node, organBodies('p.party', sender)))
  await refresh(province.node)
  crowd = await gatherCrowd('province', { nodes: NODES, organsEach: ORGANS }, (node) => {
    const certificate = new TextEncoder().encode(`certificate of ${node}`)
    return { certificate, transport: lines.transport(`memory:${node}`, () => certificate) }
  })
  await adoptCrowd(province.node, crowd)
})
afterAll(async () => province?.stop())

/** Sends a document of so many bytes to all of the crowd and waits until it has arrived everywhere. `payload`: sealed body and manifest. */
async function sendToAll(bytes: number): Promise<{ payload: number; all(wanted: string): Promise<boolean> }> {
  const given = await letter(writersKeys('p.party', sender, crowd.organs), 'p.party', [...crowd.organs.keys()], { bytes: new Uint8Array(randomBytes(bytes)) })
  const { message } = await dispatch(province.node, clerk('p.party'), given.submission)
  const all = async (wanted: string): Promise<boolean> => {
    const found = await province.node.transaction(clerk('p.party'), (tx) => board(tx, message))
    return found.length === NODES * ORGANS && found.every(({ state }) => state === wanted)
  }
  await until(() => all('arrived'))
  const payload = given.chunks.reduce((sum, { length }) => sum + length, given.packed.manifest.length)
  return { all, payload }
}

describe('one document to many', () => {
  it('crosses each link once, costs each recipient less than 400 bytes, and every receipt finds its delivery', async () => {
    const { all, payload } = await sendToAll(40_000)
    for (const load of crowd.loads) {
      expect(load).toMatchObject({ shipments: 1, recipients: ORGANS })
      expect(load.bytes).toBeLessThanOrEqual(1.02 * payload + 400 * ORGANS + 16 * 1024)
    }
    await crowd.signForAll({ node: 'province', endpoint: 'memory:province', certificates: [tlsCertificate(province.node)] })
    await until(() => all('signedFor'))
  })

  it('costs no more where the body goes chunk by chunk: the front, which names the recipients, crosses once', async () => {
    const before = crowd.loads.map(({ bytes }) => bytes)
    const { payload } = await sendToAll(900_000)
    for (const [place, load] of crowd.loads.entries()) expect(load.bytes - (before[place] ?? 0)).toBeLessThanOrEqual(payload + 400 * ORGANS + 4096)
  })
})
