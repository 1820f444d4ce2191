import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { replaceFile } from '@postroad/kernel/durable-file'
import type { Timelines } from '@postroad/kernel/timelines'
import { z } from 'zod'
import { blobCopier } from './blobs.ts'
import { readBackupKey } from './keys.ts'
import { formatLsn, parseLsn, segmentName, segmentStart, streamId } from './model.ts'
import { type ReplicationLine, type ServerFacts, identify, openReplication, readWal, standing } from './protocol.ts'
import { type SealWriter, type Signer, createSealed } from './sealed.ts'
import { names, walOf, writeReached } from './shelf.ts'
import { digestOf, encodeSnapshot, takeKeys } from './snapshot.ts'

/** `<home>/backup/stream.json`: which archive this database writes. Not in any backup: a restored database begins another one. */
const streamFile = z.strictObject({ v: z.literal(1), stream: streamId, slot: z.string(), folder: z.string() })
type Stream = z.infer<typeof streamFile>
const pathOf = (home: string): string => join(home, 'backup', 'stream.json')

/** The archive that this home writes into `folder`, or null. */
export function currentStream(home: string, folder: string): string | null {
  const known = readStream(home)
  return known?.folder === folder ? known.stream : null
}
const readStream = (home: string): Stream | null => (existsSync(pathOf(home)) ? streamFile.parse(JSON.parse(readFileSync(pathOf(home), 'utf8'))) : null)

export type ArchiveOptions = {
  readonly home: string
  readonly folder: string
  readonly signer: Signer
  /** Where the log comes from; null while there is no server. */
  url(): string | null
  /** Of an external database; null for the home's own. */
  readonly timelines: Timelines | null
  log: { warn(detail: object, words: string): void }
}
export type Archive = { stop(): Promise<void> }

/** How often the server is told how far the disk is; so much of the log is lost at most with the machine. */
const TELL_MS = 250
const COPY_MS = 2_000
const AGAIN_MS = 2_000

/** Keeps the log, the keys and the blobs of a running node in the backup folder, all the time, for restores to any moment. What breaks is begun again. */
export function startArchive(options: ArchiveOptions): Archive {
  const stopping = new AbortController()
  const { signal } = stopping
  let line: ReplicationLine | null = null
  const again = async (work: () => Promise<void>, pause: number, words: string): Promise<void> => {
    let told = ''
    while (!signal.aborted) {
      await work().then(() => (told = ''), (error: Error) => {
        if (!signal.aborted && error.message !== told) options.log.warn({ err: error }, words)
        told = error.message
      })
      await wait(pause, undefined, { signal }).catch(() => undefined)
    }
  }
  const archive = async (): Promise<void> => {
    readBackupKey(options.home) // before the server is asked to hold anything for us
    const url = options.url()
    if (url === null) return
    line = await openReplication(url, options.timelines)
    try {
      if (!signal.aborted) await follow(line, options, signal)
    } finally {
      await line.close()
    }
  }
  const copier = blobCopier(options.home, options.folder)
  const keys = keyWatcher(options)
  const running = [
    again(archive, AGAIN_MS, 'backup: the archive of the log stopped and is begun again'),
    again(async () => {
      await keys()
      const { damaged } = await copier.copy()
      if (damaged > 0) options.log.warn({ damaged }, 'backup: stored bodies that are not what their name says were left out')
    }, COPY_MS, 'backup: keys or blobs not copied'),
  ]
  return {
    async stop() {
      stopping.abort()
      await line?.close()
      await Promise.all(running)
    },
  }
}

async function follow(line: ReplicationLine, options: ArchiveOptions, signal: AbortSignal): Promise<void> {
  const server = await identify(line)
  const { stream, from, timeline } = await openStream(line, options, server)
  const copy = line.copy(`START_REPLICATION SLOT ${stream.slot} PHYSICAL ${formatLsn(from)} TIMELINE ${timeline}`)
  const segments = segmentWriter(options, stream.stream, timeline, server.segmentBytes, from)
  let [flushed, told, hasNews] = [from, 0, false]
  let current: Date | null = null
  const tell = setInterval(() => copy.send(standing(flushed)), TELL_MS)
  try {
    for await (const bytes of copy.messages as AsyncIterable<Buffer>) {
      const message = readWal(bytes)
      if (message === null) continue
      if (message.kind === 'data') {
        await segments.write(message.bytes)
        hasNews = true
      }
      if (message.end <= segments.position()) current = message.at
      if (performance.now() - told < TELL_MS && message.kind === 'data') continue
      if (hasNews) await segments.flush()
      ;[hasNews, flushed, told] = [false, segments.position(), performance.now()]
      if (current !== null) writeReached(options.folder, stream.stream, { v: 1, lsn: formatLsn(flushed), at: current.toISOString() })
    }
  } catch (error) {
    if (isLost(error)) rmSync(pathOf(options.home), { force: true }) // the server has thrown away what comes next: another archive begins
    if (!signal.aborted) throw error
  } finally {
    clearInterval(tell)
    await segments.close()
  }
}

const isLost = (error: unknown): boolean => {
  const { code, message = '' } = error as { code?: string; message?: string }
  return code === '58P01' || code === '55000' || /can no longer (get changes|access)|already been removed|invalidated/.test(message)
}

/** The archive that goes on, or another one where the slot that held the log for us is gone. */
async function openStream(line: ReplicationLine, { home, folder }: ArchiveOptions, server: ServerFacts): Promise<{ stream: Stream; from: bigint; timeline: number }> {
  const known = readStream(home)
  if (known?.folder === folder) {
    const [, restart = null, timeline = null] = (await line.rows(`READ_REPLICATION_SLOT ${known.slot}`))[0] ?? []
    if (restart !== null) return { stream: known, from: segmentStart(parseLsn(restart), server.segmentBytes), timeline: Number(timeline) }
  }
  const stream = randomBytes(8).toString('hex')
  const fresh: Stream = { v: 1, stream, slot: `postroad_${stream}`, folder }
  mkdirSync(walOf(folder, stream), { recursive: true, mode: 0o700 })
  await line.rows(`CREATE_REPLICATION_SLOT ${fresh.slot} PHYSICAL RESERVE_WAL`)
  replaceFile(pathOf(home), JSON.stringify(fresh))
  const [, restart = null, timeline = null] = (await line.rows(`READ_REPLICATION_SLOT ${fresh.slot}`))[0] ?? []
  return { stream: fresh, from: segmentStart(parseLsn(restart ?? server.flushed), server.segmentBytes), timeline: Number(timeline ?? server.timeline) }
}

type Segments = { write(bytes: Uint8Array): Promise<void>; flush(): Promise<void>; position(): bigint; close(): Promise<void> }

/** Cuts the log into its segments, each a sealed file. What an earlier run began of a segment stays until this run has finished it. */
function segmentWriter({ home, folder, signer }: ArchiveOptions, stream: string, timeline: number, segmentBytes: number, from: bigint): Segments {
  const root = walOf(folder, stream)
  const key = readBackupKey(home)
  let position = from
  let open: { name: string; writer: SealWriter } | null = null
  const begin = async (): Promise<{ name: string; writer: SealWriter }> => {
    const name = segmentName(timeline, position, segmentBytes)
    return { name, writer: await createSealed(join(root, `${name}.${randomBytes(4).toString('hex')}.partial`), join(root, `${name}.sealed`), segmentLabel(stream, name), key, signer) }
  }
  return {
    position: () => position,
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        open ??= await begin()
        const piece = bytes.subarray(at, at + segmentBytes - Number(position % BigInt(segmentBytes)))
        await open.writer.write(piece)
        at += piece.length
        position += BigInt(piece.length)
        if (position % BigInt(segmentBytes) !== 0n) continue
        await open.writer.finish()
        for (const name of names(root)) if (name.startsWith(open.name) && name.endsWith('.partial')) rmSync(join(root, name))
        open = null
      }
    },
    flush: async () => open?.writer.flush(),
    close: async () => open?.writer.close(),
  }
}

/** What a segment's seal is bound to. */
export const segmentLabel = (stream: string, segment: string): string => `wal/${stream}/${segment}`
export const keysLabel = (stream: string, file: string): string => `keys/${stream}/${file}`

/** Keys that were made after a base backup are as needed as those before it. */
function keyWatcher({ home, folder, signer }: ArchiveOptions): () => Promise<void> {
  let known: string | null = null
  return async () => {
    const stream = currentStream(home, folder)
    if (stream === null) return
    const taken = takeKeys(home)
    const digest = `${stream} ${digestOf(taken)}`
    if (digest === known) return
    const file = `keys-${Date.now()}.sealed`
    const path = join(walOf(folder, stream), file)
    const writer = await createSealed(`${path}.new`, path, keysLabel(stream, file), readBackupKey(home), signer)
    await writer.write(encodeSnapshot(taken))
    await writer.finish()
    known = digest
  }
}
