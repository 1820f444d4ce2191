import { z } from 'zod'
import { order, PROBLEMS, STEPS } from './model.ts'

// What travels between the node and whoever plans, approves or looks; read by both, no I/O.

/** What is read and not changed. */
const list = <T extends z.ZodType>(of: T) => z.array(of).readonly()
const count = z.number().int()
const sentences = list(z.string())
export const planAnswer = z.strictObject({
  title: z.string(),
  told: z.strictObject({ directory: sentences, documents: sentences, people: sentences, keys: sentences }),
  problems: list(z.strictObject({ code: z.enum(PROBLEMS), about: z.string(), words: z.string() })),
  /** Statements for this node's log, as they would be signed now. */
  statements: list(z.record(z.string(), z.unknown()).readonly()),
  handOver: z.strictObject({ inbox: z.string(), cases: z.string(), archive: z.string(), sent: z.string() }).nullable(),
  holdings: z.strictObject({ inbox: count, cases: count, archive: count, sent: count }),
  postMoves: list(z.strictObject({ person: z.string(), post: z.string(), heir: z.string().nullable() })),
  keyHeirs: list(z.string()),
  elsewhere: list(z.string()),
})
export const actAnswer = z.strictObject({
  id: z.uuid(), title: z.string(), organTitle: z.string(), order, state: z.enum(STEPS), stateWords: z.string(),
  steps: list(z.strictObject({ step: z.enum(STEPS), person: z.string(), name: z.string(), post: z.string(), at: z.iso.datetime(), detail: z.record(z.string(), z.unknown()).readonly() })),
})
/** An organ of this node, with the names it holds and who works there. */
const here = z.strictObject({
  organ: z.string(), title: z.string(), names: list(z.strictObject({ name: z.string(), title: z.string(), code: z.string() })),
  posts: list(z.strictObject({ person: z.string(), name: z.string(), post: z.string(), title: z.string() })),
})
export const surroundingsAnswer = z.strictObject({ self: z.string(), here: list(here), near: list(z.strictObject({ organ: z.string(), title: z.string(), nodeTitle: z.string() })) })

export type PlanAnswer = z.infer<typeof planAnswer>
export type ActAnswer = z.infer<typeof actAnswer>
export type SurroundingsAnswer = z.infer<typeof surroundingsAnswer>
