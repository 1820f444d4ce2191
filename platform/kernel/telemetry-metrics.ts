import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, type Server, createServer } from 'node:http'
import type { Meter } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import type { Config } from './config.ts'

type Settings = NonNullable<Config['metrics']>
const TIMES = { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 5_000, connectionsCheckingInterval: 5_000 } as const
const MOST_CONNECTIONS = 16

/** Answers `GET /metrics` in Prometheus' text format, on a port of its own that is not the desk's; with a token where one is configured. */
export async function startMetrics(node: string, settings: Settings): Promise<{ readonly meter: Meter; stop(): Promise<void> }> {
  const exporter = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true, withoutTargetInfo: true })
  const provider = new MeterProvider({ resource: resourceFromAttributes({ 'service.name': 'postroad', 'service.instance.id': node }), readers: [exporter] })
  const server = createServer({ ...TIMES, maxHeaderSize: 8192 }, (request, response) => {
    request.resume()
    if (request.method !== 'GET' || request.url !== '/metrics') return void response.writeHead(404).end()
    if (!mayRead(settings, request)) return void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
    exporter.getMetricsRequestHandler(request, response)
  })
  server.maxConnections = MOST_CONNECTIONS
  await open(server, settings)
  return {
    meter: provider.getMeter('postroad'),
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await provider.shutdown()
    },
  }
}

async function open(server: Server, { host, port }: Settings): Promise<void> {
  server.listen(port, host)
  await once(server, 'listening')
}

/** Hashes are compared, so that neither length nor content of the token shows in the time it takes. */
function mayRead({ token }: Settings, request: IncomingMessage): boolean {
  if (token === null) return true
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(request.headers.authorization ?? ''), hash(`Bearer ${token}`))
}
