import { blockNode, closeMember, decideInvitation, inviteNode, keepMember, unblockNode } from '@postroad/directory/service'
import { requireDuty } from '@postroad/kernel/http'
import type { Node } from '@postroad/kernel/node'
import type { Server } from '@postroad/kernel/plugin'
import { dismiss, farewell } from '@postroad/road/service'
import { directoryId } from '@postroad/waybill'
import { z } from 'zod'
import { approval, blocking, dismissal, invitationDraft, invited, members, reasoned } from './model.ts'
import { membersOf } from './service.ts'

const ADMIT = 'directory.admit'
const byNode = z.strictObject({ node: directoryId })
const byId = z.strictObject({ id: z.uuid() })

/** Routes of the page 成员节点, under /api/console. */
export function memberRoutes(server: Server, node: Node): void {
  server.get('/members', { schema: { response: { 200: members } } }, (request) => {
    requireDuty(request, ADMIT)
    return membersOf(node)
  })
  server.post('/invitations', { schema: { body: invitationDraft, response: { 201: invited } } }, async (request, reply) => {
    const person = requireDuty(request, ADMIT)
    const { node: child, ...place } = request.body
    const { id, expires, code } = await inviteNode(node, person, child, place)
    return reply.status(201).send({ id, expires: expires.toISOString(), code: [...code] })
  })
  server.post('/invitations/:id/approve', { schema: { params: byId, body: approval } }, async (request, reply) => {
    const person = requireDuty(request, ADMIT)
    await decideInvitation(node, person, request.params.id, { kind: 'approved', fingerprint: request.body.fingerprint, reason: '' })
    return reply.status(204).send()
  })
  server.post('/members/:node/block', { schema: { params: byNode, body: blocking } }, async (request, reply) => {
    const person = requireDuty(request, ADMIT)
    await blockNode(node, person, { node: request.params.node, key: null }, request.body)
    return reply.status(204).send()
  })
  server.post('/members/:node/unblock', { schema: { params: byNode, body: reasoned } }, async (request, reply) => {
    const person = requireDuty(request, ADMIT)
    await unblockNode(node, person, { node: request.params.node, key: null }, request.body.reason)
    return reply.status(204).send()
  })
  for (const [path, act] of [['close', closeMember], ['keep', keepMember]] as const) {
    server.post(`/members/:node/${path}`, { schema: { params: byNode, body: reasoned } }, async (request, reply) => {
      const person = requireDuty(request, ADMIT)
      await act(node, person, request.params.node, request.body.reason)
      return reply.status(204).send()
    })
  }
  server.post('/members/:node/dismiss', { schema: { params: byNode, body: dismissal } }, async (request, reply) => {
    const person = requireDuty(request, ADMIT)
    await dismiss(node, person, request.params.node, request.body)
    return reply.status(204).send()
  })
  server.post('/members/farewell', async (request, reply) => {
    const person = requireDuty(request, ADMIT)
    await farewell(node, person)
    return reply.status(204).send()
  })
  for (const [path, kind] of [['refuse', 'refused'], ['withdraw', 'withdrawn']] as const) {
    server.post(`/invitations/:id/${path}`, { schema: { params: byId, body: reasoned } }, async (request, reply) => {
      const person = requireDuty(request, ADMIT)
      await decideInvitation(node, person, request.params.id, { kind, fingerprint: null, reason: request.body.reason })
      return reply.status(204).send()
    })
  }
}
