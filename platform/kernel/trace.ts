import { type Attributes, ROOT_CONTEXT, type Span, type SpanContext, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import type { Telemetry } from './telemetry.ts'

/** A span, or null while traces are off: then nothing is made, and nothing costs. */
export type Traced = Span | null
export { SpanKind } from '@opentelemetry/api'

type SpanSettings = { readonly kind?: SpanKind; readonly parent?: Span | SpanContext | null; readonly startTime?: number; readonly attributes: Attributes }

/** Begins a span. Attributes are ids of messages and nodes, counts and codes; never a title, a name of a person, or content. Without a parent its trace is new and random. */
export function beginSpan({ tracer }: Telemetry, name: string, { kind = SpanKind.INTERNAL, parent = null, startTime, attributes }: SpanSettings): Traced {
  if (tracer === null) return null
  const context = parent === null ? ROOT_CONTEXT : 'spanContext' in parent ? trace.setSpan(ROOT_CONTEXT, parent) : trace.setSpanContext(ROOT_CONTEXT, parent)
  return tracer.startSpan(name, { kind, attributes, ...(startTime === undefined ? {} : { startTime }) }, context)
}

/** Ends a span; with the code of what failed. */
export function endSpan(span: Traced, failure: string | null = null): void {
  if (failure !== null) span?.setStatus({ code: SpanStatusCode.ERROR, message: failure })
  span?.end()
}

/** The header `traceparent` of W3C Trace Context for a request that this span makes. */
export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/

/** A peer's `traceparent`: two numbers to name as parent, and nothing else of it is heard. Null for whatever is not exactly that. */
export function readTraceparent(text: string | undefined): SpanContext | null {
  const found = text === undefined ? null : TRACEPARENT.exec(text)
  return found === null ? null : { traceId: found[1] ?? '', spanId: found[2] ?? '', traceFlags: TraceFlags.NONE, isRemote: true }
}
