import { requireDuty } from '@postroad/kernel/http'
import { refuse } from '@postroad/kernel/http-errors'
import type { Node } from '@postroad/kernel/node'
import type { Server } from '@postroad/kernel/plugin'
import type { FastifyReply } from 'fastify'
import { listAnswer, listChange, listsAnswer } from './lists/model.ts'
import { listsOf, saveList } from './lists/service.ts'
import { arrivalsPage, arrivalsQuery, boardPage, boardQuery, chunkParams, dispatchAnswer, dispatchesAnswer, dispatchesRequest, dispatchRequest, evidenceAnswer, MAX_REQUEST_BYTES, messageParams, organQuery, receiptsAnswer, receiptsRequest, receivedDetail, receivedPage, receivedQuery, sentDetail, sentPage, sentQuery, story, storyParams, threadAnswer, threadParams, todo, tracking } from './model.ts'
import { arrivalsOf, boardOf, dispatch, evidenceParts, issueReceipts, nextOrdinal, receivedChunk, receivedDetailOf, receivedList, sentChunk, sentDetailOf, sentList, storyOf, todoOf, trackingOf } from './service.ts'

/** 20,000 recipients of a list. */
const MAX_LIST_BYTES = 4 * 1024 * 1024
const OCTETS = 'application/octet-stream'

/** Routes under /api/documents. Reading takes `documents.read` in any post; each act takes its duty in the post acted as, checked in the service where it depends on the act. */
export function documentsRoutes(server: Server, node: Node): void {
  server.post('/dispatches', { bodyLimit: MAX_REQUEST_BYTES, schema: { body: dispatchRequest, response: { 200: dispatchAnswer } } }, (request) =>
    dispatch(node, requireDuty(request, 'documents.send'), request.body))
  server.post('/dispatches/together', { bodyLimit: MAX_REQUEST_BYTES, schema: { body: dispatchesRequest, response: { 200: dispatchesAnswer } } }, async (request) => {
    const person = requireDuty(request, 'documents.send')
    return { answers: await Promise.all(request.body.dispatches.map((one) => dispatch(node, person, one).catch((error: unknown) => refuse(node, error, request)))) }
  })
  server.get('/todo', { schema: { response: { 200: todo } } }, (request) => todoOf(node, requireDuty(request, 'documents.read')))
  server.get('/threads/:thread', { schema: { params: threadParams, response: { 200: threadAnswer } } }, (request) =>
    nextOrdinal(node, requireDuty(request, 'documents.read'), request.params.thread))
  server.get('/lists', { schema: { response: { 200: listsAnswer } } }, (request) => listsOf(node, requireDuty(request, 'documents.send')))
  server.post('/lists', { bodyLimit: MAX_LIST_BYTES, schema: { body: listChange, response: { 200: listAnswer } } }, (request) => saveList(node, requireDuty(request, 'documents.send'), request.body))
  receivedRoutes(server, node)
  sentRoutes(server, node)
}

function receivedRoutes(server: Server, node: Node): void {
  const of = { params: messageParams, querystring: organQuery }
  server.get('/received', { schema: { querystring: receivedQuery, response: { 200: receivedPage } } }, (request) =>
    receivedList(node, requireDuty(request, 'documents.read'), request.query))
  server.get('/arrivals', { schema: { querystring: arrivalsQuery, response: { 200: arrivalsPage } } }, (request) =>
    arrivalsOf(node, requireDuty(request, 'documents.read'), request.query))
  server.get('/received/:id', { schema: { ...of, response: { 200: receivedDetail } } }, (request) =>
    receivedDetailOf(node, requireDuty(request, 'documents.read'), request.params.id, request.query.organ))
  server.get('/received/:id/chunks/:n', { schema: { params: chunkParams, querystring: organQuery, produces: [OCTETS] } }, async (request, reply) =>
    sendBytes(reply, await receivedChunk(node, requireDuty(request, 'documents.read'), request.params.id, request.query.organ, request.params.n)))
  server.post('/received/receipts', { schema: { body: receiptsRequest, response: { 200: receiptsAnswer } } }, (request) =>
    issueReceipts(node, requireDuty(request, 'documents.read'), request.body.receipts))
  server.get('/received/:id/evidence', { schema: { params: messageParams, querystring: organQuery, response: { 200: evidenceAnswer } } }, (request) =>
    evidenceParts(node, requireDuty(request, 'documents.read'), 'received', request.params.id, request.query.organ))
}

function sentRoutes(server: Server, node: Node): void {
  server.get('/sent', { schema: { querystring: sentQuery, response: { 200: sentPage } } }, (request) => sentList(node, requireDuty(request, 'documents.read'), request.query))
  server.get('/sent/:id', { schema: { params: messageParams, response: { 200: sentDetail } } }, (request) => sentDetailOf(node, requireDuty(request, 'documents.read'), request.params.id))
  server.get('/sent/:id/track', { schema: { params: messageParams, response: { 200: tracking } } }, (request) => trackingOf(node, requireDuty(request, 'documents.read'), request.params.id))
  server.get('/sent/:id/board', { schema: { params: messageParams, querystring: boardQuery, response: { 200: boardPage } } }, (request) =>
    boardOf(node, requireDuty(request, 'documents.read'), request.params.id, request.query))
  server.get('/sent/:id/board/:organ', { schema: { params: storyParams, response: { 200: story } } }, (request) =>
    storyOf(node, requireDuty(request, 'documents.read'), request.params.id, request.params.organ))
  server.get('/sent/:id/chunks/:n', { schema: { params: chunkParams, produces: [OCTETS] } }, async (request, reply) =>
    sendBytes(reply, await sentChunk(node, requireDuty(request, 'documents.read'), request.params.id, request.params.n)))
  server.get('/sent/:id/evidence', { schema: { params: messageParams, response: { 200: evidenceAnswer } } }, (request) =>
    evidenceParts(node, requireDuty(request, 'documents.read'), 'sent', request.params.id, undefined))
}

const sendBytes = (reply: FastifyReply, bytes: Uint8Array): FastifyReply => reply.type(OCTETS).send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
