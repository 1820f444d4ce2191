import type { Socket } from 'node:net'
import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import { type ZodTypeProvider, jsonSchemaTransform, serializerCompiler } from 'fastify-type-provider-zod'
import { DESK_FOLDER, serveDesk } from './desk-files.ts'
import { answerError, answerUnreadable, answerUnrouted } from './http-errors.ts'
import { acceptJson, refuseUnforeseen, strictCompiler } from './http-body.ts'
import { admit, refuseForeign, refuseNul } from './http.ts'
import type { Node } from './node.ts'
import type { Plugin, Server } from './plugin.ts'
import { API_TITLE } from './words.ts'

const MEBIBYTE = 1_048_576
const LIMITS = { body: MEBIBYTE, headers: 16_384, headersMs: 10_000, requestMs: 300_000, idleMs: 60_000, perAddress: 256, perProxy: 4096, closeMs: 5_000 } as const

/** Builds the web server with every room's routes. Nothing listens yet: tests inject, `start.ts` listens. */
export async function createServer(node: Node, plugins: readonly Plugin[], deskFolder: string = DESK_FOLDER): Promise<Server> {
  const server: Server = fastify({
    loggerInstance: node.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LIMITS.body,
    requestTimeout: LIMITS.requestMs,
    connectionTimeout: LIMITS.idleMs,
    routerOptions: { maxParamLength: 200 },
    http: { maxHeaderSize: LIMITS.headers, headersTimeout: LIMITS.headersMs, connectionsCheckingInterval: 5_000 },
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => void answerUnrouted(node, error, request, reply),
    clientErrorHandler: (error, socket) => void answerUnreadable(node, error, socket),
  }).withTypeProvider<ZodTypeProvider>()
  limitConnections(server)
  acceptJson(server)
  server.setValidatorCompiler(strictCompiler)
  server.setSerializerCompiler(serializerCompiler)
  server.decorateRequest('principal', null)
  server.setErrorHandler((error, request, reply) => answerError(node, error, request, reply))
  const duration = node.telemetry.meter.createHistogram('http.server.request.duration.seconds', { description: 'Requests to the desk’s interface, by route', advice: { explicitBucketBoundaries: [0.005, 0.025, 0.1, 0.5, 2, 10] } })
  server.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url
    duration.record(reply.elapsedTime / 1000, { method: request.method, route: route ?? '-', status: reply.statusCode })
    logRequest(node, request.method, route, reply.statusCode, reply.elapsedTime)
  })
  await server.register(helmet, protection(node.config.desk.origin)) // first: refusals need its headers too
  server.addHook('onRequest', async (request) => {
    refuseForeign(request, node.config.desk.origin)
    refuseNul(request)
  })
  await server.register(cookie)
  await server.register(swagger, { openapi: { openapi: '3.1.0', info: { title: API_TITLE, version: '1' } }, transform: jsonSchemaTransform })
  await server.register((api) => registerRooms(api as Server, node, plugins), { prefix: '/api' })
  await serveDesk(server, deskFolder)
  await server.ready()
  return server
}

async function registerRooms(api: Server, node: Node, plugins: readonly Plugin[]): Promise<void> {
  api.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    await admit(node, request)
  })
  api.addHook('preValidation', async (request) => refuseUnforeseen(request))
  api.addHook('onRoute', ({ path }) => {
    if (path.indexOf('/api/', 1) > 0) throw new Error(`route ${path}: write routes without the prefix /api/<room>`)
  })
  api.get('/openapi.json', { config: { public: true }, schema: { hide: true } }, () => api.swagger())
  for (const { id, routes } of plugins) {
    if (routes !== undefined) await api.register(async (room) => routes(room as Server, node), { prefix: `/${id}` })
  }
}

/**
 * Scripts only from files of ours. Styles may be inline because the desk's components write style elements as they appear; no style can
 * reach another host, since images, fonts and connections are our own too. `frame-src blob:` is for previews of what was decrypted in the page.
 */
function protection(origin: string): Parameters<typeof helmet>[1] {
  const secure = origin.startsWith('https:')
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'", "'unsafe-inline'"],
        'img-src': ["'self'", 'data:', 'blob:'],
        'font-src': ["'self'", 'data:'],
        'connect-src': ["'self'"],
        'worker-src': ["'self'", 'blob:'],
        'frame-src': ['blob:'],
        'manifest-src': ["'self'"],
        'base-uri': ["'none'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
        ...(secure ? { 'upgrade-insecure-requests': [] } : {}),
      },
    },
    strictTransportSecurity: secure ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  }
}

/** Slow clients take connections from themselves, not from everybody. A TLS front end on this machine speaks for many people. */
function limitConnections(server: Server): void {
  const open = new Map<string, number>()
  server.server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    const count = (open.get(address) ?? 0) + 1
    const isLoopback = address === '127.0.0.1' || address === '::1' || address === '::ffff:127.0.0.1'
    open.set(address, count)
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1
      if (left === 0) open.delete(address)
      else open.set(address, left)
    })
    if (count > (isLoopback ? LIMITS.perProxy : LIMITS.perAddress)) socket.destroy()
  })
}

/** Stops listening, lets requests in work end, and after a while cuts off those that do not. */
export async function closeServer(server: Server): Promise<void> {
  const cut = setTimeout(() => server.server.closeAllConnections(), LIMITS.closeMs)
  await server.close()
  clearTimeout(cut)
}

/** The route's pattern, never the address itself: addresses carry identifiers. */
function logRequest(node: Node, method: string, route: string | undefined, status: number, elapsed: number): void {
  node.log.debug({ method, route, status, ms: Math.round(elapsed) }, 'request')
}
