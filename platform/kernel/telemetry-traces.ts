import type { Tracer } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Config } from './config.ts'

/**
 * Sends spans to a collector over OTLP/HTTP, in batches; when it does not take them they are dropped. The share is this node's own decision:
 * a peer's wish to be traced is not heard.
 */
export function startTraces(node: string, { endpoint, ratio }: NonNullable<Config['traces']>): { readonly tracer: Tracer; stop(): Promise<void> } {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'postroad', 'service.instance.id': node }),
    sampler: new TraceIdRatioBasedSampler(ratio),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: 1000 })],
  })
  return { tracer: provider.getTracer('postroad'), stop: () => provider.shutdown() }
}
