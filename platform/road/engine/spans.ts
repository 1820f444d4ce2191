import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { type Traced, beginSpan, endSpan } from '@postroad/kernel/trace'
import { BodyCut, LinkFailure } from '../transport/port.ts'
import type { Effect, Outcome } from './effects.ts'
import type { Road } from './road.ts'

type SpanSettings = Parameters<typeof beginSpan>[2]

/** Works within a span, which ends with the code of what is thrown, or of what `failureIn` finds in the answer. With traces off it is the work alone. */
export async function within<T>(node: Pick<Node, 'telemetry'>, name: string, settings: SpanSettings, work: (span: Traced) => Promise<T>, failureIn: (answer: T) => string | null = () => null): Promise<T> {
  const span = beginSpan(node.telemetry, name, settings)
  if (span === null) return work(null)
  try {
    const answer = await work(span)
    endSpan(span, failureIn(answer))
    return answer
  } catch (error) {
    endSpan(span, codeOf(error))
    throw error
  }
}

/** Writes through the group commit; with traces on, the wait for the batch and its transaction are a span of their own. */
export const writeTraced = (road: Road, parent: Traced, effect: Effect): Promise<Outcome> =>
  parent === null ? road.writer.write(effect) : within(road.node, 'road.commit', { parent, attributes: { 'postroad.kind': effect.kind } }, () => road.writer.write(effect), refusalIn)

export const refusalIn = (outcome: Outcome): string | null => (outcome.kind === 'refused' ? outcome.refusal.code : null)

/** What failed, by its code: messages of errors may hold what is nobody's business. */
function codeOf(error: unknown): string {
  if (error instanceof Refusal) return error.code
  if (error instanceof Error && 'refusal' in error && error.refusal instanceof Refusal) return error.refusal.code // what may be asked again (inbound.ts, Later)
  if (error instanceof LinkFailure) return `link.${error.reason}`
  return error instanceof BodyCut ? 'road.bodyCut' : 'kernel.unexpected'
}
