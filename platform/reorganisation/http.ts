import { requireDuty } from '@postroad/kernel/http'
import type { Node } from '@postroad/kernel/node'
import type { Server } from '@postroad/kernel/plugin'
import { takeBequest } from '@postroad/keys/service'
import { bequest } from '@postroad/keys/model'
import { z } from 'zod'
import { order } from './model.ts'
import { acts, approve, calledIn, prepare, preview, stateOf, surroundings, withdraw } from './service.ts'
import { actAnswer, planAnswer, surroundingsAnswer } from './wire.ts'
import { KINDS, PROBLEM_WORDS, STATES } from './words.ts'

const PREPARE = 'directory.reorganise'
const SUPERVISE = 'directory.supervise'

const ofAct = z.strictObject({ id: z.uuid() })
const orderBody = z.strictObject({ order })

/** Routes under /api/reorganisation: one person prepares, another approves, the node carries it out on its day. */
export function reorganisationRoutes(server: Server, node: Node): void {
  server.post('/plan', { schema: { body: orderBody, response: { 200: planAnswer } } }, async (request) => {
    requireDuty(request, PREPARE, SUPERVISE)
    const plan = await preview(node, request.body.order)
    return { ...plan, title: KINDS[request.body.order.kind], problems: plan.problems.map((problem) => ({ ...problem, words: PROBLEM_WORDS[problem.code] })) }
  })
  server.get('/organs', { schema: { response: { 200: surroundingsAnswer } } }, (request) => {
    requireDuty(request, PREPARE, SUPERVISE)
    return surroundings(node)
  })
  server.get('/acts', { schema: { response: { 200: z.strictObject({ acts: z.array(actAnswer) }) } } }, async (request) => {
    requireDuty(request, PREPARE, SUPERVISE)
    const rows = await acts(node)
    const called = await calledIn(node, rows)
    return {
      acts: rows.map((row) => ({
        id: row.id, title: KINDS[row.order.kind], organTitle: called.organ(row.order.organ, row), order: row.order, state: stateOf(row), stateWords: STATES[stateOf(row)],
        steps: row.steps.map(({ at, ...step }) => ({ ...step, name: called.person(step.person), at: at.toISOString() })),
      })),
    }
  })
  server.post('/acts', { schema: { body: orderBody, response: { 200: z.strictObject({ id: z.uuid() }) } } }, async (request) => ({ id: await prepare(node, requireDuty(request, PREPARE), request.body.order) }))
  server.post('/acts/:id/approve', { schema: { params: ofAct } }, async (request, reply) => {
    await approve(node, requireDuty(request, PREPARE, SUPERVISE), request.params.id)
    return reply.status(204).send()
  })
  server.post('/acts/:id/withdraw', { schema: { params: ofAct } }, async (request, reply) => {
    await withdraw(node, requireDuty(request, PREPARE, SUPERVISE), request.params.id)
    return reply.status(204).send()
  })
  // What the key process of another node made for an organ of this one (移交解密密钥).
  server.post('/bequests', { schema: { body: bequest } }, async (request, reply) => {
    await takeBequest(node, requireDuty(request, PREPARE), request.body)
    return reply.status(204).send()
  })
}
