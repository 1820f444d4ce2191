import { neighbours } from '@postroad/directory/service'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import type { Tx } from '@postroad/kernel/database'
import { type Road, roadSlot } from '../engine/road.ts'
import { type BundleRow, type BundleSummary, answersFor, findBundle, listBundles, lockBundleLink, relaysFor, shipmentsFor } from '../store/bundles.ts'
import { roadFaults } from '../words.ts'
import { type BundledShipment, bundledShipments, takenBundles, unanswered } from '../store/bundles-taken.ts'
import { type Gap, gapsOf } from './model.ts'
import { patienceOf, requireBundleLink } from './prepare.ts'

const MOST = 10_000
const LISTED = 50

/** How a link that is carried by bundle stands. */
export type BundleStatus = {
  readonly link: string
  readonly oneWay: boolean
  readonly out: {
    /** 0: none. */
    readonly lastWritten: number
    /** Waits for a person or for the medium. */
    readonly open: OpenBundle | null
    /** Waits for the next bundle. */
    readonly waiting: { readonly shipments: number; readonly bytes: number; readonly receipts: number; readonly answers: number }
    /** Above the link's label: a person decides (`endHeld`). */
    readonly held: readonly { readonly shipment: string; readonly message: string; readonly sender: string; readonly created: string; readonly urgency: string; readonly label: number }[]
    /** Written bundles of which the peer has not said that it has them, newest first. */
    readonly unconfirmed: readonly { readonly number: number; readonly writtenAt: string; readonly isMissed: boolean }[]
    /** Handed to the medium and in nobody's custody yet: by the last bundle they were in, and how often they went. */
    readonly unanswered: readonly { readonly number: number; readonly shipments: number; readonly times: number }[]
  }
  readonly in: {
    readonly highest: number
    readonly heardAt: string | null
    readonly gaps: readonly Gap[]
    readonly partial: readonly { readonly number: number; readonly remarks: readonly { readonly what: string; readonly code: string }[] }[]
  }
}
type OpenBundle = { readonly number: number; readonly state: 'prepared' | 'released'; readonly preparedBy: string | null; readonly releasedBy: string | null; readonly summary: BundleSummary }

/** All links that are carried by bundle, or one. @throws road.notByBundle */
export async function bundleStatus(node: Node, link?: string): Promise<readonly BundleStatus[]> {
  const road = node.slots.get(roadSlot)
  if (link !== undefined) requireBundleLink(road, link)
  const links = link === undefined ? neighbours(node).filter((peer) => road.settingOf(peer).carrier === 'bundle') : [link]
  const all: BundleStatus[] = []
  for (const one of links) all.push(await node.transaction(service('road'), (tx) => statusOf(tx, road, one)))
  return all
}

async function statusOf(tx: Tx, road: Road, link: string): Promise<BundleStatus> {
  const setting = road.settingOf(link)
  const known = await lockBundleLink(tx, link)
  const patience = patienceOf(setting, link, known.lastNumber + 1, road.node.now())
  const shipments = await shipmentsFor(tx, patience, MOST)
  const waiting = shipments.filter(({ idle, label }) => idle && label <= setting.maxLabel.out)
  const bundles = await listBundles(tx, link, LISTED)
  const open = bundles.flatMap(openOf)[0] ?? null
  const seen = known.heardLife === null ? [] : await takenBundles(tx, link, known.heardLife, MOST)
  return {
    link,
    oneWay: setting.oneWay,
    out: {
      lastWritten: bundles.find(({ state }) => state === 'written')?.number ?? 0,
      open,
      waiting: { shipments: waiting.length, bytes: waiting.reduce((sum, one) => sum + one.bytes, 0), receipts: (await relaysFor(tx, patience, MOST)).length, answers: (await answersFor(tx, patience, MOST)).length },
      held: shipments.filter(({ label }) => label > setting.maxLabel.out).slice(0, LISTED).map(({ id, message, sender, created, urgency, label }) => ({ shipment: id, message, sender, created: created.toISOString(), urgency, label })),
      unconfirmed: bundles.flatMap(({ number, state, writtenAt, confirmedAt, lostAt }) => (state === 'written' && confirmedAt === null && writtenAt !== null ? [{ number, writtenAt: writtenAt.toISOString(), isMissed: lostAt !== null }] : [])),
      unanswered: await unanswered(tx, link),
    },
    in: {
      highest: seen[0]?.number ?? 0,
      heardAt: seen.reduce<Date | null>((last, { seenAt }) => (last === null || seenAt > last ? seenAt : last), null)?.toISOString() ?? null,
      gaps: gapsOf(seen),
      partial: seen.filter(({ state }) => state === 'partial').map(({ number, remarks }) => ({ number, remarks: remarks.map(({ what, code }) => ({ what, code })) })),
    },
  }
}

/** What whoever releases a bundle looks at: the heads of its shipments, as every centre sees them; those above the reader's clearance are counted only. @throws road.noBundle */
export async function bundleContents(node: Node, link: string, number: number, clearance: number): Promise<{ readonly shipments: readonly BundledShipment[]; readonly aboveClearance: number }> {
  return node.transaction(service('road'), async (tx) => {
    if ((await findBundle(tx, link, number)) === null) throw roadFaults.noBundle()
    const all = await bundledShipments(tx, link, number)
    const shipments = all.filter(({ label }) => label <= clearance)
    return { shipments, aboveClearance: all.length - shipments.length }
  })
}

const openOf = ({ number, state, preparedBy, releasedBy, summary }: BundleRow): readonly OpenBundle[] =>
  state === 'prepared' || state === 'released' ? [{ number, state, preparedBy, releasedBy, summary }] : []
