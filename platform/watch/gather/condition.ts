import { certificateEnds, view } from '@postroad/directory/service'
import { volumesOf } from '@postroad/files/service'
import { backlogOf } from '@postroad/kernel/backlog'
import type { Node, Slot } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { countOrgans } from '@postroad/keys/service'
import { freshness } from '@postroad/waybill'
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
  const grades = freshness(directory, at)
  return {
    node: node.config.node, title: own?.title ?? node.config.node, at, anchor: directory.state.pinned.fingerprint,
    links, deliveries, unsignedReceipts,
    certificates: certificateEnds(node).map(({ until, ...end }) => ({ ...end, until: until.toISOString() })),
    directory: directory.nodes().map(({ node: id, title }) => ({ node: id, title, freshness: grades[id] ?? 'warn' })),
    disks: volumes.map(({ folder, free, total, low, full }) => ({ volume: folder, free, total, low: Math.round(low), full: Math.round(full) })),
    database: { ...facts, standbys: [...copies], ...backlog, oldestEvent: backlog.oldestEvent?.toISOString() ?? null },
    keyProcess: organs, ledger: ledgerOf(readings), backup: node.slots.find(lastBackup)?.(node.config.home) ?? null,
    process: gatherProcess(node),
  }
}

/** Only whether it answers: why it does not is in its own log. */
const organsOf = (node: Node): Promise<Condition['keyProcess']> => countOrgans(node).then((counts) => ({ up: true, ...counts }), () => ({ up: false, organs: 0, open: 0 }))

function ledgerOf(readings: Readings): Condition['ledger'] {
  const reading = readings.get(LEDGER_READING)
  const read = ledgerReading.safeParse(reading?.value)
  return reading === undefined || !read.success ? null : { at: reading.at.toISOString(), ok: read.data.ok, size: read.data.size }
}
