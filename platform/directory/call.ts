import http2 from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { canonical, readCanonical } from '@postroad/waybill'
import { z } from 'zod'
import { MAX_MESSAGE_BYTES } from './model.ts'
import { directoryFaults } from './words.ts'

const CONNECT_MS = 10_000
const ANSWER_MS = 60_000

/** A connection to another node's road. `certificate` (DER) is what the other side showed; nothing has been sent yet. */
export type Line = { readonly certificate: Uint8Array; post<T>(path: string, body: unknown, answer: z.ZodType<T>): Promise<T>; close(): void }
export type Identity = { readonly key: string; readonly cert: string }

/**
 * Opens HTTP/2 over mutual TLS 1.3. Whose certificate it is, the caller compares with the directory before it sends anything.
 * @throws directory.peerUnreachable
 */
export async function openLine(endpoint: string, identity: Identity): Promise<Line> {
  const session = http2.connect(endpoint, { ...identity, minVersion: 'TLSv1.3', rejectUnauthorized: false, servername: '' } as http2.SecureClientSessionOptions)
  const opened = Promise.withResolvers<void>()
  const timer = setTimeout(() => opened.reject(directoryFaults.peerUnreachable({ endpoint, reason: 'timeout' })), CONNECT_MS)
  session.once('connect', () => opened.resolve())
  session.on('error', (error: NodeJS.ErrnoException) => opened.reject(directoryFaults.peerUnreachable({ endpoint, reason: error.code ?? 'error' })))
  session.once('close', () => opened.reject(directoryFaults.peerUnreachable({ endpoint, reason: 'closed' })))
  try {
    await opened.promise
  } catch (error) {
    session.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
  const certificate = (session.socket as TLSSocket).getPeerX509Certificate()?.raw
  if (certificate === undefined) {
    session.destroy()
    throw directoryFaults.wrongServer({ endpoint })
  }
  return { certificate, close: () => session.destroy(), post: (path, body, answer) => post(session, path, body, answer) }
}

async function post<T>(session: http2.ClientHttp2Session, path: string, body: unknown, answer: z.ZodType<T>): Promise<T> {
  const bytes = canonical(body)
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/json', 'content-length': bytes.length })
  stream.setTimeout(ANSWER_MS, () => stream.close(http2.constants.NGHTTP2_CANCEL))
  const reply = receive(stream)
  stream.end(bytes)
  const { status, body: received } = await reply
  if (status !== 200) throw directoryFaults.peerRefused({ status, ...toldBy(received) })
  const read = readCanonical(received, answer, { maxBytes: MAX_MESSAGE_BYTES })
  if (!read.ok) throw directoryFaults.peerRefused({ status, code: read.fault.code })
  return read.value
}

function receive(stream: http2.ClientHttp2Stream): Promise<{ status: number; body: Uint8Array }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Uint8Array }>()
  let [status, bytes]: [number, number] = [0, 0]
  const parts: Buffer[] = []
  stream.on('response', (headers) => (status = Number(headers[':status'])))
  stream.on('data', (part: Buffer) => {
    parts.push(part)
    bytes += part.length
    if (bytes > MAX_MESSAGE_BYTES) stream.close(http2.constants.NGHTTP2_CANCEL)
  })
  stream.on('end', () => resolve({ status, body: Buffer.concat(parts) }))
  stream.on('error', (error: NodeJS.ErrnoException) => reject(directoryFaults.peerUnreachable({ reason: error.code ?? 'error' })))
  stream.on('close', () => reject(directoryFaults.peerUnreachable({ reason: 'cut' })))
  return promise
}

const refusalBody = z.object({ error: z.object({ code: z.string().max(64), detail: z.object({ reason: z.string().max(500).optional() }).optional() }) })

/** What a refusing peer says: the code, and the reason that a person there gave. */
function toldBy(body: Uint8Array): { readonly code: string; readonly reason?: string } {
  try {
    const { error } = refusalBody.parse(JSON.parse(Buffer.from(body.subarray(0, 8000)).toString('utf8')))
    return { code: error.code, ...(error.detail?.reason === undefined ? {} : { reason: error.detail.reason }) }
  } catch {
    return { code: 'unknown' }
  }
}
