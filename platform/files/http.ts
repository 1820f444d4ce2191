import type { IncomingMessage } from 'node:http'
import { requirePerson } from '@postroad/kernel/http'
import type { Node } from '@postroad/kernel/node'
import type { Server as WebServer } from '@postroad/kernel/plugin'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { MAX_UPLOAD_BYTES } from './model.ts'
import { UploadServer } from './tus.ts'
import { continueUpload, dropUpload, requireUpload, startUpload, uploadStore } from './uploads.ts'
import { filesFaults } from './words.ts'

const PATH = '/api/files/uploads'
/** The ids that we chose, for the tus server to find with the request: nothing that a client sends names a file. */
const ids = new WeakMap<IncomingMessage, string>()

/** tus 1.0 under `/api/files/uploads`: creation, offset, resume, termination. Each request is the owner's or finds nothing. */
export function filesRoutes(server: WebServer, node: Node): void {
  const tus = new UploadServer(node, {
    path: PATH,
    datastore: uploadStore(node.config.home),
    relativeLocation: true,
    maxSize: MAX_UPLOAD_BYTES,
    allowedOrigins: () => false,
    namingFunction: (request) => {
      const id = request.runtime?.node?.req === undefined ? undefined : ids.get(request.runtime.node.req as IncomingMessage)
      if (id === undefined) throw new Error('an upload without an id')
      return id
    },
    // Clients like to tell a file's name here. It is sealed inside the manifest and nobody's business on the way.
    onUploadCreate: async () => ({ metadata: {} }),
  })
  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value)
    reply.hijack()
    await tus.serve(request, reply.raw)
    return reply
  }
  // The bytes go straight from the socket to the file, not through a parser.
  server.addContentTypeParser('application/offset+octet-stream', (_request: FastifyRequest, _payload: IncomingMessage, done: (error: Error | null) => void) => done(null))
  server.route({
    method: 'POST',
    url: '/uploads',
    async handler(request, reply) {
      ids.set(request.raw, await startUpload(node, requirePerson(request), declaredLength(request)))
      return handle(request, reply)
    },
  })
  server.route<{ Params: { id: string } }>({
    method: ['HEAD', 'PATCH'],
    url: '/uploads/:id',
    async handler(request, reply) {
      const person = requirePerson(request)
      if (request.method === 'HEAD') await requireUpload(node, person, request.params.id)
      else await continueUpload(node, person, request.params.id, Number(request.headers['content-length'] ?? 0))
      return handle(request, reply)
    },
  })
  server.route<{ Params: { id: string } }>({
    method: 'DELETE',
    url: '/uploads/:id',
    async handler(request, reply) {
      await dropUpload(node, requirePerson(request), request.params.id)
      return reply.status(204).header('tus-resumable', '1.0.0').send()
    },
  })
}

/** The length declared at the start, or null where the client declares it with its last piece (creation-defer-length). */
function declaredLength(request: FastifyRequest): number | null {
  const length = request.headers['upload-length']
  if (length === undefined && request.headers['upload-defer-length'] === '1') return null
  if (typeof length !== 'string' || !/^\d{1,15}$/.test(length)) throw filesFaults.lengthRequired()
  return Number(length)
}
