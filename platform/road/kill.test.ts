import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FAULT_POINTS } from './faultpoints.ts'
import type { InboxItem, Submitted, Tracking } from './service.ts'
import { until } from '@postroad/kernel/testing'
import { clerk } from './testing/network.ts'
import { type Stations, startStations } from './testing/processes.ts'
import { type Letter, insist, letter, organReceipt } from './testing/terminal.ts'

let stations: Stations
beforeAll(async () => {
  stations = await startStations([
    { id: 'province', parent: null, organs: ['p.party'] },
    { id: 'city', parent: 'province', organs: ['c.party'] },
    { id: 'county', parent: 'city', organs: ['x.party'] },
  ])
})
afterAll(async () => stations?.stop())

type FaultPoint = (typeof FAULT_POINTS)[number]
/** Who passes which point while a document goes down and its receipts come up. */
const WHERE: Readonly<Record<FaultPoint, readonly string[]>> = {
  'submit.beforeCommit': ['province'], 'submit.beforeAnswer': ['province'],
  'offer.beforeSend': ['province', 'city'], 'offer.afterAnswer': ['province', 'city'],
  'custody.beforeCommit': ['city', 'county'], 'custody.beforeReceipt': ['city', 'county'], 'custody.beforeAnswer': ['city', 'county'],
  'handedOn.beforeCommit': ['province', 'city'], 'handedOn.afterCommit': ['province', 'city'],
  'seal.beforeCommit': ['city', 'county'],
  'relay.beforeSend': ['city', 'county'], 'relay.afterAnswer': ['city', 'county'],
  'receipts.beforeCommit': ['province', 'city'], 'receipts.beforeAnswer': ['province', 'city'],
  'act.beforeCommit': ['county'], 'act.beforeAnswer': ['county'],
}
/** Several effects pass the point together, or one call brings them all: the first passing has to do. */
const FIRST: readonly FaultPoint[] = ['seal.beforeCommit', 'relay.beforeSend', 'relay.afterAnswer', 'receipts.beforeCommit', 'receipts.beforeAnswer']
const sender = clerk('p.party')
const recipient = clerk('x.party')

async function signAll(letters: readonly Letter[]): Promise<void> {
  await Promise.all(letters.map(async ({ packed: { head } }) => {
    await until(async () => (await inboxOf()).some(({ message }) => message === head.id))
    const receipts = [organReceipt(stations, head, { kind: 'signedFor', recipient: 'x.party', node: 'county' })]
    expect([undefined, 'road.alreadySignedFor']).toContain(await insist(() => stations.at('county').ask({ kind: 'act', by: recipient, receipts })))
  }))
}

const inboxOf = async (): Promise<readonly InboxItem[]> => {
  const items = await insist(() => stations.at('county').ask<readonly InboxItem[]>({ kind: 'inbox', by: recipient }))
  return typeof items === 'string' ? [] : items
}
const trackingOf = async (message: string): Promise<Tracking | null> => {
  const tracking = await insist(() => stations.at('province').ask<Tracking | null>({ kind: 'track', by: sender, message }))
  return typeof tracking === 'string' ? null : tracking
}

describe('kill -9 in mid-delivery loses nothing and doubles nothing', () => {
  it.each(FAULT_POINTS)('at %s, of every node that passes it', async (point) => {
    const letters = await Promise.all([1, 2, 3, 4].map(() => letter(stations, 'p.party', ['x.party'], { bytes: new Uint8Array(2000) })))
    const doomed = WHERE[point].map((place) => stations.at(place))
    for (const station of doomed) await station.ask({ kind: 'fault', point, passings: FIRST.includes(point) ? 1 : 2 })
    const reborn = Promise.all(doomed.map((station) => station.died().then(() => station.start())))
    const work = Promise.all(letters.map(({ submission }) => insist(() => stations.at('province').ask<Submitted>({ kind: 'dispatch', by: sender, submission })))).then(async (answers) => {
      expect(answers.map((answer) => (typeof answer === 'string' ? answer : answer.message))).toEqual(letters.map(({ submission }) => submission.head.id))
      await signAll(letters)
    })
    await Promise.all([reborn, work])
    await until(async () => (await Promise.all(letters.map(({ packed }) => trackingOf(packed.head.id)))).every((tracking) => tracking?.board[0]?.state === 'signedFor' && (tracking.board[0]?.custody.length ?? 0) === 2))
    const items = await inboxOf()
    for (const { packed } of letters) {
      expect(items.filter(({ message }) => message === packed.head.id)).toHaveLength(1)
      const receipts = (await trackingOf(packed.head.id))?.receipts ?? []
      for (const kind of ['submitted', 'arrived', 'signedFor']) expect(receipts.filter(({ receipt }) => receipt.kind === kind)).toHaveLength(1)
      expect(receipts.filter(({ receipt }) => receipt.kind === 'custody').map(({ receipt }) => receipt.node).toSorted()).toEqual(['city', 'county'])
    }
  })
})
