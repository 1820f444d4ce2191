import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type SuiteId, fromBase64url, hex } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { DATABASE, runningUrl, startPostgres } from '@postroad/kernel/postgres'
import { chunkHash } from '@postroad/waybill'
import pg from 'pg'
import type { FireNode } from './network.ts'

/** Reads a node's database past the node itself, as the superuser, whom row policies do not bind. */
export type Books = { ask<T extends object>(text: string, values?: readonly unknown[]): Promise<T[]>; close(): Promise<void> }

/** Reads the books of a node that lives. Its database is for the node to start: one that stays down is what the harness is here to find. */
export const withBooks = <T>(node: FireNode, look: (books: Books) => Promise<T>): Promise<T> => reading(async () => openBooks(runningUrl(node.home, DATABASE) ?? isDown(node)), look)

/** Reads the books of a node that lies down after a power cut: its database is started for it, and the node adopts it later. */
export const withFallenBooks = <T>(node: FireNode, look: (books: Books) => Promise<T>): Promise<T> => reading(async () => openBooks((await startPostgres(node.home)).url('superuser')), look)

/** A fault may strike the database meanwhile: then it is read once more from the beginning. */
async function reading<T>(open: () => Promise<Books>, look: (books: Books) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await readOnce(open, look)
    } catch (error) {
      if (tries === MOST_READINGS) throw error
      await wait(500)
    }
  }
}
const MOST_READINGS = 20

async function readOnce<T>(open: () => Promise<Books>, look: (books: Books) => Promise<T>): Promise<T> {
  const books = await open()
  try {
    return await look(books)
  } finally {
    await books.close()
  }
}

function isDown({ id }: FireNode): never {
  throw new Error(`the database of ${id} is down`)
}

async function openBooks(url: string): Promise<Books> {
  const client = new pg.Client(url)
  client.on('error', () => undefined)
  await client.connect()
  return { ask: async <T extends object>(text: string, values: readonly unknown[] = []) => (await client.query<T>(text, [...values])).rows, close: () => client.end() }
}

/** How far back one looks: what was handed on before the newest so many has been inspected before. */
const NEWEST = 400

/** Messages that this node believes a neighbour to have custody of, newest first. */
export async function handedTo(books: Books, peer: string): Promise<string[]> {
  const rows = await books.ask<{ message: string }>(`select message from road.shipment where link = $1 and state = 'handedOn' order by seq desc limit ${NEWEST}`, [peer])
  return rows.map(({ message }) => message)
}

/** Of these messages, those whose row and whole body lie on the node's disk. */
export async function heldOf(books: Books, { home }: FireNode, messages: readonly string[]): Promise<string[]> {
  const rows = await books.ask<{ id: string; suite: SuiteId; chunk_hashes: string[]; framed: boolean }>(
    `select m.id, m.head ->> 'suite' as suite, m.chunk_hashes, b.framed is not null or b.forgotten is not null as framed from road.message m join road.body b on b.message = m.id where m.id = any($1::uuid[])`, [messages])
  return rows.filter(({ suite, chunk_hashes, framed }) => framed || chunk_hashes.every((hash) => isChunkThere(home, suite, hash))).map(({ id }) => id)
}

function isChunkThere(home: string, suite: SuiteId, hash: string): boolean {
  const name = hex(fromBase64url(hash))
  const path = join(home, 'blobs', 'chunks', name.slice(0, 2), name.slice(2))
  return existsSync(path) && chunkHash(suites[suite], readFileSync(path)) === hash
}

export async function receiptsHeldOf(books: Books, receipts: readonly string[]): Promise<string[]> {
  const rows = await books.ask<{ id: string }>('select id from road.receipt where id = any($1::uuid[])', [receipts])
  return rows.map(({ id }) => id)
}

/** What still waits to go somewhere, or to be signed, in rows. */
export async function waitingIn(books: Books): Promise<Readonly<Record<string, number>>> {
  const [row] = await books.ask<Record<string, string>>(`select (select count(*) from road.shipment where state = 'queued') as shipments, (select count(*) from road.relay where state = 'queued') as receipts,
    (select count(*) from road.due) as unsigned, (select count(*) from kernel.event_delivery) as events`)
  return Object.fromEntries(Object.entries(row ?? {}).map(([name, count]) => [name, Number(count)]))
}

/** Why shipments that wait were not taken the last time, and how many by each code. */
export async function lastCodes(books: Books): Promise<Readonly<Record<string, number>>> {
  const rows = await books.ask<{ code: string; count: string }>(`select coalesce(a.code, 'untried') as code, count(*) from road.shipment s
    left join lateral (select code from road.attempt where shipment = s.id order by id desc limit 1) a on true where s.state = 'queued' group by 1 order by 2 desc`)
  return Object.fromEntries(rows.map(({ code, count }) => [code, Number(count)]))
}

/** Both ends' books of each link: which shipments went out and which came in. */
export const handedAndTaken = (books: Books): Promise<{ peer: string; side: 'handed' | 'taken'; count: string; digest: string }[]> =>
  books.ask(`select link as peer, 'handed' as side, count(*) as count, md5(string_agg(id, ',' order by id collate "C")) as digest from road.shipment where state = 'handedOn' group by link
    union all select link, 'taken', count(*), md5(string_agg(shipment, ',' order by shipment collate "C")) from road.taken group by link order by 1, 2`)

export const endsOf = (books: Books): Promise<{ message: string; organ: string; side: 'sent' | 'inbox'; state: string; kind: string }[]> =>
  books.ask(`select d.message, d.organ, d.side, d.state, m.kind from road.delivery d join road.message m on m.id = d.message`)

/** Receipts that end a delivery, where they were made and where they were told. */
export const endingReceipts = (books: Books): Promise<{ id: string; message: string; organ: string; kind: string; node: string; isHome: boolean }[]> =>
  books.ask(`select r.id, r.message, r.recipient as organ, r.kind, r.node, m.origin as "isHome" from road.receipt r join road.message m on m.id = r.message where r.kind in ('signedFor', 'returned', 'recalled', 'recallRefused', 'undeliverable', 'closed')`)

/** Memory (MB) and open files of a process; null when it is gone. A dead one that nobody has waited for does not run. */
export function resourcesOf(pid: number): { readonly megabytes: number; readonly files: number; readonly isRunning: boolean } | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0)
    return { megabytes: Math.round(kilobytes / 1024), files: readdirSync(`/proc/${pid}/fd`).length, isRunning: !/^State:\s+[ZX]/m.test(status) }
  } catch {
    return null
  }
}

