import { type Meter, type Tracer, createNoopMeter } from '@opentelemetry/api'
import type { Config } from './config.ts'

/** Where a node counts and traces. Both are off unless the configuration names somebody who takes them. */
export type Telemetry = {
  /** Of a node that nobody scrapes it forgets everything at once. */
  readonly meter: Meter
  /** Null while traces are off: whoever would make a span asks first and pays nothing. */
  readonly tracer: Tracer | null
}
export type RunningTelemetry = Telemetry & { stop(): Promise<void> }

/** Starts what the configuration asks for; the libraries for it are loaded only then. */
export async function startTelemetry(config: Config): Promise<RunningTelemetry> {
  const metrics = config.metrics === null ? null : await (await import('./telemetry-metrics.ts')).startMetrics(config.node, config.metrics)
  const traces = config.traces === null ? null : (await import('./telemetry-traces.ts')).startTraces(config.node, config.traces)
  return {
    meter: metrics?.meter ?? createNoopMeter(),
    tracer: traces?.tracer ?? null,
    stop: async () => {
      await traces?.stop()
      await metrics?.stop()
    },
  }
}
