import { Refusal } from '@postroad/kernel/errors'
import { type Traced, beginSpan, endSpan } from '@postroad/kernel/trace'
import { BodyCut, LinkFailure } from '../transport/port.ts'
import type { Effect, Outcome } from './effects.ts'
import type { Road } from './road.ts'

/** Writes through the group commit; with traces on, the wait for the batch and its transaction are a span of their own. */
export async function writeTraced(road: Road, parent: Traced, effect: Effect): Promise<Outcome> {
  if (parent === null) return road.writer.write(effect)
  const span = beginSpan(road.node.telemetry, 'road.commit', { parent, attributes: { 'postroad.kind': effect.kind } })
  try {
    const outcome = await road.writer.write(effect)
    endSpan(span, outcome.kind === 'refused' ? outcome.refusal.code : null)
    return outcome
  } catch (error) {
    endSpan(span, codeOf(error))
    throw error
  }
}

/** What failed, by its code: messages of errors may hold what is nobody's business. */
export function codeOf(error: unknown): string {
  if (error instanceof Refusal) return error.code
  if (error instanceof Error && 'refusal' in error && error.refusal instanceof Refusal) return error.refusal.code // what may be asked again (inbound.ts, Later)
  if (error instanceof LinkFailure) return `link.${error.reason}`
  return error instanceof BodyCut ? 'road.bodyCut' : 'kernel.unexpected'
}
