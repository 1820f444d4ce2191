/** The real centre of `many.ts`, with its sender's terminal, in a process of its own: its memory is what is measured. Told what to do by the process that forked it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { append, refresh, tlsCertificate, view } from '@postroad/directory/service'
import { fromBase64url } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { readConfig } from '@postroad/kernel/config'
import { service } from '@postroad/kernel/principal'
import { startNode } from '@postroad/kernel/start'
import { board, dispatch, roadAddress } from '@postroad/road/service'
import { type Crowd, adoptCrowd, writersKeys } from '@postroad/road/testing/crowd'
import { type OrganKeys, clerk, organBodies } from '@postroad/road/testing/network'
import { ROOMS } from '@postroad/road/testing/rooms'
import { letter } from '@postroad/road/testing/terminal'
import type { PeerAddress } from '@postroad/road/transport'
import { percentile } from '../figure.ts'

const SENDER = 'p.party'
const DOCUMENT = 200_000

export type ToOrigin =
  | ({ readonly kind: 'adopt'; readonly sender: OrganKeys } & Pick<Crowd, 'children' | 'logs'>)
  | { readonly kind: 'send'; readonly sender: OrganKeys }
  | { readonly kind: 'untilAll'; readonly message: string; readonly state: string }
  | { readonly kind: 'end'; readonly message: string }
export type Sent = { readonly message: string; readonly payload: number; readonly recipients: number; readonly wraps: number; readonly packed: number; readonly accepted: number; readonly origin: PeerAddress }
export type Ended = { readonly memory: number; readonly board: number }
export type FromOrigin = Sent | Ended | null

const { node, stop } = await startNode(readConfig(process.env), ROOMS, { listen: false, jobs: false })
let most = 0
setInterval(() => (most = Math.max(most, process.memoryUsage.rss() / 1e6)), 100).unref()
const lines = (message: string) => node.transaction(clerk(SENDER), (tx) => board(tx, message))

async function obey(order: ToOrigin): Promise<FromOrigin> {
  if (order.kind === 'adopt') {
    await node.transaction(service('directory'), (tx) => append(tx, node, organBodies(SENDER, order.sender)))
    await refresh(node)
    await adoptCrowd(node, order)
    return null
  }
  if (order.kind === 'send') return send(order.sender)
  if (order.kind === 'untilAll') {
    while ((await lines(order.message)).some(({ state }) => state !== order.state)) await sleep(200)
    return null
  }
  const looks: number[] = []
  for (let look = 0; look < 10; look++) looks.push(await timed(() => lines(order.message)))
  await stop()
  return { memory: most, board: percentile(looks, 0.5) }
}

async function send(sender: OrganKeys): Promise<Sent> {
  const directory = view(node)
  const at = new Date().toISOString()
  const keys = new Map(directory.organs().filter(({ organ }) => organ !== SENDER).map(({ organ }) => [organ, fromBase64url(directory.keysOf(organ, 'encrypt', 'SM', at)[0]?.publicKey ?? '')]))
  const wraps = await timed(async () => keys.forEach((key) => suites.SM.wrap(key, new Uint8Array(32))))
  const begun = performance.now()
  const given = await letter(writersKeys(SENDER, sender, keys), SENDER, [...keys.keys()], { bytes: noise(DOCUMENT) })
  const packed = performance.now() - begun
  const submitted = performance.now()
  const { message } = await dispatch(node, clerk(SENDER), given.submission)
  return {
    message, recipients: keys.size, wraps, packed, accepted: performance.now() - submitted, payload: given.chunks.reduce((sum, { length }) => sum + length, given.packed.manifest.length),
    origin: { node: node.config.node, endpoint: roadAddress(node), certificates: [tlsCertificate(node)] },
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

/** What does not compress. */
function noise(bytes: number): Uint8Array {
  const content = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(content.subarray(at, Math.min(at + 65_536, bytes)))
  return content
}

process.on('message', (order: ToOrigin) => {
  obey(order).then(
    (value) => process.send?.({ value }),
    (error: Error) => process.send?.({ error: error.message }),
  )
})
process.on('disconnect', () => void stop().finally(() => process.exit(0)))
process.send?.({ value: null })
