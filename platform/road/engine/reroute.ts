import { hasLeft, neighbours } from '@postroad/directory/service'
import type { Tx } from '@postroad/kernel/database'
import { service } from '@postroad/kernel/principal'
import type { SignedReceipt, SlicedRecipient } from '@postroad/waybill'
import { type Way, adoptions, hasEnded, splitByWay, wayTo } from '../model.ts'
import { lockPairs, waitingOrgans } from '../store/deliveries.ts'
import { adoptStragglers, passOn, unsignedOf } from '../store/holdings.ts'
import { type StoredMessage, findMessages } from '../store/messages.ts'
import { endRelays, insertDue, receiptsOf } from '../store/receipts.ts'
import { type WaitingShipment, takeBack, waitingShipments } from '../store/shipments.ts'
import { sealBySuite, writeJournal } from './commit.ts'
import { newJournal, noAftermath } from './effects.ts'
import { type Taken, writeDeliveries, writeShipments } from './intake.ts'
import { answerRecalls } from './recall.ts'
import { type Road, directoryOf, ownReceipt } from './road.ts'
import { sealDue } from './seal.ts'
import { applyReceipts } from './settle.ts'

const AT_ONCE = 50

/** What of the directory decides ways, kept for one piece of work: news in between would send somebody another way without a word. */
type Ways = (organ: string) => Way
function waysOf(road: Road): Ways {
  const directory = directoryOf(road)
  const at = road.node.now().toISOString()
  return (organ) => wayTo(directory, road.self, organ, at)
}

/** Whether a shipment's recipients, as the directory stands, are no longer all behind its link. An organ that the directory has lost (a recovery took lines back) may be found again. */
export function isAstray(road: Road, { link, slice }: Pick<WaitingShipment, 'link' | 'slice'>, wayOf: Ways = waysOf(road)): boolean {
  const ways = slice.map(({ leaf }) => wayOf(leaf.organ))
  return ways.some((way) => !leadsTo(way, link)) && ways.every((way) => way.kind !== 'nowhere' || hasEnded(way))
}

/** Where organs are at this moment, and how nodes hang together: as long as it is the same, nothing that waits has gone astray. */
export function placesOf(road: Road): string {
  const directory = directoryOf(road)
  const at = road.node.now().toISOString()
  const nodes = directory.nodes().map(({ node, parent }) => `${node}<${parent ?? ''}`)
  const organs = directory.organs().map(({ organ }) => `${organ}@${directory.organ(directory.standsFor(organ, at) ?? '', at)?.node ?? ''}`)
  return [...nodes, ...organs].sort().join(' ')
}

/** Receipts for senders whose node has left reach nobody any more. */
export async function endRelaysToLeft(road: Road): Promise<void> {
  const left = directoryOf(road).children(road.self).filter((child) => hasLeft(road.node, child))
  await road.node.transaction(service('road'), (tx) => endRelays(tx, left))
}

const leadsTo = (way: Way, link: string): boolean => way.kind === 'link' && way.peer === link

/**
 * What waits for a link behind which its recipients no longer are (an organ merged or moved meanwhile) goes where they are now, with a receipt of forwarding.
 * What the old link may have taken already, as its answer was lost, is settled with it first: it answers with its custody, or that it has no such recipient.
 * Answers how many shipments were given up for others.
 */
export async function rerouteWaiting(road: Road): Promise<number> {
  const near = neighbours(road.node)
  let count = 0
  for (let after: string | undefined = ''; after !== undefined; ) {
    const from: string = after
    const rows = await road.node.transaction(service('road'), (tx) => waitingShipments(tx, from, AT_ONCE))
    const wayOf = waysOf(road)
    const astray = rows.filter((row) => (!row.doubtful || !near.includes(row.link)) && isAstray(road, row, wayOf))
    if (astray.length > 0) count += await placeAnew(road, astray, wayOf, takeBack)
    after = rows.length < AT_ONCE ? undefined : rows.at(-1)?.id
  }
  return count
}

/**
 * What lies unsigned in an inbox here, while its organ, or the heir, is at another node, goes on to that node like anything else on the road.
 * Answers how many.
 */
export async function forwardInboxes(road: Road): Promise<number> {
  for (let count = 0; ; ) {
    const wayOf = waysOf(road)
    const rows = await road.node.transaction(service('road'), async (tx) => {
      const waiting = await waitingOrgans(tx)
      await adoptStragglers(tx, adoptions(waiting, wayOf))
      const gone = [...new Set(waiting.map(({ organ }) => organ))].filter((organ) => wayOf(organ).kind === 'link')
      return gone.length === 0 ? [] : unsignedOf(tx, gone, AT_ONCE)
    })
    const said = await road.node.transaction(service('road'), (tx) => receiptsOf(tx, rows.map(({ message }) => message)))
    const given = rows.map(({ message, organ, entry, hops }): WaitingShipment => {
      const forwarded = said.filter(({ receipt }) => receipt.kind === 'forwarded' && receipt.message === message && receipt.recipient === organ)
      return { id: `${message} ${organ}`, message, link: '', slice: [entry], hops, forwarded, doubtful: false }
    })
    const placed = given.length === 0 ? 0 : await placeAnew(road, given, wayOf, (tx) => passOn(tx, rows))
    count += placed
    if (placed === 0 || rows.length < AT_ONCE) return count
  }
}

type Placed = { readonly row: WaitingShipment; readonly message: StoredMessage; readonly forwards: readonly SignedReceipt[] }

/** `take` answers which of the rows are still there to be placed. */
async function placeAnew(road: Road, rows: readonly WaitingShipment[], wayOf: Ways, take: (tx: Tx, ids: readonly string[]) => Promise<ReadonlySet<string>>): Promise<number> {
  const now = road.node.now()
  const messages = await road.node.transaction(service('road'), (tx) => findMessages(tx, rows.map(({ message }) => message), { bodies: false }))
  const placed = await signForwards(road, rows.flatMap((row) => {
    const message = messages.get(row.message)
    return message === undefined ? [] : [{ row, message: { ...message, hops: row.hops } }]
  }), wayOf, now)
  const journal = newJournal()
  const aftermath = noAftermath()
  const taken = await road.node.transaction(service('road'), async (tx) => {
    const free = await take(tx, placed.map(({ row }) => row.id))
    const mine = placed.filter(({ row }) => free.has(row.id))
    const known = await lockPairs(tx, 'inbox', mine.flatMap(({ row }) => row.slice.map(({ leaf }) => ({ message: row.message, organ: leaf.organ }))))
    const isHere = (message: string, { leaf }: SlicedRecipient): boolean => known.some((row) => row.message === message && row.organ === leaf.organ)
    const ways = mine.map(({ row, message, forwards }): Taken => {
      const recipients = row.slice.filter((entry) => !isHere(row.message, entry))
      const split = splitByWay(recipients, wayOf, null)
      const due = [
        ...split.here.map(({ entry }) => ownReceipt(road, message.head, { kind: 'arrived', recipient: entry.leaf.organ }, now)),
        ...split.nowhere.map(({ entry, reason }) => ownReceipt(road, message.head, { kind: 'undeliverable', recipient: entry.leaf.organ, reason }, now)),
      ].map((receipt) => ({ receipt, suite: message.head.suite, route: 'home' as const }))
      return { intake: { message, recipients, forwarded: row.forwarded, from: { kind: 'rerouted' }, submitted: null, ownForwards: forwards }, split, due, old: [] }
    })
    await answerRecalls(tx, road, ways.map(({ intake, split }) => ({ head: intake.message.head, organs: split.here.map(({ entry }) => entry.leaf.organ) })), now, journal, aftermath)
    await writeDeliveries(tx, road, ways, now, journal)
    await writeShipments(tx, road, ways, now, aftermath, false)
    const due = ways.flatMap((way) => way.due)
    await insertDue(tx, due)
    aftermath.due.push(...due)
    await applyReceipts(tx, road, mine.flatMap(({ forwards }) => forwards.map((signed) => ({ signed, by: { kind: 'own' as const, route: 'home' as const } }))), now, journal, aftermath)
    for (const { row } of mine) journal.ledger.push({ act: 'road.reroute', actor: { kind: 'node', id: road.self }, object: row.message, outcome: 'done', detail: { from: row.link === '' ? 'inbox' : row.link, shipment: row.id, recipients: row.slice.length } })
    await writeJournal(tx, road, journal)
    return mine.length
  })
  await sealDue(road, aftermath.due)
  road.hands.shipments(aftermath.shipments)
  road.hands.relays(aftermath.relays)
  return taken
}

/** One receipt per recipient that goes another way: it names the heir, or the organ itself where only its place changed. */
async function signForwards(road: Road, placed: readonly Omit<Placed, 'forwards'>[], wayOf: Ways, now: Date): Promise<readonly Placed[]> {
  const made = placed.flatMap(({ row, message: { head } }) => row.slice.flatMap(({ leaf }) => {
    const way = wayOf(leaf.organ)
    if (way.kind === 'nowhere' || leadsTo(way, row.link)) return []
    return [{ row, head, receipt: ownReceipt(road, head, { kind: 'forwarded', recipient: leaf.organ, reason: { code: way.forwarded ? 'forwarded' : 'moved', text: way.keeper } }, now) }]
  }))
  const seals = await sealBySuite(road, 'receipt', made.map(({ head }) => head), made.map(({ receipt }) => receipt))
  return placed.map((one) => ({ ...one, forwards: made.flatMap(({ row, receipt }, i) => (row === one.row ? [{ receipt, seal: seals[i] as SignedReceipt['seal'] }] : [])) }))
}
