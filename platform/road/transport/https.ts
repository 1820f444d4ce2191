import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { BodyCut, LinkFailure, type LinkTransport, type PeerAddress, type WireHandler, type WireReply, type WireRequest, isOf, jsonReply, measured, pieces } from './port.ts'

/** PEM texts for TLS 1.3. The certificate chain's own trust is not asked: each side compares the certificate with the directory's. */
export type TlsIdentity = { readonly key: string; readonly cert: string }
export type HttpsOptions = {
  readonly identity: () => TlsIdentity
  readonly host: string
  readonly port: number
  /** Longest silence within a request. */
  readonly patienceMs?: number
}

const PATIENCE_MS = 30_000
const PING_MS = 15_000
const REPLY_LIMIT = 64 * 1024 * 1024
const SETTINGS: http2.Settings = { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 256, maxHeaderListSize: 16 * 1024, enablePush: false }

/** The https adapter: HTTP/2 over mutual TLS 1.3, one connection per peer, reused by all requests. */
export function httpsTransport(options: HttpsOptions): LinkTransport {
  const patience = options.patienceMs ?? PATIENCE_MS
  const sessions = new Map<string, Promise<http2.ClientHttp2Session>>()
  let server: http2.Http2SecureServer | null = null
  const accepted = new Set<http2.ServerHttp2Session>()

  const sessionFor = (peer: PeerAddress): Promise<http2.ClientHttp2Session> => {
    const name = nameOf(peer)
    const known = sessions.get(name)
    if (known !== undefined) return known
    const opening = openSession(peer, options.identity(), patience)
    sessions.set(name, opening)
    const forget = (): void => {
      if (sessions.get(name) === opening) sessions.delete(name)
    }
    opening.then((session) => void session.once('close', forget).once('goaway', forget), forget)
    return opening
  }

  return {
    request: async (peer, request) => {
      const opening = sessionFor(peer)
      const session = await opening
      if (!session.closed && !session.destroyed && isOf(shownBy(session), peer)) return use(session, () => exchange(session, request, patience))
      // This node's identity was renewed while the connection was being opened, or the peer's is another now.
      retire(session)
      if (sessions.get(nameOf(peer)) === opening) sessions.delete(nameOf(peer))
      const fresh = await sessionFor(peer)
      return use(fresh, () => exchange(fresh, request, patience))
    },
    serve: async (handler) => {
      server = http2.createSecureServer({ ...options.identity(), minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['h2'], settings: SETTINGS })
      server.on('session', (session) => {
        accepted.add(session)
        session.setLocalWindowSize(16 * 1024 * 1024)
        session.on('error', () => undefined).once('close', () => accepted.delete(session))
      })
      server.on('sessionError', () => undefined)
      server.on('stream', (stream, headers) => void answer(handler, stream, headers, patience))
      server.listen(options.port, options.host)
      await once(server, 'listening')
      const { address, port } = server.address() as AddressInfo
      return `https://${address.includes(':') ? `[${address}]` : address}:${port}`
    },
    renew: () => {
      server?.setSecureContext(options.identity())
      for (const session of sessions.values()) session.then(retire, () => undefined)
      sessions.clear()
    },
    close: async () => {
      for (const session of sessions.values()) session.then((open) => open.destroy(), () => undefined)
      sessions.clear()
      for (const session of accepted) session.destroy()
      const closing = server
      if (closing !== null) await new Promise<void>((resolve) => closing.close(() => resolve()))
    },
  }
}

/** Nothing is sent before the callee has shown exactly the certificate that the directory has of it. */
async function openSession(peer: PeerAddress, identity: TlsIdentity, patience: number): Promise<http2.ClientHttp2Session> {
  const session = http2.connect(peer.endpoint, { ...identity, minVersion: 'TLSv1.3', rejectUnauthorized: false, settings: SETTINGS, servername: '' } as http2.SecureClientSessionOptions)
  const opened = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new LinkFailure('timeout', peer.endpoint)), Math.min(patience, 10_000))
    const settle = (act: () => void) => () => (clearTimeout(timer), act())
    session.once('connect', settle(resolve))
    session.once('error', (error: Error) => settle(() => reject(new LinkFailure('unreachable', error.message)))())
    session.once('close', settle(() => reject(new LinkFailure('unreachable', peer.endpoint))))
  })
  session.on('error', () => undefined)
  try {
    await opened
  } catch (error) {
    session.destroy()
    throw error
  }
  if (!isOf(shownBy(session), peer)) {
    session.destroy()
    throw new LinkFailure('wrongCertificate', `${peer.node} at ${peer.endpoint}`)
  }
  session.setLocalWindowSize(16 * 1024 * 1024)
  session.unref()
  watch(session)
  return session
}

/** Requests under way by connection; a connection that is to end does so after its last one, so that none is refused half-way. */
const busy = new WeakMap<http2.ClientHttp2Session, { requests: number; isRetired: boolean }>()
const usageOf = (session: http2.ClientHttp2Session): { requests: number; isRetired: boolean } => {
  const usage = busy.get(session) ?? { requests: 0, isRetired: false }
  busy.set(session, usage)
  return usage
}

async function use<T>(session: http2.ClientHttp2Session, work: () => Promise<T>): Promise<T> {
  const usage = usageOf(session)
  usage.requests += 1
  try {
    return await work()
  } finally {
    usage.requests -= 1
    if (usage.isRetired) retire(session)
  }
}

function retire(session: http2.ClientHttp2Session): void {
  const usage = usageOf(session)
  usage.isRetired = true
  if (usage.requests === 0 && !session.closed) session.close()
}

const nameOf = ({ node, endpoint }: PeerAddress): string => `${node} ${endpoint}`
const shownBy = (session: http2.ClientHttp2Session): Uint8Array | undefined => (session.socket as TLSSocket | undefined)?.getPeerX509Certificate()?.raw

/** A half-open connection answers no ping and is given up, so that its requests fail instead of waiting for ever. */
function watch(session: http2.ClientHttp2Session): void {
  let answered = true
  const timer = setInterval(() => {
    if (!answered || session.destroyed) return session.destroy()
    answered = false
    session.ping((error) => (answered = error === null))
  }, PING_MS)
  timer.unref()
  session.once('close', () => clearInterval(timer))
}

async function exchange(session: http2.ClientHttp2Session, request: WireRequest, patience: number): Promise<WireReply> {
  if (session.closed || session.destroyed) throw new LinkFailure('unreachable', 'connection closed')
  const stream = session.request({ ...request.headers, ':method': request.method, ':path': request.path, 'content-type': request.type, 'content-length': request.length })
  stream.setTimeout(patience, () => stream.close(http2.constants.NGHTTP2_CANCEL))
  const reply = receive(stream)
  try {
    await send(stream, request)
    return await reply
  } catch (error) {
    reply.catch(() => undefined)
    if (!stream.destroyed) stream.close(http2.constants.NGHTTP2_CANCEL)
    throw error instanceof LinkFailure ? error : new LinkFailure('cut', error instanceof Error ? error.message : String(error))
  }
}

async function send(stream: http2.ClientHttp2Stream, request: WireRequest): Promise<void> {
  const { body } = request
  if (body instanceof Uint8Array) return void stream.end(body)
  if (Array.isArray(body)) {
    // one write for all: a frame per piece would cost more than copying small pieces together
    return void stream.end(Buffer.concat(body as Uint8Array[]))
  }
  for await (const piece of pieces(body)) {
    if (stream.destroyed || stream.closed) return // the callee answered without reading on
    if (!stream.write(piece)) await writable(stream)
  }
  stream.end()
}

/** Waits until more can be written, or nothing ever can. */
function writable(stream: http2.ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.on('drain', done).on('close', done)
  })
}

function receive(stream: http2.ClientHttp2Stream): Promise<WireReply> {
  return new Promise((resolve, reject) => {
    let status = 0
    let expected: number | null = null
    const parts: Buffer[] = []
    let bytes = 0
    stream.on('response', (headers) => {
      status = Number(headers[':status'])
      expected = headers['content-length'] === undefined ? null : Number(headers['content-length'])
    })
    stream.on('data', (part: Buffer) => {
      parts.push(part)
      bytes += part.length
      if (bytes > REPLY_LIMIT) stream.close(http2.constants.NGHTTP2_CANCEL)
    })
    stream.on('error', (error) => reject(new LinkFailure('cut', error.message)))
    const whole = (): boolean => status !== 0 && expected === bytes
    stream.on('end', () => void (whole() && resolve({ status, body: Buffer.concat(parts) })))
    stream.on('close', () => (whole() ? resolve({ status, body: Buffer.concat(parts) }) : reject(new LinkFailure('cut', `stream closed with code ${stream.rstCode} before the whole reply`))))
  })
}

async function answer(handler: WireHandler, stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, patience: number): Promise<void> {
  stream.on('error', () => undefined)
  stream.setTimeout(patience * 2, () => stream.close(http2.constants.NGHTTP2_CANCEL))
  const socket = stream.session?.socket as TLSSocket | undefined
  const length = headers['content-length'] === undefined ? null : Number(headers['content-length'])
  const reply = await handler({
    method: headers[':method'] ?? '',
    path: headers[':path'] ?? '',
    type: headers['content-type'] ?? '',
    headers: Object.fromEntries(Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
    length,
    certificate: socket?.getPeerX509Certificate()?.raw ?? null,
    from: socket?.remoteAddress ?? '-',
    body: measured(arriving(stream), length),
  }).catch(() => jsonReply(500, { error: { code: 'kernel.unexpected' } }))
  if (stream.destroyed || stream.closed) return
  stream.respond({ ':status': reply.status, 'content-type': 'application/json', 'content-length': reply.body.length })
  stream.end(reply.body)
  stream.resume() // what the handler did not read is thrown away, so that the stream can close
}

/** A reset stream ends like a finished one; its code tells them apart. */
async function* arriving(stream: http2.ServerHttp2Stream): AsyncGenerator<Uint8Array> {
  for await (const piece of stream.iterator({ destroyOnReturn: false })) yield piece as Uint8Array
  if (stream.aborted) throw new BodyCut('the caller broke off')
}
