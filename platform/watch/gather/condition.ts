import { certificateEnds, view } from '@postroad/directory/service'
import { volumesOf } from '@postroad/files/service'
import { backlogOf } from '@postroad/kernel/backlog'
import type { Node, Slot } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { countOrgans } from '@postroad/keys/service'
import { type DirectoryView, freshness } from '@postroad/waybill'
import { z } from 'zod'
import type { Condition } from '../model.ts'
import { databaseFacts, readReadings, standbys } from '../store.ts'
import { type Readings, gatherLinks } from './links.ts'
import { gatherProcess } from './process.ts'

/** When the last complete backup of a home was finished (ISO, UTC; null for never). Filled by whoever makes them. */
export const lastBackup: Slot<(home: string) => string | null> = { name: 'watch.lastBackup' }

export const LEDGER_READING = 'ledger'
const ledgerReading = z.object({ ok: z.boolean(), size: z.number() })

/** How this node is doing now: the one place where it is put together, for the console, the metrics, the alarms and `postroad doctor`. @throws directory.notJoined */
export async function gather(node: Node): Promise<Condition> {
  const directory = view(node)
  const at = node.now().toISOString()
  const own = directory.node(node.config.node)
  const { readings, facts, copies } = await node.transaction(service('watch'), async (tx) => ({ readings: await readReadings(tx), facts: await databaseFacts(tx), copies: await standbys(tx) }))
  const [{ links, deliveries: { unsignedReceipts, ...deliveries } }, backlog, volumes, organs] = await Promise.all([gatherLinks(node, readings), backlogOf(node), volumesOf(node.config.home), organsOf(node)])
  return {
    node: node.config.node, title: own?.title ?? node.config.node, at, anchor: directory.state.pinned.fingerprint,
    links, deliveries, unsignedReceipts, leaving: leavingOf(directory, node.config.node),
    certificates: endsOf(node), directory: logsOf(directory, node.config.node, at),
    disks: volumes.map(({ folder, free, total, low, full }) => ({ volume: folder, free, total, low: Math.round(low), full: Math.round(full) })),
    database: { ...facts, standbys: [...copies], standbyRequired: node.config.database?.standbyRequired ?? false, ...backlog, oldestEvent: backlog.oldestEvent?.toISOString() ?? null },
    keyProcess: organs, ledger: ledgerOf(readings), backup: node.slots.find(lastBackup)?.(node.config.home) ?? null,
    process: gatherProcess(node),
  }
}

/** A centre may host thousands of organs, and the network have thousands of nodes: those that matter are shown, all are counted. */
const MOST_ENDS = 100
const MOST_STALE = 20

function endsOf(node: Node): Condition['certificates'] {
  const ends = certificateEnds(node).map(({ until, ...end }) => ({ ...end, until: until.toISOString() }))
  const organs = ends.filter(({ kind }) => kind === 'organ').toSorted((one, other) => (one.until < other.until ? -1 : 1))
  return [...ends.filter(({ kind }) => kind !== 'organ'), ...organs.slice(0, MOST_ENDS)]
}

function leavingOf(directory: DirectoryView, self: string): Condition['leaving'] {
  const leaving = directory.leaving(self)
  return leaving?.phase === 'closing' && leaving.farewell === null ? { reason: leaving.reason } : null
}

function logsOf(directory: DirectoryView, self: string, at: string): Condition['directory'] {
  // who left states nothing any more, and who left itself hears of nothing
  const stays = (node: string): boolean => directory.leaving(node)?.phase !== 'gone'
  const grades = Object.fromEntries(Object.entries(stays(self) ? freshness(directory, at) : {}).filter(([node]) => stays(node)))
  const counted = { normal: 0, warn: 0, knownPartnersOnly: 0 }
  for (const grade of Object.values(grades)) counted[grade] += 1
  const stale = directory.nodes().filter(({ node }) => grades[node] !== undefined && grades[node] !== 'normal').slice(0, MOST_STALE)
  return { ...counted, stale: stale.map(({ node, title }) => ({ node, title })) }
}

/** Only whether it answers: why it does not is in its own log. */
const organsOf = (node: Node): Promise<Condition['keyProcess']> => countOrgans(node).then((counts) => ({ up: true, ...counts }), () => ({ up: false, organs: 0, open: 0 }))

function ledgerOf(readings: Readings): Condition['ledger'] {
  const reading = readings.get(LEDGER_READING)
  const read = ledgerReading.safeParse(reading?.value)
  return reading === undefined || !read.success ? null : { at: reading.at.toISOString(), ok: read.data.ok, size: read.data.size }
}
