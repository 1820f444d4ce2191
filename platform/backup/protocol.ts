import { Readable } from 'node:stream'
import { askWalSender, primariesOf } from '@postroad/kernel/primary'
import type { Timelines } from '@postroad/kernel/timelines'
import type pg from 'pg'
import { backupFaults } from './words.ts'

/** A connection that speaks PostgreSQL's replication protocol (docs: “Streaming Replication Protocol”, 15 and later). */
export type ReplicationLine = {
  /** A command answered with rows only. */
  rows(command: string): Promise<readonly (readonly (string | null)[])[]>
  /** A command answered with a copy: its messages as they come, and after them the rows around it. */
  copy(command: string): Copy
  close(): Promise<void>
}
export type Copy = {
  readonly messages: Readable
  /** Rows of all result sets; known when `messages` has ended. */
  readonly rows: readonly (readonly (string | null)[])[]
  /** Sends a message the other way (replication only). */
  send(message: Uint8Array): void
}

/** @throws Error of the driver when the server cannot be reached or the role may not replicate */
export async function openReplication(url: string, timelines: Timelines | null): Promise<ReplicationLine> {
  const address = `${url}${url.includes('?') ? '&' : '?'}replication=true&application_name=postroad_backup`
  const { Client, config } = primariesOf(address, timelines, { ask: askWalSender, config: { keepAlive: true } })
  const client = new Client(config)
  client.on('error', () => undefined) // the command under way fails with it
  await client.connect()
  const copy = (command: string): Copy => {
    const asked = copying(command)
    client.query(asked)
    return asked
  }
  return {
    copy,
    async rows(command) {
      const asked = copy(command)
      asked.messages.resume()
      await new Promise((resolve, reject) => asked.messages.once('end', resolve).once('error', reject))
      return asked.rows
    },
    close: () => client.end().catch(() => undefined),
  }
}

type Handled = pg.Submittable & {
  handleRowDescription(): void
  handleDataRow(message: { readonly fields: readonly (string | Buffer | null)[] }): void
  handleCopyData(message: { readonly chunk: Buffer }): void
  handleCommandComplete(): void
  handleEmptyQuery(): void
  handleError(error: Error): void
  handleReadyForQuery(): void
}
/** What the driver's connection offers beyond its types. */
type Wire = pg.Connection & { sendCopyFromChunk(chunk: Uint8Array): void; readonly stream: { pause(): void; resume(): void } }

/** One command as the driver wants it. The socket rests while nobody reads. */
function copying(command: string): Handled & Copy {
  let wire: Wire | null = null
  const rows: (string | null)[][] = []
  const messages = new Readable({ objectMode: true, highWaterMark: 64, read: () => wire?.stream.resume() })
  messages.on('error', () => undefined) // whoever reads meets it; a line closed under a command nobody reads any more does no harm
  return {
    messages,
    rows,
    send: (message) => wire?.sendCopyFromChunk(message),
    submit(connection) {
      wire = connection as Wire
      connection.query(command)
    },
    handleRowDescription: () => undefined,
    handleDataRow: ({ fields }) => void rows.push(fields.map((field) => (field === null ? null : String(field)))),
    handleCopyData({ chunk }) {
      // a copy: the driver reads the next message into the same memory
      if (!messages.push(Buffer.from(chunk))) wire?.stream.pause()
    },
    handleCommandComplete: () => undefined,
    handleEmptyQuery: () => undefined,
    handleError(error) {
      wire?.stream.resume()
      messages.destroy(error)
    },
    handleReadyForQuery: () => void messages.push(null),
  }
}

export type ServerFacts = { readonly version: string; readonly segmentBytes: number; readonly timeline: number; readonly flushed: string; readonly system: string }

/** Who answers, and where it stands. @throws backup.serverUnfit for a server before 15 */
export async function identify(line: ReplicationLine): Promise<ServerFacts> {
  const one = async (command: string): Promise<readonly (string | null)[]> => (await line.rows(command))[0] ?? []
  const [version = ''] = await one('SHOW server_version')
  if (Number.parseInt(version ?? '', 10) < 15) throw backupFaults.serverUnfit({ version: version ?? '' })
  const [segment = ''] = await one('SHOW wal_segment_size')
  const [system, timeline, flushed] = await one('IDENTIFY_SYSTEM')
  return { version: version ?? '', segmentBytes: sizeOf(segment ?? ''), timeline: Number(timeline), flushed: flushed ?? '0/0', system: system ?? '' }
}

function sizeOf(text: string): number {
  const [, number = '16', unit = 'MB'] = /^(\d+)(MB|GB)$/.exec(text) ?? []
  return Number(number) * (unit === 'GB' ? 1024 : 1) * 1024 * 1024
}

/** A base backup as it comes: the tar's bytes, PostgreSQL's own manifest, and where in the log it began and ended. */
export type BaseBackup = { readonly tar: AsyncGenerator<Uint8Array>; manifest(): Uint8Array; position(): { readonly start: string; readonly end: string; readonly timeline: number } }

/** Takes a base backup with the log that it needs, so that it stands by itself. @throws backup.serverUnfit where there are tablespaces of their own */
export function takeBase(line: ReplicationLine, label: string): BaseBackup {
  const copy = line.copy(`BASE_BACKUP (LABEL '${label}', CHECKPOINT 'fast', WAL true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')`)
  const manifest: Buffer[] = []
  const tar = async function* (): AsyncGenerator<Uint8Array> {
    let into: 'tar' | 'manifest' | null = null
    for await (const message of copy.messages as AsyncIterable<Buffer>) {
      const kind = String.fromCharCode(message[0] ?? 0)
      if (kind === 'n') {
        if (into !== null || message.subarray(1, message.indexOf(0, 1)).toString() !== 'base.tar') throw backupFaults.serverUnfit({ reason: 'tablespace' })
        into = 'tar'
      } else if (kind === 'm') into = 'manifest'
      else if (kind === 'd' && into === 'tar') yield message.subarray(1)
      else if (kind === 'd') manifest.push(message.subarray(1))
    }
  }
  return {
    tar: tar(),
    manifest: () => Buffer.concat(manifest),
    position: () => {
      const [start, end] = [copy.rows[0], copy.rows.at(-1)]
      return { start: start?.[0] ?? '', timeline: Number(start?.[1]), end: end?.[0] ?? '' }
    },
  }
}

/** Microseconds from 1970 to 2000, from which PostgreSQL counts. */
const EPOCH_2000 = 946_684_800_000_000n
export type WalMessage = { readonly kind: 'data'; readonly start: bigint; readonly end: bigint; readonly at: Date; readonly bytes: Uint8Array } | { readonly kind: 'alive'; readonly end: bigint; readonly at: Date }

/** One message of the stream; null for kinds that say nothing to us. */
export function readWal(message: Buffer): WalMessage | null {
  const time = (at: number): Date => new Date(Number((message.readBigInt64BE(at) + EPOCH_2000) / 1000n))
  if (message[0] === 0x77) return { kind: 'data', start: message.readBigUInt64BE(1), end: message.readBigUInt64BE(9), at: time(17), bytes: message.subarray(25) }
  if (message[0] === 0x6b) return { kind: 'alive', end: message.readBigUInt64BE(1), at: time(9) }
  return null
}

/** Tells the server how far the log is on our disk: it may forget what is before. Asks for a sign of life, by which we know how current we are. */
export function standing(flushed: bigint): Uint8Array {
  const message = Buffer.alloc(34)
  message[0] = 0x72
  for (const at of [1, 9, 17]) message.writeBigUInt64BE(flushed, at)
  message.writeBigInt64BE(BigInt(Date.now()) * 1000n - EPOCH_2000, 25)
  message[33] = 1
  return message
}
