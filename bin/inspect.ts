import { connect as connectHttp2 } from 'node:http2'
import { chmodSync, rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { neighbours, tls, view } from '@postroad/directory/service'
import { base64url, fromBase64url } from '@postroad/gm'
import { readCertificate } from '@postroad/gm/certificate'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { definePlugin } from '@postroad/kernel/plugin'
import { processKeys } from '@postroad/keys/service'
import { freshness } from '@postroad/waybill'
import { z } from 'zod'

// What a running node tells its own operator: `postroad doctor` asks through a socket that only the node's account can open.

const linkReport = z.object({
  node: z.string(),
  title: z.string(),
  direction: z.enum(['up', 'down']),
  endpoint: z.string(),
  outcome: z.enum(['good', 'unreachable', 'wrongCertificate', 'noEndpoint']),
  milliseconds: z.number(),
  /** The peer's clock minus ours, whole seconds; null where nothing answered. */
  clockSeconds: z.number().nullable(),
  certificateUntil: z.string().nullable(),
})
export const nodeReport = z.object({
  node: z.string(),
  title: z.string(),
  joined: z.boolean(),
  anchor: z.string().nullable(),
  desk: z.string(),
  database: z.boolean(),
  keyProcess: z.boolean(),
  certificateUntil: z.string().nullable(),
  links: z.array(linkReport),
  logs: z.array(z.object({ node: z.string(), title: z.string(), freshness: z.string() })),
})
export type NodeReport = z.infer<typeof nodeReport>
export type LinkReport = NodeReport['links'][number]

const PROBE_MS = 5000
const socketOf = (home: string): string => join(home, 'run', 'doctor.sock')

/** Answers the operator's question for as long as the node runs. */
export const inspection = definePlugin({
  id: 'inspection',
  title: '体检',
  async start(node) {
    const path = socketOf(node.config.home)
    rmSync(path, { force: true })
    const server = createServer((socket) => void inspect(node).then((report) => socket.end(JSON.stringify(report)), (error: unknown) => socket.destroy(error as Error)))
    server.on('error', (error) => node.log.error({ err: error }, 'inspection'))
    await new Promise<void>((resolve) => server.listen(path, resolve))
    chmodSync(path, 0o600)
    return { stop: () => new Promise<void>((resolve) => server.close(() => resolve())) }
  },
})

/** Asks the node whose home this is; null when it does not run. */
export function askNode(home: string): Promise<NodeReport | null> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketOf(home))
    let text = ''
    socket.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    socket.once('error', () => resolve(null))
    socket.once('end', () => {
      const read = nodeReport.safeParse(JSON.parse(text))
      if (read.success) resolve(read.data)
      else reject(read.error)
    })
  })
}

async function inspect(node: Node): Promise<NodeReport> {
  const own = node.config.node
  const base = { node: own, desk: node.config.desk.origin, database: await works(() => node.database.pool.query('select 1')), keyProcess: await works(() => processKeys(node)) }
  try {
    const directory = view(node)
    const body = directory.node(own)
    const grades = freshness(directory, node.now().toISOString())
    const logs = directory.nodes().map(({ node: id, title }) => ({ node: id, title, freshness: grades[id] ?? 'warn' }))
    const links = await Promise.all(neighbours(node).map((peer) => probe(node, peer)))
    const root = directory.state.pinned.fingerprint
    return { ...base, title: body?.title ?? own, joined: true, anchor: root, certificateUntil: body === null ? null : until(body.tls.certificate), links, logs }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { ...base, title: own, joined: false, anchor: null, certificateUntil: null, links: [], logs: [] }
  }
}

const until = (certificate: string): string => readCertificate(fromBase64url(certificate)).notAfter.toISOString()
const works = (work: () => Promise<unknown>): Promise<boolean> => work().then(() => true, () => false)

/** Calls a neighbour as the road would: its certificate must be the one the directory has; its clock is in the answer. */
async function probe(node: Node, peer: string): Promise<LinkReport> {
  const directory = view(node)
  const body = directory.node(peer)
  const base = { node: peer, title: body?.title ?? peer, direction: directory.node(node.config.node)?.parent === peer ? ('up' as const) : ('down' as const), endpoint: body?.endpoint ?? '' }
  if (body === null || body.endpoint === null) return { ...base, outcome: 'noEndpoint', milliseconds: 0, clockSeconds: null, certificateUntil: null }
  const started = performance.now()
  const met = await meet(body.endpoint, tls(node))
  const milliseconds = Math.round(performance.now() - started)
  if (met === null) return { ...base, outcome: 'unreachable', milliseconds, clockSeconds: null, certificateUntil: until(body.tls.certificate) }
  const clockSeconds = met.date === null ? null : Math.round((met.date - node.now().getTime()) / 1000)
  return { ...base, outcome: met.certificate === body.tls.certificate ? 'good' : 'wrongCertificate', milliseconds, clockSeconds, certificateUntil: until(body.tls.certificate) }
}

function meet(endpoint: string, identity: { readonly key: string; readonly cert: string }): Promise<{ certificate: string; date: number | null } | null> {
  return new Promise((resolve) => {
    const session = connectHttp2(endpoint, { ...identity, minVersion: 'TLSv1.3', rejectUnauthorized: false })
    const finish = (met: { certificate: string; date: number | null } | null): void => {
      clearTimeout(timer)
      session.destroy()
      resolve(met)
    }
    const timer = setTimeout(() => finish(null), PROBE_MS)
    session.once('error', () => finish(null))
    session.once('connect', () => {
      const certificate = base64url((session.socket as TLSSocket).getPeerX509Certificate()?.raw ?? new Uint8Array())
      const request = session.request({ ':method': 'GET', ':path': '/road/v1/' })
      request.once('response', ({ date }) => finish({ certificate, date: typeof date === 'string' ? Date.parse(date) : null }))
      request.once('error', () => finish(null))
      request.end()
    })
  })
}
