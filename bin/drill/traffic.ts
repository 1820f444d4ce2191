import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { InboxItem, Submitted, Tracking } from '@postroad/road/service'
import { clerk } from '@postroad/road/testing/network'
import { type Stations } from '@postroad/road/testing/machines'
import { type Letter, insist, letter, organReceipt } from '@postroad/road/testing/terminal'

/** Where each organ of a drill is at home. */
const HOME: Readonly<Record<string, string>> = { 'p.party': 'province', 'c.party': 'city', 'x.party': 'county' }
export const PLACES = [
  { id: 'province', parent: null, organs: ['p.party'] },
  { id: 'city', parent: 'province', organs: ['c.party'] },
  { id: 'county', parent: 'city', organs: ['x.party'] },
] as const

/** A document that was handed in, and when that was acknowledged. */
export type Sent = { readonly letter: Letter; readonly from: string; readonly to: string; readonly acknowledged: Date }

/** Hands a document in; the same one again is the same act. */
export async function submit(stations: Stations, from: string, packed: Letter): Promise<void> {
  const answer = await insist(() => stations.at(HOME[from] ?? '').ask<Submitted>({ kind: 'dispatch', by: clerk(from), submission: packed.submission }))
  if (typeof answer === 'string') throw new Error(`refused: ${answer}`)
}

/** Documents in all directions through the middle, one after another until `isOver`, so many milliseconds apart; large ones among them. `told` hears of each that was acknowledged. */
export async function keepSending(stations: Stations, isOver: () => boolean, pause = 20, told: (sent: Sent) => void = () => undefined): Promise<Sent[]> {
  const ways = [['p.party', 'x.party'], ['c.party', 'x.party'], ['x.party', 'p.party'], ['c.party', 'p.party']] as const
  const sent: Sent[] = []
  for (let n = 0; !isOver(); n += 1) {
    const [from, to] = ways[n % ways.length] ?? ways[0]
    const packed = await letter(stations, from, [to], { bytes: new Uint8Array(randomBytes(n % 8 === 0 ? 200_000 : 2_000)) })
    await submit(stations, from, packed)
    const one = { letter: packed, from, to, acknowledged: new Date() }
    sent.push(one)
    told(one)
    await wait(pause)
  }
  return sent
}

/** The recipients sign for everything that reaches them; what does not come is not waited for without end, and fails the drill. */
export async function signForAll(stations: Stations, sent: readonly Sent[]): Promise<void> {
  await Promise.all(sent.map(async ({ letter: { packed: { head } }, to }) => {
    const node = HOME[to] ?? ''
    for (let looks = 0; !(await inboxOf(stations, to)).some(({ message }) => message === head.id); looks += 1) {
      if (looks === LONG_PATIENCE) return
      await wait(200)
    }
    const receipts = [organReceipt(stations, head, { kind: 'signedFor', recipient: to, node })]
    const answer = await insist(() => stations.at(node).ask({ kind: 'act', by: clerk(to), receipts }))
    if (typeof answer === 'string' && answer !== 'road.alreadySignedFor') throw new Error(`refused: ${answer}`)
  }))
}

export async function inboxOf(stations: Stations, organ: string): Promise<readonly InboxItem[]> {
  const items = await insist(() => stations.at(HOME[organ] ?? '').ask<readonly InboxItem[]>({ kind: 'inbox', by: clerk(organ) }))
  return typeof items === 'string' ? [] : items
}

export async function trackingOf(stations: Stations, { letter: { packed }, from }: Sent): Promise<Tracking | null> {
  const tracking = await insist(() => stations.at(HOME[from] ?? '').ask<Tracking | null>({ kind: 'track', by: clerk(from), message: packed.head.id }))
  return typeof tracking === 'string' ? null : tracking
}

/** What stands at the end. `twice`: receipts of a kind of which there is one, and was more, or none. */
export type Verdict = { readonly sent: number; readonly signedFor: number; readonly twice: number; readonly unexpected: number; readonly ledgers: readonly boolean[] }

/** Looks of 200 ms without any change after which nothing more is waited for. */
const PATIENCE = 150
/** A link rests up to a minute after failures. */
const LONG_PATIENCE = 4 * PATIENCE
/** Kinds of which a document to one recipient has exactly one receipt. */
const ONCE = ['submitted', 'arrived', 'signedFor']

/** How the sender's own node sees each document, once all are signed for or nothing moves any more. */
async function comeToRest(stations: Stations, sent: readonly Sent[]): Promise<readonly (Tracking | null)[]> {
  for (let before = -1, still = 0; ; await wait(200)) {
    const seen = await Promise.all(sent.map((one) => trackingOf(stations, one)))
    const done = seen.filter(isSignedFor).length
    still = done === before ? still + 1 : 0
    before = done
    if (done === sent.length || still >= PATIENCE) return seen
  }
}

const isSignedFor = (tracking: Tracking | null): boolean => tracking?.board[0]?.state === 'signedFor'
const extraOf = (tracking: Tracking | null): number => ONCE.reduce((sum, kind) => sum + Math.abs((tracking?.receipts ?? []).filter(({ receipt }) => receipt.kind === kind).length - 1), 0)

/** Compares both ends: what each sender was told, what each inbox holds, what each ledger says. */
export async function compare(stations: Stations, sent: readonly Sent[]): Promise<Verdict> {
  const seen = await comeToRest(stations, sent)
  const inboxes = (await Promise.all(Object.keys(HOME).map((organ) => inboxOf(stations, organ)))).flat()
  const known = new Set(sent.map(({ letter: { packed } }) => packed.head.id))
  const ledgers = await Promise.all(PLACES.map(({ id }) => stations.at(id).ask<{ ok: boolean }>({ kind: 'ledger' })))
  return {
    sent: sent.length,
    signedFor: seen.filter(isSignedFor).length,
    twice: seen.reduce((sum, tracking) => sum + extraOf(tracking), 0),
    unexpected: inboxes.filter(({ message }) => !known.has(message)).length,
    ledgers: ledgers.map(({ ok }) => ok),
  }
}
