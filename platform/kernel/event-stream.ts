import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import type { EventSystem } from './events.ts'
import { requirePerson } from './http.ts'
import type { Node } from './node.ts'
import type { Server } from './plugin.ts'
import { type PersonPrincipal, service } from './principal.ts'
import { authenticate } from './seams.ts'
import { kernelFaults } from './words.ts'

const HEARTBEAT_MS = 25_000
const STREAMS_PER_PERSON = 8
/** Numbers are given before commit, so a lower one may appear after a higher one: how far back to look again. */
const LOOK_BACK = 500
const BACKLOG_BYTES = 1_000_000

type Stream = { readonly request: FastifyRequest; readonly principal: PersonPrincipal; readonly out: ServerResponse }
type Row = { readonly id: string; readonly name: string; readonly payload: unknown; readonly organs: readonly string[] }

/**
 * `GET /api/kernel/events`: server-sent events for signed-in people, of those events only that name one of their organs in `organs`.
 * A hint to look again, not a delivery: what is missed while away is found by the next ordinary request.
 */
export function serveEventStream(server: Server, node: Node, events: EventSystem): void {
  const streams = new Set<Stream>()
  const pump = createPump(node, streams)
  const forget = events.onWake(() => pump.soon())
  const heartbeat = setInterval(() => void Promise.all([...streams].map((stream) => checkStream(node, stream))), HEARTBEAT_MS)
  heartbeat.unref()
  server.addHook('preClose', async () => {
    clearInterval(heartbeat)
    forget()
    for (const { out } of streams) out.end()
    await pump.stop()
  })
  server.get('/events', { schema: { summary: '本人单位可见事件的实时流（text/event-stream）' } }, async (request, reply) => {
    const principal = requirePerson(request)
    if ([...streams].filter((stream) => stream.principal.person === principal.person).length >= STREAMS_PER_PERSON) throw kernelFaults.tooManyStreams()
    if (streams.size === 0) await pump.forgetOld()
    open(streams, request, reply, principal)
  })
}

function open(streams: Set<Stream>, request: FastifyRequest, reply: FastifyReply, principal: PersonPrincipal): void {
  reply.hijack()
  const out = reply.raw
  out.writeHead(200, { ...Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)])), 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
  out.write(': 驿道\n\n')
  const stream = { request, principal, out }
  streams.add(stream)
  out.once('close', () => streams.delete(stream))
}

/** The session may have ended, or the person's posts changed: then the page has to come again. */
async function checkStream(node: Node, { request, principal, out }: Stream): Promise<void> {
  try {
    const still = (await node.slots.find(authenticate)?.(request)) ?? null
    const same = still?.person === principal.person && still.organs.join() === principal.organs.join()
    if (same && out.writableLength < BACKLOG_BYTES) out.write(': \n\n')
    else out.end()
  } catch (error) {
    node.log.warn({ err: error }, 'event stream closed: its session could not be checked')
    out.end()
  }
}

/** Reads new events once for all streams. */
function createPump(node: Node, streams: ReadonlySet<Stream>): { soon(): void; forgetOld(): Promise<void>; stop(): Promise<void> } {
  let sent = new Set<string>()
  let timer: NodeJS.Timeout | null = null
  let running: Promise<unknown> = Promise.resolve()
  const recent = (): Promise<readonly Row[]> =>
    node.transaction(service('jobs'), async (tx) => {
      const { rows } = await sql<Row>`select id::text, name, payload, organs from kernel.event where organs <> '{}' order by id desc limit ${LOOK_BACK}`.execute(tx)
      return rows.reverse()
    })
  const pump = async (): Promise<void> => {
    const rows = await recent()
    for (const row of rows) if (!sent.has(row.id)) for (const stream of streams) write(stream, row)
    sent = new Set(rows.map(({ id }) => id))
  }
  return {
    soon: () => {
      if (streams.size === 0) return
      timer ??= setTimeout(() => {
        timer = null
        running = running.then(pump).catch((error: unknown) => node.log.warn({ err: error }, 'event stream could not read'))
      }, 50)
    },
    forgetOld: async () => void (sent = new Set((await recent()).map(({ id }) => id))),
    stop: async () => {
      if (timer !== null) clearTimeout(timer)
      await running
    },
  }
}

function write({ principal, out }: Stream, { id, name, payload, organs }: Row): void {
  if (organs.some((organ) => principal.organs.includes(organ))) out.write(`id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(payload)}\n\n`)
}
