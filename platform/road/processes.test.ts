import { randomBytes } from 'node:crypto'
import type { Role } from '@postroad/kernel/config'
import { until } from '@postroad/kernel/testing'
import type { LedgerVerdict } from '@postroad/ledger/service'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { InboxItem, Submitted, Tracking } from './service.ts'
import { clerk } from './testing/network.ts'
import { type StationProcess, type Stations, startStations } from './testing/processes.ts'
import { type Letter, letter, organReceipt } from './testing/terminal.ts'

/** The city's centre is five processes on one database; everything between province and county passes through it. */
const CITY: readonly (readonly Role[])[] = [['web'], ['web'], ['road'], ['road'], ['jobs']]
const ROUNDS = Number(process.env['POSTROAD_DRILL_ROUNDS'] ?? 1)

let stations: Stations
beforeAll(async () => {
  stations = await startStations([
    { id: 'province', parent: null, organs: ['p.party'] },
    { id: 'city', parent: 'province', organs: ['c.party'], processes: CITY },
    { id: 'county', parent: 'city', organs: ['x.party'] },
  ])
})
afterAll(async () => stations?.stop())

const HOMES: Readonly<Record<string, string>> = { 'p.party': 'province', 'c.party': 'city', 'x.party': 'county' }
let turn = 0
/** The next process of a node that serves its terminals: what stands before the city's two webs chooses in turn. */
function webOf(organ: string): StationProcess {
  const all = stations.all(HOMES[organ] ?? '')
  const webs = all.length === 1 ? all : all.slice(0, 2)
  turn += 1
  return webs[turn % webs.length] ?? all[0] as StationProcess
}

/** Tries until it is answered, each time at another process, as a terminal does that got no answer. Answers the code of a refusal. */
async function insist<T>(organ: string, work: (at: StationProcess) => Promise<T>): Promise<T | string> {
  for (;;) {
    try {
      return await work(webOf(organ))
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== undefined && code.startsWith('road.')) return code
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
const inboxOf = async (organ: string): Promise<readonly InboxItem[]> => {
  const items = await insist(organ, (at) => at.ask<readonly InboxItem[]>({ kind: 'inbox', by: clerk(organ) }))
  return typeof items === 'string' ? [] : items
}
const trackingOf = async (organ: string, message: string): Promise<Tracking | null> => {
  const tracking = await insist(organ, (at) => at.ask<Tracking | null>({ kind: 'track', by: clerk(organ), message }))
  return typeof tracking === 'string' ? null : tracking
}

type Sent = Letter & { readonly from: string; readonly to: string }
/** Every way through the city: across it in both directions, out of it, into it. */
const WAYS = [['p.party', 'x.party'], ['x.party', 'p.party'], ['c.party', 'x.party'], ['c.party', 'p.party'], ['p.party', 'c.party'], ['x.party', 'c.party']] as const

async function post(count: number): Promise<readonly Sent[]> {
  return Promise.all(Array.from({ length: count }, async (_, n) => {
    const [from, to] = WAYS[n % WAYS.length] as (typeof WAYS)[number]
    const made = await letter(stations, from, [to], { bytes: randomBytes(n % 7 === 0 ? 600_000 : 2_000) })
    const answer = await insist(from, (at) => at.ask<Submitted>({ kind: 'dispatch', by: clerk(from), submission: made.submission }))
    expect(typeof answer === 'string' ? answer : answer.message).toBe(made.submission.head.id)
    return { ...made, from, to }
  }))
}

async function signFor({ packed: { head }, to }: Sent): Promise<void> {
  await until(async () => (await inboxOf(to)).some(({ message }) => message === head.id))
  const receipts = [organReceipt(stations, head, { kind: 'signedFor', recipient: to, node: HOMES[to] ?? '' })]
  expect([undefined, null, 'road.alreadySignedFor']).toContain(await insist(to, (at) => at.ask({ kind: 'act', by: clerk(to), receipts })))
}

async function requireOnce(sent: readonly Sent[]): Promise<void> {
  for (const { from, to, packed: { head } } of sent) {
    await until(async () => (await trackingOf(from, head.id))?.board[0]?.state === 'signedFor')
    expect((await inboxOf(to)).filter(({ message }) => message === head.id)).toHaveLength(1)
    const receipts = (await trackingOf(from, head.id))?.receipts ?? []
    for (const kind of ['submitted', 'arrived', 'signedFor']) expect(receipts.filter(({ receipt }) => receipt.kind === kind)).toHaveLength(1)
  }
}

describe('a node of several processes', () => {
  it('answers a submission made at two of them at once with one receipt', async () => {
    const { submission } = await letter(stations, 'c.party', ['x.party'])
    const answers = await Promise.all([0, 1, 0, 1].map((n) => (stations.all('city')[n] as StationProcess).ask<Submitted>({ kind: 'dispatch', by: clerk('c.party'), submission })))
    expect(new Set(answers.map(({ message, receipt }) => `${message} ${receipt.receipt.id}`)).size).toBe(1)
  })

  it.each(Array.from({ length: ROUNDS }, (_, n) => n))('loses nothing and doubles nothing when each is killed in turn under load (round %i)', async () => {
    const doomed = stations.all('city').map((station) => ({ station, at: Math.random() })).sort((a, b) => a.at - b.at).map(({ station }) => station)
    const sent: Sent[] = []
    for (const station of doomed) {
      const posting = post(12).then(async (letters) => {
        sent.push(...letters)
        await Promise.all(letters.map(signFor))
      })
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 400))
      await station.kill()
      await posting // the four others do it all
      await station.start()
    }
    await requireOnce(sent)
    for (const id of ['province', 'city', 'county']) expect(await stations.at(id).ask<LedgerVerdict>({ kind: 'ledger' })).toMatchObject({ ok: true })
  })
})
