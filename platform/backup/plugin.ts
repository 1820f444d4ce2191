import { existsSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { homeSigner } from '@postroad/directory/service'
import type { Node } from '@postroad/kernel/node'
import { definePlugin } from '@postroad/kernel/plugin'
import { runningUrl } from '@postroad/kernel/postgres'
import { service } from '@postroad/kernel/principal'
import { record } from '@postroad/ledger/service'
import { lastBackup as lastBackupSlot } from '@postroad/watch/service'
import { z } from 'zod'
import { currentStream, startArchive } from './archive.ts'
import { lastBackup, makeBackup, removeExpired } from './make.ts'
import type { Signer } from './sealed.ts'
import { listBackups } from './shelf.ts'
import { restoredFile } from './restore.ts'
import { ACTS, backupTitle } from './words.ts'

const LOOK_MS = 500
const AGAIN_MS = 60_000
const restored = z.strictObject({ v: z.literal(1), backup: z.string(), moment: z.string() })

/** Starts last. It archives only where a folder for backups is configured, and in one process of the node: the eldest that does jobs. */
export const backup = definePlugin({
  id: 'backup',
  title: backupTitle,
  jobs: [{ name: 'nightly', every: '11 1 * * *', run: async (_payload, node) => nightly(node) }],
  async start(node) {
    node.slots.set(lastBackupSlot, (home) => lastBackup(home)?.at ?? null)
    await recordRestore(node)
    const settings = node.config.backup
    if (settings === null || !node.processes.does('jobs')) return { stop: async () => undefined }
    const { home } = node.config
    const archive = startArchive({ home, folder: settings.folder, signer: signerOf(home), url: () => (node.processes.isEldest('jobs') ? replicationUrl(node) : null), timelines: node.database.timelines, log: node.log })
    const first = new AbortController()
    const making = firstBackups(node, settings.folder, first.signal)
    return {
      async stop() {
        first.abort()
        await making
        await archive.stop()
      },
    }
  },
})

const replicationUrl = (node: Node): string | null => (node.config.database === null ? runningUrl(node.config.home) : node.config.database.replicationUrl)

/** The node's hand for backups. */
export function signerOf(home: string): Signer {
  const own = homeSigner(home)
  return { node: own.node, sign: (structure) => own.sign('backup', structure) }
}

/** A fresh archive, as one begins after a fail-over too, is of no use before a base backup; it is made as soon as there is one, not in the night. */
async function firstBackups(node: Node, folder: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const stream = node.processes.isEldest('jobs') ? currentStream(node.config.home, folder) : null
    if (stream !== null && !listBackups(folder).some(({ manifest }) => manifest.stream === stream)) await attempt(node)
    await wait(stream === null ? LOOK_MS : AGAIN_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function nightly(node: Node): Promise<void> {
  const settings = node.config.backup
  if (settings === null || !(await attempt(node))) return
  await removeExpired(settings.folder, node.now(), settings.keep, node.config.home)
}

/** A backup that fails is in the ledger too; the alarm is the age of the last good one. */
async function attempt(node: Node): Promise<boolean> {
  const { home, backup: settings, database } = node.config
  const url = replicationUrl(node)
  const note = (act: string, outcome: 'done' | 'refused', object: string, detail: Record<string, string | number>): Promise<void> =>
    node.transaction(service('backup'), (tx) => record(tx, node, { act, actor: { kind: 'service', id: 'backup' }, object, outcome, detail }))
  try {
    if (url === null || settings === null) return false
    const made = await makeBackup({ home, folder: settings.folder, signer: signerOf(home), url, kind: database === null ? 'embedded' : 'external', timelines: node.database.timelines, now: node.now, say: () => undefined })
    await note(ACTS.made, 'done', made.id, { bytes: made.database.bytes, blobs: made.blobs.count })
    return true
  } catch (error) {
    node.log.error({ err: error }, 'backup: failed')
    await note(ACTS.failed, 'refused', '-', { code: (error as { code?: string }).code ?? 'unknown' })
    return false
  }
}

/** What was undone by a restore belongs into the ledger that goes on from it. */
async function recordRestore(node: Node): Promise<void> {
  const path = restoredFile(node.config.home)
  if (!existsSync(path)) return
  const { backup: from, moment } = restored.parse(JSON.parse(readFileSync(path, 'utf8')))
  await node.transaction(service('backup'), (tx) => record(tx, node, { act: ACTS.restored, actor: { kind: 'service', id: 'backup' }, object: from, outcome: 'done', detail: { moment } }))
  rmSync(path)
}
